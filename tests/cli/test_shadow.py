"""`pointsman shadow` over a file of copies."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.adapters.storage.shadows import ShadowFile, shadows_path
from pointsman.core.shadow import NotCopied
from tests.adapters.storage.test_shadows import ANSWERED, FAILED
from tests.cli.conftest import MODELS, Run


@pytest.fixture
def ledger(folder: Path) -> Path:
    """Shadow mode is on; one copy that agreed, one that failed, and two that were not made."""
    path = folder / "requests.db"
    text = f"{MODELS}ledger: {{path: {path}}}\nshadow: {{model: quick, budget_usd_per_day: 2}}\n"
    (folder / "pointsman.yaml").write_text(text, encoding="utf-8")
    now = time.time()
    today = datetime.fromtimestamp(now, UTC).date().isoformat()
    file = ShadowFile(shadows_path(path))
    file.keep(replace(ANSWERED, at_s=now - 60))
    file.keep(replace(FAILED, at_s=now - 30))
    file.add(today, {("quick", NotCopied.FULL): 2})
    file.reserve(today, 0.5, 2.0)
    file.close()
    return path


def lines_of(text: str) -> list[str]:
    """Lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.usefixtures("ledger")
def test_copies_add_up_by_pair_tier_and_task(run: Run) -> None:
    """With what today has cost, and why others were not made."""
    done = run("shadow")
    assert (done.code, done.err) == (0, "")
    assert lines_of(done.out) == [
        "cloud → quick",
        "1 of 2 answered · 1 failed · took 0.9 s → 80 ms",
        "TIER TASK COPIES JUDGED AGREE WORSE COST SAVES",
        "– – 1 0 – 0 – –",
        "complex coding 1 1 100 % (21–100) 0 $0 $0.01",
        "all 2 1 100 % (21–100) 0 $0 $0.01",
        "",
        "today: $0.5 of $2.00 spent on copies",
        "not copied: 2, others were under way (`shadow.concurrency`)",
    ]


@pytest.mark.usefixtures("ledger")
def test_json_has_all_of_it(run: Run) -> None:
    """Pairs, groups, the day's spending and what was not copied."""
    found = json.loads(run("shadow", "--json").out)
    assert list(found) == [
        "since_s",
        "pairs",
        "groups",
        "enabled",
        "spent_today_usd",
        "budget_usd_per_day",
        "not_copied",
    ]
    assert (found["enabled"], found["spent_today_usd"], found["budget_usd_per_day"]) == (True, 0.5, 2.0)
    assert found["not_copied"] == [{"shadow": "quick", "reason": "full", "count": 2}]
    assert [pair["would_have_saved_usd"] for pair in found["pairs"]] == [0.01]


@pytest.mark.usefixtures("ledger")
def test_copies_are_listed_the_newest_last(run: Run) -> None:
    """One line each, by verdict where that is asked for; JSON with the texts."""
    done = run("shadow", "list")
    head, *rows = lines_of(done.out)
    assert head == "TIME ID COPY VERDICT WHY"
    assert [line[17:] for line in rows] == [
        "3f2a0000 quick agrees the same words",
        "3f2b0000 quick failed overloaded",
    ]
    assert [line[17:] for line in lines_of(run("shadow", "list", "--verdict", "agrees").out)][1:] == [
        "3f2a0000 quick agrees the same words"
    ]
    first, second = map(json.loads, run("shadow", "list", "--json").out.splitlines())
    assert (first["served"]["text"], first["verdict"], second["outcome"]) == ("Yes", "agrees", "failed")
    assert run("shadow", "list", "--verdict", "worse").err == "No copy fits.\n"


@pytest.mark.usefixtures("ledger")
def test_one_copy_is_shown_beside_the_answer(run: Run) -> None:
    """By its request's id, the beginning of it, or as the last."""
    assert lines_of(run("shadow", "show", "3f2a").out)[0] == "cloud → quick agrees"
    assert lines_of(run("shadow", "show", "3f2a").out)[3:] == [
        "task complex · coding",
        "why the same words",
        "judge judge",
        "words 100 % in common",
        "served cloud (cloud), 0.9 s, 9+3 tokens, $0.01",
        "copy quick (local), 80 ms, 9+2 tokens, $0",
        "prompt Is it?",
        "answer Yes",
        "copy's answer yes",
    ]
    last = lines_of(run("shadow", "show", "last").out)
    assert (last[0], last[4]) == ("cloud → quick failed", "error transient: overloaded")
    assert json.loads(run("shadow", "show", "3f2b", "--json").out)["failure"] == "transient"
    missing = run("shadow", "show", "ffff")
    assert (missing.code, missing.err.splitlines()[0]) == (2, "error: No copy's id begins with 'ffff'.")


def test_without_copies_it_says_why(run: Run, configured: Path) -> None:
    """Off, or not yet; JSON is empty lists."""
    assert "Shadow mode is off" in run("shadow").err
    assert "Shadow mode is off" in run("shadow", "list").err
    assert json.loads(run("shadow", "--json").out)["pairs"] == []
    configured.write_text(f"{MODELS}shadow: {{model: quick}}\n", encoding="utf-8")
    assert "No copy has been made yet" in run("shadow").err


@pytest.mark.parametrize(
    ("shadow", "line"),
    [
        ("{model: quick}", "shadow: 5 % of requests are copied to quick, on this machine"),
        (
            "{model: cloud, sample: 0.005, tiers: [simple, complex], kinds: coding, budget_usd_per_day: 2}",
            (
                "shadow: 0.5 % of public requests (simple or complex and coding) are copied to cloud, which is not on "
                "this machine, for $2.00 a day at most"
            ),
        ),
        (
            "{rules: [{model: frontier, sample: 1}]}",
            (
                "shadow: 100 % of public requests are copied to frontier, which is not on this machine, for $1.00 a "
                "day at most"
            ),
        ),
    ],
)
def test_a_check_of_the_configuration_says_who_gets_copies_and_where(
    run: Run, configured: Path, shadow: str, line: str
) -> None:
    """What leaves the machine and what that may cost is said before the gateway runs."""
    configured.write_text(f"{MODELS}shadow: {shadow}\n", encoding="utf-8")
    assert run("config", "check").out.splitlines()[1:] == [line]


def test_copies_made_before_it_was_turned_off_are_still_shown(run: Run, ledger: Path) -> None:
    """And that it is off."""
    (ledger.parent / "pointsman.yaml").write_text(f"{MODELS}ledger: {{path: {ledger}}}\n", encoding="utf-8")
    done = run("shadow")
    assert "cloud → quick" in done.out
    assert done.err == "Shadow mode is off now; these copies were made before.\n"
