"""Who may talk to the gateway: exactly one Host that is ours, no foreign Origin, and a key where keys are set.

A page on another site can make a browser post to a loopback port; what it cannot do is hide its Origin or choose the
Host header. Both are checked before the body is read.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from pointsman.core.errors import Refused, Unauthenticated

if TYPE_CHECKING:
    from pointsman.core.catalog import Secret
    from pointsman.server.http import Scope

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_KEY_HEADERS = (b"x-api-key", b"api-key", b"x-goog-api-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Checks a request's head. `hosts` are the names we answer to besides loopback; empty `keys` means: open."""

    hosts: frozenset[str] = frozenset()
    any_host: bool = False
    keys: tuple[Secret, ...] = ()
    _known: tuple[tuple[bytes, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make the keys' digests and ids once."""
        digests = [_digest(key.reveal()) for key in self.keys]
        object.__setattr__(self, "_known", tuple((digest, digest.hex()[:8]) for digest in digests))

    def check(self, scope: Scope) -> None:
        """Host and Origin; Refused when the request comes from somewhere it should not."""
        hosts, origin = [], None
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"origin":
                origin = value.decode("latin-1")
        if len(hosts) != 1 or not (self.any_host or self._is_ours(hosts[0])):
            message = f"The Host header {', '.join(hosts)[:80]!r} is not one of ours."
            raise Refused(message, hint="Use http://127.0.0.1:PORT, or add the name to `server.allowed_hosts`.")
        if origin is not None and not self._is_allowed_origin(origin, hosts[0]):
            message = f"Requests from pages of {origin[:80]!r} are not allowed."
            raise Refused(message, hint="Add its host to `server.allowed_hosts` if it is yours.")

    def authenticate(self, scope: Scope) -> str | None:
        """The id of the caller's key (a short digest), None when no keys are set; Unauthenticated otherwise."""
        if not self.keys:
            return None
        offered = _offered_key(scope)
        if offered is None:
            message = "This gateway needs a key."
            raise Unauthenticated(message, hint="Send it as `Authorization: Bearer KEY`.")
        found, given = None, _digest(offered)
        for known, key_id in self._known:  # all of them, and digests, so that the time says nothing, lengths included
            if hmac.compare_digest(given, known):
                found = key_id
        if found is None:
            message = "The key is not valid here."
            raise Unauthenticated(message, hint="Check it against `server.keys`.")
        return found

    def _is_ours(self, host: str) -> bool:
        name = _name_of(f"//{host}")
        return name is not None and (name in LOOPBACK_NAMES or name in self.hosts)

    def _is_allowed_origin(self, origin: str, host: str) -> bool:
        name = _name_of(origin)
        return name is not None and (name in LOOPBACK_NAMES or name in self.hosts or name == _name_of(f"//{host}"))


@functools.lru_cache(maxsize=256)
def _name_of(url: str) -> str | None:
    """The host name of *url*, lower case; None for anything odd (credentials, paths, `null`)."""
    try:
        parts = urlsplit(url)
        name = parts.hostname
        _ = parts.port
    except ValueError:
        return None
    if name is None or parts.username is not None or parts.path or parts.query or parts.fragment:
        return None
    return name


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _offered_key(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, key = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and key.strip():
                return str(key.strip())
        elif name in _KEY_HEADERS and value:
            return bytes(value).decode("latin-1")
    query = scope.get("query_string", b"")
    if b"key=" in query:
        return next(iter(parse_qs(query.decode("latin-1")).get("key", [])), None)
    return None
