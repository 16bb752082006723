"""Accepting mails, and changing mails that wait."""
