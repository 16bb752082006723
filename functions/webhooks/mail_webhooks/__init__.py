"""Calls the endpoints of applications."""
