"""The life of a mail: accepted, queued, claimed, sent, settled.

This package calls AWS; it calls Taqnyat only through `taqnyat`.
"""
