"""Options that several commands take, and how their values are read."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, TypeVar

import click

from pointsman.core.errors import PointsmanError

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

Decorated = TypeVar("Decorated", bound="Callable[..., object]")

_SPAN = re.compile(r"(\d{1,9})([smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
TIER_NAMES = ("simple", "medium", "complex", "reasoning", "small", "large", "frontier")
"""As core.catalog.Tier.parse knows them; written out because importing that takes a tenth of `--help`."""


class Since(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """`90s`, `30m`, `1h`, `7d`, `2w` ago, or a date in ISO 8601; gives seconds since the epoch."""

    name = "span"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value)
        if (span := _SPAN.fullmatch(text)) is not None:
            return time.time() - int(span[1]) * _SECONDS[span[2]]
        from datetime import UTC, datetime

        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is neither a span such as 30m, 1h or 7d nor a date such as 2026-01-31.", param, ctx)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class ModelName(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """A model, alias, router or tier; completed from the configuration."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from pointsman.cli.names import known_names
        from pointsman.cli.setup import configuration

        try:
            catalog = configuration(ctx.params.get("config")).catalog
        except PointsmanError:
            return []
        return [CompletionItem(name) for name in known_names(catalog) if name.startswith(incomplete)]


def config_option(command: Decorated) -> Decorated:
    """`--config F`."""
    return click.option(
        "-c",
        "--config",
        metavar="FILE",
        type=click.Path(),
        help="Configuration file: ours, a LiteLLM config.yaml or a gemini-cli settings.json.",
    )(command)


def model_option(command: Decorated) -> Decorated:
    """`--model NAME`."""
    return click.option(
        "-m", "--model", type=ModelName(), help="Model, alias, router or tier; asked for and honoured, or refused."
    )(command)


def tier_option(command: Decorated) -> Decorated:
    """`--tier TIER`."""
    return click.option(
        "--tier", type=click.Choice(TIER_NAMES, case_sensitive=False), metavar="TIER", help="Take this tier."
    )(command)


def private_option(command: Decorated) -> Decorated:
    """`--private`."""
    return click.option("--private", is_flag=True, help="Only local models may see the text.")(command)


def json_option(command: Decorated) -> Decorated:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def since_option(command: Decorated) -> Decorated:
    """`--since SPAN`."""
    return click.option("--since", type=Since(), help="Only what is newer: 30m, 1h, 7d, or a date.")(command)
