"""What to let go so that a model fits: the cheapest set of idle models that frees enough. Pure.

The cost of letting one go is what it takes to load it again, times the chance that it will be asked for soon: seconds
that somebody is expected to wait. Pinned models are never let go, busy ones are waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

GB = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Resident:
    """A model in memory. `reuse` is the chance, 0 to 1, that it is asked for within the horizon."""

    model: str
    size_bytes: int
    reload_s: float
    reuse: float = 1.0
    is_pinned: bool = False
    is_busy: bool = False
    is_settled: bool = True  # it has been here for the least time that a load must pay for itself

    @property
    def cost_s(self) -> float:
        """Seconds expected to be lost by letting it go."""
        return self.reload_s * self.reuse


class Room(StrEnum):
    """Whether there is room for a model."""

    FREE = "free"  # it fits beside the others
    EVICT = "evict"  # it fits once `evict` are gone
    WAIT = "wait"  # it fits once some of `busy` are idle
    NEVER = "never"  # it does not fit beside the pinned ones, or at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a model gets in. `cost_s` is what letting go of `evict` is expected to cost somebody."""

    room: Room
    evict: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    cost_s: float = 0.0
    free_bytes: int = 0  # beside all residents
    reason: str = ""


def plan(
    wanted: str, size_bytes: int, residents: Sequence[Resident], budget_bytes: int, *, reserved_bytes: int = 0
) -> Plan:
    """How *wanted* of *size_bytes* gets into *budget_bytes* beside *residents*.

    *reserved_bytes* are kept for pinned models that are not loaded yet.
    """
    free = budget_bytes - reserved_bytes - sum(one.size_bytes for one in residents)
    if any(one.model == wanted for one in residents):
        return Plan(room=Room.FREE, free_bytes=free, reason=f"{wanted} is loaded")
    if size_bytes <= free:
        return Plan(room=Room.FREE, free_bytes=free, reason=f"{gigabytes(free)} are free")
    pinned = reserved_bytes + sum(one.size_bytes for one in residents if one.is_pinned)
    if size_bytes > budget_bytes - pinned:
        beside = f" beside {gigabytes(pinned)} of pinned models" if pinned else ""
        reason = f"{wanted} needs {gigabytes(size_bytes)}{beside}, the budget is {gigabytes(budget_bytes)}"
        return Plan(room=Room.NEVER, free_bytes=free, reason=reason)
    movable = [one for one in residents if not one.is_pinned]
    idle = [one for one in movable if not one.is_busy and one.is_settled]
    needed = size_bytes - free
    chosen = cheapest(idle, needed)
    if chosen is None:
        waited = tuple(one.model for one in movable if one.is_busy or not one.is_settled)
        return Plan(
            room=Room.WAIT,
            busy=waited,
            free_bytes=free,
            reason=f"{wanted} needs {gigabytes(needed)} more, which {_names(waited)} hold",
        )
    names = tuple(one.model for one in chosen)
    cost = sum(one.cost_s for one in chosen)
    return Plan(room=Room.EVICT, evict=names, cost_s=cost, free_bytes=free, reason=f"{_names(names)} make room")


def cheapest(idle: Sequence[Resident], needed_bytes: int) -> tuple[Resident, ...] | None:
    """The set of *idle* with the least cost that frees *needed_bytes*; of equally cheap ones the smallest.

    Exact, by branch and bound: a device holds a dozen models, not a thousand. None when all together are too small.
    """
    if sum(one.size_bytes for one in idle) < needed_bytes:
        return None
    # The best by cost for what it frees first: a good bound early cuts off most of the tree.
    order = sorted(idle, key=lambda one: (one.cost_s / max(one.size_bytes, 1), -one.size_bytes, one.model))
    rest = [0] * (len(order) + 1)
    for index in range(len(order) - 1, -1, -1):
        rest[index] = rest[index + 1] + order[index].size_bytes
    best: tuple[float, int, int, tuple[int, ...]] | None = None

    def at_least(index: int, lacking: int) -> float:
        """What the rest costs at the very least: models in this order, the last in part."""
        cost = 0.0
        for one in order[index:]:
            if lacking <= 0:
                break
            part = min(1.0, lacking / one.size_bytes) if one.size_bytes else 0.0
            cost += one.cost_s * part
            lacking -= one.size_bytes
        return cost

    def search(index: int, freed: int, cost: float, taken: tuple[int, ...]) -> None:
        nonlocal best
        if best is not None and cost + at_least(index, needed_bytes - freed) > best[0]:
            return
        if freed >= needed_bytes:
            found = (cost, len(taken), freed, taken)
            best = found if best is None or found[:3] < best[:3] else best
            return
        if index == len(order) or freed + rest[index] < needed_bytes:
            return
        search(index + 1, freed + order[index].size_bytes, cost + order[index].cost_s, (*taken, index))
        search(index + 1, freed, cost, taken)

    search(0, 0, 0.0, ())
    return tuple(order[index] for index in best[3]) if best is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A model of the configuration and what it takes."""

    model: str
    size_bytes: int
    is_pinned: bool = False


def shortfalls(models: Iterable[Placed], budget_bytes: int) -> list[str]:
    """What cannot be under *budget_bytes*, in sentences: pins that do not fit together, models that fit beside none.

    Pins of 2.5 and 5.9 GB under 6: "qwen2.5-3b + qwen2.5-7b, pinned, need 8.4 GB, the budget is 6.0 GB".
    """
    placed = list(models)
    pins = [one for one in placed if one.is_pinned]
    pinned = sum(one.size_bytes for one in pins)
    names = " + ".join(one.model for one in pins)
    if pinned > budget_bytes:
        return [f"{names}, pinned, need {gigabytes(pinned)}, the budget is {gigabytes(budget_bytes)}"]
    found = []
    for one in placed:
        if one.is_pinned or one.size_bytes + pinned <= budget_bytes:
            continue
        beside = f" beside {names} (pinned, {gigabytes(pinned)})" if pins else ""
        found.append(f"{one.model} needs {gigabytes(one.size_bytes)}{beside}, the budget is {gigabytes(budget_bytes)}")
    return found


def gigabytes(size_bytes: int) -> str:
    """8,400,000,000 as "8.4 GB"."""
    return f"{size_bytes / GB:.1f} GB"


def _names(models: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(models[:-1]), *models[-1:])))
