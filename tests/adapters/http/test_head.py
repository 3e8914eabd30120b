"""The request head: exact bytes, and no way to write a second one into it."""

from __future__ import annotations

from typing import cast

import pytest

from pointsman.adapters.http import InvalidRequestHead, Method, Target
from pointsman.adapters.http.head import encode_head

TARGET = Target.parse("http://h:8080/v1")


def test_a_post_is_written_with_host_and_length() -> None:
    """The client adds exactly Host and Content-Length."""
    head = encode_head("POST", TARGET.join("/chat"), [(b"content-type", b"application/json")], 12)
    assert head == (
        b"POST /v1/chat HTTP/1.1\r\nhost: h:8080\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n"
    )


def test_a_get_without_body_says_no_length() -> None:
    """A base URL without a path asks for the root."""
    assert encode_head("GET", Target.parse("http://h"), (), 0) == b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


def test_an_empty_post_says_so() -> None:
    """Servers wait for a body when no length is given."""
    assert encode_head("POST", Target.parse("http://h"), (), 0).endswith(b"\r\ncontent-length: 0\r\n\r\n")


@pytest.mark.parametrize("value", [b"k\r\nx: y", b"k\n", b"k\r", b"k\0"])
def test_a_line_break_in_a_value_is_refused_without_repeating_the_value(value: bytes) -> None:
    """A key read from a file with its newline is the everyday case."""
    with pytest.raises(InvalidRequestHead) as caught:
        encode_head("GET", TARGET, [(b"accept", b"*/*"), (b"authorization", value)], 0)
    assert str(caught.value) == "h:8080: the header authorization holds a line break or NUL"


@pytest.mark.parametrize(
    "name", [b"", b"x y", b"x:", b"x\r\ny", b"\xe9", b"Content-Length", b"transfer-encoding", b"Host", b"connection"]
)
def test_a_malformed_or_framing_header_name_is_refused(name: bytes) -> None:
    """Only this client frames messages."""
    with pytest.raises(InvalidRequestHead):
        encode_head("POST", TARGET, [(name, b"1")], 0)


def test_an_unknown_method_is_refused() -> None:
    """A method is one of five words, never text from outside."""
    with pytest.raises(InvalidRequestHead):
        encode_head(cast("Method", "GET / HTTP/1.1\r\n"), TARGET, (), 0)
