"""Accepting mails, and changing those that wait."""
