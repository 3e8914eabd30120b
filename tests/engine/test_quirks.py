"""A server that departs from its dialect gets what it takes, relayed or translated, and what is lost is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation, Quirks
from pointsman.core.chat import ChatRequest, EmbeddingRequest, Message, Reasoning, Role, Sampling, ToolCall, ask
from pointsman.dialects.raw import parse_body
from pointsman.dialects.registry import UPSTREAMS
from pointsman.engine.exchange import Birth, Relay, Translate
from pointsman.testing import a_card

OPENAI = UPSTREAMS["openai_chat"]
QUIRKS = Quirks(renames=(("max_tokens", "max_completion_tokens"),), refuses=frozenset(("logprobs", "seed")))
CARD = a_card("m", upstream_model="up", quirks=QUIRKS, defaults={"seed": 1, "max_tokens": 9})


def relayed(body: bytes, operation: Operation = Operation.CHAT) -> tuple[bytes, tuple[str, ...]]:
    """What *body* becomes on its way to the card, and what was dropped."""
    relay = Relay(
        raw=parse_body(body),
        operation=operation,
        upstream=OPENAI,  # type: ignore[arg-type]  # it is Relayable
        wants_stream=False,
        wants_stream_usage=False,
    )
    return relay.body(CARD)[1], relay.dropped


def translated(request: object) -> tuple[dict[str, object], tuple[str, ...]]:
    """The same through the neutral form."""
    exchange: Translate[bytes] = Translate(
        request=request,  # type: ignore[arg-type]
        surface="openai_chat",
        upstream=OPENAI,
        outward=None,
        say=lambda: lambda _event: (),
        birth=Birth(id="d", now=lambda: 0.0),
    )
    return json.loads(exchange.body(CARD)[1]), exchange.dropped


def test_a_relayed_body_is_changed_where_it_would_be_refused_and_nowhere_else() -> None:
    """Fields renamed or left out, the model's defaults included; all other text as it came."""
    body = b'{"model":"auto","messages": [{"role":"user", "content":"caf\\u00e9"}], "max_tokens":5, "logprobs":true}'
    assert relayed(body) == (
        b'{"max_completion_tokens":5,"model":"up","messages": [{"role":"user", "content":"caf\\u00e9"}]}',
        ("logprobs", "seed"),
    )


def test_a_body_that_would_pass_is_relayed_as_ever() -> None:
    """The model's name, and the defaults in the server's own words."""
    body = b'{"model" : "auto","messages":[ ],"max_completion_tokens":5}'
    assert relayed(body) == (b'{"model" : "up","messages":[ ],"max_completion_tokens":5}', ("seed",))


@pytest.mark.parametrize("operation", [Operation.COMPLETIONS, Operation.EMBEDDINGS])
def test_other_operations_have_no_quirks(operation: Operation) -> None:
    """Legacy completions know no `max_completion_tokens` anywhere."""
    assert relayed(b'{"model":"auto","max_tokens":5,"seed":2}', operation) == (
        b'{"model":"up","max_tokens":5,"seed":2}',
        (),
    )


def test_a_translated_request_is_made_fit_too() -> None:
    """After the defaults are in; what is lost is named with what the dialect had to drop."""
    request = replace(ask("hi"), sampling=Sampling(max_output_tokens=5, logprobs=True), extras={"gemini": {"x": 1}})
    assert translated(request) == (
        {"model": "up", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 5},
        ("x", "seed", "logprobs"),
    )


@pytest.mark.parametrize(
    ("surface", "names"),
    [
        ("gemini", ("contents.thought", "thoughtSignature", "name")),
        ("openai_chat", ("messages.reasoning_content", "extra_content", "name")),
        ("library", ("reasoning", "signature", "name")),
    ],
)
def test_what_a_server_refuses_inside_messages_has_its_callers_name(surface: str, names: tuple[str, ...]) -> None:
    """The same as for an endpoint of another dialect."""
    call = ToolCall(id="c", name="f", arguments="{}", extras={"gemini": {"thoughtSignature": "s"}})
    said = Message(role=Role.ASSISTANT, parts=(Reasoning(text="hm"), call), name="ann")
    refused = Quirks(refuses_in_messages=frozenset(("reasoning_content", "extra_content", "name")))
    exchange: Translate[bytes] = Translate(
        request=ChatRequest(messages=(said,)),
        surface=surface,
        upstream=OPENAI,
        outward=None,
        say=lambda: lambda _event: (),
        birth=Birth(id="d", now=lambda: 0.0),
    )
    sent = json.loads(exchange.body(replace(CARD, quirks=refused, defaults={}))[1])
    assert sent["messages"][0].keys() == {"role", "content", "tool_calls"}
    assert sorted(exchange.dropped) == sorted(names)


def test_embeddings_have_no_quirks() -> None:
    """They are another operation."""
    body, dropped = translated(EmbeddingRequest(model=None, inputs=("a",)))
    assert (body["seed"], dropped) == (1, ())
