"""Tells applications what became of their mails, and of pauses, on an EventBridge bus."""
