"""The gate of the API: who calls, and what they may."""
