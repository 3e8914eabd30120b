"""`pointsman chat`: only the answer on stdout; models, privacy, pipes and interruptions."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.cli.conftest import BIN, PROCESS_S, Run
from tests.cli.servers import BEGINNING, REST, Storyteller, config_for, storyteller

STORY = BEGINNING + REST


@pytest.fixture
def story(folder: Path) -> Iterator[Storyteller]:
    """A server that answers at once, and a configuration for it."""
    with storyteller(at_once=True) as server:
        (folder / "pointsman.yaml").write_text(config_for(server), encoding="utf-8")
        yield server


@pytest.fixture
def slow_story(folder: Path) -> Iterator[Storyteller]:
    """A server that begins to answer and goes on when told."""
    with storyteller(at_once=False) as server:
        (folder / "pointsman.yaml").write_text(config_for(server), encoding="utf-8")
        yield server


def asked(story: Storyteller) -> list[tuple[str, str]]:
    """What the server was sent, as (role, content)."""
    messages = story.bodies[-1]["messages"]
    assert isinstance(messages, list)
    return [(message["role"], message["content"]) for message in messages]


@pytest.mark.parametrize("flags", [(), ("--no-stream",)])
def test_stdout_is_the_answer_and_nothing_else(run: Run, story: Storyteller, flags: tuple[str, ...]) -> None:
    """Streamed or not; no footer where nobody looks."""
    done = run("chat", *flags, "Tell me a story.")
    assert (done.code, done.out, done.err) == (0, f"{STORY}\n", "")
    assert story.bodies[-1].get("stream", False) is (not flags)
    assert asked(story) == [("user", "Tell me a story.")]


def test_a_pipe_goes_before_the_prompt(run: Run, story: Storyteller) -> None:
    """As context; the system prompt before both."""
    run("chat", "-s", "Be brief.", "Sum", "it", "up.", stdin="a long text\n")
    assert asked(story) == [("system", "Be brief."), ("user", "a long text\n\nSum it up.")]


def test_a_pipe_alone_is_the_prompt(run: Run, story: Storyteller) -> None:
    """Without PROMPT."""
    run("chat", stdin="Tell me a story.")
    assert asked(story) == [("user", "Tell me a story.")]


def test_json_has_answer_model_usage_and_cost(run: Run, story: Storyteller) -> None:
    """One object, nothing else."""
    done = run("chat", "--json", "-m", "cloud", "Tell me a story.")
    found = json.loads(done.out)
    assert len(found.pop("decision_id")) == 16
    assert found.pop("duration_ms") > 0
    assert (done.code, done.err) == (0, "")
    assert found == {
        "text": STORY,
        "model": "cloud",
        "tier": "complex",
        "strategy": "explicit",
        "reason": "the caller asked for 'cloud'",
        "privacy": "public",
        "local": False,
        "demo": False,
        "fallbacks": [],
        "usage": {"input_tokens": 10, "output_tokens": 5, "estimated": False},
        "cost_usd": 0.006,
        "saved_usd": 0.0,
        "baseline": "cloud",
    }


@pytest.mark.parametrize(
    ("prompt", "model", "text"),
    [
        ("@cloud hello", "cloud", "hello"),
        ("@simple hello", "teller", "hello"),
        ("@@cloud hello", "teller", "@cloud hello"),
    ],
)
def test_a_name_after_an_at_sign_picks_the_model_of_the_message(
    run: Run, story: Storyteller, prompt: str, model: str, text: str
) -> None:
    """A model, an alias or a tier; a doubled sign is a sign."""
    found = json.loads(run("chat", "--json", prompt).out)
    assert (found["model"], asked(story)) == (model, [("user", text)])


def test_an_unknown_name_after_an_at_sign_is_refused(run: Run, story: Storyteller) -> None:
    """With the nearest, and nothing is sent."""
    done = run("chat", "@clod hello")
    assert (done.code, done.out, story.bodies) == (2, "", [])
    assert done.err.startswith("error: @clod: no model is called 'clod'; did you mean cloud?")


def test_a_preset_has_a_prompt_of_its_own(run: Run, story: Storyteller) -> None:
    """It goes before the question; its name may be written either way."""
    done = run("chat", "--preset", "quick-assistant", "Tell me a story.")
    assert (done.code, done.out) == (0, f"{STORY}\n")
    assert [role for role, _ in asked(story)] == ["system", "user"]
    assert story.bodies[-1]["temperature"] == 0.3
    assert run("chat", "--preset", "auto:quick-assistant", "-s", "Rhyme.", "Hi").code == 0
    assert asked(story) == [("system", "Rhyme."), ("user", "Hi")]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--preset", "quik-assistant"), "--preset: no model is called 'auto:quik-assistant'; did you mean auto:"),
        (("--preset", "deep-work", "-m", "small"), "--preset and --model exclude each other"),
    ],
)
def test_a_preset_that_cannot_be_is_a_usage_error(
    run: Run, story: Storyteller, flags: tuple[str, ...], message: str
) -> None:
    """An unknown one with the nearest name."""
    done = run("chat", *flags, "Hi")
    assert done.code == 2
    assert done.err.startswith(f"error: {message}")


def test_private_text_is_kept_from_a_model_that_is_not_local(run: Run, story: Storyteller) -> None:
    """Refused with exit code 5 when that model was asked for; nothing is sent."""
    done = run("chat", "--private", "-m", "cloud", "hello")
    assert (done.code, done.out, story.bodies) == (5, "", [])
    assert "privacy" in done.err


def test_nobody_answering_is_exit_code_4(run: Run, configured: Path) -> None:
    """Who was tried, and how it failed."""
    done = run("chat", "hello", "--private")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: No model answered (quick: ")


@pytest.mark.parametrize(
    ("args", "message"), [(("chat", " "), "error: The prompt is empty."), (("chat",), "error: The prompt is empty.")]
)
def test_an_empty_prompt_is_a_usage_error(run: Run, story: Storyteller, args: tuple[str, ...], message: str) -> None:
    """Nothing is sent."""
    done = run(*args)
    assert (done.code, done.out, story.bodies) == (2, "", [])
    assert done.err.startswith(message)


@pytest.mark.e2e
def test_an_interruption_keeps_what_came(slow_story: Storyteller, folder: Path, environ: Mapping[str, str]) -> None:
    """Ctrl-C in the middle of an answer: the beginning is out, exit code 130, no traceback."""
    with subprocess.Popen(
        [BIN, "chat", "Tell me a story."],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=dict(environ),
    ) as child:
        assert child.stdout is not None
        beginning = child.stdout.read(len(BEGINNING))
        child.send_signal(signal.SIGINT)
        rest, err = child.communicate(timeout=PROCESS_S)
    assert (beginning + rest, err.strip(), child.returncode) == (f"{BEGINNING}\n".encode(), b"", 130)
