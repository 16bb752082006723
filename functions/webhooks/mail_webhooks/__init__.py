"""Calls the applications' endpoints."""
