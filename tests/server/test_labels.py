"""Labels: headers and metadata say the same things; private cannot be labelled away; bad values are named."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.chat import EmbeddingRequest, ask
from pointsman.core.decision import Caller, PrivacyClass
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import JsonObject
from pointsman.dialects.raw import parse_body
from pointsman.server.labels import caller_of, with_agent, without_labels
from tests.server.asgi import scope_of

PRIVATE = b"x-pointsman-privacy", b"private"
PUBLIC = b"x-pointsman-privacy", b"public"
MIB = 1_048_576


def test_a_request_without_labels_has_none() -> None:
    """And is no dry run."""
    assert caller_of(scope_of(), {}) == (Caller(), False)


def test_every_label_is_read_from_headers() -> None:
    """With the caller's program from its User-Agent."""
    scope = scope_of(
        (b"user-agent", b"OpenAI/Python 3.52"),
        (b"x-pointsman-tier", b"large"),
        (b"x-pointsman-session", b"s1"),
        (b"x-pointsman-agent", b"coder"),
        (b"x-pointsman-deadline-ms", b"1500"),
        (b"x-pointsman-dry-run", b"1"),
        (b"x-pointsman-consent", b"ask"),
        PRIVATE,
    )
    expected = Caller(
        privacy=PrivacyClass.PRIVATE,
        privacy_source="header",
        tier=Tier.COMPLEX,
        session="s1",
        agent="coder",
        key_id="k",
        deadline_ms=1500.0,
        client="OpenAI/Python",
        wants_consent=True,
    )
    assert caller_of(scope, {}, "k") == (expected, True)


@pytest.mark.parametrize("prefix", ["", "x-pointsman-", "X_Pointsman_"])
def test_metadata_says_the_same(prefix: str) -> None:
    """With or without the prefix, with - or _, as strings, numbers or booleans; the rest is there for rules."""
    named: JsonObject = {
        "tier": "simple",
        "session_id": "s1",
        "agent": "coder",
        "deadline_ms": 1500,
        "dry_run": True,
        "privacy": "private",
        "other": "kept",
    }
    body: JsonObject = {"metadata": {f"{prefix}{name}": value for name, value in named.items()}}
    expected = Caller(
        privacy=PrivacyClass.PRIVATE,
        privacy_source="metadata",
        tier=Tier.SIMPLE,
        session="s1",
        agent="coder",
        deadline_ms=1500.0,
        metadata=((f"{prefix}other".lower(), "kept"),),
    )
    assert caller_of(scope_of(), body) == (expected, True)


def test_a_header_wins_over_metadata() -> None:
    """Except for privacy, see below."""
    body: JsonObject = {"metadata": {"session": "body", "tier": None}}
    caller, _ = caller_of(scope_of((b"x-pointsman-session", b"header")), body)
    assert (caller.session, caller.tier) == ("header", None)


@pytest.mark.parametrize(
    ("headers", "body", "source"),
    [
        ([PRIVATE], {"metadata": {"privacy": "public"}}, "header"),
        ([PUBLIC], {"metadata": {"privacy": "private"}}, "metadata"),
        ([PUBLIC], {"contains_private_data": True}, "contains_private_data"),
        ([PUBLIC], {"metadata": {"contains_private_data": "True", "privacy": "public"}}, "metadata"),
        ([PRIVATE, PUBLIC], {}, "header"),
        ([PUBLIC, PRIVATE], {}, "header"),
        ([], {"metadata": {"privacy": "private", "x-pointsman-privacy": "public"}}, "metadata"),
        ([], {"metadata": {"x_pointsman_privacy": "public", "PRIVACY": "Private"}}, "metadata"),
    ],
)
def test_private_from_any_side_stands(headers: list[tuple[bytes, bytes]], body: JsonObject, source: str) -> None:
    """However often something else is said, and in whatever order."""
    caller, _ = caller_of(scope_of(*headers), body)
    assert (caller.privacy, caller.privacy_source) == (PrivacyClass.PRIVATE, source)


def test_public_is_a_label_too() -> None:
    """Under `default-local` it is what lets a text out."""
    caller, _ = caller_of(scope_of(PUBLIC), {"metadata": "no mapping", "contains_private_data": False})
    assert (caller.privacy, caller.privacy_source) == (PrivacyClass.PUBLIC, "header")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("privacy", "secret"),
        ("privacy", "private, public"),
        ("privacy", ""),
        ("tier", "huge"),
        ("deadline-ms", "soon"),
        ("deadline-ms", "0"),
        ("deadline-ms", "-1"),
        ("deadline-ms", "nan"),
        ("deadline-ms", "inf"),
        ("dry-run", "perhaps"),
    ],
)
def test_a_bad_value_is_named_by_its_header(name: str, value: str) -> None:
    """A label that is not understood is never passed over, from wherever it comes."""
    for scope, body in (
        (scope_of((f"x-pointsman-{name}".encode(), value.encode())), {}),
        (scope_of(), {"metadata": {name: value}}),
    ):
        with pytest.raises(InvalidRequest) as caught:
            caller_of(scope, body)  # type: ignore[arg-type]  # literals of JSON
        assert caught.value.param == f"x-pointsman-{name}"


def test_long_and_odd_labels_are_bounded() -> None:
    """They end in the ledger."""
    scope = scope_of((b"x-pointsman-session", b"s" * MIB), (b"user-agent", b"a" * MIB), (b"x-pointsman-agent", b"\xff"))
    caller, _ = caller_of(scope, {})
    assert (caller.session, caller.client, caller.agent) == ("s" * 256, "a" * 256, "ÿ")


def test_an_empty_user_agent_is_none() -> None:
    """As is an empty session."""
    caller, _ = caller_of(scope_of((b"user-agent", b" "), (b"x-pointsman-session", b"")), {})
    assert (caller.client, caller.session) == (None, None)


def test_labels_may_stand_in_another_field() -> None:
    """Gemini's `labels`."""
    caller, _ = caller_of(
        scope_of(), {"labels": {"x-pointsman-agent": "a"}, "metadata": {"agent": "b"}}, None, "labels"
    )
    assert caller == Caller(agent="a")


def test_labels_are_taken_out_for_an_api_that_would_refuse_them() -> None:
    """And nothing else: what is left stands as it stood."""
    raw = parse_body(
        b'{"model": "m", "metadata": {"user_id": "u", "x-pointsman-privacy": "private", "session_id": "s", '
        b'"contains_private_data": true}, "contains_private_data": true, "messages": [1.50]}'
    )
    assert without_labels(raw).value == {"model": "m", "metadata": {"user_id": "u"}, "messages": [1.5]}


def test_a_field_that_held_only_labels_goes_with_them() -> None:
    """An empty one might be refused too."""
    assert without_labels(parse_body(b'{"a": 1, "labels": {"tier": "small"}}'), "labels").value == {"a": 1}


@pytest.mark.parametrize("body", [b'{"metadata": {"user_id": "u"}}', b'{"metadata": 3}', b'{"model":  "m"}'])
def test_a_body_without_labels_stays_the_very_same(body: bytes) -> None:
    """Byte for byte."""
    raw = parse_body(body)
    assert without_labels(raw) is raw


@pytest.mark.parametrize(
    ("headers", "body", "agent"),
    [
        ([(b"x-claude-code-request-class", b"main")], {}, "claude-code"),
        ([(b"x-claude-code-request-class", b"main"), (b"x-pointsman-agent", b"mine")], {}, "mine"),
        ([(b"x-agent", b"theirs")], {"metadata": {"agent_name": "named"}}, "named"),
        ([(b"x-agent", b"theirs")], {"metadata": {"agent": "labelled", "agent_name": "named"}}, "labelled"),
        ([(b"x-litellm-tags", b"blue")], {}, None),
    ],
)
def test_an_agent_is_known_by_its_headers_and_metadata(
    headers: list[tuple[bytes, bytes]], body: JsonObject, agent: str | None
) -> None:
    """Our own label first, then metadata, then what its program sends."""
    assert caller_of(scope_of(*headers), body)[0].agent == agent


def test_hints_of_an_agent_are_no_field_of_a_strict_api() -> None:
    """As with labels, what its API knows stays."""
    body = b'{"metadata": {"agent_name": "bee", "langgraph_node": "n", "tags": ["x"], "user_id": "u"}, "model": "m"}'
    assert without_labels(parse_body(body)).value == {"model": "m", "metadata": {"user_id": "u"}}


def test_messages_tell_of_an_agent_where_no_label_does() -> None:
    """Texts to embed never do."""
    crew = ask("go", system="You are Cook. You cook.\nYour personal goal is: eat")
    assert with_agent(Caller(), crew).agent == "Cook"
    assert with_agent(Caller(agent="mine"), crew).agent == "mine"
    assert with_agent(Caller(), ask("go")) == Caller()
    assert with_agent(Caller(client="claude-cli/2"), EmbeddingRequest(inputs=("x",))).agent is None
