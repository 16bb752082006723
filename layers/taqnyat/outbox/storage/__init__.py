"""The table: the ledger's rows, how they are claimed, and how a client lists its own."""
