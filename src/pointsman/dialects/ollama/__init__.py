"""Ollama's own API: requests, replies and streams; `surface_*`, embeddings and lists are what callers see."""
