"""Tools, the choice among them, and the shape of the answer.

A tool that the endpoint itself runs stands in the request's extras under "tools." and its name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ResponseFormat, ToolChoice, ToolMode, ToolSpec
from pointsman.dialects import fields
from pointsman.dialects.gemini.schemas import from_json_schema, of_parameters, to_json_schema
from pointsman.dialects.gemini.spelling import NAME, canonical, listed, more_than, own, spellings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

TOOLS: Final = "tools"
TOOL_CONFIG: Final = "toolConfig"
JSON_TYPE: Final = "application/json"
PLAIN_TYPE: Final = "text/plain"

_TOOL = spellings(
    "functionDeclarations",
    "googleSearch",
    "googleSearchRetrieval",
    "codeExecution",
    "urlContext",
    "computerUse",
    "fileSearch",
    "googleMaps",
    "enterpriseWebSearch",
)
_DECLARATION = spellings("parametersJsonSchema", "responseJsonSchema")
_CONFIG = spellings("functionCallingConfig", "retrievalConfig")
_CALLING = spellings("allowedFunctionNames")
_MODES = {"AUTO": ToolMode.AUTO, "ANY": ToolMode.REQUIRED, "NONE": ToolMode.NONE, "VALIDATED": ToolMode.AUTO}
_SHAPE = ("responseJsonSchema", "responseSchema")
_WORDS = {ToolMode.AUTO: "AUTO", ToolMode.REQUIRED: "ANY", ToolMode.NONE: "NONE"}


def decode_tools(body: JsonObject, extras: JsonObject) -> tuple[ToolSpec, ...]:
    """The caller's own tools; those of the endpoint go to *extras*."""
    found: list[ToolSpec] = []
    for index, item in enumerate(listed(body, TOOLS)):
        at = f"{TOOLS}[{index}]"
        tool = canonical(item, _TOOL, at)
        for key, value in tool.items():
            if key == "functionDeclarations":
                where = f"{at}.{key}"
                items = enumerate(listed(tool, key, at))
                found += (_decode_tool(declared, f"{where}[{place}]") for place, declared in items)
            elif value is not None:
                extras[f"{TOOLS}.{key}"] = value
    return tuple(found)


def _decode_tool(item: JsonObject, at: str) -> ToolSpec:
    item = canonical(item, _DECLARATION, at)
    extras = more_than(item, "name", "description", "parameters", "parametersJsonSchema")
    schema, kept = _decode_schema(item, ("parametersJsonSchema", "parameters"), of_parameters, at)
    extras |= kept
    return ToolSpec(
        name=fields.required_string(item, "name", at),
        description=fields.string(item, "description", at),
        parameters=schema,
        extras=own(extras),
    )


def _decode_schema(
    item: JsonObject, names: tuple[str, str], say: Callable[[JsonObject], JsonObject | None], at: str
) -> tuple[JsonObject | None, JsonObject]:
    """The schema in one of the fields *names* (JSON Schema, this API's own), and the field if *say* differs from it."""
    of_json, of_own = names
    given = fields.mapping(item, of_json, at)
    name = of_json if given is not None else of_own
    given = given if given is not None else fields.mapping(item, of_own, at)
    if given is None:
        return None, {}
    schema = to_json_schema(given)
    said = say(schema)
    is_said = (of_json, schema) if said is None else (of_own, said)
    return schema, {} if is_said == (name, given) else {name: given}


def encode_tools(tools: Sequence[ToolSpec], of_endpoint: JsonObject) -> list[Json]:
    """All tools: functions in one entry, each of the endpoint's own in another."""
    functions: list[Json] = [_encode_tool(tool) for tool in tools]
    found: list[Json] = [{"functionDeclarations": functions}] if functions else []
    return [*found, *({name: value} for name, value in of_endpoint.items())]


def _encode_tool(tool: ToolSpec) -> JsonObject:
    extras = tool.extras.get(NAME, {})
    body: JsonObject = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.parameters is not None and "parameters" not in extras and "parametersJsonSchema" not in extras:
        said = of_parameters(tool.parameters)
        body |= {"parametersJsonSchema": tool.parameters} if said is None else {"parameters": said}
    return body | extras


def decode_choice(body: JsonObject, extras: JsonObject) -> ToolChoice | None:
    """The choice; a configuration that it cannot say in full goes to *extras* as well."""
    given = fields.mapping(body, TOOL_CONFIG)
    if given is None:
        return None
    config = canonical(given, _CONFIG, TOOL_CONFIG)
    at = f"{TOOL_CONFIG}.functionCallingConfig"
    calling = canonical(fields.mapping(config, "functionCallingConfig", TOOL_CONFIG) or {}, _CALLING, at)
    mode = _MODES.get((fields.string(calling, "mode", at) or "").upper())
    names = fields.strings(calling.get("allowedFunctionNames"), f"{at}.allowedFunctionNames")
    name = names[0] if mode is ToolMode.REQUIRED and len(names) == 1 else None
    choice = None if mode is None else ToolChoice(mode=mode, name=name)
    said = {**config, "functionCallingConfig": calling}
    if choice is None or encode_choice(choice) != said:
        extras[TOOL_CONFIG] = said
    return choice


def encode_choice(choice: ToolChoice) -> JsonObject:
    """`toolConfig` for *choice*."""
    calling: JsonObject = {"mode": _WORDS[choice.mode]}
    if choice.name is not None:
        calling["allowedFunctionNames"] = [choice.name]
    return {"functionCallingConfig": calling}


def decode_format(config: JsonObject, extras: JsonObject, at: str) -> ResponseFormat | None:
    """The shape of the answer; what cannot be said of it goes to *extras*."""
    kind = fields.string(config, "responseMimeType", at)
    if kind not in (None, JSON_TYPE, PLAIN_TYPE):
        named = ("responseMimeType", *_SHAPE)
        extras |= {f"{at}.{key}": config[key] for key in named if config.get(key) is not None}
        return None
    schema, kept = _decode_schema(config, _SHAPE, from_json_schema, at)
    extras |= {f"{at}.{key}": value for key, value in kept.items()}
    if schema is not None:
        return ResponseFormat(kind="json_schema", schema=schema)
    return None if kind is None else ResponseFormat(kind="text" if kind == PLAIN_TYPE else "json_object")


def encode_format(wanted: ResponseFormat, extras: JsonObject, at: str) -> JsonObject:
    """The fields of `generationConfig` for *wanted*; a schema that stands in *extras* comes from there."""
    if wanted.kind == "text":
        return {"responseMimeType": PLAIN_TYPE}
    body: JsonObject = {"responseMimeType": JSON_TYPE}
    is_kept = any(f"{at}.{key}" in extras for key in _SHAPE)
    if wanted.schema is not None and not is_kept:
        said = from_json_schema(wanted.schema)
        body |= {"responseJsonSchema": wanted.schema} if said is None else {"responseSchema": said}
    return body
