"""`pointsman eval`: routers measured against outcomes that are known."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.bars import Advance, Bar, bars
from pointsman.cli.options import config_option, json_option, since_option
from pointsman.cli.output import print_json, say
from pointsman.cli.route import catalog_to_decide, deciding
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pointsman.core.chat import ChatRequest
    from pointsman.core.decision import Decision
    from pointsman.evals.datasets import Row
    from pointsman.evals.figures import Report
    from pointsman.evals.ladder import Ladder
    from pointsman.evals.pairs import Setting
    from pointsman.evals.routers import MeasuredRouter

    Decide = Callable[[ChatRequest], Decision]

EXAMPLES = """\b
Examples:
  pointsman eval --since 7d
  pointsman eval --data outcomes.jsonl
  pointsman eval --data pool.jsonl.gz --sample 2000 --svg curve.svg
  pointsman eval --data outcomes.jsonl --models small,large --router pointsman --router length
  pointsman eval --data outcomes.jsonl --router "command:./my_router.py --fast" --json > report.json
"""
DEFAULT_ROUTERS = ("pointsman", "litellm-compat", "length", "random", "difficulty", "oracle")
_MOST_RESAMPLES = 20_000


@click.command("eval", short_help="Measure routers against known outcomes.", epilog=EXAMPLES)
@click.option(
    "--data",
    type=click.Path(),
    metavar="F.jsonl",
    help="Prompts with outcomes: a line holds `id`, `prompt` or `messages`, `outcomes` (model: 0..1), and perhaps "
    "`cost`, `source`. May be packed with gzip.",
)
@click.option("--ledger", is_flag=True, help="What your own ledger tells; so it is without --data.")
@since_option
@click.option(
    "--router",
    "names",
    multiple=True,
    metavar="NAME",
    help="Whom to measure; may be given again. pointsman (the chain in force), litellm-compat, length, random, "
    "always:MODEL, command:LINE (a program), difficulty and oracle (they know outcomes). Without it: all but programs.",
)
@click.option("--models", metavar="A,B", help="The models to divide prompts between, weakest first.")
@click.option(
    "--cost", "costs", multiple=True, metavar="MODEL=USD", help="What a call costs where the file does not say."
)
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only so many; each source keeps its share.")
@click.option("--perturb", is_flag=True, help="Say each prompt in another way too (typos, greetings), for robustness.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of samples and intervals.")
@click.option(
    "--resamples",
    type=click.IntRange(10, _MOST_RESAMPLES),
    default=1000,
    show_default=True,
    help="Draws of the bootstrap for the 95 % intervals.",
)
@click.option("--svg", type=click.Path(), metavar="FILE", help="Write the cost-quality curve there.")
@json_option
@config_option
def evaluate(  # noqa: PLR0913  an argument for each option
    data: str | None,
    names: tuple[str, ...],
    models: str | None,
    costs: tuple[str, ...],
    sample: int | None,
    *,
    seed: int,
    resamples: int,
    svg: str | None,
    since: float | None,
    ledger: bool,
    perturb: bool,
    as_json: bool,
    config: str | None,
) -> int:
    """Measure how well routers divide prompts between weak and strong models, on outcomes that are known.

    Without a file it is your own ledger that is looked at: how requests went by tier and model, what they cost beside
    the same calls dealt at random, and what routers make of the logged prompts. No model is called and nothing is
    sent anywhere; a program named with command: is started here and shown prompts.
    """
    from pointsman.evals.pairs import Setting

    if data is None or ledger:
        _only_of_files(data, models, costs, sample, svg, perturb=perturb)
        return _of_ledger(config, since, names, Setting(times=resamples, seed=seed), as_json=as_json)
    if since is not None:
        raise click.UsageError("--since is for the ledger, without --data.", click.get_current_context())
    named = tuple(name.strip() for name in models.split(",")) if models is not None else ()
    usd = dict(cost_of(cost) for cost in costs)
    with bars() as bar:
        rows = data_rows(data, sample, seed, bar("reading", None))
        if perturb:
            from pointsman.evals.perturb import with_variants

            rows = with_variants(rows, seed)
        ladder = _ladder(rows, named, usd)
        setting = Setting(times=resamples, seed=seed)
        report = _report(names or _default_names(ladder), data, rows, ladder, setting, bar, config)
    if svg is not None:
        _write_chart(report, svg)
    if as_json:
        from pointsman.evals.report import as_json as report_json

        print_json(report_json(report))
    else:
        from pointsman.cli.evaluate_tables import print_report

        print_report(report)
    return 0


def _only_of_files(
    data: str | None, models: str | None, costs: tuple[str, ...], sample: int | None, svg: str | None, *, perturb: bool
) -> None:
    """A usage error for what a ledger has no use for."""
    given = {
        "--data": data,
        "--models": models,
        "--cost": costs,
        "--sample": sample,
        "--perturb": perturb,
        "--svg": svg,
    }
    strange = next((name for name, value in given.items() if value), None)
    if strange == "--data":
        raise click.UsageError("Give --data or --ledger, not both.", click.get_current_context())
    if strange is not None:
        raise click.UsageError(f"{strange} needs --data: a ledger has no outcomes.", click.get_current_context())


def _of_ledger(
    config: str | None, since: float | None, names: Sequence[str], setting: Setting, *, as_json: bool
) -> int:
    from pointsman.cli.evaluate_ledger import evaluate_ledger, print_as_json, print_ledger

    with bars() as bar:
        found, rescored = evaluate_ledger(config, since, names, setting, bar)
    if as_json:
        print_as_json(found, rescored)
    else:
        print_ledger(found, rescored)
    return 0


def _default_names(ladder: Ladder | None) -> tuple[str, ...]:
    """The usual ones, and each model for everything."""
    always = tuple(f"always:{model}" for model in ladder.models) if ladder is not None else ()
    return DEFAULT_ROUTERS + always


def data_rows(data: str, sample: int | None, seed: int, advance: Advance) -> tuple[Row, ...]:
    """The rows of the file, or a sample of them."""
    from pointsman.evals.datasets import read_outcomes
    from pointsman.evals.datasets import sample as sampled

    rows = read_outcomes(data, advance)
    return rows if sample is None else sampled(rows, sample, seed)


def _ladder(rows: Sequence[Row], named: tuple[str, ...], costs: dict[str, float]) -> Ladder | None:
    """None for a file of labels alone."""
    if not named and not costs and not any(row.outcomes or row.tiers for row in rows):
        return None
    return ladder_for(rows, named, costs)


def ladder_for(rows: Sequence[Row], named: tuple[str, ...], costs: dict[str, float]) -> Ladder:
    """The models to divide prompts between."""
    from pointsman.evals.ladder import ladder_of

    return ladder_of(rows, named, costs)


def cost_of(text: str) -> tuple[str, float]:
    """A model and what a call of it costs, from `MODEL=USD`."""
    model, _, amount = text.rpartition("=")
    try:
        usd = float(amount)
    except ValueError:
        usd = -1.0
    if not model or not 0 <= usd < float("inf"):
        message = f"--cost should be MODEL=USD, such as small=0.0002; it is {text!r}."
        raise click.UsageError(message, click.get_current_context())
    return model, usd


def _report(
    names: Sequence[str],
    data: str,
    rows: Sequence[Row],
    ladder: Ladder | None,
    setting: Setting,
    bar: Bar,
    config: str | None,
) -> Report:
    from pointsman.evals.compare import Progress, compare
    from pointsman.evals.routers import DIFFICULTY, ORACLE, OURS

    wanted = list(dict.fromkeys(names))
    oracles = [name for name in wanted if name in {DIFFICULTY, ORACLE}]
    with _decider(config) if OURS in wanted else nullcontext(None) as decide:
        routers = [router_of(name, decide, ladder) for name in wanted if name not in oracles]
        progress = Progress(asked=bar("asking", len(routers) * len(rows)), compared=bar("comparing", 1))
        return compare(rows, ladder, routers, oracles=oracles, data=data, setting=setting, progress=progress)


@contextmanager
def _decider(config: str | None) -> Iterator[Decide]:
    """What the chain in force decides, with the local judge at hand where there is one."""
    loaded, _ = catalog_to_decide(config)
    with deciding(loaded) as (router, run):
        yield lambda request: run(router.decide(request))


def router_of(name: str, decide: Decide | None, ladder: Ladder | None) -> MeasuredRouter:
    """The router called *name*; InvalidRequest when there is none."""
    from pointsman.evals import routers

    simple = {routers.COMPAT: routers.compat, routers.LENGTH: routers.length, routers.RANDOM: routers.chance}
    if name == routers.OURS and decide is not None:
        return routers.ours(decide)
    if name in simple:
        return simple[name]()
    if name.startswith(routers.COMMAND):
        return routers.Command(name.removeprefix(routers.COMMAND))
    model = name.removeprefix(routers.ALWAYS)
    if name.startswith(routers.ALWAYS) and ladder is not None and model in ladder.models:
        return routers.always(model)
    if name.startswith(routers.ALWAYS):
        known = ", ".join(ladder.models) if ladder is not None else "no model at all"
        raise InvalidRequest(f"--router: {name!r} names no model of the file's; there is {known}.")
    raise InvalidRequest(f"--router: there is no router {name!r}; there are {', '.join(routers.NAMES)}.")


def _write_chart(report: Report, path: str) -> None:
    from pointsman.evals.report import chart

    if not report.pairs:
        raise InvalidRequest(f"--svg: no two models could be compared, so {path} is not written.")
    try:
        Path(path).write_text(chart(report), encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"--svg: {path} cannot be written ({error.strerror}).") from error
    say(f"wrote {path}")
