"""`pointsman eval` over the user's own ledger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.catalog import Tier
from tests.adapters.storage.samples import NOON
from tests.cli.conftest import MODELS, Run
from tests.cli.pseudo_terminal import Terminal
from tests.evals.recorded import HARD, PRIVATE, events

FEW = ("--resamples", "20")


def written(folder: Path, *, logs: bool) -> None:
    """Eighty requests: every second one is hard, goes to the dear model and is ten times as long; one is private."""
    path = folder / "requests.db"
    (folder / "pointsman.yaml").write_text(
        f"ledger: {{path: {path}}}\nrouting:\n  scorer: litellm-compat\n{MODELS}", encoding="utf-8"
    )
    with SqliteLedger(path, keep_days=None) as ledger:
        for at in range(80):
            hard = at % 2 == 1
            request = events(
                f"{at:016x}",
                at_s=NOON + at * 1000,
                model="cloud" if hard else "quick",
                tier=Tier.REASONING if hard else Tier.SIMPLE,
                cost_usd=0.0135 if hard else 0.0,
                input_tokens=10_000 if hard else 1000,
                prompt=(HARD if hard else "Hi") if logs and at else None,
                privacy=None if at else PRIVATE,
            )
            for event in request:
                ledger(event)


@pytest.fixture
def ledger(folder: Path) -> None:
    """With prompts."""
    written(folder, logs=True)


@pytest.mark.usefixtures("ledger")
def test_the_ledger_is_looked_at_where_no_file_is_given(run: Run) -> None:
    """How requests went, what they cost beside chance, what routers make of the prompts, and what nobody knows."""
    done = run("eval", *FEW)
    shown = [" ".join(line.split()) for line in done.out.splitlines()]
    assert (done.code, done.err) == (0, "")
    assert shown[0] == "80 requests from 2026-09-21 to 2026-09-22; 79 with their prompt, 1 private"
    assert "tier n by the chosen failed asked again $ per 1,000 tokens out p50 p95" in shown
    line = "reasoning 40 100 % (91 … 100) 0 % (0 … 9) 0 % (0 … 9) 13.5 (13.5 … 13.5) 100 1.0 s 1.0 s"
    assert line in shown
    text = " ".join(shown)
    assert "Spend beside chance, where there was a choice: $6.8" in text
    assert "of 79 calls to cloud; it got 51 %." in text
    assert "pointsman 79 100 % 0 % 0 %" in text
    assert "it cannot say which choices were right" in text
    assert run("eval", "--ledger", *FEW).out == done.out


@pytest.mark.usefixtures("ledger")
def test_a_program_gets_json(run: Run) -> None:
    """With the routers that were named."""
    found = json.loads(run("eval", "--json", "--router", "litellm-compat", *FEW).out)["ledger"]
    assert (found["requests"], found["private"]) == (80, 1)
    assert [(one["router"], one["same"]) for one in found["routers"]] == [("litellm-compat", 1.0)]
    assert found["dealt"]["dearest"] == "cloud"
    assert [group["key"] for group in found["tiers"]] == ["reasoning", "simple"]


def test_without_prompts_it_says_what_is_missing(run: Run, folder: Path) -> None:
    """And how to have it from now on."""
    written(folder, logs=False)
    done = run("eval", *FEW)
    assert done.code == 0
    assert "No prompt is logged" in done.out
    assert "`ledger: {log_prompts: true}`" in " ".join(done.out.split())
    assert "Routers on the logged prompts" not in done.out


@pytest.mark.usefixtures("ledger")
@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--ledger", "--data", "x.jsonl"), "Give --data or --ledger, not both."),
        (("--models", "a,b"), "--models needs --data: a ledger has no outcomes."),
        (("--perturb",), "--perturb needs --data: a ledger has no outcomes."),
        (("--data", "x.jsonl", "--since", "1h"), "--since is for the ledger, without --data."),
        (("--since", "2027-01-01"), "No request is recorded since then."),
        (("--router", "oracle"), "--router: 'oracle' needs outcomes that are known."),
        (("--router", "best"), "--router: there is no router 'best'; there are pointsman,"),
    ],
)
def test_bad_input_is_refused(run: Run, args: tuple[str, ...], message: str) -> None:
    """Exit code 2."""
    done = run("eval", *args)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {message}")


def test_an_empty_ledger_is_said(run: Run, configured: Path) -> None:
    """With nothing to measure there is no table."""
    done = run("eval")
    assert (done.code, done.out, done.err) == (2, "", "error: No request is recorded yet.\n")


@pytest.mark.usefixtures("ledger")
def test_a_narrow_terminal_gets_whole_figures(folder: Path, environ: dict[str, str]) -> None:
    """Eighty columns: fewer of them."""
    with Terminal(folder, environ, "eval", *FEW, columns=80) as terminal:
        code, said = terminal.end()
    assert code == 0
    assert "by the chosen" in said
    assert "tokens out" not in said
    assert "reasoning  40  100 % (91 … 100)" in said
