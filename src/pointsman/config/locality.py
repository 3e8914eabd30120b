"""Which servers are on this machine or near by, and which models stay there."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(base_url: str) -> bool:
    """Whether *base_url* names this machine itself."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _ip_address(host)
    return address is not None and address.is_loopback


def is_nearby(base_url: str) -> bool:
    """Whether *base_url* names this machine, its containers' host or a private network."""
    host = (urlsplit(base_url).hostname or "").rstrip(".")
    address = _ip_address(host)
    if address is not None:
        return address.is_private
    return is_loopback(base_url) or host.endswith((".local", ".internal", ".lan")) or "." not in host


def is_ollama_cloud(model: str) -> bool:
    """Whether Ollama would send *model*'s requests to its cloud (`gpt-oss:120b-cloud`, `kimi-k2:cloud`)."""
    return model.lower().endswith(("-cloud", ":cloud"))


def is_local(*, dialect: str, base_url: str, model: str, model_says: bool | None, server_says: bool | None) -> bool:
    """Whether text sent to *model* stays on the machine: as declared, else only Ollama on loopback."""
    if model_says is not None:
        return model_says
    if dialect == "ollama" and is_ollama_cloud(model):
        return False
    if server_says is not None:
        return server_says
    return dialect == "ollama" and is_loopback(base_url)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
