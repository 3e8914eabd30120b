"""The conversation: its commands, what is remembered, and Ctrl-C on a real terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import click
import pytest

from pointsman.bootstrap import load_config
from pointsman.cli.conversation import Conversation
from pointsman.cli.repl import Leave, Repl
from pointsman.cli.session import router_session
from pointsman.core.catalog import Tier
from pointsman.core.errors import Refused
from tests.cli.conftest import BIN, PROCESS_S
from tests.cli.servers import BEGINNING, REST, Storyteller, config_for, storyteller

STORY = BEGINNING + REST


@pytest.fixture
def story() -> Iterator[Storyteller]:
    """A server that answers at once."""
    with storyteller(at_once=True) as server:
        yield server


@pytest.fixture
def repl(story: Storyteller, folder: Path) -> Iterator[Repl]:
    """A conversation with that server."""
    path = folder / "pointsman.yaml"
    path.write_text(config_for(story), encoding="utf-8")
    with router_session(load_config(str(path)), lambda _text: None) as session:
        yield Repl(session=session, conversation=Conversation(model="auto"))


def sent(story: Storyteller) -> list[object]:
    """The contents of the last request's messages."""
    messages = story.bodies[-1]["messages"]
    assert isinstance(messages, list)
    return [message["content"] for message in messages]


def test_what_was_said_is_context_until_cleared(repl: Repl, story: Storyteller) -> None:
    """Both sides of it."""
    repl.say("one")
    repl.say("two")
    assert sent(story) == ["one", STORY, "two"]
    repl.say("/clear")
    repl.say("three")
    assert sent(story) == ["three"]


def test_model_changes_who_answers_from_now_on(repl: Repl, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name it tells who does, and who could; an @name is for one message."""
    repl.say("/model cloud")
    repl.say("@teller hello")
    repl.say("hello")
    repl.say("/model")
    assert [turn.card.id for turn in repl.conversation.turns if turn.card] == ["teller", "cloud"]
    assert capsys.readouterr().err.splitlines() == [
        "cloud answers from now on",
        f"cloud; there are auto, teller, cloud, {', '.join(Tier)}, auto:quick-assistant, auto:deep-work",
    ]


def test_why_and_cost_tell_about_the_last_answer_and_all_of_them(
    repl: Repl, capsys: pytest.CaptureFixture[str]
) -> None:
    """The explanation is data, the sums are talk."""
    repl.say("hello")
    repl.say("@cloud hello")
    capsys.readouterr()
    repl.say("/why")
    repl.say("/cost")
    said = capsys.readouterr()
    assert said.out.startswith("cloud  complex · cloud · by explicit\nwhy      the caller asked for 'cloud'\n")
    assert said.err == "2 answers, 30 tokens, $0.006, saved $0.006\n"


def test_private_keeps_what_is_said_on_the_machine(repl: Repl, story: Storyteller) -> None:
    """A model that is not local is refused, and the turn leaves no trace in the conversation."""
    repl.say("/private")
    with pytest.raises(Refused):
        repl.say("@cloud hello")
    repl.say("/private off")
    repl.say("@cloud hello")
    assert sent(story) == ["hello"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/privte", "error: There is no /privte.\nhint: /private? /help lists all.\n"),
        ("/zzz", "error: There is no /zzz.\nhint: /help lists all.\n"),
        ("/private maybe", "error: /private takes on or off.\n"),
        ("/why", "Nobody has answered yet.\n"),
        ("/cost", "0 answers, 0 tokens, $0, saved $0\n"),
    ],
)
def test_commands_that_cannot_be_say_so(repl: Repl, capsys: pytest.CaptureFixture[str], line: str, said: str) -> None:
    """And nothing is sent to a model."""
    repl.say(line)
    assert capsys.readouterr() == ("", said)


@pytest.mark.parametrize("line", ["@nobody hello", "/model nobody"])
def test_a_name_nobody_has_is_refused(repl: Repl, story: Storyteller, line: str) -> None:
    """As on the command line."""
    with pytest.raises(click.UsageError, match="no model is called 'nobody'"):
        repl.say(line)
    assert story.bodies == []


@pytest.mark.parametrize("line", ["/exit", "/quit"])
def test_leaving(repl: Repl, line: str) -> None:
    """By either word."""
    with pytest.raises(Leave):
        repl.say(line)


def test_help_and_models_are_there(repl: Repl, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command is in the help."""
    repl.say("/help")
    repl.say("/models")
    said = capsys.readouterr()
    for command in ("/model", "/models", "/why", "/cost", "/private", "/clear", "/exit", "@name"):
        assert command in said.err
    assert said.out.startswith("MODEL   TIER")


@pytest.mark.e2e
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_an_interrupted_answer_leaves_the_conversation_going(folder: Path, environ: Mapping[str, str]) -> None:
    """Ctrl-C stops the answer and keeps its beginning; the next line is asked with it; /exit leaves with 0."""
    with storyteller(at_once=False) as story, terminal(folder, environ, story) as (until, type_in, process):
        until("auto> ")
        type_in("tell me\n")
        until(BEGINNING)
        process.send_signal(signal.SIGINT)
        until("(stopped)")
        story.may_end.set()
        type_in("go on\n")
        until(f"{STORY}\r\n")
        footer = until("$0")
        type_in("/exit\n")
        code = process.wait(PROCESS_S)
    assert sent(story) == ["tell me", BEGINNING, "go on"]
    assert "teller · 5 tok · " in footer
    assert code == 0


Terminal = tuple[Callable[[str], str], Callable[[str], None], subprocess.Popen[bytes]]


class terminal:  # noqa: N801  reads as a statement
    """`pointsman chat` on a pseudo-terminal: wait until it says something, type, and its process."""

    def __init__(self, folder: Path, environ: Mapping[str, str], story: Storyteller) -> None:
        import pty

        (folder / "pointsman.yaml").write_text(config_for(story), encoding="utf-8")
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [BIN, "chat"], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env={**environ, "TERM": "xterm"}
        )
        os.close(theirs)
        self._unread = ""

    def __enter__(self) -> Terminal:
        return self._until, self._type, self._process

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PROCESS_S)
        os.close(self._ours)

    def _until(self, text: str) -> str:
        """What is said up to *text*; escape sequences are left out. pytest's timeout ends a wait for ever."""
        while text not in self._unread:
            self._unread += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", os.read(self._ours, 65_536).decode())
        said, _, self._unread = self._unread.partition(text)
        return said + text

    def _type(self, text: str) -> None:
        os.write(self._ours, text.encode())
