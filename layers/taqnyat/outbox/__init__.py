"""The way of a mail: accepted, queued, claimed, sent, settled. Knows AWS.

Knows Taqnyat only through `taqnyat`.
"""
