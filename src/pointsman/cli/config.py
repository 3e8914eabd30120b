"""`pointsman config`: start a file, check one, show what is in force, print the schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_data, print_json, say, table
from pointsman.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.config.load import Loaded

FILE_NAME = "pointsman.yaml"


@click.group(
    short_help="Start, check and show the configuration.",
    epilog="""\b
Examples:
  pointsman config init
  pointsman config check litellm_config.yaml
  pointsman config show --origin
""",
)
def config() -> None:
    """Start, check, repair and show the configuration."""


@config.command(
    epilog="""\b
Example:
  pointsman config init my.yaml && pointsman serve --config my.yaml
"""
)
@click.argument("file", default=FILE_NAME, type=click.Path())
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
def init(file: str, *, force: bool) -> None:
    """Write a commented FILE (pointsman.yaml) to start from."""
    from pointsman.config.show import init_template

    path = Path(file)
    try:
        with path.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(init_template())
    except FileExistsError as error:
        raise ConfigError(f"{file} exists already.", hint="Name another file, or replace it with --force.") from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be written ({error.strerror}).") from error
    say(f"wrote {file}; `pointsman config check {file}` tells whether it is right")


@config.command(
    epilog="""\b
Examples:
  pointsman config check
  pointsman config check --fix litellm_config.yaml
"""
)
@click.argument("file", required=False, type=click.Path())
@click.option("--fix", is_flag=True, help="Give a file that lost its indentation its indentation back.")
@json_option
def check(file: str | None, *, fix: bool, as_json: bool) -> None:
    """Check FILE, or the configuration in force.

    LiteLLM's config.yaml and gemini-cli's settings.json are understood as they are.
    """
    from pointsman.cli.setup import configuration, tell_warnings
    from pointsman.precedence import rules_of

    if fix:
        _repair(_file_to_fix(file))
    loaded = configuration(file)
    rules_of(loaded)
    name = str(loaded.source_path) if loaded.source_path else "no file (defaults and environment)"
    catalog = loaded.catalog
    if as_json:
        warnings = [
            {"path": warning.path, "where": warning.where, "line": warning.line, "message": warning.message}
            for warning in loaded.warnings
        ]
        routers = [router.name for router in catalog.routers]
        print_json({"file": name, "ok": True, "models": len(catalog.models), "routers": routers, "warnings": warnings})
        return
    tell_warnings(loaded)
    click.echo(f"{name}: ok, {_count(len(catalog.models), 'model')}, {_count(len(loaded.warnings), 'warning')}")
    for line in _copies(loaded):
        click.echo(line)


@config.command(
    epilog="""\b
Examples:
  pointsman config show --origin
  POINTSMAN_SERVER__PORT=4001 pointsman config show --origin --json
"""
)
@click.option("--origin", is_flag=True, help="Say for every value whether a default, file, variable or flag set it.")
@click.option("--given", is_flag=True, help="Leave out what is at its default.")
@json_option
@config_option
def show(*, origin: bool, given: bool, as_json: bool, config: str | None) -> None:
    """Show every setting in force; keys are masked."""
    from pointsman.bootstrap import environ
    from pointsman.cli.setup import configuration
    from pointsman.config.load import requested_model
    from pointsman.config.show import show as rows_of

    loaded = configuration(config)
    model, said_by = requested_model(None, environ(), loaded)
    rows = [
        (
            row.path,
            model if row.path == "model.name" else row.value,
            said_by if row.path == "model.name" else row.origin,
        )
        for row in rows_of(loaded)
    ]
    rows = [row for row in rows if not given or row[2] != "default"]
    if as_json:
        print_json([{"path": path, "value": value, "origin": where} for path, value, where in rows])
        return
    if not rows:
        say("Nothing is set: everything is at its default.")
        return
    made = table("SETTING", "VALUE", *(("ORIGIN",) if origin else ()))
    for path, value, where in rows:
        made.add_row(path, _shown(value), *((where,) if origin else ()))
    print_data(made)


@config.command(
    epilog="""\b
Example:
  pointsman config schema > pointsman.schema.json
"""
)
def schema() -> None:
    """Print the JSON Schema of pointsman.yaml, for editors."""
    from pointsman.config.show import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


def _copies(loaded: Loaded) -> Iterator[str]:
    """What shadow mode does, and whether text leaves the machine for it."""
    from pointsman.core.catalog import FREE, Tier

    shadow, catalog = loaded.settings.shadow, loaded.catalog
    for rule in shadow.all_rules():
        tier = Tier.parse(catalog.resolve(rule.model))
        names = catalog.auto.tiers.get(tier, ()) if tier is not None and catalog.auto is not None else (rule.model,)
        cards = [card for name in names for card in catalog.pools.get(catalog.resolve(name), ())]
        which = " and ".join(filter(None, (" or ".join(rule.tiers), " or ".join(rule.kinds))))
        leaves = any(not card.is_local for card in cards)
        costs = any(card.price not in (None, FREE) for card in cards)
        yield "".join((
            f"shadow: {rule.sample * 100:g} % of {'public ' if leaves else ''}requests",
            f" ({which})" if which else "",
            f" are copied to {rule.model}, ",
            "which is not on this machine" if leaves else "on this machine",
            f", for ${shadow.budget_usd_per_day:,.2f} a day at most" if costs else "",
        ))  # fmt: skip


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _file_to_fix(file: str | None) -> Path:
    path = Path(file or FILE_NAME)
    if not path.is_file():
        raise ConfigError(f"There is no file {str(path)!r} to fix.", hint="Name it: pointsman config check --fix FILE")
    return path


def _repair(path: Path) -> None:
    """Write *path* anew if its indentation was lost; the old text is kept beside it."""
    from pointsman.config.files import read_text
    from pointsman.config.repair import is_flattened, repair_flattened

    text = read_text(path, str(path))
    if not is_flattened(text):
        say(f"{path}: the indentation is there, nothing to fix")
        return
    kept = path.with_name(f"{path.name}.flat")
    fresh = path.with_name(f".{path.name}.fixed")
    try:
        kept.write_text(text, encoding="utf-8")
        fresh.write_text(repair_flattened(text), encoding="utf-8")
        fresh.chmod(path.stat().st_mode)
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}).") from error
    say(f"{path}: gave it its indentation back; the old text is in {kept}")
