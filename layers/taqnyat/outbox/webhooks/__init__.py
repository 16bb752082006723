"""Webhooks: applications are called when something became of their mails."""
