"""Binding a port, and who may listen where."""

from __future__ import annotations

import socket

import pytest

from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.core.errors import ConfigError
from pointsman.server.gateway import OpenGateway
from pointsman.server.http import Message
from pointsman.server.run import ReloadingApp, bind, is_loopback, require_key_for_wide_bind


def test_a_free_port_is_bound() -> None:
    """0 takes any."""
    with bind("localhost", 0) as listener:
        assert listener.getsockname()[1] > 0
        assert listener.get_inheritable()


def test_a_taken_port_is_named() -> None:
    """With the next one as a way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"Port {port} on 127.0.0.1 is taken.*--port {port + 1}"):
            bind("127.0.0.1", port)


def test_an_address_of_another_machine_cannot_be_listened_on() -> None:
    """192.0.2.0/24 belongs to nobody."""
    with pytest.raises(ConfigError, match=r"Cannot listen on 192\.0\.2\.1:0 \("):
        bind("192.0.2.1", 0)


def test_a_name_without_an_address_is_said() -> None:
    """It cannot be looked up."""
    with pytest.raises(ConfigError, match="The host 'no such host' has no address"):
        bind("no such host", 0)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("gw", False),
    ],
)
def test_what_only_this_machine_can_reach(host: str, *, expected: bool) -> None:
    """A name other than localhost may be anything."""
    assert is_loopback(host) is expected


def test_a_wide_bind_needs_a_key() -> None:
    """Or stays on this machine."""
    require_key_for_wide_bind("127.0.0.1", has_keys=False)
    require_key_for_wide_bind("0.0.0.0", has_keys=True)
    with pytest.raises(ConfigError, match="no key is set"):
        require_key_for_wide_bind("0.0.0.0", has_keys=False)


async def test_a_gateway_that_cannot_open_says_why_to_the_server() -> None:
    """A GGUF model whose server was never started."""
    settings = Settings.model_validate({"models": [{"name": "m", "gguf": "m.gguf"}], "ledger": {"enabled": False}})
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    app = ReloadingApp(OpenGateway(loaded_from(settings)))
    await app({"type": "lifespan"}, receive, send)
    await app({"type": "http"}, receive, send)
    assert [message["type"] for message in sent] == ["lifespan.startup.failed"]
    assert "m have not been started" in sent[0]["message"]
