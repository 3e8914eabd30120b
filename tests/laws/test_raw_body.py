"""The laws of reading a body once: what is refused, and that splicing changes nothing else."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects.raw import parse_body
from tests.laws.strategies import json_objects, json_values, refusal_of, words

any_keys = st.dictionaries(words, json_values, max_size=3)


@given(value=json_objects, indent=st.sampled_from((None, 0, 2)), ascii_only=st.booleans())
def test_a_body_is_its_value(value: JsonObject, indent: int | None, *, ascii_only: bool) -> None:
    """Whatever the spacing and the escapes, the value is the one the standard library reads."""
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    assert parse_body(data).value == value


@given(value=json_objects, updates=any_keys, indent=st.sampled_from((None, 0, 2)))
def test_spliced_fields_are_an_update(value: JsonObject, updates: JsonObject, indent: int | None) -> None:
    """A body with fields set reads like the two mappings merged."""
    raw = parse_body(json.dumps(value, indent=indent).encode())
    assert parse_body(raw.with_fields(updates)).value == {**value, **updates}


@given(value=json_objects.filter(bool), new=json_values, indent=st.sampled_from((None, 2)), data=st.data())
def test_a_spliced_field_changes_no_other_byte(
    value: JsonObject, new: Json, indent: int | None, data: st.DataObject
) -> None:
    """What stands before and after the one value that is replaced stays byte for byte."""
    raw = parse_body(json.dumps(value, indent=indent, ensure_ascii=False).encode())
    key = data.draw(st.sampled_from(sorted(value)))
    begin, end = raw.spans[key]
    written = json.dumps(new, ensure_ascii=False, separators=(",", ":"))
    assert raw.with_fields({key: new}) == (raw.text[:begin] + written + raw.text[end:]).encode()


@given(value=json_objects, updates=any_keys, indent=st.sampled_from((None, 0, 2)), data=st.data())
def test_a_field_left_out_is_gone_and_no_other(
    value: JsonObject, updates: JsonObject, indent: int | None, data: st.DataObject
) -> None:
    """A body without some fields reads like the mapping without these keys."""
    without = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else set()
    raw = parse_body(json.dumps(value, indent=indent).encode())
    kept = {key: field for key, field in value.items() if key not in without}
    updates = {key: field for key, field in updates.items() if key not in without}
    assert parse_body(raw.with_fields(updates, without)).value == {**kept, **updates}


@given(value=json_objects, indent=st.sampled_from((None, 0, 2)))
def test_no_update_gives_the_same_bytes(value: JsonObject, indent: int | None) -> None:
    """Nothing to set: nothing is changed."""
    data = json.dumps(value, indent=indent).encode()
    assert parse_body(data).with_fields({}) == data


@given(data=st.binary() | st.text(alphabet='{}[]",:\\ud8 0e1tn').map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes give anything but a value or an InvalidRequest."""
    refusal = refusal_of(lambda: parse_body(data))
    assert refusal is None or str(refusal)
