"""A request as its preset has it: what the caller did not say is said, in the neutral form and in the body relayed."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from pointsman.core.catalog import Operation
from pointsman.core.chat import ChatRequest, Message, Role, Sampling, Text
from pointsman.dialects.preset import setting_fields, system_fields, tool_fields
from pointsman.dialects.raw import parse_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import Json
    from pointsman.core.preset import Preset
    from pointsman.dialects.raw import RawBody
    from pointsman.engine.inbound import Inbound

_TELLING: Final = frozenset((Role.SYSTEM, Role.DEVELOPER))
_SETTINGS: Final = ("temperature", "top_p", "max_output_tokens")
_SNAKE_CONFIG: Final = "generation_config"  # of Gemini, the same by another name: not to be said twice


def applied(inbound: Inbound, preset: Preset) -> Inbound:
    """*inbound* with *preset*'s system prompt and settings where it has none, and only the tools that it allows.

    Applied again it changes nothing. A completion has no system prompt, and texts to embed are left as they are.
    """
    request = inbound.request
    if not isinstance(request, ChatRequest):
        return inbound
    is_chat = inbound.operation in (Operation.CHAT, Operation.COUNT_TOKENS)
    is_told = not is_chat or any(message.role in _TELLING for message in request.messages)
    system = None if is_told else preset.system
    settings = _missing(request.sampling, preset.sampling) if inbound.operation is not Operation.COUNT_TOKENS else {}
    raw = None if inbound.raw is None else _body(inbound, inbound.raw, preset, system, settings)
    changed = _request(request, preset, system, settings)
    return inbound if changed is request and raw is inbound.raw else replace(inbound, request=changed, raw=raw)


def _missing(given: Sampling, preset: Sampling) -> Mapping[str, float]:
    """Those of *preset*'s settings that *given* does not have."""
    found = {name: getattr(preset, name) for name in _SETTINGS if getattr(given, name) is None}
    return {name: value for name, value in found.items() if value is not None}


def _request(request: ChatRequest, preset: Preset, system: str | None, settings: Mapping[str, float]) -> ChatRequest:
    told = (Message(role=Role.SYSTEM, parts=(Text(text=system),)),) if system is not None else ()
    tools = tuple(tool for tool in request.tools if _may_offer(preset, tool.name))
    if not told and not settings and len(tools) == len(request.tools):
        return request
    choice = request.tool_choice
    named = choice.name if choice is not None else None
    has_choice = bool(tools) and (named is None or _may_offer(preset, named))
    return replace(
        request,
        messages=(*told, *request.messages),
        sampling=replace(request.sampling, **settings),  # type: ignore[arg-type]  # each by its own name
        tools=tools,
        tool_choice=choice if has_choice or not request.tools else None,
    )


def _body(
    inbound: Inbound, raw: RawBody, preset: Preset, system: str | None, settings: Mapping[str, float]
) -> RawBody | None:
    """The body with the same; None where it cannot be said in it, so that the request is translated."""
    dialect, body = inbound.relays_to or "", raw.value
    if settings and _SNAKE_CONFIG in body:
        return None
    words = preset.words.get(dialect, {})
    updates: dict[str, Json] = {} if system is None else system_fields(dialect, body, system)
    updates |= setting_fields(dialect, body, [words[name] for name in settings if name in words])
    tools, gone = tool_fields(dialect, body, lambda name: _may_offer(preset, name))
    updates |= tools
    return parse_body(raw.with_fields(updates, without=gone)) if updates or gone else raw


def _may_offer(preset: Preset, tool: str) -> bool:
    return preset.tools is None or any(fnmatchcase(tool, one) for one in preset.tools)
