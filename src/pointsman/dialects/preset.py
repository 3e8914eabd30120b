"""A caller's body with what a preset sets: a system prompt, settings and fewer tools, in each dialect's own words.

The rest of the body stays as it came, so that it can still be relayed to an endpoint of its dialect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.jsontypes import Json, JsonObject

_CHAT: Final = ("openai_chat", "ollama")
_TOOLS: Final = "tools"
_DECLARATIONS: Final = "functionDeclarations"
_THINKING: Final = "thinking"  # of Anthropic's API, which takes no temperature and top_p beside it
_NOT_BESIDE_THINKING: Final = frozenset(("temperature", "top_p"))
_CHOICES: Final = ("tool_choice", "toolConfig", "parallel_tool_calls")  # what makes no sense without tools


def system_fields(dialect: str, body: JsonObject, system: str) -> JsonObject:
    """The fields of *body*, which has no system prompt, that say *system*."""
    match dialect:
        case "openai_responses":
            return {"instructions": system}
        case "anthropic_messages":
            return {"system": system}
        case "gemini":
            return {"systemInstruction": {"parts": [{"text": system}]}}
        case _:
            messages = body.get("messages")
            told: Json = {"role": "system", "content": system}
            return {"messages": [told, *messages]} if isinstance(messages, list) else {}


def setting_fields(dialect: str, body: JsonObject, settings: Sequence[Mapping[str, Json]]) -> JsonObject:
    """The fields of *body* with *settings*, which it does not have; objects (Ollama's `options`) are added to."""
    found: JsonObject = {}
    thinks = dialect == "anthropic_messages" and body.get(_THINKING) is not None
    for setting in settings:
        for name, value in setting.items():
            if thinks and name in _NOT_BESIDE_THINKING:
                continue
            given = found.get(name, body.get(name))
            is_merged = isinstance(value, Mapping) and isinstance(given, Mapping)
            found[name] = {**value, **given} if is_merged else value  # type: ignore[dict-item]  # both are mappings
    return found


def tool_fields(dialect: str, body: JsonObject, is_allowed: Callable[[str], bool]) -> tuple[JsonObject, frozenset[str]]:
    """The fields of *body* that change when only allowed tools are offered, and those that go.

    A tool without a name, such as a search that the API does by itself, is known by its type.
    """
    tools = body.get(_TOOLS)
    if not isinstance(tools, list):
        return {}, frozenset()
    kept = [kept for tool in tools if (kept := _kept(dialect, tool, is_allowed)) is not None]
    if kept == tools:
        return {}, frozenset()
    if not kept:
        return {}, frozenset((_TOOLS, *_CHOICES)) & body.keys()
    choice = _chosen(body.get("tool_choice"))
    gone = frozenset(("tool_choice",)) if choice is not None and not is_allowed(choice) else frozenset()
    return {_TOOLS: kept}, gone


def _kept(dialect: str, tool: Json, is_allowed: Callable[[str], bool]) -> Json | None:
    if not isinstance(tool, Mapping):
        return tool
    if dialect == "gemini":
        declared = tool.get(_DECLARATIONS)
        if not isinstance(declared, list):
            return tool if all(map(is_allowed, tool)) else None
        kept = [one for one in declared if not isinstance(one, Mapping) or is_allowed(str(one.get("name")))]
        return {**tool, _DECLARATIONS: kept} if kept else None
    function = tool.get("function")
    named = function if isinstance(function, Mapping) else tool
    return tool if is_allowed(str(named.get("name") or tool.get("type"))) else None


def _chosen(choice: Json) -> str | None:
    """The tool that `tool_choice` names."""
    if not isinstance(choice, Mapping):
        return None
    function = choice.get("function")
    name = (function if isinstance(function, Mapping) else choice).get("name")
    return name if isinstance(name, str) else None
