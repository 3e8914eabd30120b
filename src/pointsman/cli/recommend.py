"""`pointsman models recommend`: the cheat sheet, and what of it fits this device."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import NOTHING, window
from pointsman.cli.memory_options import Size
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.config.cheat_sheet import Task
    from pointsman.core.jsontypes import JsonObject
    from pointsman.local.recommend import Fitting

GB = 1_000_000_000
_TABLE_WIDTH = 92
EXAMPLES = """\b
Examples:
  pointsman models recommend --vram 24GiB
  pointsman models recommend --vram 8GiB --task coding
  pointsman models recommend --json | jq -r '.tasks[] | select(.pick) | .pick'
"""

Row = tuple["Task", "tuple[Fitting, ...]"]


@click.command(short_help="Which models to take for which task, in so much memory.", epilog=EXAMPLES)
@click.option("--vram", "budget_bytes", type=Size(), help="Memory to spend, such as 24GiB; this device's if not given.")
@click.option("--reserve", type=Size(), default="1GiB", show_default=True, help="Kept free of it.")
@click.option("--task", "wanted", metavar="KIND", help="One kind of task, with all models for it.")
@json_option
@config_option
def recommend(budget_bytes: int | None, reserve: int, wanted: str | None, *, as_json: bool, config: str | None) -> None:
    """Show for each kind of task its tier, the best local model that fits the memory, and a cloud model.

    What a model takes is reckoned with the context that the task mostly needs. `tasks:` in pointsman.yaml changes the
    list.
    """
    from pointsman.cli.setup import configuration
    from pointsman.cli.vram import device_bytes
    from pointsman.config.cheat_sheet import tasks
    from pointsman.local.planner import gigabytes
    from pointsman.local.recommend import fittings

    settings = configuration(config).settings
    configured = settings.local.vram if isinstance(settings.local.vram, int) else None
    kinds = _meant(tasks(settings.tasks), wanted)
    total, source = device_bytes(budget_bytes or configured)
    budget = max(0, total - reserve)
    rows = [(task, fittings(task.local, task.context_tokens, budget)) for task in kinds]
    if as_json:
        print_json(
            {
                "device_bytes": total,
                "reserve_bytes": reserve,
                "budget_bytes": budget,
                "source": source,
                "tasks": [_json(task, found) for task, found in rows],
            }
        )
        return
    say(f"{gigabytes(total)} of memory ({source}), {gigabytes(reserve)} kept free")
    if wanted:
        _print_one(*rows[0])
    else:
        _print_all(rows)


def _meant(kinds: Sequence[Task], wanted: str | None) -> Sequence[Task]:
    if wanted is None:
        return kinds
    found = [task for task in kinds if task.name == wanted.lower()]
    if not found:
        import difflib

        names = [task.name for task in kinds]
        near = difflib.get_close_matches(wanted.lower(), names, n=2, cutoff=0.5)
        advice = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}."
        raise click.UsageError(f"no kind of task is called {wanted[:200]!r}; {advice}")
    return found


def _print_all(rows: Sequence[Row]) -> None:
    from pointsman.local.recommend import best

    if _is_narrow():
        for task, found in rows:
            pick = best(found)
            click.echo(f"{task.name} ({task.tier.value})" + ("" if task.is_ours else " *"))
            if pick is not None:
                click.echo(f"  {_named(pick)}, {_takes(pick)} GB")
            click.echo(f"  {task.cloud or NOTHING}")
    else:
        _print_table(rows)
    if any(not task.is_ours for task, _ in rows):
        say("* as your configuration has it")
    say("`--task KIND` shows all models for one; `pointsman models pull NAME` downloads one.")


def _print_table(rows: Sequence[Row]) -> None:
    from pointsman.local.recommend import best

    shown = table("TASK", "TIER", "LOCAL", "TAKES GB", "CONTEXT", "CLOUD", right=("TAKES GB", "CONTEXT"))
    for task, found in rows:
        pick = best(found)
        shown.add_row(
            task.name if task.is_ours else f"{task.name} *",
            task.tier.value,
            NOTHING if pick is None else _named(pick),
            NOTHING if pick is None else _takes(pick),
            NOTHING if pick is None else window(pick.context_tokens),
            task.cloud or NOTHING,
        )
    print_data(shown)


def _is_narrow() -> bool:
    """Whether the terminal is too narrow for the table."""
    return sys.stdout.isatty() and shutil.get_terminal_size().columns < _TABLE_WIDTH


def _print_one(task: Task, found: Sequence[Fitting]) -> None:
    from pointsman.config.cheat_sheet import sources

    click.echo(f"{task.title} ({task.tier.value}), {task.context_tokens:,} tokens of context")
    if found and _is_narrow():
        for one in found:
            click.echo(f"{_named(one)}: {_takes(one)} GB, {_verdict(one)}")
    elif found:
        columns = ("MODEL", "QUANT", "TAKES GB", "", "CONTEXT UP TO", "LICENCE")
        shown = table(*columns, right=("TAKES GB", "CONTEXT UP TO"))
        for one in found:
            source = sources().get(one.model)
            shown.add_row(
                one.model,
                one.quantization,
                _takes(one),
                _verdict(one),
                f"{one.most_context:,}" if one.most_context else NOTHING,
                source.licence if source else NOTHING,
            )
        print_data(shown)
    else:
        click.echo("No local model is named for it: this is where a cloud model is worth its price.")
    if task.cloud:
        click.echo(f"in the cloud: {task.cloud}")


def _named(one: Fitting) -> str:
    from pointsman.local.memory import DEFAULT_QUANTIZATION

    return one.model if one.quantization == DEFAULT_QUANTIZATION else f"{one.model}:{one.quantization}"


def _takes(one: Fitting) -> str:
    return NOTHING if one.footprint is None else f"{one.footprint.total_bytes / GB:.1f}"


def _verdict(one: Fitting) -> str:
    if one.footprint is None:
        return "size not known"
    return "fits" if one.fits else "does not fit"


def _json(task: Task, found: Sequence[Fitting]) -> JsonObject:
    from pointsman.config.cheat_sheet import sources
    from pointsman.local.recommend import best

    pick = best(found)
    return {
        "task": task.name,
        "title": task.title,
        "tier": task.tier.value,
        "context_tokens": task.context_tokens,
        "pick": _named(pick) if pick is not None else None,
        "local": [
            {
                "model": one.model,
                "quantization": one.quantization,
                "context_tokens": one.context_tokens,
                "total_bytes": one.footprint.total_bytes if one.footprint is not None else None,
                "weights_bytes": one.footprint.weights_bytes if one.footprint is not None else None,
                "most_context_tokens": one.most_context,
                "fits": one.fits,
                "licence": source.licence if (source := sources().get(one.model)) is not None else None,
                "hub": source.hub if source is not None else None,
                "ollama": source.ollama if source is not None else None,
            }
            for one in found
        ],
        "cloud": task.cloud,
        "changed": not task.is_ours,
    }
