"""What well-known cloud models cost and hold: the shipped table, with the configuration's own prices over it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from pointsman.config import packaged
from pointsman.config.tree import plain
from pointsman.core.catalog import Price, Tier

_SNAPSHOT = re.compile(r"[-@](?:\d{4}-?\d{2}-?\d{2}|\d{3,4}|latest|preview[-\d]*|exp[-\d]*)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownModel:
    """One line of the table."""

    price: Price
    context_tokens: int | None
    max_output_tokens: int | None
    tier: Tier


@cache
def known_models() -> Mapping[str, KnownModel]:
    """The shipped table, by model name without provider or date."""
    rows = plain(packaged.tree("prices.yaml").entries["models"])
    assert isinstance(rows, dict)  # noqa: S101 - our own file; a test reads it whole
    return {name: _known(row) for name, row in rows.items()}


def _known(row: object) -> KnownModel:
    assert isinstance(row, dict)  # noqa: S101 - as above
    return KnownModel(
        price=Price(
            input_usd_per_mtok=row["input"],
            output_usd_per_mtok=row["output"],
            cached_input_usd_per_mtok=row.get("cached_input"),
            cache_write_usd_per_mtok=row.get("cache_write"),
        ),
        context_tokens=row.get("context_tokens"),
        max_output_tokens=row.get("max_output_tokens"),
        tier=Tier(row["tier"]),
    )


def as_of() -> str:
    """The day the table was last checked, as `YYYY-MM-DD`."""
    return packaged.tree("prices.yaml").entries["as_of"].text or ""


def names_to_look_up(model: str) -> tuple[str, ...]:
    """The names *model* may stand under, most exact first: as it is, without date, without vendor, without either."""
    plain_name = model.removesuffix(":free").lower()
    last = plain_name.rpartition("/")[2]
    undated = _SNAPSHOT.sub("", last)
    names = (model, plain_name, _SNAPSHOT.sub("", plain_name), last, undated, undated.replace(".", "-"))
    return tuple(dict.fromkeys(names))


def look_up(model: str) -> KnownModel | None:
    """The table's line for *model*, whatever vendor prefix or date it carries."""
    table = known_models()
    return next((table[name] for name in names_to_look_up(model) if name in table), None)
