"""Tools, the choice among them, and the shape of the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ResponseFormat, ToolChoice, ToolMode, ToolSpec
from pointsman.dialects import fields
from pointsman.dialects.anthropic_messages.content import NAME, more_than

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.jsontypes import Json, JsonObject

SERVER_TOOLS: Final = "server_tools"  # in a request's extras: tools that the endpoint itself runs, each at its place

_MODES = {"auto": ToolMode.AUTO, "any": ToolMode.REQUIRED, "none": ToolMode.NONE}
_WORDS = {mode: word for word, mode in _MODES.items()}
_SCHEMA = "json_schema"


def decode_tools(body: JsonObject, extras: JsonObject) -> tuple[ToolSpec, ...]:
    """The caller's own tools; those of the endpoint go to *extras*."""
    found: list[ToolSpec] = []
    of_server: JsonObject = {}
    for index, item in enumerate(fields.objects(body, "tools")):
        at = f"tools[{index}]"
        if fields.string(item, "type", at) in (None, "custom"):
            found.append(_decode_tool(item, at))
        else:
            of_server[str(index)] = item
    if of_server:
        extras[SERVER_TOOLS] = of_server
    return tuple(found)


def _decode_tool(item: JsonObject, at: str) -> ToolSpec:
    return ToolSpec(
        name=fields.required_string(item, "name", at),
        description=fields.string(item, "description", at),
        parameters=fields.mapping(item, "input_schema", at),
        strict=fields.boolean(item, "strict", at),
        extras=more_than(item, "type", "name", "description", "input_schema", "strict"),
    )


def encode_tools(tools: Sequence[ToolSpec], of_server: JsonObject) -> list[Json]:
    """All tools, those of the endpoint at their places."""
    found: list[Json] = [_encode_tool(tool) for tool in tools]
    for index, tool in of_server.items():
        found.insert(int(index), tool)
    return found


def _encode_tool(tool: ToolSpec) -> JsonObject:
    body: JsonObject = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    body["input_schema"] = _object_schema(tool.parameters)
    if tool.strict is not None:
        body["strict"] = tool.strict
    return body | tool.extras.get(NAME, {})


def _object_schema(parameters: JsonObject | None) -> JsonObject:
    """The API asks for a schema of an object, even for a tool that takes nothing."""
    if not parameters:
        return {"type": "object", "properties": {}}
    return parameters if parameters.get("type") == "object" else {**parameters, "type": "object"}


def decode_choice(body: JsonObject, extras: JsonObject) -> tuple[ToolChoice | None, bool | None]:
    """The choice, and whether several tools may be called at once; one of an unknown type goes to *extras*."""
    given = fields.mapping(body, "tool_choice")
    if given is None:
        return None, None
    kind = fields.required_string(given, "type", "tool_choice")
    alone = fields.boolean(given, "disable_parallel_tool_use", "tool_choice")
    parallel = None if alone is None else not alone
    if kind == "tool":
        name = fields.required_string(given, "name", "tool_choice")
        return ToolChoice(mode=ToolMode.REQUIRED, name=name), parallel
    if kind not in _MODES:
        extras["tool_choice"] = given
        return None, parallel
    return ToolChoice(mode=_MODES[kind]), parallel


def encode_choice(choice: ToolChoice | None, *, parallel: bool | None) -> JsonObject | None:
    """`tool_choice`, which also says that tools are to be called one at a time."""
    if choice is None and parallel is not False:
        return None  # the endpoint's default
    choice = choice or ToolChoice(mode=ToolMode.AUTO)
    body: JsonObject = {"type": _WORDS[choice.mode]}
    if choice.name is not None:
        body = {"type": "tool", "name": choice.name}
    if parallel is not None and choice.mode is not ToolMode.NONE:
        body["disable_parallel_tool_use"] = not parallel
    return body


def decode_format(body: JsonObject) -> ResponseFormat | None:
    """The shape of the answer, said in `output_config.format` or, before that, in `output_format`; None if unknown."""
    at = "output_config.format"
    given = fields.mapping(fields.mapping(body, "output_config") or {}, "format", "output_config")
    if given is None:
        at = "output_format"
        given = fields.mapping(body, at)
    if given is None or fields.required_string(given, "type", at) != _SCHEMA:
        return None
    return ResponseFormat(kind=_SCHEMA, schema=fields.required_mapping(given, "schema", at))


def encode_format(wanted: ResponseFormat | None) -> JsonObject | None:
    """`output_config.format`; None for a wish without a schema, which this API has no word for."""
    if wanted is None or wanted.schema is None:
        return None
    return {"type": _SCHEMA, "schema": _closed(wanted.schema)}


def _closed(schema: Json) -> Json:
    """*schema* with every object closed: the API compiles no other."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found: JsonObject = {key: _closed(value) for key, value in schema.items()}
    if found.get("type") == "object":
        found["additionalProperties"] = False
    return found
