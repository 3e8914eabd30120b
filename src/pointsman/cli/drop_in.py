"""Commands that gemini-cli gives to its local runtime: so Pointsman can be the program that `binaryPath` names.

gemini-cli runs     and needs
list                the model's name in what is printed
pull MODEL          the model here afterwards, its terms accepted
serve --port=N --verbose   see cli/serve.py
"""

from __future__ import annotations

import click

from pointsman.cli.figures import size
from pointsman.cli.local import DEFAULT_MODEL, JUDGE, read, set_up
from pointsman.cli.options import json_option
from pointsman.cli.output import print_data, print_json, table
from pointsman.cli.pull import pull


@click.command("list", hidden=True)
@json_option
def list_downloaded(*, as_json: bool) -> None:
    """Show the downloaded models, and the one that gemini-cli's router asks."""
    from pointsman.cli.setup import configuration
    from pointsman.inventory import model_store

    chosen, models = read(), model_store(configuration(None)).models()
    if as_json:
        print_json([{"name": one.name, "path": str(one.path), "size_bytes": one.size_bytes} for one in models])
        return
    rows = table("NAME", "SIZE", "FROM", right=("SIZE",))
    if chosen is not None and chosen.is_here:
        rows.add_row(JUDGE, size(chosen.path.stat().st_size), chosen.model)
    for one in models:
        rows.add_row(one.name, size(one.size_bytes), one.source)
    print_data(rows)


@click.command("pull", hidden=True)
@click.argument("name")
@click.option("--accept-terms", is_flag=True, help="Accept the model's licence without being asked.")
@click.pass_context
def pull_for_program(context: click.Context, name: str, *, accept_terms: bool) -> None:
    """Download a model, as `pointsman models pull` does; gemini-cli's judge is set up as well."""
    if name != JUDGE:
        context.invoke(pull, name=name, accept_terms=accept_terms)
        return
    chosen = read()
    if chosen is None or not chosen.is_here:
        chosen = set_up(DEFAULT_MODEL, None, accept_terms=accept_terms)
    click.echo(f"{JUDGE} is here: {chosen.model}")
