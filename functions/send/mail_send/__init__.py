"""Accepts mails (api) and sends them (worker): two Lambda functions of one bundle."""
