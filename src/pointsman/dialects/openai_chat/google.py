"""Gemini's signature of a tool call, where Google's own OpenAI-shaped endpoint puts it.

Gemini 3 wants its signature back with the call. Clients that keep a call's unknown fields (Google asks them to) bring
it back in `extra_content.google.thought_signature`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.jsontypes import JsonObject

_GEMINI: Final = "gemini"
_SIGNATURE: Final = "thoughtSignature"


def signed(extras: Mapping[str, JsonObject]) -> JsonObject:
    """The field that carries the signature among a call's *extras*; nothing when there is none."""
    signature = extras.get(_GEMINI, {}).get(_SIGNATURE)
    return {"extra_content": {"google": {"thought_signature": signature}}} if isinstance(signature, str) else {}


def signature_in(call: JsonObject) -> Mapping[str, JsonObject]:
    """The signature that *call* brings, as extras; nothing when there is none."""
    content = call.get("extra_content")
    google = content.get("google") if isinstance(content, dict) else None
    signature = google.get("thought_signature") if isinstance(google, dict) else None
    return {_GEMINI: {_SIGNATURE: signature}} if isinstance(signature, str) else {}
