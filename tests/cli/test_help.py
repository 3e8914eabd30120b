"""Help, version, completion, and the page of all commands."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from pointsman.cli.main import cli
from tests.cli.conftest import Run
from tools.cli_reference import PAGE, page


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command below *group* that help shows."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_help_lists_the_commands_in_the_order_people_come_to_them(run: Run) -> None:
    """Without arguments too."""
    done = run("--help")
    assert (done.code, done.err) == (0, "")
    assert run().out == run("-h").out == done.out
    assert done.out == (
        "Usage: pointsman [OPTIONS] [COMMAND] [ARGS]...\n"
        "\n"
        "  Send every AI request to the cheapest model that does it well; keep what is\n"
        "  private on this machine.\n"
        "\n"
        "Options:\n"
        "  --version   Show the version and exit.\n"
        "  -h, --help  Show this message and exit.\n"
        "\n"
        "Commands:\n"
        "  serve       Start the gateway and the page.\n"
        "  chat        Ask one question, or talk.\n"
        "  launch      Start a coding agent that uses the gateway.\n"
        "  route       Decide which model a prompt goes to, and why.\n"
        "  models      List the models one may ask for.\n"
        "  local       Run the small model that judges requests.\n"
        "  vram        What models take of the graphics card's memory.\n"
        "  logs        Show the latest requests.\n"
        "  explain     Explain a past decision.\n"
        "  stats       Add up requests, cost and savings.\n"
        "  agents      Show agents, and the tier proposed for each.\n"
        "  feedback    Rate an answer; show or forget what was learned.\n"
        "  shadow      Compare a model's answers with copies at another.\n"
        "  replay      Decide recorded requests again.\n"
        "  what-if     What recorded traffic would cost elsewhere.\n"
        "  eval        Measure routers against known outcomes.\n"
        "  calibrate   Pick the scorer's setting for a budget or a quality.\n"
        "  train       Make the learned classifier anew, with data of your own.\n"
        "  config      Start, check and show the configuration.\n"
        "  completion  Print a completion script for bash, zsh or fish.\n"
        "\n"
        "  Examples:\n"
        "    pointsman serve                        the gateway on http://127.0.0.1:4000/v1\n"
        '    pointsman chat "why is the sky blue?"  one answer\n'
        '    pointsman route "prove it" --json      which model, and why\n'
    )


@pytest.mark.parametrize("path", list(commands(cli)), ids=" ".join)
def test_every_command_shows_an_example(run: Run, path: tuple[str, ...]) -> None:
    """-h and --help say the same, and end in something one can copy."""
    done = run(*path, "--help")
    assert (done.code, run(*path, "-h").out) == (0, done.out)
    assert f"  pointsman {' '.join(path)}" in done.out.partition("Example")[2].replace("models\n", "models list\n")


def test_no_summary_is_cut_short(run: Run) -> None:
    """A list of commands that ends in dots tells nothing."""
    for path in ((), ("config",), ("models",)):
        assert "..." not in run(*path, "--help").out.partition("Commands:")[2].partition("Example")[0]


def test_version(run: Run) -> None:
    """Name and number."""
    done = run("--version")
    assert (done.code, done.out.split()[0]) == (0, "pointsman")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("rout",), "error: No such command 'rout'."),
        (("route", "--modle", "x"), "error: No such option"),
        (("config",), ""),
    ],
)
def test_what_does_not_exist_is_a_usage_error(run: Run, args: tuple[str, ...], said: str) -> None:
    """Exit code 2, with where to look."""
    done = run(*args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_for_each_shell(run: Run, shell: str) -> None:
    """It calls the command back for what fits."""
    done = run("completion", shell)
    assert done.code == 0
    assert f"_POINTSMAN_COMPLETE={shell}_complete" in done.out


def test_the_page_of_commands_is_current() -> None:
    """What is committed is what `python tools/cli_reference.py` writes."""
    assert PAGE.read_text(encoding="utf-8") == page()
