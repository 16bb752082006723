"""Webhooks: calls to applications when the states of their mails change."""
