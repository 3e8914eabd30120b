"""A stream whose end shows that it was no answer does not end like one, relayed or translated."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.core.chat import Usage
from pointsman.core.stream import StreamEvent, StreamFailed, TextDelta
from pointsman.dialects.ollama.relay import OllamaRelayScanner
from pointsman.dialects.ollama.stream import OllamaStreamDecoder
from pointsman.engine.pump import Birth, Check, RelayPump, TranslatePump

SAID = b'{"model":"m","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Hi"},"done":false}\n'
END = b'{"model":"m","message":{"role":"assistant","content":""},"done":true,"prompt_eval_count":9,"eval_count":1}\n'
UNSOUND = StreamFailed(message="half was read", code="context_truncated")


def judge(seen: list[Usage | None], verdict: StreamFailed | None) -> Check:
    """Says *verdict*, and writes down of what."""

    def check(usage: Usage | None) -> StreamFailed | None:
        seen.append(usage)
        return verdict

    return check


def translated(verdict: StreamFailed | None, seen: list[Usage | None]) -> TranslatePump[StreamEvent]:
    """Events as they are said."""

    def say(event: StreamEvent) -> Sequence[StreamEvent]:
        return (event,)

    birth = Birth(id="d1", now=lambda: 1.0)
    return TranslatePump(decoder=OllamaStreamDecoder(), say=say, birth=birth, check=judge(seen, verdict))


def test_a_relayed_stream_loses_its_last_line() -> None:
    """What came before it has been sent; the failure is not in the pieces, so that the error can follow."""
    seen: list[Usage | None] = []
    pump = RelayPump(OllamaRelayScanner(), judge(seen, UNSOUND))
    assert (pump.feed(SAID), pump.failure) == ((SAID,), None)
    assert pump.feed(END) == ()
    assert pump.close() == ()
    assert seen == [Usage(input_tokens=9, output_tokens=1)]
    assert (pump.failure, pump.is_cut, pump.has_ended, pump.is_committed) == (UNSOUND, True, False, True)


def test_lines_that_come_with_the_last_are_kept() -> None:
    """Only the end is no end."""
    pump = RelayPump(OllamaRelayScanner(), judge([], UNSOUND))
    assert pump.feed(SAID + SAID + END) == (SAID + SAID,)
    assert pump.is_cut


def test_a_last_line_without_its_line_break_is_judged_as_well() -> None:
    """It is seen when the input ends."""
    pump = RelayPump(OllamaRelayScanner(), judge([], UNSOUND))
    assert (*pump.feed(SAID + END[:-1]), *pump.close()) == (SAID,)
    assert pump.failure == UNSOUND


def test_a_sound_stream_is_relayed_to_its_end_and_judged_once() -> None:
    """Byte for byte."""
    seen: list[Usage | None] = []
    pump = RelayPump(OllamaRelayScanner(), judge(seen, None))
    assert b"".join((*pump.feed(SAID + END), *pump.close())) == SAID + END
    assert (len(seen), pump.failure, pump.is_cut, pump.has_ended) == (1, None, False, True)


def test_a_translated_stream_ends_with_the_failure() -> None:
    """No reason, no usage and no end are said; the caller's API has an error event for it."""
    seen: list[Usage | None] = []
    pump = translated(UNSOUND, seen)
    started, *rest = (*pump.feed(SAID), *pump.feed(END), *pump.close())
    assert rest == [TextDelta(text="Hi"), UNSOUND]
    assert seen == [Usage(input_tokens=9, output_tokens=1)]
    assert (pump.failure, pump.has_ended, pump.is_cut) == (UNSOUND, False, False)
    assert started == pump.birth.of_stream(started)  # type: ignore[arg-type]


def test_a_sound_translation_ends_as_it_does() -> None:
    """With its usage."""
    pump = translated(None, [])
    pump.feed(SAID + END)
    assert (pump.failure, pump.has_ended, pump.usage) == (None, True, Usage(input_tokens=9, output_tokens=1))
