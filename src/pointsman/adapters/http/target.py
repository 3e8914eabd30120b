"""Where a request goes: a base URL parsed once, joined with a path.

The one URL parser of the outgoing side: what a check reads here is what the socket connects to.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import urlsplit

from pointsman.adapters.http.errors import InvalidTarget

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_MAX_HOST_CHARS: Final = 253
_MAX_PORT: Final = 65535
_VISIBLE_ASCII: Final = re.compile(r"[!-~]+")
_HOST_NAME: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A server and a path on it. The path stays out of the repr: its query may hold a key."""

    scheme: str
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int
    peer: str
    """`host:port` as errors name it."""
    origin: str
    """`scheme://host:port`, the key of the connection pool."""
    host_header: bytes
    path: bytes = field(repr=False)
    """Origin-form: `/prefix/path?query`; empty when the base URL had no path."""

    @classmethod
    def parse(cls, base_url: str) -> Target:
        """Read an absolute `http` or `https` URL.

        Raises InvalidTarget for anything but scheme, host, port and path: credentials, a query or a
        fragment have no business in a base URL.
        """
        if not _VISIBLE_ASCII.fullmatch(base_url) or "\\" in base_url:
            raise InvalidTarget("base URL", "it must be visible ASCII without spaces or backslashes")
        try:
            parts = urlsplit(base_url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise InvalidTarget("base URL", f"its host or port is malformed ({error})") from error
        if parts.scheme not in _DEFAULT_PORTS:
            raise InvalidTarget("base URL", "it must start with http:// or https://")
        if "@" in parts.netloc:
            raise InvalidTarget("base URL", "it must not hold a user name or password; configure a key instead")
        if "?" in base_url or "#" in base_url:
            raise InvalidTarget("base URL", "it must end with the path, without a query or fragment")
        name, bracketed = _checked_host(host, is_bracketed="[" in parts.netloc)
        number = _DEFAULT_PORTS[parts.scheme] if port is None else port
        if number == 0:
            raise InvalidTarget("base URL", f"port 0 is not usable; choose 1 to {_MAX_PORT}")
        peer = f"{bracketed}:{number}"
        is_default_port = number == _DEFAULT_PORTS[parts.scheme]
        return cls(
            scheme=parts.scheme,
            host=name,
            port=number,
            peer=peer,
            origin=f"{parts.scheme}://{peer}",
            host_header=(bracketed if is_default_port else peer).encode("ascii"),
            path=parts.path.rstrip("/").encode("ascii"),
        )

    def join(self, path: str) -> Target:
        """Return this target with *path* (from `/`, already percent-encoded, query allowed) appended."""
        if not path.startswith("/") or not _VISIBLE_ASCII.fullmatch(path) or "#" in path:
            raise InvalidTarget(self.peer, "the path must start with / and be percent-encoded ASCII without #")
        return replace(self, path=self.path + path.encode("ascii"))


def _checked_host(host: str | None, *, is_bracketed: bool) -> tuple[str, str]:
    """Return the host as the socket wants it and as a URL writes it (IPv6 in brackets)."""
    if not host:
        raise InvalidTarget("base URL", "it names no host")
    if is_bracketed:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError as error:
            raise InvalidTarget("base URL", "its IPv6 address is malformed") from error
        if address.scope_id is not None:
            raise InvalidTarget("base URL", "an IPv6 address with a zone (%…) is not supported")
        return host, f"[{host}]"
    if len(host) > _MAX_HOST_CHARS or not _HOST_NAME.fullmatch(host):
        raise InvalidTarget("base URL", "its host name is malformed; write international names in punycode (xn--…)")
    return host, host
