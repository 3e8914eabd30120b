"""Whatever goes wrong ends as two lines on stderr and an exit code."""

from __future__ import annotations

import click
import pytest

from pointsman.cli import outermost
from pointsman.core.errors import (
    AllAttemptsFailed,
    ConfigError,
    InvalidRequest,
    ModelStruckOut,
    NoModelAvailable,
    PointsmanError,
)

SECRET = "the prompt"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (PointsmanError("It broke."), 1, "error: It broke.\n"),
        (InvalidRequest("It is wrong.", hint="Mend it."), 2, "error: It is wrong.\nhint: Mend it.\n"),
        (ConfigError("The file is wrong."), 3, "error: The file is wrong.\n"),
        (NoModelAvailable("Nobody is there."), 4, "error: Nobody is there.\n"),
        (AllAttemptsFailed("Nobody answered.", failures=()), 4, "error: Nobody answered.\n"),
        (
            ModelStruckOut(model="cloud", by="privacy", reason="private"),
            5,
            "error: Model 'cloud' may not take this request (privacy: private).\n",
        ),
        (click.UsageError("What?"), 2, "error: What?\nhint: See pointsman --help.\n"),
        (KeyboardInterrupt(), 130, "\n"),
        (BrokenPipeError(), 141, ""),
        (PermissionError(13, "Permission denied", "a.yaml"), 1, "error: a.yaml: Permission denied.\n"),
    ],
)
def test_an_error_becomes_its_lines_and_its_code(
    error: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The contract's codes; hints on a line of their own."""

    @click.command()
    def fails() -> None:
        raise error

    assert outermost.run(fails, []) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", said)


def test_an_unforeseen_error_shows_no_message(capsys: pytest.CaptureFixture[str]) -> None:
    """The message may quote a prompt; type and place are enough to find it."""

    @click.command()
    def fails() -> None:
        raise KeyError(SECRET)

    assert outermost.run(fails, []) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: Something unforeseen went wrong (KeyError")
    assert SECRET not in said


def test_a_commands_own_code_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """What a command returns is how the process ends."""
    assert outermost.run(click.Command("five", callback=lambda: 5), []) == 5
