"""The least that a function can be: what the start-ups are measured against."""
