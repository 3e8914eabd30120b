"""Fault 52: proxies in the environment, IPv6, and names with several addresses of which some are dead."""

from __future__ import annotations

import socket
import time

import pytest

from tests.faults.conftest import Opens
from tests.faults.names import Names
from tests.faults.upstream import OPENAI, black_hole, faulty, good, model

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


def has_ipv6() -> bool:
    """Whether this machine's loopback has an IPv6 address."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("no_proxy", ["", "other.test"])
@pytest.mark.parametrize("is_local", [True, False])
async def test_52_proxies_in_the_environment(
    gateway: Opens, monkeypatch: pytest.MonkeyPatch, no_proxy: str, *, is_local: bool
) -> None:
    """Proxy variables, whatever NO_PROXY says: no endpoint is reached through one, a local one least of all."""
    async with (
        faulty(good(OPENAI, "Through the proxy.")) as proxy,
        faulty(good(OPENAI, "Direct.")) as direct,
        gateway(model(OPENAI, direct.url, local=is_local)) as place,
    ):
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", no_proxy)
        monkeypatch.setenv("no_proxy", no_proxy)
        heard = await place.ask()
    assert heard.outcome == (200, "Direct.")
    assert proxy.calls == []


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on its loopback")
async def test_52_ipv6_alone(gateway: Opens, names: Names) -> None:
    """IPv6-only endpoint, by its address and by a name that has no other: reached."""
    async with faulty(good(OPENAI, "Six."), host="::1") as upstream:
        names.known["six.test"] = ["::1"]
        named = upstream.url.replace("[::1]", "six.test")
        models = model(OPENAI, upstream.url), model(OPENAI, named, "named", "medium")
        async with gateway(*models) as place:
            heard = [await place.ask(name) for name in ("first", "named")]
    assert [one.outcome for one in heard] == [(200, "Six.")] * 2


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on its loopback")
@pytest.mark.parametrize("is_dead", [True, False], ids=["a black hole", "refused"])
async def test_52_one_address_of_two_is_dead(gateway: Opens, names: Names, *, is_dead: bool) -> None:
    """Dual stack with a dead IPv6 address: the other one is tried after 250 ms, long before the connect time-out."""
    async with faulty(good(OPENAI, "Four.")) as upstream:
        names.known["both.test"] = ["::1", "127.0.0.1"]
        port = int(upstream.url.rpartition(":")[2])
        with black_hole("::1", port if is_dead else 0):
            async with gateway(model(OPENAI, f"http://both.test:{port}", connect_timeout_s=20)) as place:
                began = time.monotonic()
                heard = await place.ask()
                elapsed_s = time.monotonic() - began
    assert heard.outcome == (200, "Four.")
    assert elapsed_s < 3  # the outcome itself: no waiting for the time-out


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 on its loopback")
async def test_52_both_addresses_are_dead(gateway: Opens, names: Names) -> None:
    """Dual stack, both dead: one error after the connect time-out, as for one address."""
    names.known["none.test"] = ["::1", "127.0.0.1"]
    with black_hole("::1") as url:
        port = int(url.rpartition(":")[2])
        dead = model(OPENAI, f"http://none.test:{port}", connect_timeout_s=0.5)
        async with gateway(dead, resilience={"num_retries": 0}) as place:
            heard = await place.ask()
    assert heard.outcome == (503, "no_model_available")
    assert "no connection within 0.5 s" in heard.error["message"]
