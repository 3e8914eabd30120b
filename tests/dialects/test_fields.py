"""Typed looks into JSON objects: the sentence names the path, what was wanted and what was there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects import fields

EVERYTHING: JsonObject = {"null": None, "flag": True, "int": 3, "whole": 3.0, "half": 0.5, "text": "t", "list": [1]}
EVERYTHING |= {"object": {"a": 1}, "objects": [{"a": 1}], "texts": ["a", "b"]}


def test_fields_of_the_right_type_are_given() -> None:
    """A missing field is None like a null one; a whole number may be written with a point."""
    assert [
        fields.string(EVERYTHING, "text"),
        fields.string(EVERYTHING, "null"),
        fields.string(EVERYTHING, "missing"),
        fields.required_string(EVERYTHING, "text"),
        fields.number(EVERYTHING, "int"),
        fields.number(EVERYTHING, "half"),
        fields.integer(EVERYTHING, "whole"),
        fields.integer(EVERYTHING, "null"),
        fields.boolean(EVERYTHING, "flag"),
        fields.mapping(EVERYTHING, "object"),
        fields.required_mapping(EVERYTHING, "object"),
        fields.array(EVERYTHING, "list"),
        fields.objects(EVERYTHING, "objects"),
        fields.objects(EVERYTHING, "missing"),
        fields.strings(EVERYTHING["texts"], "texts"),
        fields.strings("a", "text"),
        fields.strings(None, "null"),
        fields.others({"a": 1, "b": 2}, ("a",)),
    ] == [
        *("t", None, None, "t", 3, 0.5, 3, None, True),
        *({"a": 1}, {"a": 1}, [1], [{"a": 1}], []),
        *(("a", "b"), ("a",), (), {"b": 2}),
    ]


Getter = Callable[[JsonObject, str, str], Json]


@pytest.mark.parametrize(
    ("getter", "value", "message"),
    [
        (fields.string, 1, "a.x must be a string, not a number."),
        (fields.string, True, "a.x must be a string, not a boolean."),
        (fields.required_string, None, "a.x must be a string, not null."),
        (fields.number, True, "a.x must be a number, not a boolean."),
        (fields.number, "1", "a.x must be a number, not a string."),
        (fields.integer, 1.5, "a.x must be a whole number, not 1.5."),
        (fields.integer, True, "a.x must be a whole number, not a boolean."),
        (fields.integer, {}, "a.x must be a whole number, not an object."),
        (fields.boolean, [], "a.x must be a boolean, not a list."),
        (fields.mapping, [], "a.x must be an object, not a list."),
        (fields.required_mapping, None, "a.x is missing."),
        (fields.array, {}, "a.x must be a list, not an object."),
        (fields.objects, [{}, 2], "a.x[1] must be an object, not a number."),
    ],
)
def test_a_field_of_the_wrong_type_is_named(getter: Getter, value: Json, message: str) -> None:
    """The path is in the sentence and in `param`."""
    with pytest.raises(InvalidRequest) as refused:
        getter({"x": value}, "x", "a")
    assert str(refused.value) == message
    assert refused.value.param == message.split(" ", maxsplit=1)[0]


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda: fields.required_string({}, "x"), "x is missing."),
        (lambda: fields.integer({"n": 0}, "n", minimum=1), "n must be at least 1, not 0."),
        (lambda: fields.strings(3, "stop"), "stop must be a string or a list of strings, not a number."),
        (lambda: fields.strings(["a", None], "stop"), "stop[1] must be a string, not null."),
    ],
)
def test_what_else_can_be_wrong_is_named(action: Callable[[], object], message: str) -> None:
    """Missing, too small, neither string nor list."""
    with pytest.raises(InvalidRequest) as refused:
        action()
    assert str(refused.value) == message
