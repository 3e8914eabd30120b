"""`pointsman models pull` and `rm`, against a small hub and a small Ollama on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pointsman.adapters.runtimes.demo.language import VOICES
from pointsman.adapters.runtimes.demo.maker import DemoRecipe, make_model
from pointsman.adapters.runtimes.demo.weights import Shape
from pointsman.cli.pull import Wanted, meant
from tests.adapters.runtimes.hub_server import COMMIT, HubServer, hub_server
from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal

pytestmark = pytest.mark.e2e
DATA = b"GGUF" + bytes(2_000_000)
REPOSITORY = "makers/Tiny-GGUF"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """A hub with one model in two quantizations."""
    with hub_server({"tiny-Q4_K_M.gguf": DATA, "tiny-Q8_0.gguf": DATA}) as server:
        yield server


@pytest.fixture
def env(hub: HubServer) -> Mapping[str, str]:
    """The environment in which that hub is Hugging Face."""
    return {"HF_ENDPOINT": hub.url}


def test_a_model_is_downloaded_once_its_licence_is_accepted(
    process: Run, env: Mapping[str, str], hub: HubServer, tmp_path: Path
) -> None:
    """Its size and licence are shown first; then it is here, with a note; a second time nothing is fetched."""
    done = process("models", "pull", REPOSITORY, "--accept-terms", env=env)
    path = tmp_path / "data" / "pointsman" / "models" / "tiny.gguf"
    assert done.out == f"tiny is here: {path}\n"
    assert done.err == (
        "makers/Tiny-GGUF/tiny-Q4_K_M.gguf, 2.0 MB\n"
        f"licence: apache-2.0, {hub.url}/makers/Tiny-GGUF\n"
        "tiny: downloading 0 %\n"
        "tiny: downloading 100 %\n"
        "tiny: checking 100 %\n"
        "Use it as `gguf: tiny` of a model in pointsman.yaml; without a configuration it is found.\n"
    )
    assert path.read_bytes() == DATA
    again = process("models", "pull", REPOSITORY, "--json", env=env)
    assert json.loads(again.out) == {
        "name": "tiny",
        "path": str(path),
        "size_bytes": len(DATA),
        "source": "makers/Tiny-GGUF/tiny-Q4_K_M.gguf",
        "revision": COMMIT,
        "sha256": hashlib.sha256(DATA).hexdigest(),
        "licence": "apache-2.0",
    }
    assert again.err == "tiny is here already.\n"
    other = process("models", "pull", REPOSITORY, "-q", "q8_0", env=env)
    assert (other.code, other.out.split()[0]) == (0, "tiny-q8_0")  # the licence is accepted by now


def test_without_a_terminal_the_licence_must_be_accepted_by_a_flag(process: Run, env: Mapping[str, str]) -> None:
    """Nobody can be asked, so nothing is downloaded."""
    done = process("models", "pull", REPOSITORY, env=env)
    assert (done.code, done.out) == (2, "")
    assert "error: the licence has to be accepted: give --accept-terms, or run it in a terminal." in done.err


def test_what_the_hub_lacks_is_an_error_in_two_lines(process: Run, env: Mapping[str, str]) -> None:
    """No traceback of the client's."""
    done = process("models", "pull", "makers/other", env=env)
    assert done.code == 4
    assert done.err == (
        "error: There is no makers/other on Hugging Face.\n"
        "hint: Look for its name on the hub; a private one needs HF_TOKEN.\n"
    )


def test_a_model_is_deleted(process: Run, env: Mapping[str, str]) -> None:
    """And then it is unknown."""
    process("models", "pull", REPOSITORY, "--as", "mine", "--accept-terms", env=env)
    assert process("models", "rm", "mine").out == "mine is deleted, 2.0 MB are free.\n"
    done = process("models", "rm", "mine")
    assert (done.code, done.err) == (
        4,
        "error: No downloaded model is called 'mine'.\nhint: `pointsman models pull` downloads one.\n",
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gemma3-1b", Wanted(name="gemma3-1b", repository="ggml-org/gemma-3-1b-it-GGUF", quantization="Q4_K_M")),
        (
            "qwen2.5-7b:q8_0",
            Wanted(name="qwen2.5-7b-q8_0", repository="bartowski/Qwen2.5-7B-Instruct-GGUF", quantization="Q8_0"),
        ),
        ("hf:a/B-GGUF", Wanted(name="b", repository="a/B-GGUF", quantization="Q4_K_M")),
        ("a/B/c/d.gguf", Wanted(name="b", repository="a/B", quantization="Q4_K_M", path="c/d.gguf")),
        (
            "qwen3-embedding-0.6b",
            Wanted(name="qwen3-embedding-0.6b-q8_0", repository="Qwen/Qwen3-Embedding-0.6B-GGUF", quantization="Q8_0"),
        ),
    ],
)
def test_a_name_means_a_file(name: str, expected: Wanted) -> None:
    """One of the cheat sheet's, or a repository's."""
    assert meant(name) == expected


def test_an_unknown_name_is_a_usage_error(process: Run) -> None:
    """With the nearest names."""
    done = process("models", "pull", "qwen2.5-8b")
    assert done.code == 2
    assert "error: no model to download is called 'qwen2.5-8b'; did you mean qwen2.5-7b" in done.err


def test_a_person_is_asked_and_sees_a_bar(folder: Path, environ: Mapping[str, str], env: Mapping[str, str]) -> None:
    """No is no; yes is remembered. The bar fits a narrow terminal."""
    both = {**environ, **env}
    with Terminal(folder, both, "models", "pull", REPOSITORY, columns=40) as terminal:
        terminal.until("Do you accept the licence? [y/N]: ")
        terminal.type("n\r")
        code, said = terminal.end()
    assert (code, "Nothing was downloaded." in said) == (1, True)
    with Terminal(folder, both, "models", "pull", REPOSITORY, columns=40) as terminal:
        terminal.until("Do you accept the licence? [y/N]: ")
        terminal.type("y\r")
        code, said = terminal.end()
    assert (code, "checking" in said, "100%" in said) == (0, True, True)
    assert max(len(line) for line in said.splitlines() if "━" in line) <= 40


def test_a_downloaded_model_answers_by_its_name(
    process: Run, env: Mapping[str, str], hub: HubServer, folder: Path
) -> None:
    """Without a configuration it is found; in one, `gguf:` may be its name."""
    shape = Shape(width=256, layers=1, feed_forward=128)
    recipe = DemoRecipe(name="tiny", voice=VOICES["small"], shape=shape, context_tokens=2048)
    hub.files["tiny-Q4_K_M.gguf"] = make_model(recipe)
    assert process("models", "pull", REPOSITORY, "--accept-terms", env=env).code == 0
    listed = process("models", "--json")
    assert [model["name"] for model in json.loads(listed.out)] == ["tiny"]
    answered = process("chat", "--model", "tiny", "hello")
    assert (answered.code, answered.out.strip() != "") == (0, True), answered.err
    assert process("models", "pull", REPOSITORY, "--as", "twin", "--accept-terms", env=env).code == 0
    answered = process("chat", "--model", "twin", "hello")  # of two each is loaded when it is asked
    assert (answered.code, answered.out.strip() != "") == (0, True), answered.err
    text = "models:\n  - {name: quick, gguf: {path: tiny, context_tokens: 1024}}\n"
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
    answered = process("chat", "--model", "quick", "hello")
    assert (answered.code, answered.out.strip() != "") == (0, True), answered.err
