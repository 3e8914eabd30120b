"""`pointsman agents` over a ledger of an agent that makes easy calls and one that does not."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.adapters.storage.agents import AgentChoices, choices_path
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.catalog import Tier
from pointsman.core.decision import Caller
from tests.adapters.storage.samples import decided, finished
from tests.cli.conftest import MODELS, Run
from tests.cli.pseudo_terminal import Terminal


@pytest.fixture
def ledger(folder: Path) -> Path:
    """`tagger`: 29 calls at the simple tier, one at the reasoning one; `Deep Thinker`: three, at the reasoning one."""
    path = folder / "requests.db"
    (folder / "pointsman.yaml").write_text(f"{MODELS}ledger: {{path: {path}}}\n", encoding="utf-8")
    now = time.time()
    plan = [("tagger", Tier.SIMPLE)] * 29 + [("tagger", Tier.REASONING)] + [("Deep Thinker", Tier.REASONING)] * 3
    with SqliteLedger(path, keep_days=None) as writer:
        for number, (agent, tier) in enumerate(plan):
            key = f"{number:016x}"
            begun = decided(key, now - 60)
            writer(
                replace(
                    begun,
                    caller=Caller(agent=agent),
                    decision=replace(begun.decision, tier=tier, trail=(), struck=()),
                )
            )
            cost = 0.0 if tier is Tier.SIMPLE else 0.02
            ended = finished(key, now - 59)
            served = "quick" if tier is Tier.SIMPLE else "cloud"
            writer(replace(ended, served=served, cost_usd=cost, saved_usd=0.02 - cost))
    return path


@pytest.mark.usefixtures("ledger")
def test_agents_are_a_table_with_what_is_proposed(run: Run) -> None:
    """The busiest first; the way to accept on stderr."""
    done = run("agents")
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert done.code == 0
    assert lines == [
        "AGENT CALLS BY TIER EASY FAILED UP COST SAVED TIER PROPOSAL",
        "tagger 30 simple 29 · reasoning 1 97 % 0 0 $0.02 $0.58 – simple, saves $0.02 (100 %)",
        "Deep Thinker 3 reasoning 3 0 % 0 0 $0.06 $0 – –",
    ]
    assert done.err == "`pointsman agents show tagger` says why; `pointsman agents accept tagger` applies it.\n"


@pytest.mark.e2e
@pytest.mark.usefixtures("ledger")
def test_a_narrow_terminal_keeps_names_and_proposals_readable(folder: Path, environ: Mapping[str, str]) -> None:
    """What `agents show` has too makes room for them."""
    with Terminal(folder, environ, "agents", columns=80) as terminal:
        code, said = terminal.end()
    lines = [line.rstrip() for line in said.splitlines()]
    assert (code, lines[0]) == (0, "AGENT         CALLS  BY TIER                   COST  TIER  PROPOSAL")
    assert lines[1] == "tagger           30  simple 29 · reasoning 1  $0.02  –     simple"
    assert lines[2] == "Deep Thinker      3  reasoning 3              $0.06  –     –"


@pytest.mark.usefixtures("ledger")
def test_one_agent_in_full(run: Run) -> None:
    """With the reason of the proposal and how sure it is."""
    out = run("agents", "show", "tagger").out
    assert "29 of 30 calls needed no more than simple" in out
    assert "at least 86 % of its calls, with 95 % certainty" in out
    assert json.loads(run("agents", "show", "tagger", "--json").out)["proposal"]["tier"] == "simple"


def test_a_proposal_is_accepted_taken_back_and_not_repeated(run: Run, ledger: Path) -> None:
    """What was decided is in the file beside the ledger, and in the table."""
    assert run("agents", "accept", "tagger").err == "tagger gets simple from now on.\n"
    choices = AgentChoices(choices_path(ledger))
    assert [(one.agent, one.tier, one.calls) for one in choices.all()] == [("tagger", Tier.SIMPLE, 30)]
    assert f"simple ({time.strftime('%Y-%m-%d', time.gmtime())})" in run("agents").out
    accepted = json.loads(run("agents", "accept", "tagger", "--tier", "large", "--json").out)
    assert accepted == {"agent": "tagger", "key_id": None, "accepted": "complex"}
    assert run("agents", "reject", "tagger").err == "tagger goes where the router sends it.\n"
    (shown, _) = json.loads(run("agents", "--json").out)
    assert (shown["choice"]["accepted"], shown["proposal"]) == (None, None)
    assert json.loads(run("agents", "reject", "tagger", "--json").out)["accepted"] is None
    assert "rejected" in run("agents").out


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("args", "said"),
    [
        (
            ("show", "nobody"),
            "No agent 'nobody' has called in the last 30 days.\nhint: There are: tagger, Deep Thinker.",
        ),
        (("accept", "Deep Thinker"), "Nothing is proposed for 'Deep Thinker'.\nhint: Name a tier with --tier."),
        (("show", "tagger", "--key", "other"), "No agent 'tagger' has called"),
    ],
)
def test_what_is_not_there_is_said(run: Run, args: tuple[str, ...], said: str) -> None:
    """With what to do; exit code 2."""
    done = run("agents", *args)
    assert done.code == 2
    assert said in done.err


def test_without_agents_it_says_so(run: Run, folder: Path) -> None:
    """An empty list for programs."""
    (folder / "pointsman.yaml").write_text(f"ledger: {{path: {folder / 'none.db'}}}\n", encoding="utf-8")
    assert run("agents").err.startswith("No agent has called yet.")
    assert run("agents", "--json").out == "[]\n"
    assert "No agent 'x' has called" in run("agents", "show", "x").err


def test_the_same_name_of_two_callers_has_to_be_told_apart(run: Run, ledger: Path) -> None:
    """By the key's id, which the table then shows."""
    with SqliteLedger(ledger, keep_days=None) as writer:
        begun = decided("f" * 16, time.time())
        writer(replace(begun, caller=Caller(agent="tagger", key_id="k1")))
        writer(finished("f" * 16, time.time()))
    assert "KEY" in run("agents").out
    done = run("agents", "show", "tagger")
    assert (done.code, "keys none, k1" in done.err) == (2, True)
    assert "k1" in run("agents", "show", "tagger", "--key", "k1").out


def test_a_rule_is_shown_and_said_to_come_first(run: Run, folder: Path, ledger: Path) -> None:
    """What was accepted beside it does not count, and nobody is told that it does."""
    given = {
        "'Deep *': cloud": (
            "cloud (rule)",
            ", once the rule 'Deep *' in the configuration, which gives it cloud, is gone",
        ),
        "deep thinker: complex": (
            "complex (rule)",
            ", once the rule 'deep thinker' in the configuration, which gives it complex, is gone",
        ),
        "'Deep *': {floor: medium}": ("–", ", but medium by the rule 'Deep *' in the configuration"),
        "'Deep *': {cap: medium}": ("–", ""),
    }
    for rule, (tier, said) in given.items():
        text = f"{MODELS}ledger: {{path: {ledger}}}\nagents: {{{rule}}}\n"
        (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
        run("agents", "reject", "Deep Thinker")
        line = run("agents").out.splitlines()[-1]
        assert " ".join(line.split()).endswith(f"$0 {'rejected' if tier == '–' else tier} –")
        done = run("agents", "accept", "Deep Thinker", "--tier", "simple")
        assert done.err == f"Deep Thinker gets simple from now on{said}.\n"
        shown = f"simple ({time.strftime('%Y-%m-%d', time.gmtime())})" if tier == "–" else tier
        assert f"tier    {shown}" in run("agents", "show", "Deep Thinker").out
