"""What sessions are remembered by, for how long, and that nobody finds another's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman.core.catalog import Operation, Tier
from pointsman.core.chat import ChatRequest, EmbeddingRequest, Media, Message, Role, Text, ask
from pointsman.core.decision import Caller, Decision, Pick, Privacy, PromptFeatures
from pointsman.core.events import Finished, FinishReason
from pointsman.core.session import Pin
from pointsman.routing.sessions.memory import PinsHere, Sessions
from pointsman.testing import ManualClock, MemorySessions

NAMED = Caller(session="s")
PICK = Pick(reason="", tier=Tier.COMPLEX, router="auto")


def said(role: Role, text: str) -> Message:
    """A message of plain text."""
    return Message(role=role, parts=(Text(text=text),))


def asked(strategy: str = "complexity") -> Decision:
    """A decision for the card `big`."""
    return Decision(
        id="d1",
        asked="auto",
        operation=Operation.CHAT,
        candidates=("big", "other"),
        model="big",
        tier=Tier.COMPLEX,
        strategy=strategy,
        reason="",
        score=None,
        confidence=None,
        privacy=Privacy(),
        struck=(),
        trail=(),
        elapsed_us=0.0,
    )


def features(turns: int = 2, *, in_tool_loop: bool = False) -> PromptFeatures:
    """Of a conversation that has had an answer."""
    return PromptFeatures(ask="hi", estimated_input_tokens=5, turns=turns, in_tool_loop=in_tool_loop)


def finished(served: str | None, decision_id: str = "d1") -> Finished:
    """The end of that request."""
    return Finished(
        decision_id=decision_id,
        at_s=0.0,
        reason=FinishReason.OK,
        status=200,
        served=served,
        upstream_model=None,
        attempts=1,
        fallbacks=0,
        usage=None,
        cost_usd=None,
        saved_usd=None,
        baseline=None,
        duration_ms=1.0,
    )


@pytest.fixture
def clock() -> ManualClock:
    """Stands at 100 s."""
    return ManualClock(100.0)


@pytest.fixture
def sessions(clock: ManualClock) -> Sessions:
    """Room for two sessions, for a minute."""
    return Sessions(
        secret=b"secret",
        clock=clock,
        store=PinsHere(clock=clock, most=2, idle_s=60.0),
        outside=frozenset(("explicit",)),
    )


def keep(sessions: Sessions, caller: Caller, pick: Pick = PICK, decision: Decision | None = None) -> Pin | None:
    """What is known after a request got *pick*."""
    key = sessions.key_of(ask("hi"), caller)
    assert key is not None
    sessions.keep(key, None, pick, decision or asked(), 7)
    return sessions.find(key, caller, features())


def test_a_session_is_found_again(sessions: Sessions) -> None:
    """With the tier, the card and the length of its prompt."""
    assert keep(sessions, NAMED) == Pin(tier=Tier.COMPLEX, router="auto", card="big", tokens=7, at_s=100.0)


def test_only_its_owner_finds_a_session(sessions: Sessions) -> None:
    """Another key, another agent, another name, another process: another session."""
    others = [
        Caller(session="s", key_id="a"),
        Caller(session="s", key_id="b"),
        Caller(session="s", agent="x"),
        Caller(session="t"),
        Caller(),
    ]
    keys = [sessions.key_of(ask("hi"), caller) for caller in (NAMED, *others)]
    assert len(set(keys)) == len(keys)
    elsewhere = Sessions(secret=b"other", clock=sessions.clock, store=sessions.store)
    assert elsewhere.key_of(ask("hi"), NAMED) not in keys


def test_a_conversation_is_known_by_its_beginning(sessions: Sessions) -> None:
    """What is said later makes no difference; another prompt or first ask does."""
    hi = ask("hi", system="Be brief.")
    later = ChatRequest(messages=(*hi.messages, said(Role.ASSISTANT, "hello"), said(Role.USER, "and now?")))
    assert sessions.key_of(later, Caller()) == sessions.key_of(hi, Caller())
    assert sessions.key_of(ask("hi", system="Rhyme."), Caller()) != sessions.key_of(hi, Caller())
    assert sessions.key_of(ask("ho", system="Be brief."), Caller()) != sessions.key_of(hi, Caller())
    assert sessions.key_of(ask("x" * 5000), Caller()) != sessions.key_of(ask("x" * 5001), Caller())


def test_open_webuis_frame_around_documents_does_not_end_a_conversation(sessions: Sessions) -> None:
    """It is around the newest turn alone: by the next, the first thing said is as the person wrote it."""
    frame = "### Task:\nRespond to the user query using the provided context.\n<context>\nx\n</context>\n\n"
    assert sessions.key_of(ask(f"{frame}hi"), Caller()) == sessions.key_of(ask("hi"), Caller())
    assert sessions.key_of(ask(f"{frame}ho"), Caller()) != sessions.key_of(ask("hi"), Caller())


def test_what_has_no_beginning_has_no_session(sessions: Sessions) -> None:
    """Texts to embed, an image alone, an answer alone; and all, where only names count."""
    image = Message(role=Role.USER, parts=(Media(kind="image", url="http://h/x.png"),))
    nobody = Caller()
    assert sessions.key_of(EmbeddingRequest(inputs=("a",)), nobody) is None
    assert sessions.key_of(ChatRequest(messages=(image,)), nobody) is None
    assert sessions.key_of(ChatRequest(messages=(said(Role.ASSISTANT, "hi"),)), nobody) is None
    sessions.by_beginning = False
    assert sessions.key_of(ask("hi"), nobody) is None
    assert sessions.key_of(ask("hi"), NAMED) is not None


@pytest.mark.parametrize(
    ("caller", "seen", "is_known"),
    [
        (Caller(), features(1), False),
        (Caller(), features(2), True),
        (Caller(), features(1, in_tool_loop=True), True),
        (NAMED, features(1), True),
    ],
)
def test_a_first_ask_without_a_name_begins_anew(
    sessions: Sessions,
    caller: Caller,
    seen: PromptFeatures,
    is_known: bool,  # noqa: FBT001  a table
) -> None:
    """Two conversations may begin alike; a named session goes on."""
    keep(sessions, caller)
    key = sessions.key_of(ask("hi"), caller)
    assert key is not None
    assert (sessions.find(key, caller, seen) is not None) is is_known


def test_what_others_decided_is_not_remembered(sessions: Sessions) -> None:
    """A named model, and a pick without a tier."""
    assert keep(sessions, NAMED, decision=asked("explicit")) is None
    assert keep(sessions, NAMED, Pick(reason="", model="big")) is None


def test_sessions_end(sessions: Sessions, clock: ManualClock) -> None:
    """A minute after their latest request, and when there are too many."""
    keep(sessions, NAMED)
    clock.advance(59.0)
    keep(sessions, Caller(session="2"))
    clock.advance(2.0)
    assert keep(sessions, Caller(session="3")) is not None
    keys = [sessions.key_of(ask("hi"), Caller(session=name)) for name in ("s", "2", "3")]
    assert [key is not None and sessions.store.get(key) is not None for key in keys] == [False, True, True]
    clock.advance(60.0)
    assert [key is not None and sessions.store.get(key) is not None for key in keys] == [False, False, False]


def test_the_card_that_answered_has_the_conversation(sessions: Sessions) -> None:
    """Where another than the chosen one did; an end that is nobody's changes nothing."""
    key = sessions.key_of(ask("hi"), NAMED)
    assert key is not None
    for served, card in (("big", "big"), (None, "big"), ("other", "other")):
        keep(sessions, NAMED)
        sessions(finished(served))
        found = sessions.store.get(key)
        assert found is not None
        assert found.card == card
    sessions(finished("third"))
    found = sessions.store.get(key)
    assert found is not None
    assert found.card == "other"


def test_an_answer_that_comes_late_does_not_undo_a_later_request(sessions: Sessions) -> None:
    """Nor does one whose session is forgotten."""
    keep(sessions, NAMED)
    key = sessions.key_of(ask("hi"), NAMED)
    assert key is not None
    sessions.store.put(key, Pin(tier=Tier.SIMPLE, router="auto", card="later", at_s=100.0))
    sessions(finished("other"))
    found = sessions.store.get(key)
    assert found is not None
    assert found.card == "later"


def test_others_are_told_where_a_session_stands(sessions: Sessions) -> None:
    """Each time, and again when another card answered; by the hash that all of them make."""
    board = MemorySessions()
    sessions.join(board)
    keep(sessions, NAMED)
    sessions(finished("other"))
    key = sessions.key_of(ask("hi"), NAMED)
    twin = Sessions(secret=b"own", clock=sessions.clock, store=sessions.store)
    twin.join(board)
    assert twin.key_of(ask("hi"), NAMED) == key
    cards = [(told, trace.card, kept_s) for told, trace, kept_s in board.told if isinstance(trace, Pin)]
    assert cards == [(key, "big", 3600.0), (key, "other", 3600.0)]


@pytest.mark.parametrize(
    ("tells_first", "is_named", "goes_on", "is_told"),
    [(True, False, False, True), (False, False, False, False), (False, True, False, True), (False, False, True, True)],
)
def test_of_a_first_request_without_a_name_only_neighbours_are_told(
    sessions: Sessions,
    tells_first: bool,  # noqa: FBT001  a table
    is_named: bool,  # noqa: FBT001
    goes_on: bool,  # noqa: FBT001
    is_told: bool,  # noqa: FBT001
) -> None:
    """A process alone writes it down from the second on: most conversations have none."""
    board = MemorySessions()
    sessions.join(board)
    sessions.tells_first = tells_first
    before = Pin(tier=Tier.SIMPLE, router="auto", card="big") if goes_on else None
    sessions.keep(b"key", before, PICK, asked(), 7, is_named=is_named)
    assert bool(board.told) is is_told


def test_what_others_tell_is_learned_unless_it_is_known_better(sessions: Sessions) -> None:
    """The later request counts, wherever it was."""
    key = sessions.key_of(ask("hi"), NAMED)
    assert key is not None
    told = Pin(tier=Tier.SIMPLE, router="auto", card="there", at_s=90.0)
    sessions.learn(key, told)
    assert sessions.find(key, NAMED, features()) == told
    here = keep(sessions, NAMED)
    sessions.learn(key, replace(told, at_s=99.0))
    assert sessions.find(key, NAMED, features()) == here
    sessions.learn(key, replace(told, at_s=101.0))
    assert sessions.find(key, NAMED, features()) == replace(told, at_s=101.0)


def test_requests_under_way_are_bounded(sessions: Sessions) -> None:
    """Those whose end never came are forgotten."""
    key = sessions.key_of(ask("hi"), NAMED)
    assert key is not None
    for number in range(5000):
        sessions.keep(key, None, PICK, replace(asked(), id=f"d{number}"), 7)
    sessions(finished("other", "d0"))
    found = sessions.store.get(key)
    assert found is not None
    assert found.card == "big"
