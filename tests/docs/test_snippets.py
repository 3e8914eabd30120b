"""Every example of the README and the documentation does what the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pointsman.config.load import load
from tests.docs.snippets import ROOT, Snippet, commands, missing_line, pages, snippets, snippets_of

DOCS_ADDRESS = "127.0.0.1:4000"
RUN_S = 30
BIN = Path(sys.executable).parent
RUNNABLE = [page for page in pages() if snippets_of(page)]
_LISTENING = re.compile(r"http://(127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """A gateway on the demo models, and the environment its commands share."""

    address: str
    environ: Mapping[str, str]


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One gateway for all pages, with folders of its own."""
    home = tmp_path_factory.mktemp("home")
    environ = {
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
        "LC_ALL": "C.UTF-8",
    }
    with subprocess.Popen(
        [BIN / "pointsman", "serve", "--demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env=environ,
    ) as process:
        try:
            yield Gateway(address=_address(process), environ=environ)
        finally:
            process.terminate()
            process.wait(RUN_S)


def _address(process: subprocess.Popen[str]) -> str:
    """What *process* says that it listens on."""
    said = []
    for line in process.stdout or ():
        said.append(line)
        found = _LISTENING.search(line)
        if found is not None:
            return found[1]
    pytest.fail(f"the gateway did not start:\n{''.join(said)}")


@pytest.mark.e2e
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """From top to bottom, in one folder: files are written, configurations load, programs run, output is as shown."""
    for snippet in snippets_of(page):
        match snippet.kind:
            case "yaml":
                _check_yaml(snippet, tmp_path)
            case "python":
                _run_python(snippet, tmp_path, request.getfixturevalue("gateway"))
            case _:
                _run_console(snippet, tmp_path, request.getfixturevalue("gateway"))


def _check_yaml(snippet: Snippet, folder: Path) -> None:
    path = folder / (snippet.title or "pointsman.yaml")
    path.write_text(snippet.text, encoding="utf-8")
    loaded = load(config=path, environ={"XDG_CONFIG_HOME": str(folder)}, cwd=folder)
    assert loaded.catalog.models, f"{snippet}: no model in this configuration"


def _run_python(snippet: Snippet, folder: Path, gateway: Gateway) -> None:
    text = snippet.text.replace(DOCS_ADDRESS, gateway.address)
    done = _run([sys.executable, "-c", text], folder, gateway)
    assert done.returncode == 0, f"{snippet}:\n{done.stderr}"


def _run_console(snippet: Snippet, folder: Path, gateway: Gateway) -> None:
    for command in commands(snippet.text):
        program = command.line.split()[0]
        if shutil.which(program, path=gateway.environ["PATH"]) is None:
            pytest.skip(f"{program} is not installed")
        line = command.line.replace(DOCS_ADDRESS, gateway.address)
        done = _run(["/bin/sh", "-c", line], folder, gateway)
        real = [*done.stdout.splitlines(), *done.stderr.splitlines()]
        missing = missing_line([shown.replace(DOCS_ADDRESS, gateway.address) for shown in command.shown], real)
        said = "\n".join(real)
        assert missing is None, f"{snippet}: `{command.line}` did not say {missing!r} but:\n{said}"


def _run(arguments: list[str], folder: Path, gateway: Gateway) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, capture_output=True, text=True, check=False, timeout=RUN_S, cwd=folder, env=gateway.environ
    )


def test_output_may_be_shortened_and_differ_in_numbers_only() -> None:
    """Lines are found in order; numbers, ids and spacing are the machine's; an ellipsis stands for anything."""
    real = ["id 00c0ffee00c0ffee  took 12.5 ms", "model  demo-small", "done"]
    assert missing_line(["id deadbeefdeadbeef took 0.1 ms", "model …"], real) is None
    assert missing_line(["done", "model demo-small"], real) == "model demo-small"
    assert missing_line(["model demo-large"], real) == "model demo-large"


def test_a_page_is_read_fence_by_fence() -> None:
    """Other languages and blocks marked `not run` are left out; an indented block loses its indentation."""
    text = """
```text
no
```
<!-- not run: it takes an hour -->
```console
$ no
```
  ```yaml title="a.yaml"
  a: 1
  ```
"""
    assert list(snippets("x.md", text)) == [Snippet(page="x.md", line=9, kind="yaml", text="a: 1\n", title="a.yaml")]


def test_a_command_goes_on_after_a_backslash() -> None:
    """What follows a command is its output, up to the next command."""
    found = commands("$ one \\\n    two\nshown\n$ three\n")
    assert [(command.line, command.shown) for command in found] == [("one two", ("shown",)), ("three", ())]
