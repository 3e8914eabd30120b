"""Ollama's own API, towards endpoints: request, reply, stream; `dialect` puts them together."""
