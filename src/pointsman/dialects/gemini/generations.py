"""What the generations of Gemini take, judged by a model's name, and how much thinking is asked for.

Gemini 3 and later are given a level of thinking, Gemini 2.5 a budget of tokens; earlier ones and Gemma take neither.
Gemini 3 asks for the signature of each step's first call back, and takes tools together with a shape of the answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pointsman.core.values import value_type
from pointsman.dialects import fields
from pointsman.dialects.gemini.spelling import canonical, spellings

if TYPE_CHECKING:
    from pointsman.core.jsontypes import JsonObject

NO_EFFORT: Final = "none"

_VERSION = re.compile(r"gemini-(\d{1,2})(?:\.(\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)
_LAST_WITHOUT_THINKING = (2, 0)
_FIRST_WITH_LEVELS = (3, 0)
_BUDGETS = {"minimal": 512, "low": 1024, "medium": 8192, "high": 24_576}
_LEVELS = {"minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH"}
_EFFORTS = {level: effort for effort, level in _LEVELS.items()} | {"XHIGH": "high"}
_HIGHEST = ("xhigh", "max")
_LEAST_BUDGET_OF_PRO = 128
_FIELDS = spellings("includeThoughts", "thinkingBudget", "thinkingLevel")


@value_type
class Abilities:
    """What a model behind this API takes; one of an unknown family is taken at its word."""

    wants_signatures: bool  # on calls in its history; it takes media inside results as well
    thinks: bool
    has_levels: bool  # of thinking, instead of a budget
    is_pro: bool  # cannot stop thinking
    mixes_tools_and_shape: bool


def abilities(model: str) -> Abilities:
    """What *model* takes; a Gemini without a number (`gemini-flash-latest`) is taken for the newest."""
    found = _VERSION.search(model)
    is_gemini = "gemini" in model
    version = (int(found[1]), int(found[2] or 0)) if found else _NEWEST
    has_levels = is_gemini and version >= _FIRST_WITH_LEVELS
    return Abilities(
        wants_signatures=has_levels,
        thinks=is_gemini and version > _LAST_WITHOUT_THINKING,
        has_levels=has_levels,
        is_pro="-pro" in model,
        mixes_tools_and_shape=has_levels or not is_gemini,
    )


def decode_thinking(config: JsonObject, at: str) -> tuple[str | None, JsonObject | None]:
    """The neutral effort that `thinkingConfig` amounts to, and the whole of it where that does not say it all."""
    given = fields.mapping(config, "thinkingConfig", at)
    if given is None:
        return None, None
    at = f"{at}.thinkingConfig"
    given = canonical(given, _FIELDS, at)
    fields.boolean(given, "includeThoughts", at)
    budget = fields.integer(given, "thinkingBudget", at)
    level = (fields.string(given, "thinkingLevel", at) or "").upper()
    effort = _EFFORTS.get(level) or _effort_of_budget(budget)
    said = () if effort is None else (_with_level(effort), _with_budget(effort, least=0))
    return effort, None if given in said else given


def _effort_of_budget(budget: int | None) -> str | None:
    if budget is None or budget < 0:  # -1: as much as the model finds right
        return None
    if budget == 0:
        return NO_EFFORT
    return next((effort for effort, limit in _BUDGETS.items() if budget <= limit), "high")


def encode_thinking(effort: str, model: Abilities) -> JsonObject | None:
    """`thinkingConfig` for *effort*; None when the model or the API has no word for it."""
    effort = "high" if effort in _HIGHEST else effort
    if not model.thinks or (effort not in _BUDGETS and effort != NO_EFFORT):
        return None
    if not model.has_levels:
        return _with_budget(effort, least=_LEAST_BUDGET_OF_PRO if model.is_pro else 0)
    if effort in (NO_EFFORT, "minimal"):  # these models always think; the least differs
        return {"thinkingLevel": "LOW" if model.is_pro else "MINIMAL"}
    return _with_level(effort)


def _with_level(effort: str) -> JsonObject:
    return {"includeThoughts": True, "thinkingLevel": _LEVELS.get(effort)}


def _with_budget(effort: str, *, least: int) -> JsonObject:
    if effort == NO_EFFORT:
        return {"thinkingBudget": least}
    return {"includeThoughts": True, "thinkingBudget": _BUDGETS[effort]}
