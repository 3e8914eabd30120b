"""The outermost handler: whatever a command raises ends as two lines on stderr and an exit code, never a traceback.

| code | means                                                |
| ---- | ---------------------------------------------------- |
| 0    | ok                                                   |
| 1    | failure                                              |
| 2    | usage                                                |
| 3    | configuration                                        |
| 4    | no model available                                   |
| 5    | refused, by privacy or policy                        |
| 130  | interrupted                                          |
| 141  | whoever read the output went away (nothing is said)  |
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import click

from pointsman.cli.output import say
from pointsman.core.errors import PointsmanError

FAILURE = 1
USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell reports any other program in this place
_PACKAGE = f"{os.sep}pointsman{os.sep}"


def run(command: click.Command, args: Sequence[str], *, prog_name: str = "pointsman") -> int:
    """Run *command* and give the exit code; a command may return its own."""
    stdout = sys.stdout
    try:
        code = command.main(args=list(args), prog_name=prog_name, standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001  seam: the outermost handler
        # On a broken pipe click wraps stdout to keep it calm, and exits with 1.
        return _end(BrokenPipeError() if sys.stdout is not stdout else error)
    return code if isinstance(code, int) else 0


def complain(message: str, hint: str | None = None) -> None:
    """`error: …` and `hint: …` on stderr."""
    say(f"error: {message}")
    if hint:
        say(f"hint: {hint}")


def _end(error: BaseException) -> int:
    """Say what happened and give the code that stands for it."""
    match error:
        case PointsmanError():
            complain(error.message, error.hint)
            return error.exit_code
        case click.UsageError():
            complain(error.format_message(), _usage_hint(error))
            return USAGE
        case click.ClickException():
            complain(error.format_message())
            return error.exit_code
        case click.Abort() | KeyboardInterrupt():  # click has ended the line
            return INTERRUPTED
        case BrokenPipeError():
            _let_go_of_stdout()
            return BROKEN_PIPE
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILURE
        case OSError():
            complain(f"{error.filename or 'the system'}: {error.strerror or type(error).__name__}.")
            return FAILURE
        case _:
            place = _place(error.__traceback__)
            complain(f"Something unforeseen went wrong ({type(error).__name__}{place}).", "Please report this line.")
            return FAILURE


def _usage_hint(error: click.UsageError) -> str | None:
    path = error.ctx.command_path if error.ctx else "pointsman"
    return f"See {path} --help."


def _place(trace: TracebackType | None) -> str:
    """Where in our own code it happened; the message is left out, as it may quote a prompt."""
    found = ""
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if _PACKAGE in name:
            found = f" in {Path(name).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _let_go_of_stdout() -> None:
    """So that the interpreter's last flush finds nobody to complain to."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
