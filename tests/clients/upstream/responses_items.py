"""What OpenAI's Responses API refuses among its input items (platform.openai.com/docs/api-reference/responses)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.clients.upstream.rules import Body, Reader, Refused, refuse_unless

READER: Final = Reader(
    unknown="Unknown parameter: '{path}'.",
    missing="Missing required parameter: '{path}'.",
    wrong="Invalid type for '{path}': expected {wanted}, but got {given} instead.",
)
SEAL: Final = "scripted-responses:"
_LONGEST_CALL_ID: Final = 64
_STATES: Final = ("in_progress", "completed", "incomplete", None)
_ITEMS: Final[Mapping[str, Mapping[str, str]]] = {
    "message": {"role": "string", "content": "string|array", "phase": "string|null"},
    "function_call": {"call_id": "string", "name": "string", "arguments": "string", "namespace": "string|null"},
    "function_call_output": {"call_id": "string", "output": "string|array"},
    "reasoning": {"summary": "array", "content": "array|null", "encrypted_content": "string|null"},
    "custom_tool_call": {"call_id": "string", "name": "string", "input": "string"},
    "custom_tool_call_output": {"call_id": "string", "output": "string|array"},
    "item_reference": {},
}
_NEEDED: Final = {
    "message": ("role", "content"),
    "function_call": ("call_id", "name", "arguments"),
    "function_call_output": ("call_id", "output"),
    "reasoning": ("summary",),
    "custom_tool_call": ("call_id", "name", "input"),
    "custom_tool_call_output": ("call_id", "output"),
    "item_reference": ("id",),
}
_PREFIX: Final = {"message": "msg", "function_call": "fc", "reasoning": "rs", "custom_tool_call": "ctc"}
_PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "input_text": {"text": "string"},
    "input_image": {"image_url": "string|null", "file_id": "string|null", "detail": "string|null"},
    "input_file": {
        "file_data": "string",
        "file_id": "string|null",
        "file_url": "string",
        "filename": "string",
        "detail": "string",
    },
    "output_text": {"text": "string", "annotations": "array", "logprobs": "array"},
    "refusal": {"refusal": "string"},
}
_SAYABLE: Final = {
    "user": ("input_text", "input_image", "input_file"),
    "system": ("input_text", "input_image", "input_file"),
    "developer": ("input_text", "input_image", "input_file"),
    "assistant": ("output_text", "refusal"),
}
CALLS: Final = ("function_call", "custom_tool_call")
OUTPUTS: Final = ("function_call_output", "custom_tool_call_output")


def read_items(given: object) -> list[Body]:
    """The input as items; Refused where one is none, or calls and their outputs do not match."""
    items: Any = given
    if isinstance(given, str):
        refuse_unless(given, "Invalid 'input': empty string.")
        items = [{"type": "message", "role": "user", "content": given}]
    refuse_unless(items, "Invalid 'input': empty array. Expected an array with minimum length 1.")
    found = [_item(item, f"input[{index}]") for index, item in enumerate(items)]
    _check_calls(found)
    _check_reasoning(found)
    return found


def _item(item: object, path: str) -> Body:
    kind = str(item.get("type", "message") if isinstance(item, dict) else None)
    READER.one_of(kind, f"{path}.type", tuple(_ITEMS))
    known = {"type": "string", "id": "string|null", "status": "string|null", **_ITEMS[kind]}
    given = READER.shape(item, path, known, _NEEDED[kind])
    READER.one_of(given.get("status"), f"{path}.status", _STATES)
    prefix = _PREFIX.get(kind, "")
    identity = given.get("id") or prefix
    refuse_unless(
        identity.startswith(prefix), f"Invalid '{path}.id': '{identity}'. Expected an ID that begins with '{prefix}'."
    )
    if kind == "message":
        READER.one_of(given["role"], f"{path}.role", tuple(_SAYABLE))
        _check_content(given["content"], f"{path}.content", _SAYABLE[given["role"]])
    elif kind in OUTPUTS:
        _check_content(given["output"], f"{path}.output", _SAYABLE["user"])
    elif kind in CALLS:
        refuse_unless(
            0 < len(given["call_id"]) <= _LONGEST_CALL_ID,
            f"Invalid '{path}.call_id': string too long. Expected a string with maximum length {_LONGEST_CALL_ID}.",
        )
    elif kind == "reasoning" and not (given.get("encrypted_content") or SEAL).startswith(SEAL):
        raise Refused(
            "The encrypted content could not be verified. Reason: Encrypted content could not be decrypted or parsed.",
            code="invalid_encrypted_content",
        )
    return {**given, "type": kind}


def _check_content(content: object, path: str, sayable: Sequence[str]) -> None:
    if isinstance(content, str):
        return
    assert isinstance(content, list)
    for place, part in enumerate(content):
        kind = str(part.get("type") if isinstance(part, dict) else None)
        if kind not in sayable:
            wanted = ", ".join(f"'{one}'" for one in sayable)
            raise Refused(f"Invalid value: '{kind}'. Supported values are: {wanted}: {path}[{place}].type")
        READER.shape(part, f"{path}[{place}]", {"type": "string", **_PARTS[kind]})


def _check_calls(items: Sequence[Body]) -> None:
    called: list[str] = []
    answered: set[str] = set()
    for item in items:
        if item["type"] in CALLS:
            refuse_unless(item["call_id"] not in called, f"Duplicate call_id: {item['call_id']}")
            called.append(item["call_id"])
        if item["type"] in OUTPUTS:
            refuse_unless(
                item["call_id"] in called,
                f"No tool call found for function call output with call_id {item['call_id']}.",
            )
            answered.add(item["call_id"])
    missing = [one for one in called if one not in answered]
    refuse_unless(not missing, f"No tool output found for function call {', '.join(missing)}.")


def _check_reasoning(items: Sequence[Body]) -> None:
    """A kept thought (one with an id) is followed by what came of it."""
    for place, item in enumerate(items):
        if item["type"] != "reasoning" or not item.get("id"):
            continue
        rest = [one for one in items[place + 1 :] if one["type"] != "reasoning"][:1]
        followed = rest and (rest[0]["type"] in CALLS or rest[0].get("role") == "assistant")
        refuse_unless(
            followed,
            f"Item '{item['id']}' of type 'reasoning' was provided without its required following item.",
        )
