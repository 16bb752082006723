"""Cold start, batch and bill of the gateway, each measured beside a reference in the same run."""
