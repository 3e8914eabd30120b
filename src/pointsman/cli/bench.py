"""`pointsman models bench`: how fast a local model loads, reads and writes here."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import NOTHING, duration
from pointsman.cli.memory import local_card
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.core.errors import NoModelAvailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.chat import ChatRequest, Usage
    from pointsman.engine.router import Router

EXAMPLES = """\b
Examples:
  pointsman models bench quick
  pointsman models bench heavy --prompt 4096 --tokens 256 --json
"""
WORDS = ("river", "engine", "window", "garden", "letter", "market", "signal", "winter")
TOKENS_A_WORD = 1.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One request: when its first piece came and when it was over, after it was sent, and the tokens as counted."""

    first_s: float
    whole_s: float
    usage: Usage | None

    @property
    def read_per_s(self) -> float | None:
        """Tokens of the prompt read in a second; what a cache gave does not count."""
        if self.usage is None or self.first_s <= 0:
            return None
        return (self.usage.input_tokens - self.usage.cached_input_tokens) / self.first_s

    @property
    def written_per_s(self) -> float | None:
        """Tokens written in a second, after the first."""
        spent = self.whole_s - self.first_s
        return (self.usage.output_tokens - 1) / spent if self.usage is not None and spent > 0 else None


@click.command(short_help="Measure how fast a local model is here.", epilog=EXAMPLES)
@click.argument("name")
@click.option(
    "--prompt", "prompt_tokens", type=click.IntRange(8, 1_000_000), default=512, show_default=True, metavar="N"
)
@click.option("--tokens", type=click.IntRange(2, 100_000), default=64, show_default=True, help="Most it may write.")
@click.option(
    "--runs", type=click.IntRange(1, 100), default=3, show_default=True, help="Requests to take the median of."
)
@json_option
@config_option
def bench(name: str, prompt_tokens: int, tokens: int, runs: int, *, as_json: bool, config: str | None) -> None:
    """Measure the local model NAME: its first token and tokens per second, reading and writing.

    The first request is told apart: the model may have to be loaded for it. Nothing of this goes into the ledger.
    """
    import asyncio

    from pointsman.bootstrap import embedded_models, open_router
    from pointsman.cli.setup import ready

    loaded = ready(config).loaded
    card = local_card(name, loaded)
    alone = _alone(card.name, loaded)

    async def measured() -> list[Run]:
        async with open_router(alone, embedded=addresses, ledger=False) as router:
            return [await _run(router, _request(card.name, prompt_tokens, tokens, run)) for run in range(runs + 1)]

    began = time.perf_counter()
    with embedded_models(alone, say) as addresses:
        load_s = time.perf_counter() - began if addresses else None
        first, *rest = asyncio.run(measured())
    first_token_s = median(one.first_s for one in rest)
    figures = {
        "first_token_s": first_token_s,
        "read_tokens_per_s": _median([one.read_per_s for one in rest]),
        "written_tokens_per_s": _median([one.written_per_s for one in rest]),
        "input_tokens": first.usage.input_tokens if first.usage is not None else None,
        "first_request_s": first.whole_s,
        "load_s": load_s,
    }
    if as_json:
        print_json({"model": card.id, "runs": runs, **figures})
        return
    rows = table("MODEL", "FIRST TOKEN", "READS", "WRITES", "FIRST REQUEST", "LOAD")
    rows.add_row(
        card.id,
        duration(first_token_s * 1e3),
        _rate(figures["read_tokens_per_s"]),
        _rate(figures["written_tokens_per_s"]),
        duration(first.whole_s * 1e3),
        NOTHING if load_s is None else duration(load_s * 1e3),
    )
    print_data(rows)


async def _run(router: Router, request: ChatRequest) -> Run:
    from pointsman.core.stream import Started, UsageReported

    began = time.perf_counter()
    first_s, usage = None, None
    async for event in router.stream(request):
        if isinstance(event, UsageReported):
            usage = event.usage
        elif first_s is None and not isinstance(event, Started):
            first_s = time.perf_counter() - began
    if first_s is None:
        raise NoModelAvailable(
            "The model answered nothing.", hint="Ask for more tokens, or look into its server's log."
        )
    return Run(first_s=first_s, whole_s=time.perf_counter() - began, usage=usage)


def _request(model: str, prompt_tokens: int, tokens: int, run: int) -> ChatRequest:
    """A prompt of about so many tokens that no cache has seen: each begins with another number."""
    from pointsman.core.chat import ChatRequest, Message, Role, Sampling, Text

    words = int(prompt_tokens / TOKENS_A_WORD)
    text = " ".join((f"{run} of {time.time_ns()}:", *(WORDS[(run + at) % len(WORDS)] for at in range(words))))
    return ChatRequest(
        messages=(Message(role=Role.USER, parts=(Text(text=f"{text}\nTell a long story with these words."),)),),
        model=model,
        sampling=Sampling(max_output_tokens=tokens),
        stream_usage=True,
    )


def _alone(name: str, loaded: Loaded) -> Loaded:
    """*loaded* with the model *name* and nobody who could answer in its place."""
    from pointsman.config.load import loaded_from
    from pointsman.config.schema import Settings

    settings = loaded.settings
    models = [model for model in settings.models if model.name == name]
    only = Settings().model_copy(
        update={"models": models, "endpoints": settings.endpoints, "local": settings.local, "privacy": settings.privacy}
    )
    return replace(loaded_from(only), source_path=loaded.source_path)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if known else None


def _rate(per_s: float | None) -> str:
    return NOTHING if per_s is None else f"{per_s:,.0f} tok/s"
