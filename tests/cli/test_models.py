"""`pointsman models`: the catalog as a table and as JSON, with states that gateways have told of."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from pointsman.adapters.storage.health import SqliteHealths, identities_of
from pointsman.config.load import load
from pointsman.core.health import Cause, Health, HealthState
from tests.cli.conftest import Run


def test_the_table_says_tier_place_and_price(run: Run, configured: Path) -> None:
    """Unknown figures are a dash; routers and aliases follow."""
    done = run("models")
    assert (done.code, done.err) == (0, "")
    assert done.out == (
        "MODEL  TIER       WHERE  ENDPOINT     CONTEXT  $ IN/OUT PER M\n"
        "quick  simple     local  127.0.0.1:9       4K  free\n"
        "heavy  complex    local  127.0.0.1:9        –  free\n"
        "cloud  reasoning  cloud  openai          400K  $1.25 / $10.00\n"
        "\n"
        "auto chooses: simple → quick; complex → heavy; reasoning → cloud\n"
        "big means heavy\n"
        "auto:quick-assistant is for tier simple: Short answers, by a small model\n"
        "auto:deep-work is for tier complex: Thorough work, by a large model\n"
    )


def test_models_list_is_the_same(run: Run, configured: Path) -> None:
    """For fingers that expect it."""
    assert run("models", "list").out == run("models").out


def test_json_has_every_figure(run: Run, configured: Path) -> None:
    """And no key of a provider."""
    done = run("models", "--json")
    quick, heavy, cloud = json.loads(done.out)
    assert quick == {
        "id": "quick",
        "name": "quick",
        "upstream_model": "small",
        "endpoint": "127.0.0.1:9",
        "dialect": "openai_chat",
        "tiers": ["simple"],
        "local": True,
        "demo": False,
        "context_tokens": 4096,
        "max_output_tokens": None,
        "lacks": [],
        "price_usd_per_mtok": {"input": 0.0, "output": 0.0, "cached_input": None, "cache_write": None},
        "aliases": [],
        "health": None,
    }
    assert heavy["aliases"] == ["big"]
    assert cloud["price_usd_per_mtok"] == {"input": 1.25, "output": 10, "cached_input": None, "cache_write": None}
    assert "sk-made-up" not in done.out


@pytest.fixture
def told(tmp_path: Path, configured: Path) -> float:
    """A gateway has told that `heavy` cools and the endpoint of `cloud` refused the key; until when."""
    now_s = time.time()
    cards = load(config=configured, environ={}, cwd=configured.parent).catalog.models
    with SqliteHealths(tmp_path / "data/pointsman/ledger-healths.db", identities_of(cards)) as store:
        for subject, is_endpoint, state, cause, wait_s in (
            ("heavy", False, HealthState.COOLING, Cause.CAPACITY, 3000.0),
            ("openai", True, HealthState.DOWN, Cause.AUTH, 3000.0),
        ):
            health = Health(
                subject=subject,
                is_endpoint=is_endpoint,
                state=state,
                cause=cause,
                since_s=now_s,
                until_s=now_s + wait_s,
                failures=3,
                message="no",
            )
            store.tell(health)
    return now_s + 3000.0


def test_states_are_shown_where_a_gateway_has_told_of_them(run: Run, told: float) -> None:
    """An endpoint's is its models'."""
    rows = [line.split("  ")[-1].strip() for line in run("models").out.splitlines()[:4]]
    assert rows[:2] == ["STATE", "healthy"]
    heavy, cloud = rows[2:]
    assert (heavy, cloud) == ("cooling for 50 min (capacity)", "down for 50 min (auth)")


def test_states_are_in_the_json_too(run: Run, told: float) -> None:
    """With their times."""
    healths = [card["health"] for card in json.loads(run("models", "list", "--json").out)]
    assert [health["state"] for health in healths] == ["healthy", "cooling", "down"]
    assert (healths[1]["until_s"], healths[1]["failures"], healths[2]["kind"]) == (round(told, 3), 3, "endpoint")


def test_a_model_is_reset_by_any_of_its_names(run: Run, told: float) -> None:
    """The others are left as they are; again there is nothing to do."""
    done = run("models", "reset", "big")
    assert (done.code, done.err) == (0, "")
    assert done.out == "heavy was cooling for 50 min (capacity); it is asked again\n"
    assert [card["health"]["state"] for card in json.loads(run("models", "--json").out)] == [
        "healthy",
        "healthy",
        "down",
    ]
    assert run("models", "reset", "heavy").err == "Nothing to reset: nobody is known to be unwell.\n"


def test_a_model_is_reset_with_its_endpoint(run: Run, told: float) -> None:
    """Whose key was put right."""
    assert run("models", "reset", "cloud").out == "openai was down for 50 min (auth); it is asked again\n"


def test_without_a_name_all_are_reset(run: Run, told: float) -> None:
    """Models and endpoints."""
    done = run("models", "reset", "--json")
    assert [one["name"] for one in json.loads(done.out)] == ["heavy", "openai"]
    assert json.loads(run("models", "reset", "--json").out) == []


def test_a_name_that_nobody_has_is_refused(run: Run, configured: Path) -> None:
    """With the nearest ones."""
    done = run("models", "reset", "quik")
    assert (done.code, "did you mean quick?" in done.err) == (2, True)
    assert run("models", "reset", "auto").code == 2


def test_a_file_that_cannot_be_read_costs_the_states_only(run: Run, tmp_path: Path, configured: Path) -> None:
    """The models are listed all the same."""
    path = tmp_path / "data/pointsman/ledger-healths.db"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database " * 500)
    done = run("models")
    assert (done.code, "STATE" in done.out, done.err.startswith("warning: ")) == (0, False, True)
