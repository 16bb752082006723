"""The usual mix, as tutorials put it together: the reference of the benchmarks, never deployed."""
