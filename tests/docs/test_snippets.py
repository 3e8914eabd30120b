"""Every example of the README and the documentation does what the page says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from pointsman.config.load import load
from tests.docs.snippets import ROOT, Snippet, commands, missing_line, pages, snippets, snippets_of

DOCS_ADDRESS = "127.0.0.1:4000"
RUN_S = 30
BIN = Path(sys.executable).parent
RUNNABLE = [page for page in pages() if snippets_of(page)]
_LISTENING = re.compile(r"http://(127\.0\.0\.1:\d+)")


@pytest.fixture(scope="session")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment that all commands share: folders of their own, no keys."""
    home = tmp_path_factory.mktemp("home")
    return {
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


@pytest.fixture(scope="session")
def address(environ: Mapping[str, str]) -> Iterator[str]:
    """Where one gateway on the demo models listens, for all pages."""
    with subprocess.Popen(
        [BIN / "pointsman", "serve", "--demo", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=environ["HOME"],
        env=environ,
    ) as process:
        try:
            yield _address(process)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the examples of one page run. `address` is the gateway's, if the page talks to it."""

    folder: Path
    environ: Mapping[str, str]
    address: str = DOCS_ADDRESS

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The finished process, with all that it said in `stdout`."""
        return subprocess.run(
            [str(argument).replace(DOCS_ADDRESS, self.address) for argument in arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=RUN_S,
            cwd=self.folder,
            env=self.environ,
        )


@pytest.mark.e2e
@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_examples_of_a_page_run(
    page: Path, tmp_path: Path, environ: Mapping[str, str], request: pytest.FixtureRequest
) -> None:
    """In one folder: configurations load, commands say what is shown, and then the page's programs run, as one."""
    place = Place(folder=tmp_path, environ={**environ, "XDG_DATA_HOME": str(tmp_path / "data")})
    if any(DOCS_ADDRESS in snippet.text for snippet in snippets_of(page)):
        place = replace(place, address=request.getfixturevalue("address"), environ=environ)  # its ledger is theirs
    for snippet in snippets_of(page):
        match snippet.kind:
            case "yaml":
                _check_yaml(snippet, place)
            case "console":
                _run_console(snippet, place)
    _run_python([snippet for snippet in snippets_of(page) if snippet.kind == "python"], place)


def _check_yaml(snippet: Snippet, place: Place) -> None:
    path = place.folder / (snippet.title or "pointsman.yaml")
    path.write_text(snippet.text.replace(DOCS_ADDRESS, place.address), encoding="utf-8")
    loaded = load(config=path, environ={"XDG_CONFIG_HOME": str(place.folder)}, cwd=place.folder)
    assert loaded.catalog.models, f"{snippet}: no model in this configuration"


def _run_python(programs: Sequence[Snippet], place: Place) -> None:
    """One process for all: what takes time is importing a client."""
    if programs:
        done = place.run(sys.executable, "-c", "\n".join(program.text for program in programs))
        assert done.returncode == 0, f"{', '.join(map(str, programs))}:\n{done.stdout}"


def _run_console(snippet: Snippet, place: Place) -> None:
    for command in commands(snippet.text):
        program = command.line.split()[0]
        if shutil.which(program, path=place.environ["PATH"]) is None:
            pytest.skip(f"{program} is not installed")
        said = place.run("/bin/sh", "-c", command.line).stdout
        missing = missing_line(command.shown, said.splitlines())
        assert missing is None, f"{snippet}: `{command.line}` did not say {missing!r} but:\n{said}"


def test_output_may_be_shortened_and_differ_in_numbers_only() -> None:
    """Lines are found in order; numbers, ids and spacing are the machine's; an ellipsis stands for anything."""
    real = ["id 00c0ffee00c0ffee  took 12.5 ms", "model  demo-small", "done"]
    assert missing_line(["id deadbeefdeadbeef took 2 s", "model …"], real) is None
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
