"""Streams: whatever goes wrong before the first content is somebody else's turn, whatever comes after it is told.

For every way a stream can end: nothing is shown twice, one Finished says what it was, and every answer is closed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import ChatRequest, EmbeddingRequest, Usage, ask
from pointsman.core.decision import Caller
from pointsman.core.errors import AllAttemptsFailed, DeadlineExceeded, InvalidRequest, NoModelAvailable, PointsmanError
from pointsman.core.events import AttemptEnded, FinishReason
from pointsman.core.failure import FailureKind
from pointsman.core.stream import Ended, StreamEvent, StreamFailed, TextDelta, UsageReported
from pointsman.engine.turn import StreamedAnswer
from pointsman.testing import Answers, Fails, Hangs, a_catalog
from tests.engine.lines import line, said
from tests.engine.rig import Rig, Scripted, a_model, a_rig, inbound, say

OK, FAILED, CANCELLED, DEADLINE = (
    FinishReason.OK,
    FinishReason.FAILED,
    FinishReason.CANCELLED,
    FinishReason.DEADLINE,
)
GOOD = Answers(chunks=said("Hel", "lo"))
DIALECTS = pytest.mark.parametrize("dialect", ["lines", "other"], ids=["relayed", "translated"])
LATE = DeadlineExceeded("Time is up.")


def two(first: Scripted, second: Scripted = GOOD, *, dialect: str = "lines") -> Rig:
    """A router whose first model answers like *first*, the next one like *second*."""
    near, far = a_model("near", dialect=dialect), a_model("far", is_local=False)
    return a_rig(a_catalog(near, far), {"near": [first], "far": [second]})


async def begin(rig: Rig, *, stream_usage: bool = True) -> StreamedAnswer[bytes]:
    """The streamed answer, begun."""
    return await rig.router.answer_stream(inbound(stream=True, stream_usage=stream_usage), say)


async def heard(rig: Rig) -> bytes:
    """All that the caller sees."""
    started = await begin(rig)
    async with aclosing(started.pieces):
        return b"".join([piece async for piece in started.pieces])


def ending(rig: Rig) -> tuple[FinishReason, str | None, str | None]:
    """How the record says it ended, once all is closed."""
    assert [response.closed for response in rig.responses] == [1] * len(rig.responses)
    return rig.finished.reason, rig.finished.served, rig.finished.error


@DIALECTS
async def test_a_stream_arrives_piece_by_piece(dialect: str) -> None:
    """With its usage, its end, and the time of its first content in the record."""
    rig = two(GOOD, dialect=dialect)
    assert await heard(rig) == b"".join(said("Hel", "lo"))
    assert ending(rig) == (OK, "near", None)
    finished = rig.finished
    assert (finished.status, finished.usage) == (200, Usage(input_tokens=3, output_tokens=2))
    assert (finished.first_byte_ms, finished.overhead_ms) == (1000.0, 1000.0)


async def test_a_relay_asks_for_usage_and_takes_it_out_again() -> None:
    """The caller did not want to see it; options of their own stay."""
    rig = a_rig(a_catalog(a_model("near")), {"near": [GOOD]})
    request = inbound(stream=True, stream_options={"chunk": 3})
    started = await rig.router.answer_stream(request, say)
    assert b"".join([piece async for piece in started.pieces]) == b"".join(said("Hel", "lo", usage=None))
    assert json.loads(rig.endpoints["near"].calls[0].body)["stream_options"] == {"chunk": 3, "include_usage": True}
    assert rig.finished.usage == Usage(input_tokens=3, output_tokens=2)


async def test_a_relay_leaves_a_callers_wish_for_usage_alone() -> None:
    """Nothing is added."""
    rig = two(GOOD)
    await heard(rig)
    assert "stream_options" not in json.loads(rig.endpoints["near"].calls[0].body)


@DIALECTS
@pytest.mark.parametrize(
    "first",
    [
        Fails(),
        Answers(status=503),
        Answers(),
        Answers(chunks=(line(begin=1),)),
        Answers(chunks=(line(error="overloaded"),)),
        Answers(chunks=(line(begin=1),), then=Fails(message="reset")),
        Answers(chunks=(line(begin=1), line(text="Hel") + line(error="overloaded"))),
        Answers(chunks=(b'{"error": "overloaded"}',)),
    ],
    ids=["refused", "503", "empty", "cut", "error", "reset", "error in the first chunk", "error in the last line"],
)
async def test_before_the_first_content_the_next_model_takes_over(first: Scripted, dialect: str) -> None:
    """The caller sees one answer and nothing of the other."""
    rig = two(first, dialect=dialect)
    assert await heard(rig) == b"".join(said("Hel", "lo"))
    assert ending(rig) == (OK, "far", None)
    assert rig.tried() == ["near", "far"]


@DIALECTS
async def test_a_proper_end_without_content_is_an_empty_answer(dialect: str) -> None:
    """Nobody else is asked."""
    rig = two(Answers(chunks=(line(begin=1), line(end=True))), dialect=dialect)
    assert await heard(rig) == line(end=True)
    assert ending(rig) == (OK, "near", None)


@DIALECTS
@pytest.mark.parametrize(
    ("chunks", "then", "reason", "error", "told"),
    [
        ((), None, FAILED, "the stream ended before the answer did", "near: the stream ended before the answer did"),
        ((), Fails(message="reset"), FAILED, "reset", "near: reset"),
        ((), LATE, DEADLINE, "Time is up.", "near: Time is up."),
        ((), NoModelAvailable("It died."), FAILED, "It died.", "near: It died."),
        ((line(error="overloaded"), line(text="never shown")), None, FAILED, "overloaded", "overloaded"),
    ],
    ids=["cut", "reset", "deadline", "died", "error"],
)
async def test_after_content_the_stream_ends_with_the_dialects_error(
    chunks: tuple[bytes, ...],
    then: Fails | BaseException | None,
    reason: FinishReason,
    error: str,
    told: str,
    dialect: str,
) -> None:
    """Nobody else is asked, nothing follows the error, and the tokens so far are billed."""
    rig = two(Answers(chunks=(line(text="Hello"), *chunks), then=then), dialect=dialect)
    shown, failed = (await heard(rig)).splitlines()
    assert (json.loads(shown), json.loads(failed)["error"]) == ({"text": "Hello"}, told)
    assert ending(rig) == (reason, "near", error)
    assert rig.finished.usage == Usage(input_tokens=6, output_tokens=2, is_estimated=True)
    assert rig.tried() == ["near"]


@DIALECTS
@pytest.mark.parametrize("then", [Fails(message="reset"), LATE], ids=["reset", "deadline"])
async def test_after_the_proper_end_nothing_can_go_wrong(then: Fails | BaseException, dialect: str) -> None:
    """A connection that breaks then has done its work."""
    rig = two(Answers(chunks=said("Hello"), then=then), dialect=dialect)
    assert await heard(rig) == b"".join(said("Hello"))
    assert ending(rig) == (OK, "near", None)


@DIALECTS
async def test_a_last_line_without_its_break_is_said_once(dialect: str) -> None:
    """Though the content began with it, and the pump was closed to find it."""
    rig = two(Answers(chunks=(line(text="Hello")[:-1],)), dialect=dialect)
    assert [json.loads(one).get("text") for one in (await heard(rig)).splitlines()] == ["Hello", None]
    rig = two(Answers(chunks=(line(text="Hello"), line(end=True)[:-1])), dialect=dialect)
    assert await heard(rig) == line(text="Hello") + line(end=True)
    assert ending(rig) == (OK, "near", None)


@DIALECTS
@pytest.mark.parametrize("taken", [0, 1])
async def test_a_caller_who_leaves_cancels_the_endpoints_work(taken: int, dialect: str) -> None:
    """Also before the first piece, and however often it is closed; what was written so far is counted."""
    rig = two(Answers(chunks=(line(text="Hello"),), then=Hangs()), dialect=dialect)
    started = await begin(rig)
    if taken:
        assert await anext(aiter(started.pieces)) == line(text="Hello")
        assert aiter(started.pieces) is aiter(started.pieces)
    await started.pieces.aclose()
    await started.pieces.aclose()
    assert ending(rig) == (CANCELLED, "near", None)
    assert (rig.finished.status, rig.finished.usage) == (
        499,
        Usage(input_tokens=6, output_tokens=2, is_estimated=True),
    )


@DIALECTS
async def test_a_caller_who_leaves_after_the_end_has_been_served(dialect: str) -> None:
    """Client libraries close as soon as they see the end."""
    rig = two(Answers(chunks=said("Hello"), then=Hangs()), dialect=dialect)
    started = await begin(rig)
    pieces = aiter(started.pieces)
    while await anext(pieces) != line(end=True):
        pass
    await started.pieces.aclose()
    assert ending(rig) == (OK, "near", None)


@DIALECTS
async def test_a_caller_who_leaves_at_the_error_leaves_a_failure(dialect: str) -> None:
    """The endpoint's own, or the one we made of a cut."""
    for rest in ((), (line(error="overloaded"),)):
        rig = two(Answers(chunks=(line(text="Hello"), *rest)), dialect=dialect)
        started = await begin(rig)
        pieces = aiter(started.pieces)
        while b"error" not in await anext(pieces):
            pass
        await started.pieces.aclose()
        assert ending(rig)[0] is FAILED


@pytest.mark.parametrize("script", [Hangs(), Answers(then=Hangs()), Answers(chunks=(line(text="x"),), then=Hangs())])
async def test_a_cancelled_task_leaves_nothing_open(script: Scripted) -> None:
    """Before the status, before the first content and after it."""
    rig = two(script)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(heard(rig))
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
    assert ending(rig)[0] is CANCELLED
    assert rig.tried() == ["near"]


@pytest.mark.parametrize("at", ["Hel", "lo"])
async def test_an_exception_of_our_own_is_no_failure_of_the_endpoint(at: str) -> None:
    """It goes up as it is; the record says failed, and nobody else is asked."""

    def break_at() -> Callable[[StreamEvent], Sequence[bytes]]:
        def encode(event: StreamEvent) -> Sequence[bytes]:
            if event == TextDelta(text=at):
                raise ZeroDivisionError("secret prompt")
            return ()

        return encode

    rig = two(GOOD, dialect="other")
    with pytest.raises(ZeroDivisionError):
        async for _ in (await rig.router.answer_stream(inbound(stream=True), break_at)).pieces:
            pass
    reason, _, error = ending(rig)
    assert (reason, error) == (FAILED, "ZeroDivisionError")
    assert rig.tried() == ["near"]


async def test_when_nobody_begins_there_is_no_stream() -> None:
    """An error with a status, as for a whole answer; a deadline too."""
    rig = two(Answers(status=503), Fails(message="refused"))
    with pytest.raises(AllAttemptsFailed, match=r"near: HTTP 503; far: refused"):
        await heard(rig)
    assert ending(rig)[:2] == (FAILED, None)
    rig = two(Answers(chunks=(line(begin=1),), then=LATE))
    with pytest.raises(DeadlineExceeded):
        await heard(rig)
    assert ending(rig)[:2] == (DEADLINE, None)


async def test_the_kind_of_an_error_in_a_stream_decides_who_is_next() -> None:
    """A code inside the stream says as much as a status."""
    rig = two(Answers(chunks=(line(error="no", code="content_filter"),)))
    with pytest.raises(PointsmanError, match="near refused the content: no"):
        await heard(rig)
    assert rig.tried() == ["near"]


async def collect(stream: AsyncIterator[StreamEvent], seen: list[StreamEvent]) -> None:
    """Put the events into *seen*, until the end or an error."""
    async for event in stream:
        seen.append(event)  # noqa: PERF401  what came before an error counts


async def collected(stream: AsyncIterator[StreamEvent]) -> list[StreamEvent]:
    """All events."""
    return [event async for event in stream]


async def test_the_library_streams_events() -> None:
    """Whatever the request says about streams; the usage is among them."""
    rig = two(GOOD)
    assert await collected(rig.router.stream(ask("hi"))) == [
        TextDelta(text="Hel"),
        TextDelta(text="lo"),
        UsageReported(usage=Usage(input_tokens=3, output_tokens=2)),
        Ended(),
    ]
    assert json.loads(rig.endpoints["near"].calls[0].body)["stream"] is True
    assert ending(rig) == (OK, "near", None)


@pytest.mark.parametrize(
    ("then", "error", "message", "reason"),
    [
        (None, AllAttemptsFailed, "The answer broke off: near: the stream ended before the answer did", FAILED),
        (LATE, DeadlineExceeded, "The answer broke off: near: Time is up.", DEADLINE),
    ],
)
async def test_the_library_raises_when_a_stream_breaks_off(
    then: BaseException | None, error: type[PointsmanError], message: str, reason: FinishReason
) -> None:
    """After the events that came; it is recorded as what it was."""
    rig = two(Answers(chunks=(line(text="Hel"),), then=then))
    seen: list[StreamEvent] = []
    with pytest.raises(error) as raised:
        await collect(rig.router.stream(ask("hi")), seen)
    assert (seen, str(raised.value)) == ([TextDelta(text="Hel")], message)
    assert ending(rig)[0] is reason
    if isinstance(raised.value, AllAttemptsFailed):
        (failure,) = raised.value.failures
        assert (failure.kind, failure.model, failure.endpoint) == (FailureKind.TRANSIENT, "near", "at-near")


async def test_a_library_caller_may_stop_listening() -> None:
    """Closing the iterator closes everything."""
    rig = two(Answers(chunks=(line(text="Hel"), line(text="lo")), then=Hangs()))
    stream = rig.router.stream(ask("hi"))
    assert await anext(stream) == TextDelta(text="Hel")
    await stream.aclose()
    assert ending(rig)[0] is CANCELLED


async def test_texts_to_embed_are_not_streamed() -> None:
    """The wrong call is said to be wrong."""
    rig = two(GOOD)
    with pytest.raises(InvalidRequest):
        await collected(rig.router.stream(cast("ChatRequest", EmbeddingRequest(inputs=("x",)))))
    assert rig.events == []


LINES = st.sampled_from(
    [line(begin=1), line(text="a"), line(text="b"), line(stop=True), line(usage=[1, 1]), line(error="no"), line(end=1)]
)
SCRIPTS = st.one_of(
    st.builds(
        Answers,
        chunks=st.lists(LINES, max_size=5).flatmap(
            lambda lines: st.integers(1, 9).map(
                lambda size: tuple(b"".join(lines)[at : at + size] for at in range(0, len(b"".join(lines)), size))
            )
        ),
        status=st.sampled_from([200, 200, 200, 503]),
        then=st.sampled_from([None, None, Fails(message="reset")]),
    ),
    st.just(Fails()),
)


@given(first=SCRIPTS, second=SCRIPTS, dialect=st.sampled_from(["lines", "other"]), leave_after=st.integers(0, 6))
def test_however_endpoints_answer_the_story_is_whole(
    first: Scripted, second: Scripted, dialect: str, leave_after: int
) -> None:
    """One Finished at the end, every response closed once, and the caller's text is that of one model."""

    async def scene() -> None:
        rig = two(first, second, dialect=dialect)
        events: list[StreamEvent] = []
        stream = rig.router.stream(ask("hi"))
        with suppress(PointsmanError):
            async with aclosing(stream):
                async for event in stream:
                    events.append(event)
                    if len(events) > leave_after:
                        break
        reason, served, _ = ending(rig)
        texts = [event.text for event in events if isinstance(event, TextDelta)]
        scripts = dict(zip(("near", "far"), (first, second), strict=True))
        script = scripts[served] if served else Answers()
        assert isinstance(script, Answers)
        spoken = [json.loads(one).get("text") for one in b"".join(script.chunks).splitlines() if one.endswith(b"}")]
        own = [text for text in spoken if text]
        assert texts == own[: len(texts)]
        assert not any(isinstance(event, StreamFailed) for event in events)
        assert reason is not OK or served is not None

    asyncio.run(scene())


async def test_a_model_that_hangs_leaves_time_for_the_next() -> None:
    """Half of what the caller allows; the last one has all that is left."""
    rig = a_rig(a_catalog(a_model("near"), a_model("far")), {"near": [Hangs()], "far": [Answers(chunks=said("Hi"))]})
    caller = Caller(deadline_ms=200.0)
    async with asyncio.timeout(5):
        events = [event async for event in rig.router.stream(ask("hello"), caller)]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "Hi"
    assert rig.tried() == ["near", "far"]
    (ended,) = [event for event in rig.events if isinstance(event, AttemptEnded)]
    assert ended.failure.message == "no content within 0.1 s, half of the time that was left"
