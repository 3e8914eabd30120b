"""The guard: one Host that is ours, no foreign Origin, a key where keys are set."""

from __future__ import annotations

import hashlib

import pytest

from pointsman.core.catalog import Secret
from pointsman.core.errors import Refused, Unauthenticated
from pointsman.server.guard import Guard
from tests.server.asgi import HOST, scope_of

OURS = Guard(hosts=frozenset({"router.lan"}))


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:4000",
        "LOCALHOST:4000",
        "127.0.0.1:4000",
        "[::1]",
        "[::1]:4000",
        "router.lan",
        "Router.LAN:80",
    ],
)
def test_our_own_names_are_served(host: str) -> None:
    """Loopback in every spelling, and what is configured, whatever the port."""
    OURS.check(scope_of((b"host", host.encode())))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "user@localhost",
        "localhost@evil.example",
        "localhost/evil",
        "localhost?x",
        "localhost#x",
        "localhost:port",
        "localhost:99999",
        "[::1",
        "[::2]",
        "127.0.0.2",
        "\xff",
        "localhost, evil.example",
    ],
)
def test_other_hosts_are_refused(host: str) -> None:
    """DNS rebinding stops here."""
    with pytest.raises(Refused, match="Host"):
        OURS.check(scope_of((b"host", host.encode("latin-1"))))


@pytest.mark.parametrize("headers", [(), (HOST, HOST), (HOST, (b"host", b"evil.example"))])
def test_exactly_one_host_is_needed(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """None and several are refused, also where any host would do."""
    for guard in (OURS, Guard(any_host=True)):
        with pytest.raises(Refused):
            guard.check(scope_of(*headers))


def test_any_host_will_do_where_keys_are_set() -> None:
    """A page that rebinds has no key."""
    Guard(any_host=True).check(scope_of((b"host", b"router.example")))


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:3000", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:8080", True),
        ("http://router.lan", True),
        ("https://evil.example", False),
        ("null", False),
        ("", False),
        ("http://localhost@evil.example", False),
        ("http://evil.example/localhost", False),
        ("file://", False),
        ("http://localhost:bad", False),
    ],
)
def test_pages_of_other_sites_are_refused(origin: str, *, is_allowed: bool) -> None:
    """A browser cannot hide where a page comes from."""
    scope = scope_of(HOST, (b"origin", origin.encode()))
    if is_allowed:
        OURS.check(scope)
    else:
        with pytest.raises(Refused, match="pages of"):
            OURS.check(scope)


def test_a_page_of_the_host_itself_is_ours() -> None:
    """Where any host will do, the page and its gateway have the same name."""
    Guard(any_host=True).check(scope_of((b"host", b"gw.example:4000"), (b"origin", b"http://gw.example")))


KEYS = Guard(keys=(Secret("sk-one"), Secret("sk-two")))


@pytest.mark.parametrize(
    ("header", "query"),
    [
        ((b"authorization", b"Bearer sk-two"), b""),
        ((b"authorization", b"bearer  sk-two "), b""),
        ((b"x-api-key", b"sk-two"), b""),
        ((b"api-key", b"sk-two"), b""),
        ((b"x-goog-api-key", b"sk-two"), b""),
        (HOST, b"key=sk-two"),
        (HOST, b"alt=sse&key=sk%2Dtwo"),
    ],
)
def test_a_key_is_taken_from_wherever_clients_put_it(header: tuple[bytes, bytes], query: bytes) -> None:
    """And is known in the ledger by a digest."""
    assert KEYS.authenticate(scope_of(header, query=query)) == hashlib.sha256(b"sk-two").hexdigest()[:8]


@pytest.mark.parametrize(
    ("header", "query", "message"),
    [
        (HOST, b"", "needs a key"),
        (HOST, b"monkey=sk-one", "needs a key"),
        ((b"authorization", b"Basic c2s="), b"", "needs a key"),
        ((b"authorization", b"Bearer "), b"", "needs a key"),
        ((b"x-api-key", b""), b"", "needs a key"),
        ((b"authorization", b"Bearer sk-thre\xe9"), b"", "not valid"),
        ((b"x-api-key", b"sk-on"), b"key=sk-one", "not valid"),
    ],
)
def test_no_key_and_a_wrong_one_are_401(header: tuple[bytes, bytes], query: bytes, message: str) -> None:
    """The first key offered counts; a later one does not mend it."""
    with pytest.raises(Unauthenticated, match=message):
        KEYS.authenticate(scope_of(header, query=query))


def test_without_keys_everybody_is_nobody_in_particular() -> None:
    """Whatever key they send."""
    assert Guard().authenticate(scope_of((b"x-api-key", b"anything"))) is None
