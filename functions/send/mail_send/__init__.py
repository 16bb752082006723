"""Accepts mails (api) and sends them (worker): two Lambdas of one bundle."""
