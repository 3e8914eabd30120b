"""A set of models against a budget of memory: what is resident, what is swapped in, what does not fit. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pointsman.core.local import Footprint
from pointsman.local.architecture import Architecture
from pointsman.local.memory import Options, footprint, most_context, weights_bytes
from pointsman.local.model_state import expected_load_s
from pointsman.local.planner import Placed, gigabytes, shortfalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A model that somebody wants to run, and how. `weights` in bytes where a file tells them exactly."""

    name: str
    architecture: Architecture
    options: Options
    quantization: str = "Q4_K_M"
    weights: int | None = None
    is_pinned: bool = False

    @property
    def weights_bytes(self) -> int:
        """Bytes of the weights."""
        return weights_bytes(self.architecture, self.quantization) if self.weights is None else self.weights

    @property
    def footprint(self) -> Footprint:
        """What it takes when it runs."""
        return footprint(self.architecture, self.options, weights=self.weights_bytes)


class Fit(StrEnum):
    """How a set of models fits."""

    TOGETHER = "together"  # all at once
    SWAPPED = "swapped"  # the pinned ones, and each of the others in turn
    NOT = "not"  # not even that


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One model of the set. `load_s` is what it takes to bring it in; `most_context` what it could have at most."""

    wish: Wish
    footprint: Footprint
    load_s: float
    most_context: int
    fits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The whole set. `peak_bytes` is the most that is in memory at once; `problems` say what cannot be."""

    fit: Fit
    seats: tuple[Seat, ...]
    budget_bytes: int
    together_bytes: int
    peak_bytes: int
    problems: tuple[str, ...]


def budget(wishes: Sequence[Wish], budget_bytes: int) -> Budget:
    """How *wishes* fit *budget_bytes*: all, or the pinned ones beside the largest of the others."""
    sizes = {wish.name: wish.footprint.total_bytes for wish in wishes}
    together = sum(sizes.values())
    pinned = sum(sizes[wish.name] for wish in wishes if wish.is_pinned)
    largest = max((sizes[wish.name] for wish in wishes if not wish.is_pinned), default=0)
    placed = [Placed(model=wish.name, size_bytes=sizes[wish.name], is_pinned=wish.is_pinned) for wish in wishes]
    problems = shortfalls(placed, budget_bytes)
    fit = Fit.TOGETHER if together <= budget_bytes else Fit.NOT if problems else Fit.SWAPPED
    seats = tuple(
        _seat(wish, room=budget_bytes - (0 if wish.is_pinned else pinned) - _beside(wish, wishes, sizes, fit))
        for wish in wishes
    )
    peak = together if fit is Fit.TOGETHER else pinned + largest
    return Budget(
        fit=fit,
        seats=seats,
        budget_bytes=budget_bytes,
        together_bytes=together,
        peak_bytes=peak,
        problems=tuple(problems),
    )


def _beside(wish: Wish, wishes: Sequence[Wish], sizes: dict[str, int], fit: Fit) -> int:
    """What stays beside *wish* but for the pinned ones: the others, where all fit."""
    others = [one for one in wishes if one.name != wish.name]
    if wish.is_pinned:
        return sum(sizes[one.name] for one in others if one.is_pinned or fit is Fit.TOGETHER)
    return sum(sizes[one.name] for one in others if not one.is_pinned) if fit is Fit.TOGETHER else 0


def _seat(wish: Wish, *, room: int) -> Seat:
    found = wish.footprint
    return Seat(
        wish=wish,
        footprint=found,
        load_s=expected_load_s(wish.weights_bytes),
        most_context=most_context(wish.architecture, wish.options, weights=wish.weights_bytes, budget_bytes=room),
        fits=found.total_bytes <= room,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A way to spend the memory that the guide to local routing names. `said_gb` is its figure for it."""

    name: str
    title: str
    models: tuple[tuple[str, int, int, bool], ...]  # model, context of a slot, slots, pinned
    said_gb: float

    def wishes(self, shapes: dict[str, Architecture]) -> list[Wish]:
        """The strategy's models."""
        return [
            Wish(
                name=name,
                architecture=shapes[name],
                options=Options(context_tokens=context, parallel=slots),
                is_pinned=is_pinned,
            )
            for name, context, slots, is_pinned in self.models
        ]


STRATEGIES = (
    Strategy(
        name="one-shared",
        title="One 7B for everything, four requests at once",
        models=(("qwen2.5-7b", 2048, 4, True),),
        said_gb=6.0,
    ),
    Strategy(
        name="two-resident",
        title="Two 7B side by side, one of them for code",
        models=(("qwen2.5-7b", 4096, 1, True), ("deepseek-coder-6.7b", 4096, 1, True)),
        said_gb=12.0,
    ),
    Strategy(
        name="small-and-swap",
        title="A 3B that stays, a 32B that is swapped in",
        models=(("qwen2.5-3b", 4096, 1, True), ("qwen2.5-32b", 4096, 1, False)),
        said_gb=20.0,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A figure of the guide, and the models it is about."""

    text: str
    said_gb: float
    models: tuple[tuple[str, str, int, int], ...]  # model, quantization, context of a slot, slots

    def needs_bytes(self, shapes: dict[str, Architecture]) -> int:
        """What they take together."""
        return sum(
            footprint(
                shapes[name], Options(context_tokens=context, parallel=slots), quantization=quantization
            ).total_bytes
            for name, quantization, context, slots in self.models
        )


CLAIMS = (
    Claim(
        text="a 32B in Q4_K_M takes about 20 GB (the file does)",
        said_gb=20.0,
        models=(("qwen2.5-32b", "Q4_K_M", 4096, 1),),
    ),
    Claim(
        text="a 7B with four slots of 2K takes about 6 GB",
        said_gb=6.0,
        models=(("qwen2.5-7b", "Q4_K_M", 2048, 4),),
    ),
    Claim(
        text="two 7B take about 12 GB",
        said_gb=12.0,
        models=(("qwen2.5-7b", "Q4_K_M", 4096, 1), ("mistral-7b", "Q4_K_M", 4096, 1)),
    ),
    Claim(
        text="a 3B and a 7B fit 6 GB",
        said_gb=6.0,
        models=(("qwen2.5-3b", "Q4_K_M", 2048, 1), ("qwen2.5-7b", "Q4_K_M", 2048, 1)),
    ),
    Claim(
        text="a 3B that stays and a 32B swapped in peak at 20 GB",
        said_gb=20.0,
        models=(("qwen2.5-3b", "Q4_K_M", 4096, 1), ("qwen2.5-32b", "Q4_K_M", 4096, 1)),
    ),
    Claim(
        text="24 GB hold a 3B and a 14B comfortably",
        said_gb=24.0,
        models=(("qwen2.5-3b", "Q4_K_M", 4096, 1), ("qwen2.5-14b", "Q4_K_M", 4096, 1)),
    ),
)


def with_context(wish: Wish, context_tokens: int) -> Wish:
    """*wish* with another context."""
    return replace(wish, options=replace(wish.options, context_tokens=context_tokens))


def in_words(found: Budget) -> str:
    """The verdict in one sentence."""
    has, needs = gigabytes(found.budget_bytes), gigabytes(found.together_bytes)
    match found.fit:
        case Fit.TOGETHER:
            free = gigabytes(found.budget_bytes - found.together_bytes)
            return f"All fit together: {needs} of {has}, {free} free."
        case Fit.SWAPPED:
            return f"Together they need {needs}; they take turns: {gigabytes(found.peak_bytes)} of {has} at the peak."
        case Fit.NOT:
            return f"They do not fit {has}."
