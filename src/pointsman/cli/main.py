"""The command `pointsman`."""

from __future__ import annotations

import sys

import click

from pointsman.cli import outermost
from pointsman.cli.agents import agents
from pointsman.cli.calibrate import calibrate
from pointsman.cli.chat import chat
from pointsman.cli.completion import completion
from pointsman.cli.config import config
from pointsman.cli.drop_in import list_downloaded, pull_for_program
from pointsman.cli.evaluate import evaluate
from pointsman.cli.feedback import feedback
from pointsman.cli.launch import launch
from pointsman.cli.ledger import explain, logs, stats
from pointsman.cli.local import local
from pointsman.cli.models import models
from pointsman.cli.replay import replay
from pointsman.cli.route import route
from pointsman.cli.serve import serve
from pointsman.cli.shadow import shadow
from pointsman.cli.train import train
from pointsman.cli.vram import vram
from pointsman.cli.what_if import what_if

EXAMPLES = """\b
Examples:
  pointsman serve                        the gateway on http://127.0.0.1:4000/v1
  pointsman chat "why is the sky blue?"  one answer
  pointsman route "prove it" --json      which model, and why
"""


class InOrder(click.Group):
    """Lists its commands in the order they were added: the way people come to them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


def _version(context: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001  click's signature
    if wanted and not context.resilient_parsing:
        from importlib import metadata

        click.echo(f"pointsman {metadata.version('pointsman')}")
        context.exit()


@click.group(
    cls=InOrder,
    invoke_without_command=True,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version and exit."
)
@click.pass_context
def cli(context: click.Context) -> None:
    """Send every AI request to the cheapest model that does it well; keep what is private on this machine."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (
    serve,
    chat,
    launch,
    route,
    models,
    local,
    vram,
    logs,
    explain,
    stats,
    agents,
    feedback,
    shadow,
    replay,
    what_if,
    evaluate,
    calibrate,
    train,
    config,
    completion,
):
    cli.add_command(_command)
for _command in (list_downloaded, pull_for_program):  # what gemini-cli asks of its local runtime
    cli.add_command(_command)


def main() -> None:
    """Run the command line of this process and exit."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a terminal that cannot show a letter gets a question mark
    sys.exit(outermost.run(cli, sys.argv[1:]))
