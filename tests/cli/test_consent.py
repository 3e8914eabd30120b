"""Before another model takes over a person is asked, a program never; what each is shown."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from pointsman.bootstrap import load_config
from pointsman.cli.chooser import DOWN, END, ENTER, Chooser
from pointsman.cli.consent import Manner, ask_at, decided, offer, picture
from pointsman.cli.conversation import Conversation
from pointsman.cli.session import router_session
from pointsman.cli.turn import take_turn
from pointsman.core.consent import Consent, Question
from pointsman.core.errors import FallbackDeclined
from pointsman.core.failure import FailureKind
from pointsman.core.health import Cause
from tests.cli.conftest import Run
from tests.cli.pseudo_terminal import Terminal
from tests.cli.servers import BEGINNING, REST, Storyteller, storyteller
from tests.resilience.test_wording import QUESTION

STORY = BEGINNING + REST
BUSY = (503, "Too much to do.")
HINT = "1 to 4, or a word; Enter takes the marked one, Ctrl-C stops."

on_a_terminal = pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal and setsid")


def config_for(story: Storyteller) -> str:
    """A cloud model that may be refused, and a local one that takes over."""
    return (
        "models:\n"
        f"  - {{name: heavy, model: large, base_url: '{story.url}', local: false, tier: complex,\n"
        "     price: {input_usd_per_mtok: 3, output_usd_per_mtok: 15}}\n"
        f"  - {{name: quick, model: small, base_url: '{story.url}', local: true, tier: simple}}\n"
        "fallbacks: {heavy: [quick]}\n"
        "model: {name: heavy}\n"
        "resilience: {num_retries: 0}\n"
        "ledger: {enabled: false}\n"
    )


@pytest.fixture
def story(folder: Path) -> Iterator[Storyteller]:
    """A server whose large model is busy, and a configuration for it."""
    with storyteller(at_once=True) as server:
        server.refuses["large"] = BUSY
        (folder / "pointsman.yaml").write_text(config_for(server), encoding="utf-8")
        yield server


def asked(story: Storyteller) -> list[object]:
    """The models that were asked, in order."""
    return [body["model"] for body in story.bodies]


def shown(question: Question, *, width: int = 100, typed: str = "") -> list[str]:
    """The question as lines of a terminal."""
    console = Console(width=width, file=io.StringIO(), highlight=False, markup=False, emoji=False)
    chooser = Chooser(marked=Consent.ONCE)
    for key in typed:
        chooser.press(key)
    with console.capture() as captured:
        console.print(picture(question, chooser, now_s=0.0))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_question_says_what_happened_until_when_and_at_what_price() -> None:
    """In the words of a person; the endpoint's own below them."""
    question = replace(QUESTION, failed="pro", other="flash", until_s=30.0, other_is_local=False, cost_usd=0.00421)
    assert shown(question) == [
        "pro does not answer: daily quota used up; again in 30 s.",
        "You exceeded your current quota.",
        "flash can answer: in the cloud, about $0.0042 for this request.",
        "",
        "  1  Keep trying pro",
        "> 2  flash this time",
        "  3  flash for the rest of this session",
        "  4  Stop",
        "",
        HINT,
    ]


def test_a_narrow_terminal_breaks_lines_between_words() -> None:
    """Nothing is cut off."""
    question = replace(QUESTION, kind=FailureKind.TRANSIENT, cause=Cause.CAPACITY, until_s=None, message="")
    assert shown(question, width=40, typed="onc") == [
        "heavy does not answer: overloaded.",
        "quick can answer: it runs here, free.",
        "",
        "  1  Keep trying heavy",
        "> 2  quick this time",
        "  3  quick for the rest of this session",
        "  4  Stop",
        "",
        "> onc",
    ]
    assert max(map(len, shown(QUESTION, width=30))) <= 30


def test_an_endpoints_words_do_nothing_to_the_terminal() -> None:
    """No escape sequences, no line breaks, no end."""
    lines = shown(replace(QUESTION, message=f"\x1b[2Jgone\r\n{'x' * 500}"), width=300)
    assert lines[1] == f"[2Jgone {'x' * 191}…"


@pytest.mark.parametrize(
    ("other_is_local", "failed_is_local", "cost_usd", "said"),
    [
        (True, False, 0.0, "quick can answer: it runs here, free."),
        (True, True, None, "quick can answer: it runs here."),
        (False, False, None, "quick can answer: in the cloud, price not known."),
        (
            False,
            True,
            0.031,
            "quick can answer: in the cloud, about $0.031 for this request, so what you said leaves this machine.",
        ),
    ],
)
def test_the_offer_says_where_and_what_for(
    *, other_is_local: bool, failed_is_local: bool, cost_usd: float | None, said: str
) -> None:
    """That text leaves the machine is said where it did not before."""
    question = replace(QUESTION, other_is_local=other_is_local, failed_is_local=failed_is_local, cost_usd=cost_usd)
    assert offer(question) == said


@pytest.mark.parametrize(
    ("keys", "answer", "left"),
    [
        (["1"], Consent.KEEP_TRYING, "heavy: daily quota used up; trying it again"),
        ([ENTER], Consent.ONCE, "heavy: daily quota used up; quick this time"),
        ([DOWN, ENTER], Consent.SESSION, "heavy: daily quota used up; quick for the rest of this session"),
        (["x", ENTER, "4"], Consent.STOP, "heavy: daily quota used up; stopped"),
        ([END], Consent.STOP, "heavy: daily quota used up; stopped"),
        ([], Consent.STOP, "heavy: daily quota used up; stopped"),
    ],
)
@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_what_is_left_is_one_line(keys: list[str], answer: Consent, left: str, terminal: str) -> None:
    """The question itself is wiped away, but where a terminal cannot do that."""
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, _environ={"TERM": terminal})

    @contextmanager
    def pressed() -> Iterator[Iterator[str]]:
        yield iter(keys)

    assert ask_at(console, QUESTION, pressed, now_s=0.0) is answer
    assert decided(QUESTION, answer) == left
    assert left in out.getvalue().splitlines()[-1]


def test_where_nobody_sits_the_policy_decides_and_the_program_is_told(run: Run, story: Storyteller) -> None:
    """A pipe is never asked; stderr has a note, `--json` a list."""
    done = run("chat", "hello")
    assert (done.code, done.out) == (0, f"{STORY}\n")
    assert done.err == "note: heavy did not answer (overloaded); quick did\n"
    found = json.loads(run("chat", "--json", "hello").out)
    assert (found["model"], found["fallbacks"]) == (
        "quick",
        [{"model": "heavy", "what": "overloaded", "message": BUSY[1], "kind": "transient", "status": 503}],
    )


def test_where_the_policy_stops_the_request_ends_with_the_error(run: Run, story: Storyteller) -> None:
    """Exit code 4, and no other model is asked."""
    done = run("chat", "hello", env={"POINTSMAN_RESILIENCE__UNATTENDED": "stop"})
    assert (done.code, done.out, asked(story)) == (4, "", ["large"])
    assert "the configuration wants no other model" in done.err


@pytest.mark.parametrize("how", [("--yes",), ("-y",), "POINTSMAN_YES"])
def test_yes_lets_another_answer_in_silence(run: Run, story: Storyteller, how: tuple[str, ...] | str) -> None:
    """Even where the policy stops without a person."""
    flags, env = (how, {}) if isinstance(how, tuple) else ((), {how: "1"})
    done = run("chat", *flags, "hello", env={**env, "POINTSMAN_RESILIENCE__UNATTENDED": "stop"})
    assert (done.code, done.out, done.err) == (0, f"{STORY}\n", "")


@pytest.mark.parametrize("policy", ["ask", "silent"])
@pytest.mark.parametrize("how", ["--no-fallback", "POINTSMAN_NO_FALLBACK"])
def test_no_fallback_means_none_whatever_the_policy(
    run: Run, story: Storyteller, folder: Path, how: str, policy: str
) -> None:
    """The model's own error is the end."""
    text = (folder / "pointsman.yaml").read_text(encoding="utf-8")
    text = text.replace("{num_retries: 0}", f'{{num_retries: 0, policies: {{"*": {{transient: {policy}}}}}}}')
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
    flags, env = ((how,), {}) if how.startswith("-") else ((), {how: "true"})
    done = run("chat", *flags, "hello", env=env)
    assert (done.code, done.out, asked(story)) == (4, "", ["large"])
    assert BUSY[1] in done.err


@pytest.mark.parametrize(
    ("manner", "answered"), [(Manner.NO, None), (Manner.YES, "quick"), (Manner.UNATTENDED, "quick")]
)
def test_no_fallback_holds_for_a_model_that_is_known_to_be_unwell(
    story: Storyteller, folder: Path, manner: Manner, answered: str | None
) -> None:
    """Nobody is asked in its place, whatever the policy; it is not asked either."""
    text = (folder / "pointsman.yaml").read_text(encoding="utf-8")
    text = text.replace("{num_retries: 0}", '{num_retries: 0, policies: {"*": {not_found: silent}}}')
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
    story.refuses["large"] = (404, "The model 'large' does not exist.")
    conversation = Conversation(model="heavy")
    with router_session(load_config(str(folder / "pointsman.yaml")), lambda _text: None) as session:
        take_turn(session, conversation, "hello")
        assert asked(story) == ["large", "small"]
        conversation.manner = manner
        with pytest.raises(FallbackDeclined) if answered is None else nullcontext():
            take_turn(session, conversation, "hello")
    last = conversation.turns[-1]
    assert asked(story) == ["large", "small", *(["small"] if answered else [])]
    assert (last.card.id if last.card else None) == answered
    assert [(one.model, one.what) for one in last.fallbacks] == [("heavy", "known to be unwell")] * (
        answered is not None
    )


def test_the_two_flags_exclude_each_other(run: Run, story: Storyteller) -> None:
    """A usage error, before anything is asked."""
    done = run("chat", "--yes", "--no-fallback", "hello")
    assert (done.code, done.out, story.bodies) == (2, "", [])
    assert done.err.startswith("error: --yes and --no-fallback exclude each other.")


@pytest.mark.e2e
@on_a_terminal
@pytest.mark.parametrize("columns", [100, 40])
def test_a_person_is_asked_and_answers_with_one_key(
    folder: Path, environ: Mapping[str, str], story: Storyteller, columns: int
) -> None:
    """The answer is printed once; the footer says in whose place it came."""
    with Terminal(folder, environ, "chat", "hello", columns=columns) as terminal:
        terminal.until("Ctrl-C stops.")
        terminal.type("2")
        said = terminal.until("$0")
        code, _ = terminal.end()
    assert (code, asked(story)) == (0, ["large", "small"])
    assert said.count("heavy: overloaded; quick this time") == said.count(STORY) == 1
    assert "for heavy (overloaded)" in " ".join(said.split())


@pytest.mark.e2e
@on_a_terminal
@pytest.mark.parametrize(
    ("keys", "code", "said"),
    [
        ("\x03", 130, ""),
        ("\x04", 4, "heavy: overloaded; stopped"),
        ("4", 4, "heavy: overloaded; stopped"),
        ("stop\r", 4, "heavy: overloaded; stopped"),
    ],
)
def test_stopping(
    folder: Path, environ: Mapping[str, str], story: Storyteller, keys: str, code: int, said: str
) -> None:
    """By Ctrl-C as everywhere, by Ctrl-D, by the choice: no other model is asked."""
    with Terminal(folder, environ, "chat", "hello") as terminal:
        terminal.until("Ctrl-C stops.")
        terminal.type(keys)
        ended, rest = terminal.end()
    assert (ended, asked(story)) == (code, ["large"])
    assert said in rest


@pytest.mark.e2e
@on_a_terminal
def test_keep_trying_asks_the_same_model_again(folder: Path, environ: Mapping[str, str], story: Storyteller) -> None:
    """Which may answer by then."""
    with Terminal(folder, environ, "chat", "hello") as terminal:
        terminal.until("Ctrl-C stops.")
        story.refuses.clear()
        terminal.type("keep\r")
        terminal.until(f"{STORY}\r\n")
        code, _ = terminal.end()
    assert (code, asked(story)) == (0, ["large", "large"])


@pytest.mark.e2e
@on_a_terminal
def test_the_rest_of_the_session_needs_no_second_question(
    folder: Path, environ: Mapping[str, str], story: Storyteller
) -> None:
    """The configured model stays what it was, and naming one with /model ends what was agreed."""
    with Terminal(folder, environ, "chat") as terminal:
        terminal.until("heavy> ")
        terminal.type("hello\n")
        terminal.until("Ctrl-C stops.")
        terminal.type("3")
        terminal.until(f"{STORY}\r\n")
        terminal.until("heavy> ")
        terminal.type("again\n")
        terminal.until(f"{STORY}\r\n")
        terminal.until("heavy> ")
        terminal.type("/model\n")
        terminal.until("heavy; there are")
        terminal.until("heavy> ")
        story.refuses.clear()
        terminal.type("/model heavy\n")
        terminal.until("heavy> ")
        terminal.type("/exit\n")
        code, _ = terminal.end()
    assert (code, asked(story)) == (0, ["large", "small", "small"])


@pytest.mark.e2e
@on_a_terminal
def test_stopping_in_a_conversation_leaves_it_going(
    folder: Path, environ: Mapping[str, str], story: Storyteller
) -> None:
    """Ctrl-C at the question ends the turn, not the talk."""
    with Terminal(folder, environ, "chat") as terminal:
        terminal.until("heavy> ")
        terminal.type("hello\n")
        terminal.until("Ctrl-C stops.")
        terminal.type("\x03")
        terminal.until("(stopped)")
        terminal.until("heavy> ")
        terminal.type("@quick hello\n")
        terminal.until(f"{STORY}\r\n")
        terminal.until("heavy> ")
        terminal.type("/exit\n")
        code, _ = terminal.end()
    assert (code, asked(story)) == (0, ["large", "small"])
