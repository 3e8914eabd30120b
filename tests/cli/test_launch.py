"""`pointsman launch`: what a program gets, and what a person is told when it cannot start."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pointsman.cli.programs import PROGRAMS

TELLING = """#!{python}
import json, os, sys
print(json.dumps({{"arguments": sys.argv[1:], "environment": dict(os.environ)}}))
"""


@pytest.fixture
def listener() -> Iterator[int]:
    """A port somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    """An environment in which every program is one that tells what it was given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in PROGRAMS.values():
        script = folder / program.command
        script.write_text(TELLING.format(python=sys.executable), "utf-8")
        script.chmod(0o755)
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "XDG_CONFIG_HOME": str(tmp_path)}
    return {"PATH": f"{folder}{os.pathsep}{os.defpath}", "HOME": str(tmp_path), **state}


def launched(environment: Mapping[str, str], *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `pointsman launch` with *arguments* came to."""
    command = [sys.executable, "-m", "pointsman", "launch", *arguments]
    return subprocess.run(
        command, env=dict(environment), cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gets_the_address_and_its_own_arguments(
    name: str, installed: Mapping[str, str], listener: int, tmp_path: Path
) -> None:
    """Nothing is left unfilled, and what follows `--` comes last."""
    url = f"http://127.0.0.1:{listener}"
    done = launched(installed, name, "--url", f"{url}/v1", "--", "--print", "say {hi}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    program = PROGRAMS[name]
    given = {key: told["environment"][key] for key in program.environment}
    assert told["arguments"][len(program.arguments) :] == ["--print", "say {hi}"]
    assert any(url in text for text in (*given.values(), *told["arguments"]))
    assert not any("{url}" in text or "{key}" in text for text in (*given.values(), *told["arguments"]))
    if program.settings is not None:
        assert json.loads(Path(given["GEMINI_CLI_SYSTEM_SETTINGS_PATH"]).read_text("utf-8")) == program.settings


def test_the_key_of_the_configuration_is_given(installed: Mapping[str, str], listener: int, tmp_path: Path) -> None:
    """And shown to nobody."""
    (tmp_path / "pointsman.yaml").write_text(f"server: {{master_key: sk-secret, port: {listener}}}\n", "utf-8")
    told = json.loads(launched(installed, "claude", cwd=tmp_path).stdout)
    assert told["environment"]["ANTHROPIC_AUTH_TOKEN"] == "sk-secret"
    assert told["environment"]["ANTHROPIC_BASE_URL"] == f"http://127.0.0.1:{listener}"
    shown = launched(installed, "claude", "--show", cwd=tmp_path)
    assert "ANTHROPIC_AUTH_TOKEN=…" in shown.stdout.replace("'", "")
    assert "sk-secret" not in shown.stdout + shown.stderr


def test_no_gateway_is_said(installed: Mapping[str, str], tmp_path: Path) -> None:
    """Instead of an agent that retries for minutes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    done = launched(installed, "codex", "--url", f"http://127.0.0.1:{port}", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert f"No gateway answers at http://127.0.0.1:{port}." in done.stderr
    assert "pointsman serve" in done.stderr


def test_a_program_that_is_not_there_is_said(installed: Mapping[str, str], listener: int, tmp_path: Path) -> None:
    """With the line that installs it."""
    empty = {**installed, "PATH": str(tmp_path / "nothing")}
    done = launched(empty, "aider", "--url", f"http://127.0.0.1:{listener}", cwd=tmp_path)
    assert done.returncode == 3
    assert "aider is not installed" in done.stderr
    assert "pipx install aider-chat" in done.stderr
