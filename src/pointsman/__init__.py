"""Pointsman routes AI requests."""
