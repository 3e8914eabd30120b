"""Streams of Ollama that are relayed verbatim: what is seen in them on their way."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.chat import Usage
from pointsman.core.stream import StreamFailed
from pointsman.dialects.frames import MAX_FRAME_BYTES
from pointsman.dialects.ollama.dialect import Ollama
from pointsman.dialects.ollama.relay import OllamaRelayScanner

THOUGHT = b'{"message":{"role":"assistant","content":"","thinking":"Look."},"done":false}\n'
SAID = '{"message":{"role":"assistant","content":"Gr\\u00fc\\n\\"ß\\""},"done":false}\n'.encode()
CALL = b'{"message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]}}\n'
LAST = b'{"message":{"role":"assistant","content":""},"done":true,"prompt_eval_count":3,"eval_count":2}\n'


def scanner() -> OllamaRelayScanner:
    """A fresh one."""
    return Ollama().relay_scanner(Operation.CHAT, strip_usage=True)


def test_a_stream_passes_line_by_line() -> None:
    """Words are counted, the last line has the usage and is the end; it stays, whoever asked for it."""
    watch = scanner()
    assert [watch.feed(piece) for piece in (THOUGHT, SAID[:9], SAID[9:], LAST)] == [THOUGHT, b"", SAID, LAST]
    assert (watch.has_content, watch.output_chars, watch.ended) == (True, 12, True)
    assert watch.usage == Usage(input_tokens=3, output_tokens=2)


def test_generate_passes_too() -> None:
    """Its words have another name."""
    watch = scanner()
    watch.feed(b'{"response":"Hi","done":false}\n')
    assert (watch.has_content, watch.output_chars, watch.ended) == (True, 2, False)


def test_a_tool_call_is_content() -> None:
    """From then on nothing is tried again."""
    watch = scanner()
    watch.feed(CALL)
    assert watch.has_content


def test_an_empty_piece_is_no_content() -> None:
    """Another model may still be tried."""
    watch = scanner()
    watch.feed(Ollama.keep_alive)
    watch.feed(b"\n")
    assert (watch.has_content, watch.failure) == (False, None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"error":"model runner has stopped"}\n', "model runner has stopped"),
        (b"<html><title>Log in</title></html>\n", "Log in"),
        (b"[1]\n", "the endpoint gave no message"),
    ],
)
def test_a_failure_is_seen(line: bytes, message: str) -> None:
    """Under status 200; what follows changes nothing any more, and what is no object is not passed on."""
    watch = scanner()
    passed = line + b"[2]\n" + LAST + LAST if b"error" in line else b""
    assert watch.feed(line + b"[2]\n" + LAST) + watch.feed(LAST) == passed
    assert (watch.failure, watch.ended) == (StreamFailed(message=message), False)


def test_words_about_an_end_are_words() -> None:
    """A model may say what a last line looks like."""
    watch = scanner()
    watch.feed(b'{"message":{"content":"say \\"done\\":true or \\"error\\": x"},"done":false}\n')
    assert (watch.ended, watch.failure) == (False, None)


def test_a_line_in_the_middle_that_is_no_object_is_not_passed_on() -> None:
    """Nor quoted: it may hold half of an answer."""
    first = b'{"message":{"content":"Hi"},"done":false}\n'
    watch = scanner()
    assert watch.feed(first + b'{"message":{"content":"the\n' + LAST) + watch.close() == first
    assert (watch.failure, watch.is_cut) == (
        StreamFailed(message="a line of the endpoint's stream is no JSON object"),
        True,
    )


def test_a_line_without_end_is_a_failure() -> None:
    """It would fill the memory."""
    watch = scanner()
    assert watch.feed(b"x" * (MAX_FRAME_BYTES + 1)) == b""
    assert watch.failure == StreamFailed(
        message=f"a frame of the endpoint's stream is larger than {MAX_FRAME_BYTES} bytes"
    )
    assert watch.close() == b""


def test_an_end_without_a_newline_is_an_end() -> None:
    """What is left at the end of input is looked at too."""
    watch = scanner()
    assert watch.feed(LAST[:-1]) + watch.close() == LAST[:-1]
    assert watch.ended
