"""Tools of Responses: functions, custom tools of free text, namespaces of tools, and those that an endpoint hosts.

In the neutral form every tool that the caller runs is a function. A custom tool becomes one with a single text
`input`. A tool of a namespace keeps its name where no other has it, else it is named `<namespace>__<name>`.
Hosted tools stay in the extras as `tools.<type>`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ToolCall, ToolChoice, ToolMode, ToolSpec
from pointsman.core.errors import InvalidRequest
from pointsman.dialects import fields
from pointsman.dialects.openai_responses.content import NAME, own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pointsman.core.jsontypes import Json, JsonObject

CUSTOM_CALL: Final = "custom_tool_call"
FUNCTION_CALL: Final = "function_call"
HOSTED: Final = "tools."  # how the extras name hosted tools: "tools.web_search"
INPUT_BEGIN: Final = '{"input": "'
INPUT_END: Final = '"}'

_MAX_NAME_CHARS = 64
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_-]")
_MODES = {mode.value: mode for mode in ToolMode}
_KNOWN = frozenset(("type", "name", "description", "parameters", "strict"))
_OURS = frozenset(("namespace", "name"))  # in a ToolSpec's extras: the namespace's own fields, the name within it


@dataclass(frozen=True, slots=True)
class ToolNames:
    """The neutral names of tools by namespace and name, and the tools' own extras by neutral name."""

    flat_names: Mapping[tuple[str | None, str], str]
    extras: Mapping[str, JsonObject]

    @classmethod
    def of(cls, tools: Iterable[ToolSpec]) -> ToolNames:
        """The names of the tools of one request."""
        flat: dict[tuple[str | None, str], str] = {}
        extras: dict[str, JsonObject] = {}
        for tool in tools:
            found = tool.extras.get(NAME, {})
            space = found.get("namespace")
            name = found.get("name")
            of_space = str(space.get("name")) if isinstance(space, dict) else None
            flat[of_space, name if isinstance(name, str) else tool.name] = tool.name
            extras[tool.name] = found
        return cls(flat_names=flat, extras=extras)

    def flat(self, name: str, namespace: str | None) -> str:
        """The neutral name of the tool that a call names."""
        known = self.flat_names.get((namespace, name))
        if known is not None or namespace is None:
            return known or name
        return flat_name(namespace, name) if name in self.extras else name

    def wire(self, call_name: str) -> JsonObject:
        """What a call of the neutral name *call_name* says: `name`, and `namespace` where it has one."""
        found = self.extras.get(call_name, {})
        space = found.get("namespace")
        named: JsonObject = {"namespace": space.get("name")} if isinstance(space, dict) else {}
        return {"name": found.get("name", call_name), **named}

    def is_custom(self, call_name: str) -> bool:
        """Whether the tool takes free text."""
        return self.extras.get(call_name, {}).get("type") == "custom"


def flat_name(namespace: str, name: str) -> str:
    """`<namespace>__<name>`, within the letters and the length that every API takes."""
    joined = f"{namespace}__{name}"
    clean = _UNNAMEABLE.sub("_", joined)
    if clean == joined and len(clean) <= _MAX_NAME_CHARS:
        return clean
    digest = hashlib.sha256(joined.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{clean[: _MAX_NAME_CHARS - 9]}_{digest}"


def decode_tools(body: JsonObject, extras: JsonObject) -> tuple[ToolSpec, ...]:
    """The tools that the caller runs, in order; hosted ones go to *extras*."""
    found = list(_callable_tools(fields.objects(body, "tools"), extras))
    names = Counter(name for _, name, _, _ in found)
    return tuple(_decode_tool(item, space, at, is_taken=names[name] > 1) for item, name, space, at in found)


def _callable_tools(
    items: Sequence[JsonObject], extras: JsonObject
) -> Iterator[tuple[JsonObject, str, JsonObject, str]]:
    """Each tool with its name, the fields of its namespace (none: it has none) and its path."""
    for index, item in enumerate(items):
        at = f"tools[{index}]"
        kind = fields.required_string(item, "type", at)
        if kind in {"function", "custom"}:
            yield item, fields.required_string(item, "name", at), {}, at
            continue
        inner = fields.objects(item, "tools", at) if kind == "namespace" else []
        if not inner or any(tool.get("type") not in ("function", "custom") for tool in inner):
            hosted = extras.setdefault(f"{HOSTED}{kind}", [])
            if isinstance(hosted, list):
                hosted.append(item)
            continue
        fields.required_string(item, "name", at)
        space = fields.others(item, ("tools",))
        for position, tool in enumerate(inner):
            where = f"{at}.tools[{position}]"
            yield tool, fields.required_string(tool, "name", where), space, where


def _decode_tool(item: JsonObject, space: JsonObject, at: str, *, is_taken: bool) -> ToolSpec:
    name = fields.required_string(item, "name", at)
    flat = flat_name(str(space["name"]), name) if space and is_taken else name
    extras = fields.others(item, _KNOWN) | ({"namespace": space} if space else {})
    if flat != name:
        extras["name"] = name
    description = fields.string(item, "description", at)
    if item["type"] == "custom":
        parameters = _input_schema(item.get("format"))
        return ToolSpec(
            name=flat, description=description, parameters=parameters, extras=own({"type": "custom", **extras})
        )
    return ToolSpec(
        name=flat,
        description=description,
        parameters=fields.mapping(item, "parameters", at),
        strict=fields.boolean(item, "strict", at),
        extras=own(extras),
    )


def _input_schema(form: Json) -> JsonObject:
    """One text, described by its grammar where there is one."""
    text: JsonObject = {"type": "string"}
    if isinstance(form, dict) and isinstance(form.get("definition"), str):
        syntax = f"{form.get('syntax') or ''} grammar".strip()
        text["description"] = f"The tool's input. It follows this {syntax}:\n{form['definition']}"
    return {"type": "object", "properties": {"input": text}, "required": ["input"]}


def encode_tools(tools: Sequence[ToolSpec], extras: JsonObject) -> list[Json]:
    """The tools in this dialect: neighbours of one namespace together, hosted ones (out of *extras*) last."""
    items: list[Json] = []
    open_space: tuple[Json, list[Json]] | None = None
    for tool in tools:
        space = tool.extras.get(NAME, {}).get("namespace")
        if not isinstance(space, dict):
            open_space = None
            items.append(_encode_tool(tool))
            continue
        if open_space is None or open_space[0] != space:
            open_space = (space, [])
            items.append({**space, "tools": open_space[1]})
        open_space[1].append(_encode_tool(tool))
    for key, hosted in extras.items():
        if key.startswith(HOSTED) and isinstance(hosted, list):
            items += hosted
    return items


def _encode_tool(tool: ToolSpec) -> JsonObject:
    extras = tool.extras.get(NAME, {})
    own_fields = fields.others(extras, _OURS)
    name: JsonObject = {"name": extras.get("name", tool.name)}
    if own_fields.get("type") == "custom":
        described: JsonObject = {} if tool.description is None else {"description": tool.description}
        return {"type": "custom", **name, **described, **own_fields}
    return {
        "type": "function",
        **name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": tool.strict or False,  # the other APIs' default; this one's is to try
        **own_fields,
    }


def decode_tool_choice(body: JsonObject, extras: JsonObject, tools: Sequence[ToolSpec]) -> ToolChoice | None:
    """The wish that the neutral form can name; one it can name only in part stays in *extras* too."""
    choice = body.get("tool_choice")
    found: ToolChoice | None = None
    if isinstance(choice, str):
        found = ToolChoice(mode=_MODES[choice]) if choice in _MODES else None
    elif isinstance(choice, dict):
        found = _decode_choice_object(choice, ToolNames.of(tools))
    elif choice is not None:
        raise fields.wrong_type(choice, "a string or an object", "tool_choice")
    if choice is not None and (found is None or encode_tool_choice(found, tools) != choice):
        extras["tool_choice"] = choice
    return found


def _decode_choice_object(choice: JsonObject, names: ToolNames) -> ToolChoice | None:
    match choice:
        case {"type": "function" | "custom", "name": str(name)}:
            space = fields.string(choice, "namespace", "tool_choice")
            qualified = {f"{of}.{inner}": flat for (of, inner), flat in names.flat_names.items() if of is not None}
            known = qualified.get(name) if space is None else None
            return ToolChoice(mode=ToolMode.REQUIRED, name=known or names.flat(name, space))
        case {"type": "function" | "custom"}:
            raise InvalidRequest("tool_choice.name must be a string.", param="tool_choice.name")
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode}:
            return ToolChoice(mode=ToolMode(mode))
        case _:
            return None


def encode_tool_choice(choice: ToolChoice, tools: Sequence[ToolSpec]) -> Json:
    """The wish in this dialect."""
    if choice.name is None:
        return choice.mode.value
    names = ToolNames.of(tools)
    return {"type": "custom" if names.is_custom(choice.name) else "function", **names.wire(choice.name)}


def wrap_input(text: str) -> str:
    """The free text of a custom call as the arguments of a function."""
    return f"{INPUT_BEGIN}{escaped(text)}{INPUT_END}"


def escaped(text: str) -> str:
    """*text* as the inside of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def unwrap_input(arguments: str) -> str:
    """The free text in a function's arguments; arguments that are something else are the text themselves."""
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    match value:
        case {"input": str(text)} if len(value) == 1:
            return text
        case _:
            return arguments


def is_custom_call(call: ToolCall, names: ToolNames) -> bool:
    """Whether *call* goes out as a custom call."""
    kind = call.extras.get(NAME, {}).get("type")
    return kind == CUSTOM_CALL or (kind is None and names.is_custom(call.name))
