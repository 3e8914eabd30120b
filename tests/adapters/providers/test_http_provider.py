"""What an endpoint is sent over a real socket: the path, the query and every header, to the letter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.adapters.http import HttpClient
from pointsman.adapters.providers.http_provider import HttpProvider
from pointsman.core.catalog import Auth, Endpoint, Secret
from pointsman.core.decision import Privacy
from pointsman.core.errors import ConfigError, Refused
from pointsman.core.ports import UpstreamCall
from pointsman.privacy.gate import EgressGate
from pointsman.testing import a_card, an_endpoint
from tests.adapters.http.servers import OK, Peer, upstream

KEY = Secret("k-1")
BODY = b'{"a":1}'
CALL = UpstreamCall(model="m", path="/chat", body=BODY, stream=False)
EVERY_TIME = {
    "accept-encoding": "identity",
    "content-length": "7",
    "content-type": "application/json",
    "user-agent": "pointsman",
}
WHOLE = {**EVERY_TIME, "accept": "application/json"}


async def sent(endpoint: Endpoint, *calls: UpstreamCall) -> list[tuple[str, dict[str, str]]]:
    """The target and the headers (without Host) of *calls*, as they came in at the server's end."""
    seen: list[tuple[str, dict[str, str]]] = []

    async def listen(peer: Peer) -> None:
        for _ in calls:
            head, _, body = (await peer.request()).partition(b"\r\n\r\n")
            assert body == BODY
            first, *lines = head.decode("latin-1").split("\r\n")
            pairs = [line.split(": ", 1) for line in lines]
            assert len({name for name, _ in pairs}) == len(pairs), "a header came twice"
            method, target, version = first.split(" ")
            assert (method, version) == ("POST", "HTTP/1.1")
            seen.append((target, {name: value for name, value in pairs if name != "host"}))
            await peer.send(OK)

    async with upstream(listen) as server, HttpClient() as client:
        here = replace(endpoint, base_url=f"{server.target.origin}/v1")
        provider = HttpProvider(here, client)
        leave = EgressGate().grant(decision_id="d", privacy=Privacy(), card=a_card("m", endpoint=here))
        for call in calls:
            response = await provider.send(leave, call)
            assert await response.read(2) == b"ok"
    return seen


@pytest.mark.parametrize(
    ("auth", "header"),
    [
        (Auth.BEARER, {"authorization": "Bearer k-1"}),
        (Auth.X_API_KEY, {"x-api-key": "k-1"}),
        (Auth.API_KEY, {"api-key": "k-1"}),
        (Auth.X_GOOG_API_KEY, {"x-goog-api-key": "k-1"}),
    ],
)
async def test_the_key_goes_into_the_one_header_the_endpoint_reads(auth: Auth, header: dict[str, str]) -> None:
    """As a bearer token, or bare under its own name."""
    assert await sent(replace(an_endpoint(), api_key=KEY, auth=auth), CALL) == [("/v1/chat", {**WHOLE, **header})]


async def test_without_a_key_no_header_is_made_up() -> None:
    """A local server asks for none."""
    assert await sent(an_endpoint(), CALL) == [("/v1/chat", WHOLE)]


async def test_a_stream_is_asked_for_as_one() -> None:
    """Server-sent events or lines of JSON."""
    headers = {**EVERY_TIME, "accept": "text/event-stream, application/x-ndjson"}
    assert await sent(an_endpoint(), replace(CALL, stream=True)) == [("/v1/chat", headers)]


async def test_a_query_joins_every_path_whether_or_not_it_has_one() -> None:
    """Azure's `api-version`, beside Gemini's `alt=sse` too."""
    endpoint = replace(an_endpoint(), query="api-version=2024-10-21")
    streamed = replace(CALL, path="/m:streamGenerateContent?alt=sse")
    assert [target for target, _ in await sent(endpoint, CALL, streamed, CALL)] == [
        "/v1/chat?api-version=2024-10-21",
        "/v1/m:streamGenerateContent?alt=sse&api-version=2024-10-21",
        "/v1/chat?api-version=2024-10-21",
    ]


async def test_anthropic_is_told_the_version_it_insists_on() -> None:
    """Unless the configuration or, above it, the caller's own relayed header names another."""
    endpoint = an_endpoint(dialect="anthropic_messages")
    named = replace(endpoint, headers=(("Anthropic-Version", "2024-01-01"), ("X-Team", "blue")))
    own = replace(CALL, headers=((b"anthropic-version", b"2025-01-01"), (b"anthropic-beta", b"tools")))
    assert await sent(endpoint, CALL) == [("/v1/chat", {**WHOLE, "anthropic-version": "2023-06-01"})]
    assert await sent(named, CALL, own, CALL) == [
        ("/v1/chat", {**WHOLE, "anthropic-version": "2024-01-01", "x-team": "blue"}),
        ("/v1/chat", {**WHOLE, "anthropic-version": "2025-01-01", "anthropic-beta": "tools", "x-team": "blue"}),
        ("/v1/chat", {**WHOLE, "anthropic-version": "2024-01-01", "x-team": "blue"}),
    ]


async def test_a_configured_header_stands_instead_of_the_one_we_would_send() -> None:
    """Never twice: a server behind a proxy may want its key under `Authorization` in its own way."""
    endpoint = replace(an_endpoint(), api_key=KEY, headers=(("Authorization", "Basic abc"), ("User-Agent", "mine")))
    assert await sent(endpoint, CALL) == [
        ("/v1/chat", {**WHOLE, "authorization": "Basic abc", "user-agent": "mine"}),
    ]


async def test_nothing_is_sent_without_leave_for_this_very_endpoint() -> None:
    """Another server under the same name is another endpoint."""
    endpoint = an_endpoint()
    other = replace(endpoint, base_url="http://127.0.0.1:8/v1")
    leave = EgressGate().grant(decision_id="d", privacy=Privacy(), card=a_card("m", endpoint=other))
    async with HttpClient() as client:
        with pytest.raises(Refused):
            await HttpProvider(endpoint, client).send(leave, CALL)


def test_an_address_nobody_can_call_is_a_mistake_in_the_configuration() -> None:
    """Said at the start, with the endpoint's name, and not at the first request."""
    with pytest.raises(ConfigError, match="endpoint 'home' has an unusable base_url"):
        HttpProvider(replace(an_endpoint(), base_url="embedded:x"), HttpClient())
