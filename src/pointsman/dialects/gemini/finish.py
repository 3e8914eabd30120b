"""Why an answer ended, and what made an endpoint not answer at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.chat import StopReason

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

STOP: Final = "STOP"

_FILTERED = frozenset(
    (
        "SAFETY",
        "RECITATION",
        "LANGUAGE",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    )
)
_ENCODED = {
    None: STOP,  # clients take an answer without a reason for one that was cut
    StopReason.STOP: STOP,
    StopReason.TOOL_CALLS: STOP,
    StopReason.LENGTH: "MAX_TOKENS",
    StopReason.CONTENT_FILTER: "SAFETY",
}
_FAILED = frozenset(("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"))


def decode_finish(given: Json, *, has_calls: bool) -> tuple[StopReason | None, JsonObject]:
    """The neutral reason, and as fields what it does not say; a reason of next year is a plain stop."""
    if not isinstance(given, str) or not given or given == "FINISH_REASON_UNSPECIFIED":
        return None, {}
    if given == "MAX_TOKENS":
        reason = StopReason.LENGTH
    elif given in _FILTERED:
        reason = StopReason.CONTENT_FILTER
    else:
        reason = StopReason.TOOL_CALLS if has_calls else StopReason.STOP
    return reason, {} if _ENCODED[reason] == given else {"finishReason": given}


def encode_finish(reason: StopReason | None) -> str:
    """The word for *reason*; calls of tools end with a plain stop here."""
    return _ENCODED[reason]


def is_failure(given: Json) -> bool:
    """Whether an answer that says nothing ended so that another attempt may do better."""
    return given in _FAILED


def blocked(feedback: Json) -> bool:
    """Whether *feedback* about the prompt says that it was not answered."""
    return isinstance(feedback, dict) and bool(feedback.get("blockReason"))
