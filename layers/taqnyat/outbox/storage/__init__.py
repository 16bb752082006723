"""The table: the ledger's rows, the claims on them, and a client's list of its own."""
