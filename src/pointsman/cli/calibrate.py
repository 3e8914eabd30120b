"""`pointsman calibrate`: the scorer's setting for a budget, a quality or a share of strong calls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.bars import Advance, bars
from pointsman.cli.evaluate import cost_of
from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_json, say
from pointsman.core.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.catalog import Tier
    from pointsman.evals.calibrate import Calibrated, Goal
    from pointsman.evals.datasets import Row
    from pointsman.evals.ladder import Ladder
    from pointsman.evals.tuning import Tuning

COMPAT, LEARNED, LENGTH, COMMAND = "litellm-compat", "learned", "length", "command:"
SECTION = "routing"
TARGETS = tuple(round(0.05 * step, 2) for step in range(1, 20))
EXAMPLES = """\b
Examples:
  pointsman calibrate --data outcomes.jsonl --budget 1.50
  pointsman calibrate --data outcomes.jsonl --quality 0.8 --svg curve.svg
  pointsman calibrate --data outcomes.jsonl --models small,large --strong-share 30% --write pointsman.yaml
"""


@click.command(short_help="Pick the scorer's setting for a budget or a quality.", epilog=EXAMPLES)
@click.option(
    "--data",
    required=True,
    type=click.Path(),
    metavar="F.jsonl",
    help="Prompts with outcomes, as `pointsman eval` reads them.",
)
@click.option("--budget", metavar="USD", help="At most so many dollars for 1,000 prompts.")
@click.option("--quality", metavar="Q", help="At least this mean outcome, 0 to 1 or in percent, as cheap as it gets.")
@click.option("--strong-share", metavar="P", help="At most this share of calls to the strong model, such as 30%.")
@click.option(
    "--router",
    "name",
    metavar="NAME",
    help="Whose scores: litellm-compat, learned, length, or command:LINE (a program). Without it, the scorer in force.",
)
@click.option("--models", metavar="A,B", help="The two to four models to divide between, weakest first.")
@click.option(
    "--cost", "costs", multiple=True, metavar="MODEL=USD", help="What a call costs where the file does not say."
)
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only so many; each source keeps its share.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of samples, parts, intervals.")
@click.option(
    "--resamples", type=click.IntRange(10, 20_000), default=1000, show_default=True, help="Draws for the intervals."
)
@click.option("--svg", type=click.Path(), metavar="FILE", help="Write the curve of quality and spend there.")
@click.option("--write", type=click.Path(), metavar="FILE", help="Put the setting into this pointsman.yaml.")
@json_option
@config_option
def calibrate(  # noqa: PLR0913  an argument for each option
    data: str,
    budget: str | None,
    quality: str | None,
    strong_share: str | None,
    name: str | None,
    models: str | None,
    costs: tuple[str, ...],
    sample: int | None,
    *,
    seed: int,
    resamples: int,
    svg: str | None,
    write: str | None,
    as_json: bool,
    config: str | None,
) -> int:
    """Pick the scorer's setting for a budget, a quality or a share of strong calls, on outcomes that are known.

    What to expect of it is measured on prompts that it was not picked on. The setting is printed as YAML for
    pointsman.yaml; nothing is changed unless you say --write.
    """
    from pointsman.cli.evaluate import data_rows, ladder_for
    from pointsman.cli.setup import configuration
    from pointsman.evals.calibrate import Problem
    from pointsman.evals.calibrate import calibrate as calibrated
    from pointsman.evals.pairs import Setting
    from pointsman.evals.tuning import tiers_of

    goal = _goal(budget, quality, strong_share)
    loaded = configuration(config)
    router = _router_name(name, loaded)
    if write is not None and router not in {COMPAT, LEARNED}:
        raise InvalidRequest(f"--write: the configuration has no place for boundaries of {router!r}.")
    named = tuple(model.strip() for model in models.split(",")) if models is not None else ()
    with bars() as bar:
        given = data_rows(data, sample, seed, bar("reading", None))
        ladder = ladder_for(given, named, dict(cost_of(cost) for cost in costs))
        tiers, are_known = tiers_of(ladder, loaded.catalog.auto)
        rows = _whole(given, ladder)
        tuning = _tuning(router, rows, tiers, config, bar("scoring", len(rows)))
        cost = ladder.costs(rows)
        problem = Problem(
            quality=ladder.quality(rows),
            cost=None if bool((cost != cost).any()) else cost,  # noqa: PLR0124  NaN
            sources=[row.source for row in rows],
        )
        resampling = Setting(times=resamples, seed=seed)
        found = calibrated(tuning.knob, problem, goal, resampling, in_force=tuning.in_force, advance=bar("checking", 1))
    about = f"{len(rows):,} prompts of {data}; scores of {router}; {resamples:,} draws, seed {seed}"
    _show(found, ladder, tiers if are_known else None, about, as_json=as_json)
    in_force = _router_name(None, loaded)
    is_said = loaded.settings.routing.scorer is not None  # else boundaries of LiteLLM's score put it into force
    if router != in_force and (router == LEARNED or (router == COMPAT and is_said)):
        say(f"note: {in_force} is in force; `routing.scorer: {router}` puts this one in its place")
    if svg is not None:
        _write_chart(found, ladder, f"{router} on {data}", svg)
    if write is not None:
        _write_setting(found, router, write)
    return 0


def _goal(budget: str | None, quality: str | None, strong_share: str | None) -> Goal:
    """The one that is given."""
    from pointsman.evals.calibrate import Aim, Goal

    given = [
        (Aim.BUDGET, "--budget", budget),
        (Aim.QUALITY, "--quality", quality),
        (Aim.STRONG_SHARE, "--strong-share", strong_share),
    ]
    said = [(aim, option, text) for aim, option, text in given if text is not None]
    if len(said) != 1:
        message = "Give one of --budget, --quality and --strong-share."
        raise click.UsageError(message, click.get_current_context())
    aim, option, text = said[0]
    percent, bare = text.strip().endswith("%"), text.strip().removeprefix("$").rstrip("% ")
    try:
        value = float(bare) / (100 if percent else 1)
    except ValueError:
        value = -1.0
    most = float("inf") if aim is Aim.BUDGET else 1.0
    if not 0 <= value <= most or value == float("inf") or (percent and aim is Aim.BUDGET):
        wanted = "dollars for 1,000 prompts, such as 1.50" if aim is Aim.BUDGET else "from 0 to 1, or in percent"
        message = f"{option} should be {wanted}; it is {text!r}."
        raise click.UsageError(message, click.get_current_context())
    return Goal(aim=aim, value=value)


def _router_name(name: str | None, loaded: Loaded) -> str:
    """Whose scores; `pointsman` is the scorer in force."""
    from pointsman.config.schema_routing import scorer_of

    if name is None or name == "pointsman":
        return COMPAT if scorer_of(loaded.settings.routing) == COMPAT else LEARNED
    if name in {COMPAT, LEARNED, LENGTH} or name.startswith(COMMAND):
        return name
    known = f"{COMPAT}, {LEARNED}, {LENGTH}, {COMMAND}LINE"
    raise InvalidRequest(f"--router: there is no score {name!r}; there are {known}.")


def _whole(rows: Sequence[Row], ladder: Ladder) -> list[Row]:
    """The prompts with an outcome of every model; variants have none of their own."""
    known = ladder.quality(rows)
    return [
        row
        for row, is_whole in zip(rows, (known == known).all(axis=1), strict=True)  # noqa: PLR0124  NaN
        if is_whole and row.variant_of is None
    ]


def _tuning(router: str, rows: Sequence[Row], tiers: Sequence[Tier], config: str | None, advance: Advance) -> Tuning:
    from pointsman.cli.setup import configuration
    from pointsman.evals import tuning
    from pointsman.evals.routers import Command, length
    from pointsman.routing.complexity.configured import complexity_settings

    if router == COMPAT:
        blocks = configuration(config).complexity
        return tuning.compat_tuning(rows, tiers, complexity_settings(next(iter(blocks.values()), {})), advance)
    if router == LEARNED:
        return _learned_tuning(rows, tiers, config, advance)
    measured = length() if router == LENGTH else Command(router.removeprefix(COMMAND))
    return tuning.score_tuning(rows, len(tiers), measured, advance)


def _learned_tuning(rows: Sequence[Row], tiers: Sequence[Tier], config: str | None, advance: Advance) -> Tuning:
    """The whole chain's decisions at each target: its floors and what it does when unsure count too."""
    from pointsman.cli.route import catalog_to_decide, deciding
    from pointsman.config.load import loaded_from
    from pointsman.config.schema_routing import target_of
    from pointsman.evals.routers import request_of
    from pointsman.evals.tuning import column_of, listed_tuning

    loaded, _ = catalog_to_decide(config)
    requests = [request_of(row) for row in rows]

    def decided(target: float) -> list[Tier]:
        routing = loaded.settings.routing.model_copy(update={"target": target, "scorer": LEARNED})
        other = loaded_from(loaded.settings.model_copy(update={"routing": routing}), tree=loaded.tree)
        found = []
        with deciding(other) as (router, run):
            for request in requests:
                tier = run(router.decide(request)).tier
                found.append(tiers[0] if tier is None else tiers[column_of(tier, tiers)])
                advance(1 / (len(TARGETS) + 1))
        return found

    return listed_tuning(TARGETS, decided, tiers, name="target", in_force=target_of(loaded.settings.routing))


def _show(found: Calibrated, ladder: Ladder, tiers: Sequence[Tier] | None, about: str, *, as_json: bool) -> None:
    from pointsman.cli.calibrate_tables import print_calibrated, yaml_of

    if as_json:
        from pointsman.evals.calibrate_report import as_json as found_json

        print_json(found_json(found, ladder.models) | {"models": list(ladder.models), "yaml": yaml_of(found)})
    else:
        print_calibrated(found, ladder.models, tiers, about)


def _write_chart(found: Calibrated, ladder: Ladder, title: str, path: str) -> None:
    from pointsman.evals.calibrate_report import chart

    _write(path, chart(found, ladder.models, title), "--svg")
    say(f"wrote {path}")


def _write_setting(found: Calibrated, router: str, path: str) -> None:
    from pointsman.cli.calibrate_tables import KEYS
    from pointsman.evals.settings_text import with_setting

    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        changed = with_setting(text, SECTION, found.named, KEYS.get(router))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(f"--write: {path} cannot be read ({getattr(error, 'strerror', 'no UTF-8')}).") from error
    except ConfigError as error:
        raise ConfigError(f"--write: {path}: {error.message}", hint=error.hint) from error
    _write(path, changed, "--write")
    say(f"wrote {SECTION} of {path}")


def _write(path: str, text: str, option: str) -> None:
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"{option}: {path} cannot be written ({error.strerror}).") from error
