"""`pointsman completion`: what a shell runs to complete commands, options and models' names."""

from __future__ import annotations

import click

VARIABLE = "_POINTSMAN_COMPLETE"


@click.command(
    short_help="Print a completion script for bash, zsh or fish.",
    epilog="""\b
Examples:
  pointsman completion bash >> ~/.bashrc
  pointsman completion zsh >> ~/.zshrc
  pointsman completion fish > ~/.config/fish/completions/pointsman.fish
""",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"{shell} is not supported.", context)
    click.echo(found(context.find_root().command, {}, "pointsman", VARIABLE).source())
