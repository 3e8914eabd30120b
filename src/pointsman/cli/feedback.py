"""`pointsman feedback`: say of an answer whether it was good; see what verdicts have taught, and forget it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.adapters.storage.feedback import FeedbackFile, Known
    from pointsman.core.catalog import Catalog
    from pointsman.core.jsontypes import JsonObject
    from pointsman.experience import Critics

RATINGS = ("up", "down", "tier_up", "regenerated")
NOTHING_YET = "Nothing has been learned yet: `pointsman feedback ID up` (or `down`) rates an answer."

EXAMPLES = """\b
Examples:
  pointsman feedback last down           the last answer was not good
  pointsman feedback 3f2a up             that one was
  pointsman feedback show                what was learned so far
  pointsman feedback reset --model demo-small
"""
RATE_EXAMPLES = """\b
Examples:
  pointsman feedback rate last up
  pointsman feedback 3f2a tier_up
"""
SHOW_EXAMPLES = """\b
Examples:
  pointsman feedback show
  pointsman feedback show --key 1a2b3c4d --json
"""
RESET_EXAMPLES = """\b
Examples:
  pointsman feedback reset
  pointsman feedback reset --key 1a2b3c4d
  pointsman feedback reset --model demo-small
"""
_key_option = click.option("--key", metavar="ID", help="Only of the caller with this key, by its id.")
_model_option = click.option("--model", metavar="NAME", help="Only of this model, by its name.")


class RatingOrCommand(click.Group):
    """`feedback ID up` means `feedback rate ID up`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that *args* name, else `rate` with all of them."""
        if len(args) > 1 and args[0] not in self.commands:
            args = ["rate", *args]
        return super().resolve_command(ctx, args)


@click.group(
    cls=RatingOrCommand,
    invoke_without_command=True,
    short_help="Rate an answer; show or forget what was learned.",
    epilog=EXAMPLES,
)
@json_option
@config_option
@click.pass_context
def feedback(context: click.Context, *, as_json: bool, config: str | None) -> None:
    """Rate an answer, and see what ratings have taught: which models do better or worse than usual at what.

    Each caller's ratings count for that caller only. `pointsman feedback ID up` is short for `feedback rate ID up`.
    """
    if context.invoked_subcommand is None:
        _show(None, as_json=as_json, config=config)


@feedback.command(short_help="Rate an answer.", epilog=RATE_EXAMPLES)
@click.argument("id_", metavar="ID")
@click.argument("rating", type=click.Choice(RATINGS), metavar="up|down|tier_up|regenerated")
@json_option
@config_option
def rate(id_: str, rating: str, *, as_json: bool, config: str | None) -> None:
    """Say of an answer: it was good (up) or not (down), a higher tier should have given it, it was asked for again.

    ID is a decision's id, the beginning of one, or `last`. The latest rating of an answer counts.
    """
    from pointsman.cli.ledger import LAST, newest
    from pointsman.routing.learned.feedback import Verdict

    found = _critics(config)
    row = newest(found.reader) if id_ == LAST else found.reader.find(id_)
    said = found.judge(row, Verdict(rating))
    if as_json:
        print_json(said)
    else:
        say(what_was_learned(said))


@feedback.command(short_help="Show what was learned.", epilog=SHOW_EXAMPLES)
@_key_option
@json_option
@config_option
def show(key: str | None, *, as_json: bool, config: str | None) -> None:
    """Show by how much each model is taken to be better or worse than usual, by kind of task, in steps of difficulty.

    The models of a tier share what is learned: where it has some that nobody rated, a line says what is taken of them.
    """
    _show(key, as_json=as_json, config=config)


@feedback.command(short_help="Forget what was learned.", epilog=RESET_EXAMPLES)
@_key_option
@_model_option
@json_option
@config_option
def reset(key: str | None, model: str | None, *, as_json: bool, config: str | None) -> None:
    """Forget what was learned and the ratings themselves: all, those of one key, or of one model.

    A gateway follows in a second.
    """
    count = _file(config).reset(key, model=model, everybody=key is None)
    if as_json:
        print_json({"forgotten": count, "key_id": key, "model": model})
    else:
        say(f"{count} {'ability' if count == 1 else 'abilities'} as before any rating.")


def what_was_learned(said: JsonObject) -> str:
    """What came of a rating, in a sentence."""
    learned = said["learned"]
    if not isinstance(learned, dict):
        return "Noted. There is nothing to learn from it: no classifier chose the model that answered."
    who = learned["model"] or f"the tier {learned['tier']}"
    return f"Noted: {who} at {learned['kind']} is now taken to be {_by(float(str(learned['shift'])))} usual."


def _by(shift: float) -> str:
    """Such as `0.30 steps below`."""
    return f"{abs(shift):.2f} steps {'below' if shift < 0 else 'above'}"


def _show(key: str | None, *, as_json: bool, config: str | None) -> None:
    from pointsman.cli.setup import configuration
    from pointsman.stores import feedback_file

    loaded = configuration(config)
    every = [one for one in feedback_file(loaded).all() if key in (None, one.key_id)]
    found = [one for one in every if one.model is not None or _has_others(one, every, loaded.catalog)]
    if as_json:
        print_json([_as_json(one) for one in found])
    elif found:
        _print(found)
    else:
        say(NOTHING_YET)


def _has_others(one: Known, found: Sequence[Known], catalog: Catalog) -> bool:
    """Whether the tier was itself rated, or a router has models in it that nobody rated."""
    if one.standing.verdicts:
        return True
    place = (one.key_id, one.kind, one.tier)
    rated = {other.model for other in found if (other.key_id, other.kind, other.tier) == place}
    names = {catalog.resolve(name) for router in catalog.routers for name in router.tiers.get(one.tier, ())}
    return not names <= rated


def _as_json(one: Known) -> JsonObject:
    return {
        "key_id": one.key_id,
        "kind": one.kind,
        "tier": one.tier.value,
        "model": one.model,
        "shift": round(one.standing.shift, 3),
        "deviation": round(one.standing.deviation, 3),
        "ratings": one.standing.verdicts,
    }


def _print(found: Sequence[Known]) -> None:
    has_keys = any(one.key_id is not None for one in found)
    columns = (*(["KEY"] if has_keys else []), "TASK", "TIER", "MODEL", "SHIFT", "±", "RATINGS")
    made = table(*columns, right=("SHIFT", "±", "RATINGS"))
    for one in found:
        made.add_row(
            *([one.key_id or "–"] if has_keys else []),
            one.kind,
            one.tier.value,
            one.model or "(others)",
            f"{one.standing.shift:+.2f}",
            f"{one.standing.deviation:.2f}",
            str(one.standing.verdicts),
        )
    print_data(made)


def _critics(config: str | None) -> Critics:
    from pointsman.cli.setup import configuration
    from pointsman.experience import critics

    found = critics(configuration(config))
    if found is None:
        message = "The ledger is off, so no answer is known."
        raise ConfigError(message, hint="Set `ledger.enabled`.")
    return found


def _file(config: str | None) -> FeedbackFile:
    from pointsman.cli.setup import configuration
    from pointsman.stores import feedback_file

    return feedback_file(configuration(config))
