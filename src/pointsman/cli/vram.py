"""`pointsman vram`: what models take of a device's memory, what fits, and what to make of a budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import NOTHING
from pointsman.cli.memory_options import Size, run_options, wishes
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.local.memory import Options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, ConsoleOptions
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.local import Footprint
    from pointsman.inventory import Stocked
    from pointsman.local.budget import Budget, Seat, Wish

GB = 1_000_000_000
BAR = 40
LEAST_BAR = 8
ALLOWED = 1.05  # a figure said to be "about" may be five hundredths too low
PARTS = (("weights", "█", "blue"), ("KV cache", "▓", "cyan"), ("compute", "▒", "magenta"), ("overhead", "░", "yellow"))
EXAMPLES = """\b
Examples:
  pointsman vram table
  pointsman vram check
"""
TABLE_EXAMPLES = """\b
Examples:
  pointsman vram table
  pointsman vram table qwen2.5-7b llama3.1:8b --context 32K --cache q8_0
  pointsman vram table ./model.gguf --json
"""
PLAN_EXAMPLES = """\b
Examples:
  pointsman vram plan qwen2.5-3b qwen2.5-32b --pin qwen2.5-3b --vram 24GiB
  pointsman vram plan --strategy two-resident --vram 16GiB
  pointsman vram plan --guide
"""


CHECK_EXAMPLES = """\b
Examples:
  pointsman vram check
  pointsman vram check --vram 24GiB --json
"""


@click.group(short_help="What models take of the graphics card's memory.", epilog=EXAMPLES)
def vram() -> None:
    """What models take of a device's memory, what fits together, and what has to take turns."""


@vram.command("table", epilog=TABLE_EXAMPLES)
@click.argument("models", nargs=-1)
@run_options
@json_option
def table_of(
    models: Sequence[str], *, quantization: str | None, context: int, parallel: int, cache: str, as_json: bool
) -> None:
    """What each of MODELS takes: weights, KV cache, compute buffers, overhead. All known ones without MODELS."""
    from pointsman.local.known_models import KNOWN

    options = Options(context_tokens=context, parallel=parallel, cache_type_k=cache, cache_type_v=cache)
    found = wishes(models or tuple(KNOWN), quantization=quantization, options=options)
    if as_json:
        print_json([in_json(wish) for wish in found])
        return
    print_data(_table(found))
    say(_legend())


@vram.command("plan", epilog=PLAN_EXAMPLES)
@click.argument("models", nargs=-1)
@click.option("--vram", "budget_bytes", type=Size(), help="Memory to spend, such as 24GiB; this device's if not given.")
@click.option("--reserve", type=Size(may_be_nothing=True), default="1GiB", show_default=True, help="Kept free of it.")
@click.option("--pin", "pinned", multiple=True, metavar="MODEL", help="Always in memory; may be given again.")
@click.option(
    "--strategy",
    type=click.Choice(["one-shared", "two-resident", "small-and-swap"]),
    help="One of three ways to spend it, instead of MODELS.",
)
@click.option("--guide", is_flag=True, help="The figures of the guide to local routing beside ours.")
@run_options
@json_option
def plan_of(  # noqa: PLR0913  an argument for each option
    models: Sequence[str],
    *,
    budget_bytes: int | None,
    reserve: int,
    pinned: Sequence[str],
    strategy: str | None,
    guide: bool,
    quantization: str | None,
    context: int,
    parallel: int,
    cache: str,
    as_json: bool,
) -> None:
    """Whether MODELS fit a budget together, or which have to take turns, and what a turn costs."""
    from pointsman.local.budget import STRATEGIES, budget
    from pointsman.local.known_models import KNOWN

    if guide:
        _print_guide(as_json=as_json)
        return
    if bool(models) == (strategy is not None):
        raise click.UsageError("name MODELS or a --strategy, one of both.")
    options = Options(context_tokens=context, parallel=parallel, cache_type_k=cache, cache_type_v=cache)
    chosen = next((one for one in STRATEGIES if one.name == strategy), None)
    wanted = (
        chosen.wishes(dict(KNOWN))
        if chosen
        else wishes(models, quantization=quantization, options=options, pinned=pinned)
    )
    total, source = device_bytes(budget_bytes)
    print_budget(budget(wanted, max(0, total - reserve)), total, reserve, source, as_json=as_json)


@vram.command("check", epilog=CHECK_EXAMPLES)
@click.option(
    "--vram", "budget_bytes", type=Size(), help="Memory to check against; `local.vram`, or this device's own."
)
@json_option
@config_option
def check(*, budget_bytes: int | None, as_json: bool, config: str | None) -> None:
    """Whether the configured local models fit, the pinned ones together and each of the others beside them."""
    from pointsman.cli.setup import ready
    from pointsman.inventory import has_device_memory, placed_of, stock, unknown_sizes
    from pointsman.local.planner import gigabytes, shortfalls

    loaded = ready(config).loaded
    local = loaded.settings.local
    configured = local.vram if isinstance(local.vram, int) else None
    given = budget_bytes or configured
    total, source = device_bytes(given)
    budget = max(0, total - local.reserve)
    models = stock(loaded, has_device=given is not None or has_device_memory())
    problems = shortfalls(placed_of(models), budget)
    if as_json:
        print_json(
            {
                "budget_bytes": budget,
                "device_bytes": total,
                "source": source,
                "fits": not problems,
                "problems": list(problems),
                "models": {one.name: one.size_bytes for one in models},
                "pinned": sorted(one.name for one in models if one.is_pinned),
                "judge": next((one.name for one in models if one.is_judge), None),
            }
        )
    elif not models:
        say("No local model is configured.")
        return
    else:
        print_data(_checked(models, budget))
        for problem in problems:
            click.echo(problem)
        for sentence in unknown_sizes(models):
            say(f"{sentence[0].upper()}{sentence[1:]}.")
        if not problems:
            click.echo(f"They fit {gigabytes(budget)} ({source}), in turns where not together.")
    if problems:
        raise click.exceptions.Exit(1)


def _checked(models: Sequence[Stocked], budget_bytes: int) -> Table:
    rows = table("MODEL", "", "TOTAL GB", "", right=("TOTAL GB",))
    widest = max(budget_bytes, *(one.size_bytes or 0 for one in models))
    for one in models:
        shown = NOTHING if one.size_bytes is None else f"{one.size_bytes / GB:.2f}"
        drawn = Bar(size=one.footprint, widest=widest, width=BAR // 2) if one.footprint is not None else ""
        rows.add_row(one.title, "pinned" if one.is_pinned else "on demand", shown, drawn)
    return rows


def device_bytes(given: int | None) -> tuple[int, str]:
    """The memory to plan with, and where the figure comes from."""
    if given is not None:
        return given, "given"
    from pointsman.adapters.runtimes.gpu import devices

    found = next((one for one in devices() if one.total_bytes), None)
    if found is None or found.total_bytes is None:
        raise click.UsageError("the memory of this device is not known; give it with --vram, such as --vram 24GiB.")
    return found.total_bytes, f"{found.name}, {found.source}"


def print_budget(found: Budget, total: int, reserve: int, source: str, *, as_json: bool) -> None:
    """The plan, as JSON or as bars."""
    from pointsman.local.budget import Fit, in_words
    from pointsman.local.planner import gigabytes

    if as_json:
        print_json(
            {
                "fit": found.fit.value,
                "budget_bytes": found.budget_bytes,
                "device_bytes": total,
                "reserve_bytes": reserve,
                "source": source,
                "together_bytes": found.together_bytes,
                "peak_bytes": found.peak_bytes,
                "problems": list(found.problems),
                "models": [
                    {
                        **in_json(seat.wish),
                        "pinned": seat.wish.is_pinned,
                        "fits": seat.fits,
                        "load_s": round(seat.load_s, 1),
                        "most_context_tokens": seat.most_context,
                    }
                    for seat in found.seats
                ],
            }
        )
    else:
        say(f"{gigabytes(total)} of memory ({source}), {gigabytes(reserve)} kept free")
        print_data(_seats(found))
        click.echo(in_words(found))
        for problem in found.problems:
            click.echo(f"  {problem}")
        if found.fit is Fit.SWAPPED:
            turns = [seat for seat in found.seats if not seat.wish.is_pinned]
            shown = ", ".join(f"{seat.wish.name} {seat.load_s:.0f} s" for seat in turns)
            click.echo(f"  A turn costs a load (from an NVMe disk): {shown}.")
    if found.problems:
        raise click.exceptions.Exit(1)


def in_json(wish: Wish) -> JsonObject:
    """One row of `--json`."""
    size = wish.footprint
    return {
        "model": wish.name,
        "quantization": wish.quantization,
        "context_tokens": wish.options.context_tokens,
        "parallel": wish.options.parallel,
        "weights_bytes": size.weights_bytes,
        "kv_cache_bytes": size.kv_cache_bytes,
        "compute_bytes": size.compute_bytes,
        "overhead_bytes": size.overhead_bytes,
        "total_bytes": size.total_bytes,
    }


def _table(found: Sequence[Wish]) -> Table:
    figures = ("WEIGHTS", "KV", "COMPUTE", "OVERHEAD", "TOTAL GB")
    rows = table("MODEL", "QUANT", *figures, "", right=figures)
    widest = max(wish.footprint.total_bytes for wish in found)
    for wish in found:
        size = wish.footprint
        parts = (size.weights_bytes, size.kv_cache_bytes, size.compute_bytes, size.overhead_bytes, size.total_bytes)
        rows.add_row(
            wish.name,
            wish.quantization,
            *(f"{part / GB:.2f}" for part in parts),
            Bar(size=wish.footprint, widest=widest, width=BAR // 2),
        )
    return rows


def _seats(found: Budget) -> Table:
    rows = table("MODEL", "", "TOTAL GB", "LOAD", "CONTEXT UP TO", "", right=("TOTAL GB", "LOAD", "CONTEXT UP TO"))
    widest = max(found.budget_bytes, *(seat.footprint.total_bytes for seat in found.seats))
    for seat in found.seats:
        rows.add_row(
            seat.wish.name,
            _stay(seat),
            f"{seat.footprint.total_bytes / GB:.2f}",
            f"{seat.load_s:.0f} s",
            f"{seat.most_context:,}" if seat.most_context else "–",
            Bar(size=seat.footprint, widest=widest, width=BAR),
        )
    return rows


def _stay(seat: Seat) -> str:
    if not seat.fits:
        return "does not fit"
    return "pinned" if seat.wish.is_pinned else "on demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What *size* takes of *widest* bytes, drawn as wide as the terminal has room for, *width* cells at most."""

    size: Footprint
    widest: int
    width: int

    def __rich_measure__(self, _console: Console, options: ConsoleOptions) -> Measurement:
        """See rich."""
        from rich.measure import Measurement

        return Measurement(min(LEAST_BAR, options.max_width), min(self.width, options.max_width))

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> Iterator[Text]:
        """See rich."""
        yield parts_bar(self.size, self.widest, min(self.width, options.max_width))


def parts_bar(size: Footprint, widest: int, width: int) -> Text:
    """*size* as a bar of at most *width* cells, a mark for each part; *widest* bytes are all of it."""
    from rich.text import Text

    parts = (size.weights_bytes, size.kv_cache_bytes, size.compute_bytes, size.overhead_bytes)
    found, drawn, so_far = Text(), 0, 0
    for (_, mark, colour), part in zip(PARTS, parts, strict=True):
        so_far += part
        until = round(width * so_far / max(widest, 1))
        found.append(mark * (until - drawn), style=colour)
        drawn = until
    return found


def _legend() -> str:
    return "GB are 1,000,000,000 bytes.  " + "  ".join(f"{mark} {name}" for name, mark, _ in PARTS)


def _print_guide(*, as_json: bool) -> None:
    from pointsman.local.budget import CLAIMS
    from pointsman.local.known_models import KNOWN

    shapes = dict(KNOWN)
    if as_json:
        print_json(
            [{"claim": one.text, "said_gb": one.said_gb, "needs_bytes": one.needs_bytes(shapes)} for one in CLAIMS]
        )
        return
    rows = table("THE GUIDE SAYS", "SAID GB", "NEEDS GB", "", right=("SAID GB", "NEEDS GB"))
    for one in CLAIMS:
        needs = one.needs_bytes(shapes) / GB
        verdict = "right" if needs <= one.said_gb * ALLOWED else "too low"
        rows.add_row(one.text, f"{one.said_gb:.0f}", f"{needs:.1f}", verdict)
    print_data(rows)
    say("Reckoned in Q4_K_M with an f16 cache; 0.45 GB of each process is the device's own context.")
