"""What `pointsman serve` says when it starts: models by tier, addresses, a line to try."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from pointsman.cli.models import place
from pointsman.cli.output import print_talk, say, say_as_it_is
from pointsman.cli.setup import HOW_TO_ADD
from pointsman.core.catalog import Tier

if TYPE_CHECKING:
    from rich.table import Table

    from pointsman.cli.setup import Ready
    from pointsman.core.catalog import Catalog

_WIDE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104  where a wide bind is reached from this machine
_ASK = '{"model": "auto", "messages": [{"role": "user", "content": "What is 2+2?"}]}'


def print_banner(start: Ready, *, port: int, is_fallen: bool) -> None:
    """All of it, on stderr. *is_fallen*: nothing was configured and nothing found."""
    from rich.text import Text

    say(f"pointsman {metadata.version('pointsman')}")
    say("")
    for line in start.found:
        say(f"found {line}")
    for line in _state(start, is_fallen=is_fallen):
        print_talk(Text(line, style="bold yellow"))
    if start.has_models:
        print_talk(_models(start.loaded.catalog))
    say("")
    server = start.loaded.settings.server
    base = f"http://{_host(server.host)}:{port}"
    key = " -H 'authorization: Bearer YOUR_KEY'" if server.master_key or server.keys else ""
    say(f"OpenAI API  {base}/v1")
    say(f"page        {base}/")
    say_as_it_is(f"try         curl {base}/v1/chat/completions -H 'content-type: application/json'{key} -d '{_ASK}'")


def _state(start: Ready, *, is_fallen: bool) -> list[str]:
    """Whether this is a demo, or nothing at all, and what to do about it."""
    if start.is_demo:
        why = "DEMO: no model is configured and none was found, so" if is_fallen else "DEMO:"
        return [f"{why} three tiny built-in models answer. They know nothing.", *HOW_TO_ADD, ""]
    if is_fallen:
        return [
            "NO MODELS: none is configured and none was found; every request gets an error until there is one.",
            *HOW_TO_ADD,
            'Or try the built-in demo: pip install "pointsman[local]" and start again.',
        ]
    return []


def _models(catalog: Catalog) -> Table:
    """A row for each tier of `auto`, then the models that are in no tier."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    tiers = catalog.auto.tiers if catalog.auto else {}
    groups = {tier.value: tiers.get(tier, ()) for tier in Tier}
    routed = {name for names in groups.values() for name in names}
    groups["by name"] = tuple(name for name in catalog.pools if name not in routed)
    for label, names in groups.items():
        pools = [(name, catalog.pools[name]) for name in names if name in catalog.pools]
        marked = [Text.assemble(name, " (", place(pool[0]), ")") for name, pool in pools]
        if marked:
            grid.add_row(label, Text(", ").join(marked))
    return grid


def _host(host: str) -> str:
    found = _WIDE.get(host, host)
    return f"[{found}]" if ":" in found and not found.startswith("[") else found
