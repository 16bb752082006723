"""Publishes changes of mails and pauses as events on an EventBridge bus."""
