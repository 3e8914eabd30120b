"""Writes docs/reference/cli.md from the commands themselves; a test checks that it is current.

Usage: python tools/cli_reference.py [--check]
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from pointsman.cli.main import cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
COMMAND = "python tools/cli_reference.py"
HEAD = f"""<!-- Made by `{COMMAND}`; change src/pointsman/cli/ instead. -->
# Command line

What a command finds goes to stdout, what it has to say besides to stderr: `pointsman chat` prints nothing but the
answer there, and every `--json` nothing but JSON. Colours are left out in a pipe and when `NO_COLOR` is set.

An error is a line `error: …` and, where there is something to do, a line `hint: …`. The exit code says what kind it is:

| code | meaning |
| --- | --- |
| 0 | all went well |
| 1 | failure |
| 2 | usage: an option, a prompt or a model's name is wrong |
| 3 | configuration |
| 4 | no model is available, or none answered |
| 5 | refused, by privacy or policy |
| 130 | interrupted with Ctrl-C |
| 141 | whoever read the output went away, as in `pointsman logs \\| head` |

The model is the one of `--model`, else of `POINTSMAN_MODEL`, else of `GEMINI_MODEL`, else `model.name` of the
configuration, else `auto`. It is honoured or refused with the reason, never replaced in silence.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_commands(cli, click.Context(cli, info_name="pointsman"), 2)])


def _commands(group: click.Group, context: click.Context, level: int) -> Iterator[str]:
    for name in group.list_commands(context):
        command = group.commands[name]
        if command.hidden:  # for programs, which know it without being told
            continue
        below = click.Context(command, info_name=name, parent=context)
        yield from _command(command, below, level)
        if isinstance(command, click.Group):
            yield from _commands(command, below, level + 1)


def _command(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} `{context.command_path}`\n"
    yield f"```text\n{' '.join((context.command_path, *command.collect_usage_pieces(context)))}\n```\n"
    yield f"{_prose(command.help or '')}\n"
    options = [
        found
        for option in command.params
        if isinstance(option, click.Option) and (found := option.get_help_record(context)) is not None
    ]
    rows = [f"| `{_cell(name)}` | {_cell(meaning)} |" for name, meaning in options]
    if rows:
        yield "\n".join(["| option | meaning |", "| --- | --- |", *rows]) + "\n"
    if command.epilog:
        _, _, examples = command.epilog.partition("\n")[2].partition("\n")
        yield f"```text\n{_dedented(examples)}\n```\n"


def _prose(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix("  ") for line in text.rstrip().splitlines())


def main() -> None:
    """Write the page, or with --check say whether it is current."""
    if "--check" in sys.argv[1:]:
        current = PAGE.is_file() and PAGE.read_text(encoding="utf-8") == page()
        sys.exit(0 if current else f"{PAGE} is not current; run: {COMMAND}")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
