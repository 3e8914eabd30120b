"""Figures for Prometheus: counted as events come, put into its text format when it asks.

An event costs a few dictionary look-ups; families, labels and text are made at the scrape. A gateway of several
processes has the figures of the process that answers the scrape.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pointsman.core.events import AttemptEnded, AttemptStarted, Decided, Event, Finished, HealthChanged, Rejected
from pointsman.core.health import HealthState
from pointsman.core.shadow import CopyEnd, Likeness, NotCopied

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from pointsman.core.health import Health

CONTENT_TYPE = CONTENT_TYPE_LATEST
NOBODY = "none"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)


@dataclass(slots=True)
class Spread:
    """Counts of durations in seconds, by bucket; the last is for all that took longer."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(SECONDS) + 1))
    total_s: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus wants them: each with those below it."""
        found, so_far = [], 0
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self.counts, strict=True):
            so_far += count
            found.append((bound, float(so_far)))
        return found


@dataclass(slots=True)
class Metrics:
    """An observer that counts. `text` is what a scrape gets."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)  # (model that answered, how it ended)
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # (strategy, tier, privacy)
    rejections: Counter[tuple[str, str]] = field(default_factory=Counter)  # (surface, code)
    attempts: Counter[str] = field(default_factory=Counter)
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)  # (model, kind)
    fallbacks: int = 0
    tokens: Counter[tuple[str, str]] = field(default_factory=Counter)  # (model, input or output)
    cost_usd: dict[str, float] = field(default_factory=dict)
    saved_usd: float = 0.0
    durations: defaultdict[str, Spread] = field(default_factory=lambda: defaultdict(Spread))
    first_bytes: defaultdict[str, Spread] = field(default_factory=lambda: defaultdict(Spread))
    overheads: Spread = field(default_factory=Spread)
    changes: Counter[tuple[str, str]] = field(default_factory=Counter)  # (subject, state)

    def __call__(self, event: Event, /) -> None:
        """See core.ports.Observer."""
        match event:
            case Finished():
                self._finished(event)
            case AttemptStarted():
                self.attempts[event.model] += 1
            case Decided():
                decision = event.decision
                tier = str(decision.tier) if decision.tier is not None else NOBODY  # a tenth of `.value`'s time
                self.decisions[decision.strategy, tier, str(decision.privacy.privacy_class)] += 1
            case AttemptEnded():
                self.failures[event.failure.model, event.failure.kind.value] += 1
            case Rejected():
                self.rejections[event.surface, event.code] += 1
            case HealthChanged():
                self.changes[event.new.subject, event.new.state.value] += 1

    def _finished(self, event: Finished) -> None:
        model = event.served or NOBODY
        self.requests[model, str(event.reason)] += 1
        self.fallbacks += event.fallbacks
        usage = event.usage
        if usage is not None:
            self.tokens[model, "input"] += usage.input_tokens
            self.tokens[model, "output"] += usage.output_tokens
        if event.cost_usd is not None:
            self.cost_usd[model] = self.cost_usd.get(model, 0.0) + event.cost_usd
        self.saved_usd += event.saved_usd or 0.0
        self.durations[model].add(event.duration_ms / 1e3)
        if event.first_byte_ms is not None:
            self.first_bytes[model].add(event.first_byte_ms / 1e3)
        if event.overhead_ms is not None:
            self.overheads.add(event.overhead_ms / 1e3)

    def text(
        self,
        healths: Iterable[Health] = (),
        loads: Iterable[tuple[str, int, int, int]] = (),
        copies: tuple[Mapping[tuple[str, str], int], Mapping[str, float]] | None = None,
    ) -> bytes:
        """The figures in Prometheus's text format.

        *healths* are those who are not well; *loads* are (endpoint, under way, waiting, most at once); *copies* are
        those of shadow mode by model and what became of them, and what they cost by model.
        """
        registry = CollectorRegistry(auto_describe=False)
        families = [*self._families(), *_of_healths(healths), *_of_loads(loads)]
        registry.register(_Scrape([*families, *(_of_copies(*copies) if copies is not None else ())]))
        return generate_latest(registry)

    def _families(self) -> Iterator[Metric]:
        yield _counter("requests", "Requests by who answered and how they ended.", "model outcome", self.requests)
        yield _counter("decisions", "Decisions by what made them.", "strategy tier privacy", self.decisions)
        yield _counter("rejections", "Requests that got no model.", "surface code", self.rejections)
        yield _counter("attempts", "Calls of models.", "model", {(name,): n for name, n in self.attempts.items()})
        yield _counter("attempt_failures", "Calls that failed, by kind.", "model kind", self.failures)
        yield _counter("fallbacks", "Attempts that another had to follow.", "", {(): self.fallbacks})
        yield _counter("tokens", "Tokens read and written.", "model direction", self.tokens)
        yield _counter("cost_usd", "US dollars spent.", "model", {(name,): usd for name, usd in self.cost_usd.items()})
        yield _gauge("saved_usd", "US dollars saved against the baseline; it may have been cheaper.", self.saved_usd)
        yield _counter("health_changes", "Changes of health, by the state after.", "subject state", self.changes)
        yield _histogram("request_duration_seconds", "From the arrival to the end.", self.durations)
        yield _histogram("first_byte_seconds", "From the arrival to the first content of a stream.", self.first_bytes)
        overheads = HistogramMetricFamily("pointsman_overhead_seconds", "Ours, before the first attempt was sent.")
        overheads.add_metric([], self.overheads.buckets(), self.overheads.total_s)
        yield overheads


@dataclass(slots=True, eq=False)
class _Scrape:
    """One scrape's families."""

    families: list[Metric]

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client."""
        return self.families


def _counter(name: str, about: str, labels: str, values: Mapping[Any, float]) -> Metric:
    family = CounterMetricFamily(f"pointsman_{name}", about, labels=labels.split())
    for given, value in values.items():
        family.add_metric(given, value)
    return family


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"pointsman_{name}", about, value=value)


def _histogram(name: str, about: str, spreads: dict[str, Spread]) -> Metric:
    family = HistogramMetricFamily(f"pointsman_{name}", about, labels=["model"])
    for model, spread in spreads.items():
        family.add_metric([model], spread.buckets(), spread.total_s)
    return family


def _of_copies(counts: Mapping[tuple[str, str], int], cost_usd: Mapping[str, float]) -> Iterator[Metric]:
    for name, about, label, words in (
        ("shadow_copies", "Copies of requests, by how they ended.", "outcome", CopyEnd),
        ("shadow_verdicts", "Copies that were answered, by how the answer compares.", "verdict", Likeness),
        ("shadow_not_copied", "Requests drawn for a copy that got none.", "reason", NotCopied),
    ):
        theirs = {(model, word): count for (model, word), count in counts.items() if word in set(words)}
        yield _counter(name, about, f"model {label}", theirs)
    spent = {(name,): usd for name, usd in cost_usd.items()}
    yield _counter("shadow_cost_usd", "US dollars spent on copies.", "model", spent)


def _of_healths(healths: Iterable[Health]) -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "pointsman_unwell",
        "1 for each model and endpoint that is not healthy.",
        labels=["subject", "kind", "state", "cause"],
    )
    for one in healths:
        if one.state is not HealthState.HEALTHY:
            kind = "endpoint" if one.is_endpoint else "model"
            family.add_metric([one.subject, kind, one.state.value, one.cause.value if one.cause else NOBODY], 1.0)
    yield family


def _of_loads(loads: Iterable[tuple[str, int, int, int]]) -> Iterator[Metric]:
    families = [
        GaugeMetricFamily(f"pointsman_endpoint_{name}", about, labels=["endpoint"])
        for name, about in (
            ("under_way", "Requests at the endpoint."),
            ("waiting", "Requests in line for it."),
            ("limit", "Most that it is asked at once."),
        )
    ]
    for endpoint, *figures in loads:
        for family, figure in zip(families, figures, strict=True):
            family.add_metric([endpoint], float(figure))
    yield from families
