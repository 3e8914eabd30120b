"""What Gemini's API refuses in contents, tools and schemas (ai.google.dev/api/generate-content, and its errors)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tests.clients.upstream.rules import Body, Reader, Refused, refuse_unless

READER: Final = Reader(
    unknown="Invalid JSON payload received. Unknown name \"{name}\" at '{parent}': Cannot find field.",
    missing="* {path}: required field is missing",
    wrong="Invalid value at '{path}' ({wanted}), {given}",
)
SEAL: Final = "scripted-gemini:"
SKIPS: Final = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
_PART: Final = {
    "text": "string",
    "thought": "boolean",
    "thoughtSignature": "string",
    "inlineData": "object",
    "fileData": "object",
    "functionCall": "object",
    "functionResponse": "object",
    "videoMetadata": "object",
    "mediaResolution": "object",
    "partMetadata": "object",
}
_DATA: Final = ("text", "inlineData", "fileData", "functionCall", "functionResponse")
_CALL: Final = {"id": "string", "name": "string", "args": "object"}
_RESPONSE: Final = {
    "id": "string",
    "name": "string",
    "response": "object",
    "parts": "array",
    "willContinue": "boolean",
    "scheduling": "string",
}
_SCHEMA: Final = {
    "type": "string",
    "format": "string",
    "title": "string",
    "description": "string",
    "nullable": "boolean",
    "enum": "array",
    "maxItems": "string|integer",
    "minItems": "string|integer",
    "properties": "object",
    "required": "array",
    "minProperties": "string|integer",
    "maxProperties": "string|integer",
    "minLength": "string|integer",
    "maxLength": "string|integer",
    "pattern": "string",
    "example": "any",
    "anyOf": "array",
    "propertyOrdering": "array",
    "default": "any",
    "items": "object",
    "minimum": "number",
    "maximum": "number",
}
_TYPES: Final = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")
NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}")


def camel(value: Any) -> Any:  # noqa: ANN401  any JSON
    """*value* with its fields in camelCase: this API takes both spellings. What is a tool's own stays as it is."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for name, inner in value.items():
        field = re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)
        is_named_freely = field == "properties" and isinstance(inner, dict)
        properties = {key: camel(one) for key, one in inner.items()} if is_named_freely else None
        found[field] = inner if field in _FREE else properties if is_named_freely else camel(inner)
    return found


_FREE: Final = ("args", "response", "parametersJsonSchema", "responseJsonSchema", "labels", "default", "example")


def check_contents(contents: Sequence[Any], *, needs_signatures: bool) -> None:
    """Roles, parts, and each function call answered by the very next turn."""
    refuse_unless(contents, "* GenerateContentRequest.contents: contents is not specified")
    calls: list[Body] = []
    for index, content in enumerate(contents):
        path = f"contents[{index}]"
        check_content(content, path)
        parts = content["parts"]
        role = content.get("role", "user")
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        _check_answers(answers, calls, index)
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        refuse_unless(not calls or role == "model", f"{path}: function calls belong to the role model")
        refuse_unless(not answers or role != "model", f"{path}: function responses belong to the role user")
        refuse_unless(
            not calls or index,
            "Please ensure that function call turn comes immediately after a user turn or a function response turn.",
        )
    refuse_unless(not calls, "Please ensure that function call turn is followed by a function response turn.")
    if needs_signatures:
        _check_current_turn(contents)


def check_content(content: object, path: str) -> None:
    """One turn, or a system instruction."""
    given = READER.shape(content, path, {"role": "string", "parts": "array"}, ("parts",))
    refuse_unless(given.get("role", "user") in {"user", "model"}, "Please use a valid role: user, model.")
    refuse_unless(given["parts"], f"* {path}.parts: contents.parts must not be empty.")
    for place, part in enumerate(given["parts"]):
        _check_part(part, f"{path}.parts[{place}]")


def _check_answers(answers: Sequence[Body], calls: Sequence[Body], index: int) -> None:
    refuse_unless(
        len(answers) == len(calls),
        "Please ensure that the number of function response parts is equal to the number of function call parts of "
        f"the function call turn: {len(answers)} for {len(calls)} at contents[{index}].",
    )
    wanted = sorted(call["name"] for call in calls)
    given = sorted(answer["name"] for answer in answers)
    refuse_unless(given == wanted, f"contents[{index}]: the function responses {given} are not those of {wanted}")
    strange = {answer["id"] for answer in answers if "id" in answer} - {call.get("id") for call in calls}
    refuse_unless(not strange, f"contents[{index}]: no function call has the id {strange}")


def _check_part(part: object, path: str) -> None:
    given = READER.shape(part, path, _PART)
    data = [name for name in _DATA if name in given]
    refuse_unless(len(data) == 1, f"* {path}.data: required oneof field 'data' must have one initialized field")
    signature = given.get("thoughtSignature")
    if signature is not None and signature not in SKIPS:
        refuse_unless(_is_ours(signature), f"{path}: Thought signature is not valid")
    match data[0]:
        case "inlineData":
            READER.shape(given["inlineData"], path, {"mimeType": "string", "data": "string", "displayName": "string"})
            _decoded(given["inlineData"]["data"], f"{path}.inline_data.data")
        case "fileData":
            known = {"mimeType": "string", "fileUri": "string", "displayName": "string"}
            READER.shape(given["fileData"], path, known, ("fileUri",))
        case "functionCall":
            _check_name(READER.shape(given["functionCall"], path, _CALL, ("name",))["name"], path)
        case "functionResponse":
            answer = READER.shape(given["functionResponse"], path, _RESPONSE, ("name", "response"))
            _check_name(answer["name"], path)


def _is_ours(signature: str) -> bool:
    return _decoded(signature, "thought_signature").startswith(SEAL.encode())


def _decoded(data: str, path: str) -> bytes:
    try:
        return base64.b64decode(data.replace("-", "+").replace("_", "/"), validate=True)
    except ValueError as error:
        raise Refused(f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed") from error


def _check_name(name: str, path: str) -> None:
    refuse_unless(
        NAME.fullmatch(name),
        f"Invalid function name at {path}. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, "
        "0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 64.",
    )


def _check_current_turn(contents: Sequence[Body]) -> None:
    """Gemini 3: since the last words of the user, the first call of each step carries its signature."""
    spoke = [
        index
        for index, content in enumerate(contents)
        if content.get("role", "user") == "user" and any("functionResponse" not in part for part in content["parts"])
    ]
    for index, content in enumerate(contents[max(spoke, default=-1) + 1 :]):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            refuse_unless(
                "thoughtSignature" in calls[0],
                f"Function call is missing a thought_signature in functionCall parts: step {index}",
            )


def check_declaration(declaration: object, path: str) -> Body:
    """A function on offer: its name and its schema, in one of two forms."""
    known = {
        "name": "string",
        "description": "string",
        "behavior": "string",
        "parameters": "object",
        "parametersJsonSchema": "object",
        "response": "object",
        "responseJsonSchema": "object",
    }
    given = READER.shape(declaration, path, known, ("name",))
    _check_name(given["name"], path)
    refuse_unless(
        not ("parameters" in given and "parametersJsonSchema" in given),
        f"{path}: parameters and parameters_json_schema are mutually exclusive",
    )
    if "parameters" in given:
        check_schema(given["parameters"], f"{path}.parameters")
    schema = given.get("parametersJsonSchema", given.get("parameters"))
    return dict(schema or {})


def check_schema(schema: object, path: str) -> None:
    """A schema in Gemini's own form, which is not JSON Schema."""
    given: Mapping[str, Any] = READER.shape(schema, path, _SCHEMA)
    if "type" in given:
        READER.one_of(given["type"].upper(), f"{path}.type", _TYPES)
    kind = given.get("type", "").upper()
    refuse_unless(kind != "ARRAY" or "items" in given, f"* {path}.items: missing field.")
    refuse_unless(
        all(isinstance(one, str) for one in given.get("enum", [])), f"Invalid value at '{path}.enum' (TYPE_STRING)"
    )
    properties = given.get("properties", {})
    refuse_unless(
        set(given.get("required", [])) <= set(properties), f"* {path}.required: property is not defined for a required"
    )
    for name, inner in properties.items():
        check_schema(inner, f"{path}.properties[{name}]")
    for place, inner in enumerate(given.get("anyOf", [])):
        check_schema(inner, f"{path}.any_of[{place}]")
    if "items" in given:
        check_schema(given["items"], f"{path}.items")
