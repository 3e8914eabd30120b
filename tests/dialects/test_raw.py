"""A body read once: what is refused and in which words, and where fields are spliced in."""

from __future__ import annotations

import pytest

from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import JsonObject
from pointsman.dialects.raw import parse_body

BODY = b'{ "model" : "auto",\n  "mess\\u0061ges":[{"content":"caf\xc3\xa9 \\ud83d\\ude00"}], "n": 1 }'


def test_a_replaced_value_leaves_the_rest_as_it_came() -> None:
    """Spacing, escapes and non-ASCII text go on untouched."""
    assert parse_body(BODY).with_fields({"model": "qwen2.5:3b", "n": None}) == (
        b'{ "model" : "qwen2.5:3b",\n  "mess\\u0061ges":[{"content":"caf\xc3\xa9 \\ud83d\\ude00"}], "n": null }'
    )


def test_missing_fields_go_first() -> None:
    """A field the body does not have is written behind the opening brace."""
    assert parse_body(b'{"a":1}').with_fields({"b": [1], "c": "x"}) == b'{"b":[1],"c":"x","a":1}'


def test_an_empty_object_takes_fields_without_a_comma() -> None:
    """There is nothing to separate the new field from."""
    assert parse_body(b" { } ").with_fields({"model": "m"}) == b' {"model":"m" } '


@pytest.mark.parametrize(
    ("updates", "without", "body"),
    [
        ({}, {"model"}, b'{"mess\\u0061ges":[{"content":"caf\xc3\xa9 \\ud83d\\ude00"}],"n": 1 }'),
        ({}, {"n"}, b'{"model" : "auto","mess\\u0061ges":[{"content":"caf\xc3\xa9 \\ud83d\\ude00"}] }'),
        ({"n": 2, "x": 0}, {"messages"}, b'{"x":0,"model" : "auto","n": 2 }'),
        ({}, {"model", "messages", "n"}, b"{ }"),
        ({}, {"y"}, b'{"model" : "auto","mess\\u0061ges":[{"content":"caf\xc3\xa9 \\ud83d\\ude00"}],"n": 1 }'),
    ],
)
def test_a_field_left_out_takes_its_comma_along(updates: JsonObject, without: set[str], body: bytes) -> None:
    """What stays keeps its own text; between the fields there is one comma and nothing else."""
    assert parse_body(BODY).with_fields(updates, without) == body


def test_escaped_keys_are_read_as_what_they_spell() -> None:
    """The endpoint decodes escapes in keys, so we do."""
    raw = parse_body(BODY)
    assert raw.value == {"model": "auto", "messages": [{"content": "café 😀"}], "n": 1}
    assert {key: raw.text[begin:end] for key, (begin, end) in raw.spans.items()} == {
        "model": '"auto"',
        "messages": '[{"content":"café \\ud83d\\ude00"}]',
        "n": "1",
    }


NOT_JSON = "The body is not valid JSON: "
TWICE = " Readers disagree about which one counts."


@pytest.mark.parametrize(
    ("data", "message", "param"),
    [
        (b"", "The body is empty. Send a JSON object.", None),
        (b"\xef\xbb\xbf{}", "The body begins with a byte order mark. Send plain UTF-8.", None),
        (b'{"a":"\xff"}', "The body is not valid UTF-8 at byte 6.", None),
        (b'{"a":"\xed\xa0\x80"}', "The body is not valid UTF-8 at byte 6.", None),
        (b" [1]", "The body is not a JSON object. It must begin with an opening brace.", None),
        (b"{} {", NOT_JSON + "something follows the closing brace, at character 3.", None),
        (b"{", NOT_JSON + "a key in double quotes is missing, at character 1.", None),
        (b'{"a":1,}', NOT_JSON + "a key in double quotes is missing, at character 7.", None),
        (b'{"a" 1}', NOT_JSON + "a colon is missing, at character 4.", None),
        (b'{"a\\x":1}', NOT_JSON + "Invalid \\escape, at character 3.", None),
        (b'{"a":', NOT_JSON + "a value is missing, at character 5.", None),
        (b'{"a":1 "b":2}', NOT_JSON + "a comma or a closing brace is missing, at character 7.", None),
        (b'{"a":"b\n"}', NOT_JSON + "Invalid control character at, at character 7.", None),
        (b'{"a":{"b":NaN}}', NOT_JSON + "NaN is not JSON, in 'a'.", "a"),
        (b'{"a":-Infinity}', NOT_JSON + "-Infinity is not JSON, in 'a'.", "a"),
        (b'{"a":1e999}', NOT_JSON + "a number is too large, in 'a'.", "a"),
        (b'{"a":' + b"9" * 5000 + b"}", NOT_JSON + "a number has too many digits, in 'a'.", "a"),
        (b'{"model":"a","model":"b"}', "The body names the key 'model' twice." + TWICE, "model"),
        (b'{"model":"a","mod\\u0065l":"b"}', "The body names the key 'model' twice." + TWICE, "model"),
        (b'{"m":[{"k":1,"j":2,"k":3}]}', "The body names the key 'k' twice inside 'm'." + TWICE, "m"),
        (
            b'{"a":["\\ud800"]}',
            "The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no character.",
            "a",
        ),
        (
            b'{"\\uD800":1}',
            "The body holds half of a surrogate pair (\\ud800 to \\udfff), which is no character.",
            None,
        ),
    ],
)
def test_what_readers_disagree_about_is_refused(data: bytes, message: str, param: str | None) -> None:
    """The sentence says what is wrong and where; the content is not in it."""
    with pytest.raises(InvalidRequest) as refused:
        parse_body(data)
    assert (str(refused.value), refused.value.param) == (message, param)


@pytest.mark.parametrize("depth", [201, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"b":', b"}")])
def test_a_depth_bomb_is_refused(depth: int, opening: bytes, closing: bytes) -> None:
    """Neither a little too deep nor absurdly deep is read on; so many keys are too many at whatever depth."""
    with pytest.raises(InvalidRequest, match=r"nested too deeply, in 'a'|more than 40,000 keys in a row"):
        parse_body(b'{"a":' + opening * depth + b"1" + closing * depth + b"}")


def test_the_deepest_allowed_body_is_read() -> None:
    """The body itself is the first of 200 levels."""
    data = b'{"a":' + b"[" * 199 + b"]" * 199 + b"}"
    assert parse_body(data).with_fields({}) == data


def test_a_bomb_of_surrogates_is_refused() -> None:
    """Looking for half pairs does not go deeper than the limit."""
    with pytest.raises(InvalidRequest, match="nested too deeply"):
        parse_body(b'{"a":' + b"[" * 300 + b'"\\ud800"' + b"]" * 300 + b"}")


def test_a_long_key_is_shortened_in_the_message() -> None:
    """A key can be content, so only its beginning is shown."""
    key = b"k" * 100
    with pytest.raises(InvalidRequest, match=r"k{64}.u2026' twice"):
        parse_body(b'{"' + key + b'":1,"' + key + b'":2}')
