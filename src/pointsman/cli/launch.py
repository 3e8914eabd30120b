"""`pointsman launch`: a coding agent, started with everything it needs to talk to the gateway."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option
from pointsman.cli.output import say
from pointsman.cli.programs import PROGRAMS
from pointsman.core.errors import ConfigError, NoModelAvailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.cli.programs import Program

EXAMPLES = """\b
Examples:
  pointsman launch claude
  pointsman launch codex -- exec "fix the failing test"
  pointsman launch gemini --show
"""
NO_KEY = "unused"
_WAIT_S = 2.0


@click.command(short_help="Start a coding agent that uses the gateway.", epilog=EXAMPLES)
@click.argument("program", type=click.Choice(tuple(PROGRAMS)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGS]...")
@config_option
@click.option("--url", help="The gateway's address.  [default: server.host and server.port of the configuration]")
@click.option("--show", is_flag=True, help="Print what would be set and run; start nothing.")
def launch(program: str, arguments: tuple[str, ...], config: str | None, url: str | None, *, show: bool) -> None:
    """Start PROGRAM pointed at the gateway, which must be running; what follows `--` goes to the program.

    Nothing of the program's own configuration is changed: it gets environment variables and arguments, for this run.
    """
    chosen = PROGRAMS[program]
    from pointsman.bootstrap import environ

    address, key = _gateway(config, url)
    path = _settings_file(program, chosen, environ())
    said = {"url": address, "key": key, "settings": str(path or "")}
    environment = {name: value.format(**said) for name, value in chosen.environment.items()}
    command = [chosen.command, *(word.format(**said) for word in chosen.arguments), *arguments]
    if show:
        _show(environment, command, key)
        return
    executable = shutil.which(chosen.command)
    if executable is None:
        message = f"{chosen.title} is not installed: there is no {chosen.command!r} on the PATH."
        raise ConfigError(message, hint=f"Install it: {chosen.install}")
    _require_gateway(address)
    say(f"{chosen.title} uses {address}; `pointsman logs` shows what it asks")
    sys.stdout.flush()
    os.execve(executable, command, {**environ(), **environment})  # noqa: S606  the program the person named


def _gateway(config: str | None, url: str | None) -> tuple[str, str]:
    """The gateway's address and a key it takes."""
    from pointsman.cli.setup import configuration

    server = configuration(config).settings.server
    host = "127.0.0.1" if server.host in {"0.0.0.0", "::"} else server.host  # noqa: S104  compared, not bound
    address = (url or f"http://{f'[{host}]' if ':' in host else host}:{server.port}").rstrip("/").removesuffix("/v1")
    key = server.master_key or next(iter(server.keys.values()), None)
    return address, key.reveal() if key is not None else NO_KEY


def _settings_file(name: str, program: Program, environment: Mapping[str, str]) -> Path | None:
    """The program's settings, in a file of ours that only this user can read (gemini-cli refuses any other)."""
    if program.settings is None:
        return None
    state = environment.get("XDG_STATE_HOME")
    folder = (Path(state) if state else Path.home() / ".local" / "state") / "pointsman" / "programs"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(program.settings), "utf-8")
    return path


def _require_gateway(address: str) -> None:
    """NoModelAvailable when nobody listens at *address*."""
    import socket
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=_WAIT_S).close()
    except (OSError, ValueError):
        message = f"No gateway answers at {address}."
        raise NoModelAvailable(message, hint="Start it in another terminal: pointsman serve") from None


def _show(environment: dict[str, str], command: list[str], key: str) -> None:
    import shlex

    for name, value in environment.items():
        shown = "…" if value == key and key != NO_KEY else value
        click.echo(f"export {name}={shlex.quote(shown)}")
    click.echo(shlex.join(command))
