"""Thinking: blocks of it, how much of it is asked for, and what the generations of Claude take beside it.

Claude 4.6 and later think as much as they find right (`adaptive`, steered by an effort); earlier ones, and other
models behind this API, are given a budget of tokens. Claude 4.7 and later refuse sampling settings.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import Reasoning
from pointsman.core.values import value_type
from pointsman.dialects import fields, signatures
from pointsman.dialects.anthropic_messages.content import NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.chat import ChatRequest
    from pointsman.core.jsontypes import Json, JsonObject

NO_EFFORT: Final = "none"
DISABLED: Final[JsonObject] = {"type": "disabled"}
MIN_BUDGET_TOKENS: Final = 1024

_REDACTED = "redacted_thinking:"  # before the data of a redacted block, where a signature stands
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576, "max": 24_576}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "max"}
_NEUTRAL = {"max": "xhigh"}
_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)


@value_type
class Abilities:
    """What a model behind this API takes. A default for max_tokens is needed because the API demands the field."""

    is_claude: bool
    thinks_adaptively: bool
    takes_sampling: bool
    max_output_tokens: int


def abilities(model: str) -> Abilities:
    """What *model* takes, judged by its name; a Claude of unknown generation is taken for the newest."""
    if "claude" not in model:
        return Abilities(is_claude=False, thinks_adaptively=False, takes_sampling=True, max_output_tokens=8192)
    found = _VERSION.search(model)
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    return Abilities(
        is_claude=True,
        thinks_adaptively=version >= (4, 6),
        takes_sampling=version < (4, 7),
        max_output_tokens=4096 if version < (3, 7) else 32_000,
    )


def decode_block(block: JsonObject, at: str) -> Reasoning:
    """A block of thinking, open or redacted."""
    if block.get("type") == "redacted_thinking":
        return Reasoning(text="", signature=redacted(fields.required_string(block, "data", at)), origin=NAME)
    signature, origin = signatures.inward(fields.string(block, "signature", at) or None, NAME)
    return Reasoning(text=fields.required_string(block, "thinking", at), signature=signature, origin=origin)


def redacted(data: str) -> str:
    """What stands for the signature of a redacted block."""
    return _REDACTED + data


def redacted_data(signature: str) -> str | None:
    """The data of a redacted block; None when *signature* is one."""
    return signature.removeprefix(_REDACTED) if signature.startswith(_REDACTED) else None


def is_shown(request: ChatRequest) -> bool:
    """Whether the caller wants to read the thinking. What is signed is given without its text to one who does not."""
    given = request.extras.get(NAME, {}).get("thinking")
    return isinstance(given, dict) and given.get("display") != "omitted"


def encode_block(part: Reasoning) -> JsonObject:
    """The block of thinking; it says whose it is."""
    if part.signature is not None and part.origin == NAME and (data := redacted_data(part.signature)) is not None:
        return {"type": "redacted_thinking", "data": data}
    signature = signatures.outward(part.signature, part.origin, NAME)
    return {"type": "thinking", "thinking": part.text, "signature": signature}


def decode_effort(body: JsonObject, extras: JsonObject) -> str | None:
    """The neutral effort that `thinking` and `output_config.effort` amount to; what it cannot say goes to *extras*."""
    given = fields.mapping(body, "thinking")
    effort = fields.string(fields.mapping(body, "output_config") or {}, "effort", "output_config")
    if given is not None and given != DISABLED:
        extras["thinking"] = given
    if given is not None and given.get("type") == "disabled":
        return NO_EFFORT
    if effort is not None:
        return _NEUTRAL.get(effort, effort)
    return None if given is None else _effort_of_budget(given)


def _effort_of_budget(given: JsonObject) -> str | None:
    budget = fields.integer(given, "budget_tokens", "thinking")
    if budget is None:
        return None
    return next((effort for effort in ("low", "medium") if budget <= _BUDGETS[effort]), "high")


def encode_effort(effort: str, model: Abilities, max_tokens: int) -> tuple[JsonObject | None, str | None]:
    """`thinking` and `output_config.effort` for *effort*; (None, None) when there is no room or no word for it."""
    if effort == NO_EFFORT:
        return dict(DISABLED), None
    if effort not in _EFFORTS:
        return None, None
    if model.thinks_adaptively:
        return {"type": "adaptive"}, _EFFORTS[effort]
    budget = min(_BUDGETS[effort], max_tokens // 2)
    return ({"type": "enabled", "budget_tokens": budget}, None) if budget >= MIN_BUDGET_TOKENS else (None, None)


def may_be_budgeted(turns: Sequence[Json]) -> bool:
    """Whether the API lets a budget of thinking be given with *turns*.

    Not when the results of calls come last and the turn that called does not begin with thinking: another model's did
    not, or its thinking could not be kept. The answer to the next question may think again.
    """
    if len(turns) < 2 or not any(block.get("type") == "tool_result" for block in _blocks(turns[-1])):
        return True
    first = next(_blocks(turns[-2]), {})
    return first.get("type") in ("thinking", "redacted_thinking")


def _blocks(turn: Json) -> Iterator[JsonObject]:
    content = turn.get("content") if isinstance(turn, dict) else None
    return (block for block in content if isinstance(block, dict)) if isinstance(content, list) else iter(())


def is_budgeted(given: Json) -> bool:
    """Whether *given* is a `thinking` with a budget."""
    return isinstance(given, dict) and given.get("type") == "enabled"


def effort_beside(given: JsonObject, effort: str | None) -> str | None:
    """`output_config.effort` beside the caller's own *given* thinking: *effort*, unless it was read from there."""
    if effort is None or (given.get("type") == "enabled" and effort == _effort_of_budget(given)):
        return None
    return _EFFORTS.get(effort)
