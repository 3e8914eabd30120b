"""Which conversation a request belongs to, by what programs say of their own accord; `x-pointsman-session` goes first.

| who | what counts |
| --- | --- |
| Claude Code | `x-claude-code-session-id`, with `x-claude-code-agent-id`; else inside `metadata.user_id` |
| Codex | `session-id` (`session_id`) with `thread-id`; `prompt_cache_key` |
| Open WebUI | `x-openwebui-chat-id` |
| LiteLLM, Helicone, others | `x-litellm-session-id`, `helicone-session-id`, `x-session-id` |
| OpenRouter, OpenAI | `session_id`, `conversation`, `prompt_cache_key` of the body |
| frameworks | `metadata.session_id`, `conversation_id`, `thread_id`, `chat_id` |
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

# A header that names the session, and one that tells its threads apart.
_HEADERS: Final = (
    ("x-claude-code-session-id", "x-claude-code-agent-id"),
    ("session-id", "thread-id"),
    ("session_id", "thread-id"),
    ("x-openwebui-chat-id", None),
    ("x-session-id", None),
    ("x-litellm-session-id", None),
    ("helicone-session-id", None),
)
SESSION_HEADERS: Final = frozenset(name.encode() for pair in _HEADERS for name in pair if name is not None)
"""The headers that `named_by_headers` reads, as bytes in lower case."""
SESSION_FIELDS: Final = frozenset(("prompt_cache_key", "session_id", "conversation", "conversation_id", "chat_id"))
"""The fields of a body that `named_by_body` reads."""
_FIELDS: Final = ("session_id", "conversation_id", "conversation", "chat_id", "prompt_cache_key")
_METADATA: Final = ("conversation_id", "conversation-id", "thread_id", "chat_id")
_MOST_JSON_CHARS: Final = 4096


def named_by_headers(headers: Mapping[str, str]) -> str | None:
    """The session that *headers* (of SESSION_HEADERS, by lower-case name) tell of; None when none does."""
    for name, thread in _HEADERS:
        if found := headers.get(name):
            beside = headers.get(thread) if thread is not None else None
            return f"{found}/{beside}" if beside and beside != found else found
    return None


def named_by_body(body: JsonObject) -> str | None:
    """The session that fields of *body* tell of."""
    return next((name for field in _FIELDS if (name := _name(body.get(field))) is not None), None)


def named_by_metadata(metadata: Mapping[str, Json]) -> str | None:
    """The session that *metadata* tells of, but for labels of ours; Claude Code's is inside a JSON text."""
    found = next((name for field in _METADATA if (name := _name(metadata.get(field))) is not None), None)
    user = metadata.get("user_id")
    if found is not None or not isinstance(user, str) or not user.startswith("{") or len(user) > _MOST_JSON_CHARS:
        return found
    try:
        said = json.loads(user)
    except (ValueError, RecursionError):
        return None
    return _name(said.get("session_id")) if isinstance(said, dict) else None


def _name(value: Json) -> str | None:
    """An id as it stands, or inside an object as OpenAI has it."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) and value else None
