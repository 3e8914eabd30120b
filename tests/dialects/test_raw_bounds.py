"""Bodies that would hold the interpreter are refused before they are parsed."""

from __future__ import annotations

import json

import pytest

from pointsman.core.errors import InvalidRequest
from pointsman.dialects.raw_bounds import LOOKED_AT_BYTES, MAX_KEYS_IN_A_ROW, MAX_VALUES_IN_A_ROW, refuse_floods

FLOODS = {
    "keys": json.dumps({"x": {str(number): 0 for number in range(MAX_KEYS_IN_A_ROW)}}).encode(),
    "keys without blanks": b'{"x":{' + b",".join(b'"k":[]' for _ in range(MAX_KEYS_IN_A_ROW + 1)) + b"}}",
    "values": json.dumps({"x": [0] * (MAX_VALUES_IN_A_ROW + 2)}).encode(),
}


@pytest.mark.parametrize("name", FLOODS)
def test_more_in_a_row_than_anybody_needs_is_refused(name: str) -> None:
    """Whatever stands between them, unless it ends an object."""
    with pytest.raises(InvalidRequest, match="in a row"):
        refuse_floods(FLOODS[name])


ALLOWED = {
    "small": b"{}",
    "large text": json.dumps({"x": "a, b: c" * LOOKED_AT_BYTES}).encode(),
    "many objects": json.dumps({"x": [{"role": "user", "content": 'a, \\ b: c"'}] * MAX_KEYS_IN_A_ROW}).encode(),
    "long vector": json.dumps({"x": [0.125] * MAX_VALUES_IN_A_ROW}).encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", ALLOWED)
def test_long_conversations_texts_and_vectors_pass(name: str) -> None:
    """Commas and colons inside texts are not counted."""
    refuse_floods(ALLOWED[name])
