"""Who asks: an agent's name from headers, metadata, message names and system text; never from a person's words.

The first that is there counts:

said outright                     `x-pointsman-agent` (which the server reads), AGENT_HEADERS, `metadata.agent_name`,
                                  `metadata.langgraph_node`, a tag `agent:NAME`
Claude Code's and Codex's headers `claude-code/subagent/Explore`, `claude-code/auxiliary`, `codex/reviewer`
`name` of the last answer         LangGraph
the frame of a system prompt      CrewAI's role, AutoGen's choice of the next speaker
`name` of the first task          AutoGen, which names everybody but the agent itself: `autogen/` and a check sum of its
                                  instructions without digits
the user agent                    `claude-code`, `codex`, `gemini-cli`, `opencode`, `roo-code`; of the OpenAI Agents
                                  SDK, which sends no name, `openai-agents/` and the same check sum
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Role, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.chat import ChatRequest, Message
    from pointsman.core.jsontypes import Json

MAX_NAME_CHARS: Final = 200
_MAX_JSON_CHARS: Final = 16_384
_FINGERPRINT_CHARS: Final = 2_000
_FRAME_CHARS: Final = 2_000  # a role and its backstory are shorter

CLAUDE_CODE: Final = "claude-code"
CODEX: Final = "codex"
_CLAUDE_CLASS: Final = "x-claude-code-request-class"
_CLAUDE_TYPE: Final = "x-claude-code-agent-type"
_CLAUDE_ERRAND: Final = "x-claude-code-auxiliary-type"
_CLAUDE_AGENT: Final = "x-claude-code-agent-id"
_CODEX_KIND: Final = "x-openai-subagent"
_CODEX_TURN: Final = "x-codex-turn-metadata"
_SAID_OUTRIGHT: Final = ("x-router-agent", "x-agent-name", "x-agent", "helicone-property-agent")
_TAGS: Final = "x-litellm-tags"
_JSON: Final = ("cf-aig-metadata", "x-litellm-spend-logs-metadata")
AGENT_HEADERS: Final = frozenset(
    name.encode()
    for name in (
        *_SAID_OUTRIGHT,
        *_JSON,
        _TAGS,
        _CLAUDE_CLASS,
        _CLAUDE_TYPE,
        _CLAUDE_ERRAND,
        _CLAUDE_AGENT,
        _CODEX_KIND,
        _CODEX_TURN,
    )
)
"""The headers that `named_by_headers` reads, as bytes in lower case."""
_PROGRAMS: Final = {
    "claude-cli": CLAUDE_CODE,
    "codex_cli_rs": CODEX,
    "codex_exec": CODEX,
    "codex-tui": CODEX,
    "geminicli": "gemini-cli",
    "geminicli-tui": "gemini-cli",
    "opencode": "opencode",
    "roocode": "roo-code",
}
_AGENTS_SDK: Final = "agents"
_KEYS: Final = ("agent", "agent_name", "agent-name", "langgraph_node")
_TAG: Final = "agent:"
_CREW_OPENING: Final = "You are "
_CREW_GOAL: Final = "\nYour personal goal is:"
_SELECTOR_OPENING: Final = "You are in a role play game. The following roles are available:"
_SELECTOR: Final = "autogen/selector"
_AUTOGEN: Final = "autogen"
_AUTOGEN_TASK: Final = "user"  # who gives a team its task, in AutoGen's messages
_NO_DIGITS: Final = str.maketrans("", "", "0123456789")
_TOLD: Final = frozenset((Role.SYSTEM, Role.DEVELOPER))
_NOT_A_NAME: Final = frozenset(("assistant", "user", "system", "model", "ai"))


def named_by_headers(headers: Mapping[str, str]) -> str | None:
    """The agent that *headers* (of AGENT_HEADERS, by lower-case name) tell of; None when none does."""
    for header in _SAID_OUTRIGHT:
        if (found := cleaned(headers.get(header))) is not None:
            return found
    if (found := _tagged(headers.get(_TAGS, "").split(","))) is not None:
        return found
    for header in _JSON:
        if header in headers and (found := named_by_metadata(_json_object(headers[header]))) is not None:
            return found
    return _claude_code(headers) or _codex(headers)


def named_by_metadata(metadata: Mapping[str, Json]) -> str | None:
    """The agent that a body's *metadata* names; None when it names none."""
    for key in _KEYS:
        value = metadata.get(key)
        if isinstance(value, str) and (found := cleaned(value)) is not None:
            return found
    tags = metadata.get("tags")
    return _tagged(tags) if isinstance(tags, list) else None


def named_by_request(request: ChatRequest, client: str | None) -> str | None:
    """The agent that the messages of *request*, or the program *client* (the user agent's first word), tell of."""
    messages = request.messages
    if (found := _last_speaker(messages)) is not None:
        return found
    if messages and (found := _told(messages)) is not None:
        return found
    if client is None:
        return None
    program = client.partition("/")[0].lower()
    if program == _AGENTS_SDK:
        return f"openai-agents/{_fingerprint(messages)}"
    return _PROGRAMS.get(program)


def cleaned(name: str | None) -> str | None:
    """*name* without what is not printable and no longer than MAX_NAME_CHARS; None when nothing is left."""
    if not name:
        return None
    if not name.isprintable():
        name = "".join(sign for sign in name if sign.isprintable())
    return name.strip()[:MAX_NAME_CHARS].strip() or None


def _claude_code(headers: Mapping[str, str]) -> str | None:
    """`claude-code` for a person's turn, and below it the class of the call and the kind of agent."""
    errand, agent_type = cleaned(headers.get(_CLAUDE_ERRAND)), cleaned(headers.get(_CLAUDE_TYPE))
    called = cleaned(headers.get(_CLAUDE_CLASS))
    if called is None:
        if errand is None and agent_type is None and _CLAUDE_AGENT not in headers:
            return None
        called = "auxiliary" if errand is not None else "subagent"
    if called == "main":
        return CLAUDE_CODE
    below = errand if called == "auxiliary" else agent_type
    return "/".join((CLAUDE_CODE, called) if below is None else (CLAUDE_CODE, called, below))[:MAX_NAME_CHARS]


def _codex(headers: Mapping[str, str]) -> str | None:
    """`codex` for a person's turn, and below it the name of a sub-agent, or its kind."""
    turn, kind = headers.get(_CODEX_TURN), cleaned(headers.get(_CODEX_KIND))
    if turn is None and kind is None:
        return None
    told = _json_object(turn or "")
    is_below = kind is not None or told.get("thread_source") == "subagent"
    if not is_below:
        return CODEX
    named = [told.get("agent_name"), kind, told.get("subagent_kind")]
    below = next((found for one in named if isinstance(one, str) and (found := cleaned(one)) is not None), "subagent")
    return f"{CODEX}/{below}"[:MAX_NAME_CHARS]


def _tagged(tags: Sequence[Json]) -> str | None:
    for tag in tags:
        if isinstance(tag, str) and tag.strip().lower().startswith(_TAG):
            return cleaned(tag.strip()[len(_TAG) :])
    return None


def _json_object(text: str) -> Mapping[str, Json]:
    if len(text) > _MAX_JSON_CHARS:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, Mapping) else {}


def _last_speaker(messages: Sequence[Message]) -> str | None:
    """The name of the last answer's speaker: the agent that is asking again."""
    for message in reversed(messages):
        if message.role is Role.ASSISTANT:
            if message.name is None:
                return None
            name = cleaned(message.name)
            return None if name is None or name.lower() in _NOT_A_NAME else name
    return None


def _told(messages: Sequence[Message]) -> str | None:
    """What the first message tells of who asks; AutoGen's selector speaks as a person to models it does not know."""
    first = messages[0]
    if first.role not in _TOLD:
        part = first.parts[0] if first.parts and first.role is Role.USER else None
        return _SELECTOR if type(part) is Text and part.text.startswith(_SELECTOR_OPENING) else None
    if (found := _framed(first)) is not None:
        return found
    if len(messages) > 1 and messages[1].name == _AUTOGEN_TASK and messages[1].role is Role.USER:
        return f"{_AUTOGEN}/{_fingerprint(messages)}"
    return None


def _framed(message: Message) -> str | None:
    """The role in CrewAI's frame, "You are ROLE. BACKSTORY" and a line "Your personal goal is:"; AutoGen's selector."""
    first = message.parts[0] if message.parts else None
    if type(first) is not Text or not first.text.startswith(_CREW_OPENING):  # as nearly always
        return None
    system = first.text
    if system.startswith(_SELECTOR_OPENING):
        return _SELECTOR
    if system.find(_CREW_GOAL, 0, _FRAME_CHARS) < 0:
        return None
    line, _, _ = system[len(_CREW_OPENING) : len(_CREW_OPENING) + MAX_NAME_CHARS + 2].partition("\n")
    role, dot, _ = line.partition(". ")
    if not dot:
        role = line.removesuffix(".")
    return cleaned(role)


def _fingerprint(messages: Sequence[Message]) -> str:
    """Eight hexadecimal digits of the beginning of the instructions, whatever dates and counts are in it."""
    told = messages[0].text if messages and messages[0].role in _TOLD else ""
    return f"{zlib.crc32(told[:_FINGERPRINT_CHARS].translate(_NO_DIGITS).encode('utf-8', 'replace')):08x}"
