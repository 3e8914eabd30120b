"""A decision as a person reads it: the choice, what spoke for it, who was struck out, in what time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

from pointsman.cli.figures import duration, share
from pointsman.cli.output import print_data
from pointsman.core.decision import Outcome
from pointsman.routing.complexity.scorer import score
from pointsman.routing.strategies.complexity import Complexity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.table import Table
    from rich.text import Text

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatRequest
    from pointsman.core.decision import Decision, Privacy
    from pointsman.core.jsontypes import JsonObject
    from pointsman.engine.router import Router
    from pointsman.routing.complexity.contribution import Contribution

Line = TypeVar("Line")
_BAR_CELLS = 20  # for one point of the score
_MOST_CANDIDATES = 6
_MOST_EVIDENCE = 4


def print_decision(router: Router, request: ChatRequest, decision: Decision, *, said_by: str | None = None) -> None:
    """All of *decision* on stdout."""
    from rich.text import Text

    print_data(headline(decision, router.catalog.by_id[decision.candidates[0]]))
    facts = facts_grid()
    facts.add_row("why", Text(_short_reason(decision)))
    added = contributions(router, request, decision)
    if added:
        facts.add_row("", _contributions(added))
    if said_by and decision.asked not in {None, "auto"}:
        facts.add_row("asked for", Text(f"{decision.asked} ({said_by})"))
    if decision.confidence is not None:
        facts.add_row("confidence", Text(f"{decision.confidence:.2f}"))
    if decision.assessment is not None:
        for label, line in assessment_lines(decision.assessment.to_json()):
            facts.add_row(label, Text(line))
    add_common(facts, decision)
    facts.add_row("took", Text(duration(decision.elapsed_us / 1000)))
    print_data(facts)


def headline(decision: Decision, card: ModelCard) -> Text:
    """The chosen model, its tier, the strategy, and where it runs."""
    from rich.text import Text

    place = "demo" if card.is_demo else "local" if card.is_local else "cloud"
    facts = [decision.tier.value if decision.tier else None, place, f"by {decision.strategy}"]
    return Text.assemble(
        (decision.model, "bold"), "  ", (" · ".join(fact for fact in facts if fact), "cyan"), overflow="fold"
    )


def add_common(facts: Table, decision: Decision) -> None:
    """Privacy, who would be next, who was struck out, the rest of the trail, warnings."""
    from rich.text import Text

    facts.add_row("privacy", Text(privacy_words(decision.privacy)))
    others = list(dict.fromkeys(decision.candidates[1:]))
    if others:
        more = f", and {len(others) - _MOST_CANDIDATES} more" if len(others) > _MOST_CANDIDATES else ""
        facts.add_row("then", Text(", ".join(others[:_MOST_CANDIDATES]) + more))
    for label, line in labelled("struck out", struck_lines((one.model, one.by, one.reason) for one in decision.struck)):
        facts.add_row(label, line)
    steps = [(step.strategy, step.outcome.value, step.detail) for step in decision.trail]
    for label, step in labelled("trail", trail_lines(steps, decision.strategy)):
        facts.add_row(label, Text(step))
    for label, warning in labelled("warning", decision.warnings):
        facts.add_row(label, Text(warning, style="yellow"))


def assessment_lines(found: JsonObject) -> Iterator[tuple[str, str]]:
    """What a classifier expects, a line beside each label; *found* as `Assessment.to_json` gives it."""
    known = f"{share(cast('float', found['familiarity']))} of it familiar"
    yield "task", f"{found['kind']}, difficulty {found['difficulty']:+.2f}, {known}"
    chances = cast("JsonObject", found["chances"])
    yield "done well", ", ".join(f"{tier} {share(cast('float', chance))}" for tier, chance in chances.items())
    yield "answer", f"about {found['output_tokens']:,} tokens"


def privacy_words(privacy: Privacy) -> str:
    """`private (flag): iban`, `public`."""
    source = f" ({privacy.source})" if privacy.source else ""
    kinds = f": {', '.join(privacy.kinds)}" if privacy.kinds else ""
    return f"{privacy.privacy_class.value}{source}{kinds}"


def struck_lines(struck: Iterable[tuple[str, str, str]]) -> list[Text]:
    """Each reason once, with the models it struck out, drawn through."""
    from rich.text import Text

    models: dict[tuple[str, str], list[str]] = {}
    for model, by, reason in struck:
        models.setdefault((by, reason), []).append(model)
    return [
        Text.assemble((", ".join(names), "strike dim"), f"  {by}: {reason}") for (by, reason), names in models.items()
    ]


def trail_lines(steps: Iterable[tuple[str, str, str]], decided_by: str) -> list[str]:
    """A line for each (strategy, outcome, detail) besides the one that decided; those with nothing to say share one."""
    others = [step for step in steps if step[0] != decided_by]
    silent = [strategy for strategy, outcome, detail in others if outcome == Outcome.PASSED and not detail]
    told = [
        f"{strategy} {outcome}{': ' if detail else ''}{detail}"
        for strategy, outcome, detail in others
        if outcome != Outcome.PASSED or detail
    ]
    return [*told, *([f"{', '.join(silent)} passed"] if silent else [])]


def contributions(router: Router, request: ChatRequest, decision: Decision) -> Sequence[Contribution]:
    """What each dimension added to the score; nothing when the score did not decide."""
    strategies = router.decider.chain.strategies
    scorer = next((found for found in strategies if isinstance(found, Complexity)), None)
    if scorer is None or decision.strategy != scorer.name or decision.score is None:
        return ()
    found = score(router.decider.features_of(request).ask, scorer.settings[decision.router or "auto"])
    return [part for part in found.contributions if part.value]


def _contributions(parts: Sequence[Contribution]) -> Table:
    """A line for each: its points, a bar as long as they are many, the words behind it."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    for _ in range(4):
        grid.add_column(overflow="fold")
    for part in parts:
        bar = "█" * max(1, round(abs(part.points) * _BAR_CELLS))
        evidence = ", ".join(part.evidence[:_MOST_EVIDENCE]) + (", …" if len(part.evidence) > _MOST_EVIDENCE else "")
        style = "green" if part.points > 0 else "red"
        grid.add_row(part.name, f"{part.points:+.3f}", Text(bar, style=style), Text(evidence, style="dim"))
    return grid


def _short_reason(decision: Decision) -> str:
    """The reason; of LiteLLM's score without what the contributions show anyway."""
    if decision.score is None or decision.assessment is not None:
        return decision.reason
    return decision.reason.partition(": ")[0].replace("->", "→")


def facts_grid() -> Table:
    """An empty grid of labels and what they stand beside."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def labelled(label: str, lines: Iterable[Line]) -> Iterator[tuple[str, Line]]:
    """*lines*, the first beside *label*."""
    return ((label if index == 0 else "", line) for index, line in enumerate(lines))
