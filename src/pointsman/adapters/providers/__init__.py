"""Endpoints that can be called: a dialect, a URL and a key over the HTTP client."""
