"""What a calibration found, for a person; and the setting as YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from pointsman.cli.evaluate_tables import calls, mark, short, signed, span, whole
from pointsman.cli.figures import NOTHING, share
from pointsman.cli.output import print_data, table, width
from pointsman.evals.calibrate import Aim
from pointsman.evals.calibrate_report import FITTED, HELD_OUT, IN_FORCE, strong_share
from pointsman.evals.settings_text import fragment

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pointsman.core.catalog import Tier
    from pointsman.evals.calibrate import Calibrated, Goal, Reached

KEYS: Final[Mapping[str, str]] = {"litellm-compat": "tier_boundaries"}
_BOUNDARY = "simple_medium"
_ROOMY = 110


def yaml_of(found: Calibrated) -> str | None:
    """The setting for pointsman.yaml; None where the configuration has no place for it."""
    if not found.named:
        return None
    key = KEYS["litellm-compat"] if _BOUNDARY in found.named else None
    return fragment("routing", found.named, key)


def print_calibrated(found: Calibrated, models: Sequence[str], tiers: Sequence[Tier] | None, about: str) -> None:
    """All of it on stdout."""
    print_data(about)
    print_data(f"{_wanted(found.goal)}; expected: held out {found.split}")
    print_data("")
    print_data(_figures(found, models))
    if found.by_source:
        print_data("")
        print_data("Expected, by source, each with the setting that was picked on the others")
        print_data(_sources(found, models))
    print_data("")
    for line in _closing(found, models, tiers):
        print_data(line)


def _wanted(goal: Goal) -> str:
    match goal.aim:
        case Aim.BUDGET:
            return f"${goal.value:g} for 1,000 prompts at most"
        case Aim.QUALITY:
            return f"a mean outcome of {goal.value:g} at least"
        case Aim.STRONG_SHARE:
            return f"{share(goal.value)} of calls to the strong model at most"


def _figures(found: Calibrated, models: Sequence[str]) -> RenderableType:
    lines: list[tuple[str, Reached]] = [(HELD_OUT, found.held_out), (FITTED, found.fitted)]
    lines += [(IN_FORCE, found.in_force)] if found.in_force is not None else []
    lines += [(f"always {short(model)}", one) for model, one in zip(models, found.singles, strict=True)]
    has_cost = found.held_out.usd_per_1k is not None
    is_wide = width() >= _ROOMY
    right = ("quality", "95 %", *(("$ per 1,000", "95 % ") if has_cost else ("strong",)), "over control")
    made = whole(table("", *right, *(("calls, %",) if is_wide else ()), right=right), 1)
    for name, one in lines:
        usd = one.usd_per_1k
        is_single = name.startswith("always ")
        made.add_row(
            name,
            f"{one.quality.value:.3f}",
            span(one.quality),
            *((_spent(one),) if usd is None else (_spent(one), f"{usd.low:.3g} … {usd.high:.3g}")),
            NOTHING if is_single else f"{signed(one.gain.value)}{mark(one.gain, 0.0)}",
            *((calls(dict(zip(models, one.shares, strict=True))),) if is_wide else ()),
        )
    return made


def _spent(one: Reached) -> str:
    return share(strong_share(one)) if one.usd_per_1k is None else f"{one.usd_per_1k.value:.4g}"


def _sources(found: Calibrated, models: Sequence[str]) -> RenderableType:
    has_cost = found.held_out.usd_per_1k is not None
    right = ("n", "quality", "$ per 1,000" if has_cost else "strong", "over control")
    made = whole(table("source", *right, "calls, %", right=right), 1)
    for source, one in found.by_source.items():
        gain = f"{signed(one.gain.value)}{mark(one.gain, 0.0)}"
        named = dict(zip(models, one.shares, strict=True))
        made.add_row(short(source, 20), f"{one.n:,}", f"{one.quality.value:.3f}", _spent(one), gain, calls(named))
    return made


def _closing(found: Calibrated, models: Sequence[str], tiers: Sequence[Tier] | None) -> Iterator[str]:
    """What goes beyond the figures: a goal missed on other prompts, a gain that is none, the YAML."""
    missed = _missed(found)
    if missed is not None:
        yield missed
    if found.held_out.gain.low <= 0:
        yield (
            "Held out, this cannot be told from the same calls dealt at random for the same money: the score says "
            "too little of which of these prompts need the stronger model."
        )
    setting = yaml_of(found)
    if setting is None:
        bounds = ", ".join(f"{value:g}" for value in found.setting)
        yield f"Boundaries of the score: {bounds}. The configuration has no place for them."
        return
    if tiers is None:
        yield f"No tier of `auto` has these models, so they stand for tiers by their order: {', '.join(models)}."
    yield "For pointsman.yaml (--write FILE puts it there):"
    yield ""
    yield setting.rstrip()


def _missed(found: Calibrated) -> str | None:
    goal, held_out = found.goal, found.held_out
    match goal.aim:
        case Aim.BUDGET:
            usd = held_out.usd_per_1k.value if held_out.usd_per_1k is not None else 0.0
            return f"Held out it costs ${usd:.4g}, over the budget: plan for that." if usd > goal.value else None
        case Aim.QUALITY:
            value = held_out.quality.value
            return f"Held out it reaches {value:.3f}, under the goal: plan for that." if value < goal.value else None
        case Aim.STRONG_SHARE:
            value = strong_share(held_out)
            shown = f"Held out {share(value)} of calls are strong, over the goal: plan for that."
            return shown if value > goal.value + 0.005 else None
