"""Which of the models that suit a task fit a device. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.core.local import Footprint
from pointsman.local.known_models import known
from pointsman.local.memory import DEFAULT_QUANTIZATION, Options, footprint, most_context, weights_bytes
from pointsman.local.quantization import QUANTIZATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """A model for a task: what it takes with the task's context, and whether that fits.

    `footprint` None: the shape is not known. `most_context` is the largest context that fits beside the weights.
    """

    model: str
    quantization: str
    context_tokens: int
    footprint: Footprint | None
    most_context: int
    fits: bool


def fittings(picks: Iterable[str], context_tokens: int, budget_bytes: int) -> tuple[Fitting, ...]:
    """Each of *picks* (`name`, or `name:quantization`) with a context of *context_tokens* against *budget_bytes*."""
    return tuple(_fitting(pick, context_tokens, budget_bytes) for pick in picks)


def best(found: Iterable[Fitting]) -> Fitting | None:
    """The first that fits: picks come the best first."""
    return next((one for one in found if one.fits), None)


def _fitting(pick: str, context_tokens: int, budget_bytes: int) -> Fitting:
    model, quantization = split(pick)
    shape = known(model)
    if shape is None:
        return Fitting(
            model=model,
            quantization=quantization,
            context_tokens=context_tokens,
            footprint=None,
            most_context=0,
            fits=False,
        )
    context = min(context_tokens, shape.context_tokens or context_tokens)
    options = Options(context_tokens=context)
    weights = weights_bytes(shape, quantization)
    size = footprint(shape, options, weights=weights)
    return Fitting(
        model=model,
        quantization=quantization,
        context_tokens=context,
        footprint=size,
        most_context=most_context(shape, options, weights=weights, budget_bytes=budget_bytes),
        fits=size.total_bytes <= budget_bytes,
    )


def split(pick: str) -> tuple[str, str]:
    """*pick* as its model and quantization: `qwen2.5-7b:q8_0` is qwen2.5-7b in Q8_0."""
    model, _, kind = pick.rpartition(":")
    return (model, kind.upper()) if model and kind.upper() in QUANTIZATIONS else (pick, DEFAULT_QUANTIZATION)
