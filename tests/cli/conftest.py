"""A terminal to run commands in: in this process for speed, as a process of their own for what only that shows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from pointsman.cli import outermost
from pointsman.cli.main import cli

BIN = Path(sys.executable).parent / "pointsman"
PROCESS_S = 60

MODELS = """\
models:
  - {name: quick, model: small, base_url: "http://127.0.0.1:9/v1", local: true, tier: simple, context_tokens: 4096}
  - {name: heavy, model: large, base_url: "http://127.0.0.1:9/v1", local: true, tier: complex, aliases: [big]}
  - name: cloud
    model: openai/gpt-5
    api_key: sk-made-up
    tier: reasoning
    price: {input_usd_per_mtok: 1.25, output_usd_per_mtok: 10}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a command ended and what it said where."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def environ(tmp_path: Path) -> Mapping[str, str]:
    """An environment of its own for each test: no configuration, no keys, empty folders."""
    return {
        "HOME": str(tmp_path / "home"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the one that commands run in."""
    path = tmp_path / "work"
    path.mkdir()
    monkeypatch.chdir(path)
    return path


@pytest.fixture
def run(folder: Path, environ: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in this process, with its output in a pipe."""
    for name in ("POINTSMAN_CONFIG", "POINTSMAN_MODEL", "GEMINI_MODEL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def ran(*args: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None) -> Done:
        runner = CliRunner(env={**environ, **(env or {})})
        with runner.isolation(input=stdin) as (out, err, _):
            code = outermost.run(cli, args)
        return Done(code=code, out=out.getvalue().decode(), err=err.getvalue().decode())

    return ran


@pytest.fixture
def process(folder: Path, environ: Mapping[str, str]) -> Run:
    """Runs a command as a process."""

    def ran(*args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Done:
        done = subprocess.run(
            [BIN, *args],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=PROCESS_S,
            cwd=folder,
            env={**environ, **(env or {})},
        )
        return Done(code=done.returncode, out=done.stdout.decode(errors="replace"), err=done.stderr.decode())

    return ran


@pytest.fixture
def configured(folder: Path) -> Path:
    """A `pointsman.yaml` with two local models and a cloud one; nobody listens at their addresses."""
    path = folder / "pointsman.yaml"
    path.write_text(MODELS, encoding="utf-8")
    return path


@pytest.fixture
def compat(configured: Path) -> Path:
    """The same with LiteLLM's score, whose figures can be told beforehand."""
    configured.write_text(f"routing: {{scorer: litellm-compat}}\n{MODELS}", encoding="utf-8")
    return configured
