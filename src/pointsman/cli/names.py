"""Names of models as a person types them: which there are, and which was probably meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import click

from pointsman.core.catalog import AUTO, Tier

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog

MOST_SHOWN = 8


def known_names(catalog: Catalog) -> tuple[str, ...]:
    """Every name a caller may send: routers, models, aliases, tiers, presets."""
    routers = (router.name for router in catalog.routers)
    tiers = (tier.value for tier in Tier)
    return tuple(dict.fromkeys((AUTO, *routers, *catalog.pools, *catalog.aliases, *tiers, *catalog.presets)))


def is_known(name: str, catalog: Catalog) -> bool:
    """Whether *name* is one of those, or a tier by its size (`small`)."""
    return name in known_names(catalog) or Tier.parse(name) is not None


def require_known(name: str, catalog: Catalog, *, said_by: str) -> None:
    """A usage error that names the nearest names, unless *name* is known. *said_by* is such as `flag --model`."""
    if is_known(name, catalog):
        return
    near = difflib.get_close_matches(name, known_names(catalog), n=3, cutoff=0.5)
    if near:
        advice = f"did you mean {' or '.join(near)}?"
    else:
        names = known_names(catalog)
        more = ", …" if len(names) > MOST_SHOWN else ""
        advice = f"there are {', '.join(names[:MOST_SHOWN])}{more}"
    where = said_by.removeprefix("flag ").removeprefix("env ")
    raise click.UsageError(
        f"{where}: no model is called {name[:200]!r}; {advice}", click.get_current_context(silent=True)
    )
