"""`pointsman feedback`, and `/good` and `/bad` in a conversation."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.feedback import feedback_path
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.bootstrap import load_config
from pointsman.cli.conversation import Conversation
from pointsman.cli.repl import Repl
from pointsman.cli.session import router_session
from pointsman.core.catalog import Tier
from pointsman.core.decision import Caller
from pointsman.experience import critics
from pointsman.routing.learned.feedback import Remark, Task, Verdict
from pointsman.stores import feedback_file
from tests.adapters.storage.samples import decided, finished
from tests.cli.conftest import MODELS, Run
from tests.cli.servers import config_for, storyteller


@pytest.fixture
def ledger(folder: Path) -> Path:
    """An answer of the simple tier to a caller without a key, one to k1, and the newest with no classifier's choice."""
    path = folder / "requests.db"
    (folder / "pointsman.yaml").write_text(f"{MODELS}ledger: {{path: {path}}}\n", encoding="utf-8")
    now = time.time()
    with SqliteLedger(path, keep_days=None) as writer:
        for number, (key_id, is_judged) in enumerate([(None, True), ("k1", True), (None, False)]):
            key = f"{number}{'a' * 15}"
            begun = decided(key, now - 60 + number)
            judged = begun.decision.assessment if is_judged else None
            decision = replace(begun.decision, tier=Tier.SIMPLE, assessment=judged)
            writer(replace(begun, caller=Caller(key_id=key_id), decision=decision))
            writer(replace(finished(key, now - 59), served="quick"))
    return path


@pytest.mark.usefixtures("ledger")
def test_a_rating_says_what_was_learned_from_it(run: Run) -> None:
    """In words, or as JSON; `rate` may be left out."""
    done = run("feedback", "0a", "down")
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("Noted: quick at coding is now taken to be 0.")
    assert done.err.endswith(" steps below usual.\n")
    said = json.loads(run("feedback", "rate", "0a", "up", "--json").out)
    assert (said["decision_id"], said["rating"], said["learned"]["tier"]) == (f"0{'a' * 15}", "up", "simple")
    assert said["learned"]["shift"] > 0
    last = run("feedback", "last", "tier_up")
    assert last.err == "Noted. There is nothing to learn from it: no classifier chose the model that answered.\n"


@pytest.mark.usefixtures("ledger")
def test_what_was_learned_is_a_table_and_can_be_forgotten(run: Run) -> None:
    """Of everybody or of one key; the keys are shown where there are any."""
    assert run("feedback").err == (
        "Nothing has been learned yet: `pointsman feedback ID up` (or `down`) rates an answer.\n"
    )
    run("feedback", "0a", "down")
    alone = [line.split() for line in run("feedback", "show").out.splitlines()]
    assert alone[0] == ["TASK", "TIER", "MODEL", "SHIFT", "±", "RATINGS"]
    assert [*alone[1][:3], alone[1][5]] == ["coding", "simple", "quick", "1"]
    run("feedback", "1a", "up")
    assert run("feedback", "show").out.splitlines()[0].split()[0] == "KEY"
    (theirs,) = json.loads(run("feedback", "show", "--key", "k1", "--json").out)
    assert theirs == {**theirs, "key_id": "k1", "kind": "coding", "tier": "simple", "model": "quick", "ratings": 1}
    assert run("feedback", "reset", "--key", "k1").err == "1 ability as before any rating.\n"
    assert [one["key_id"] for one in json.loads(run("feedback", "--json").out)] == [None]
    assert json.loads(run("feedback", "reset", "--json").out) == {"forgotten": 1, "key_id": None, "model": None}
    assert json.loads(run("feedback", "show", "--json").out) == []


@pytest.mark.usefixtures("ledger")
def test_of_a_tiers_other_models_there_is_a_line_where_it_has_some(run: Run, folder: Path) -> None:
    """Those that nobody has rated; or where the tier was rated, and nobody knows which of its models it was."""
    path = folder / "pointsman.yaml"
    second = '  - {name: also, model: also, base_url: "http://127.0.0.1:9/v1", local: true, tier: simple}\n'
    path.write_text(path.read_text(encoding="utf-8").replace("models:\n", f"models:\n{second}"), encoding="utf-8")
    run("feedback", "0a", "down")
    lines = [line.split() for line in run("feedback").out.splitlines()[1:]]
    assert [(line[2], line[5]) for line in lines] == [("quick", "1"), ("(others)", "0")]
    assert run("feedback", "reset", "--model", "quick").err == "1 ability as before any rating.\n"
    task = Task(kind="coding", tier=Tier.COMPLEX, margin=0.9, slope=1.2)
    remark = Remark(decision_id="d", key_id=None, verdict=Verdict.ESCALATED, at_s=time.time(), task=task, is_sign=True)
    feedback_file(load_config(str(path))).note(remark)
    (said,) = json.loads(run("feedback", "--json").out)
    assert (said["tier"], said["model"], said["ratings"]) == ("complex", None, 1)


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("feedback", "ffff", "up"), 2, "No request with the id 'ffff' is recorded."),
        (("feedback", "0a", "great"), 2, "'great' is not one of 'up', 'down', 'tier_up', 'regenerated'."),
        (("feedback", "0a"), 2, "No such command '0a'."),
    ],
)
def test_what_makes_no_sense_is_an_error(run: Run, words: tuple[str, ...], code: int, said: str) -> None:
    """With what was wrong."""
    done = run(*words)
    assert done.code == code
    assert said in done.err


def test_without_a_ledger_nothing_can_be_rated(run: Run, folder: Path) -> None:
    """The error names the setting."""
    (folder / "pointsman.yaml").write_text(f"{MODELS}ledger: {{enabled: false}}\n", encoding="utf-8")
    done = run("feedback", "last", "up")
    assert done.err == "error: The ledger is off, so no answer is known.\nhint: Set `ledger.enabled`.\n"


@pytest.fixture
def repl(folder: Path) -> Iterator[Repl]:
    """A conversation whose answers are recorded."""
    with storyteller(at_once=True) as story:
        text = config_for(story).replace("enabled: false", f"path: {folder / 'ledger.db'}")
        (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
        loaded = load_config(str(folder / "pointsman.yaml"))
        with router_session(loaded, lambda _text: None) as session:
            yield Repl(session=session, conversation=Conversation(model="auto"), critics=critics(loaded))


def test_an_answer_is_rated_where_it_was_given(repl: Repl, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last one; the latest word counts."""
    repl.say("/good")
    repl.say("what is the capital of France?")
    repl.say("/bad")
    repl.say("/good")
    nobody, bad, good = capsys.readouterr().err.splitlines()[-3:]
    assert nobody == "Nobody has answered yet."
    assert (bad.startswith("Noted: "), bad.endswith(" below usual.")) == (True, True)
    assert good.endswith(" above usual.")
    assert feedback_path(folder / "ledger.db").exists()


@pytest.mark.parametrize(("learning", "learned"), [("true", 1), ("false", 0)])
def test_the_same_ask_again_in_a_session_is_learned_from(folder: Path, learning: str, learned: int) -> None:
    """Without a word of the person's, where learning is on; it is written by the time the router is closed."""
    with storyteller(at_once=True) as story:
        text = config_for(story).replace("enabled: false", f"path: {folder / 'ledger.db'}")
        path = folder / "pointsman.yaml"
        path.write_text(f"{text}learning: {{enabled: {learning}}}\n", encoding="utf-8")
        loaded = load_config(str(path))
        with router_session(loaded, lambda _text: None) as session:
            repl = Repl(session=session, conversation=Conversation(model="auto"))
            for line in ("what is the capital of France?", "/clear", "what is the capital of France?"):
                repl.say(line)
    assert [one.standing.verdicts for one in feedback_file(loaded).all() if one.model] == [1] * learned


def test_a_conversation_without_a_ledger_says_so(repl: Repl, capsys: pytest.CaptureFixture[str]) -> None:
    """Instead of pretending."""
    repl.say("hello")
    replace(repl, critics=None).say("/bad")
    assert capsys.readouterr().err.endswith(
        "error: The ledger is off, so nothing is learned.\nhint: Set `ledger.enabled`.\n"
    )
