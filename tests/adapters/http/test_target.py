"""Where requests go: one parser, strict about what a base URL may hold."""

from __future__ import annotations

import pytest

from pointsman.adapters.http import InvalidTarget, Target


def test_a_base_url_is_taken_apart_once() -> None:
    """All that a request needs of the URL is a field."""
    target = Target.parse("https://API.example.com/v1/")
    assert target == Target(
        scheme="https",
        host="api.example.com",
        port=443,
        peer="api.example.com:443",
        origin="https://api.example.com:443",
        host_header=b"api.example.com",
        path=b"/v1",
    )


def test_an_ipv6_host_keeps_its_brackets_on_the_wire_only() -> None:
    """The socket takes the bare address, the Host header the bracketed one."""
    target = Target.parse("http://[::1]:8080")
    assert (target.host, target.host_header, target.peer) == ("::1", b"[::1]:8080", "[::1]:8080")


def test_join_appends_path_and_query_to_the_prefix() -> None:
    """The prefix of the base URL stays."""
    joined = Target.parse("http://h:1/openai").join("/v1/chat?api-version=2")
    assert joined.path == b"/openai/v1/chat?api-version=2"


def test_the_path_is_not_in_the_repr() -> None:
    """A key in a query must not reach a log."""
    assert "secret" not in repr(Target.parse("http://h").join("/v1?key=secret"))


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("ftp://h", "it must start with http:// or https://"),
        ("h:80/v1", "it must start with http:// or https://"),
        ("http://", "it names no host"),
        ("http://u:p@h/", "it must not hold a user name or password; configure a key instead"),
        ("http://h/v1?key=1", "it must end with the path, without a query or fragment"),
        ("http://h/v1#top", "it must end with the path, without a query or fragment"),
        ("http://h:0", "port 0 is not usable; choose 1 to 65535"),
        ("http://h\r\nx: y", "it must be visible ASCII without spaces or backslashes"),
        ("http://h\\@evil", "it must be visible ASCII without spaces or backslashes"),
        ("http://[fe80::1%25eth0]", "an IPv6 address with a zone (%…) is not supported"),
        (
            "http://a..b",
            "its host name is malformed; write international names in punycode (xn--…)",
        ),
    ],
)
def test_an_unusable_base_url_says_what_is_wrong(url: str, problem: str) -> None:
    """The message names the fault and never repeats the URL, which may hold a key."""
    with pytest.raises(InvalidTarget) as caught:
        Target.parse(url)
    assert str(caught.value) == f"base URL: {problem}"


@pytest.mark.parametrize("url", ["http://h:99999", "http://h:x", "http://[::1", "http://[v1.x]"])
def test_a_malformed_port_or_address_is_refused(url: str) -> None:
    """What the standard parser trips over is an InvalidTarget too."""
    with pytest.raises(InvalidTarget):
        Target.parse(url)


@pytest.mark.parametrize("path", ["v1", "", "/a b", "/a\r\nx: y", "/é", "/a#b"])
def test_a_path_that_would_break_the_request_line_is_refused(path: str) -> None:
    """A path goes into the first line as it is."""
    with pytest.raises(InvalidTarget):
        Target.parse("http://h").join(path)
