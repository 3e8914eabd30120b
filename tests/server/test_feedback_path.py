"""Verdicts over HTTP: whose answers may be rated, what is refused, and that the next decision goes by them."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.storage.database import migrate
from pointsman.adapters.storage.feedback import feedback_path
from pointsman.adapters.storage.own_file import shipped_scripts
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.config.load import Loaded, loaded_from
from pointsman.config.schema import Settings
from pointsman.core.catalog import Secret, Tier
from pointsman.core.decision import Caller
from pointsman.core.events import FinishReason
from pointsman.core.jsontypes import JsonObject
from pointsman.experience import critics
from pointsman.routing.learned.feedback import Remark, Task, Verdict
from pointsman.server.app import App
from pointsman.server.gateway import open_state
from pointsman.server.guard import Guard
from pointsman.stores import feedback_file
from tests.adapters.storage.samples import decided, finished
from tests.server.asgi import HOST, Answer, app_of, ask, scope_of

KEYED = Guard(keys=(Secret("sk-one"), Secret("sk-two")), any_host=True)
ONE = KEYED.authenticate(scope_of(HOST, (b"x-api-key", b"sk-one")))
MINE, THEIRS, FAILED, NAMED, STAND_IN = "a" * 16, "b" * 16, "c" * 16, "d" * 16, "e" * 16


def configured(path: Path, **more: object) -> Loaded:
    """A small, a medium and a large model on this machine, and one outside the tiers."""
    models = [
        {"name": name, "model": "m", "base_url": "http://127.0.0.1:9/v1", "local": True, "tier": tier}
        for name, tier in (("small", "simple"), ("middle", "medium"), ("large", "complex"))
    ]
    return loaded_from(Settings.model_validate({"ledger": {"path": str(path)}, "models": models, **more}))


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    """With a ledger of one answer each: mine, another key's, a failed one, of a named model, of a stand-in."""
    path = tmp_path / "ledger.db"
    with SqliteLedger(path, keep_days=None) as writer:
        for key in (MINE, THEIRS, FAILED, NAMED, STAND_IN):
            begun = decided(key, time.time())
            assessment = None if key == NAMED else begun.decision.assessment
            writer(
                replace(
                    begun,
                    decision=replace(begun.decision, assessment=assessment, tier=Tier.SIMPLE),
                    caller=Caller(key_id="other" if key == THEIRS else ONE),
                )
            )
            ended = replace(finished(key, time.time()), served="elsewhere" if key == STAND_IN else "small")
            writer(replace(ended, reason=FinishReason.FAILED) if key == FAILED else ended)
    return configured(path)


async def rated(app: App, body: object, key: bytes = b"sk-one") -> Answer:
    """What the gateway says to a verdict."""
    scope = scope_of(HOST, (b"x-api-key", key), path="/v1/feedback", method="POST")
    return await ask(app, scope, json.dumps(body).encode())


def app_over(loaded: Loaded) -> App:
    """A gateway with keys, over that ledger."""
    app = app_of(guard=KEYED)
    found = critics(loaded)
    assert found is not None
    app.state = replace(app.state, rate=replace(found, wait=lambda _seconds: None).rate)
    return app


async def test_a_verdict_teaches_once(loaded: Loaded) -> None:
    """The answer says what is believed of the tier that answered; the same again changes nothing."""
    app = app_over(loaded)
    first = await rated(app, {"decision_id": MINE, "rating": "down"})
    again = await rated(app, {"decision_id": MINE, "rating": "down"})
    better = await rated(app, {"decision_id": MINE, "rating": "up"})
    shift = first.json["learned"]["shift"]
    assert (first.status, again.json) == (200, first.json)
    assert first.json == {
        "object": "feedback",
        "decision_id": MINE,
        "rating": "down",
        "learned": {"kind": "coding", "tier": "simple", "model": "small", "shift": shift},
    }
    assert -0.5 < shift < 0 < better.json["learned"]["shift"]


@pytest.mark.parametrize("decision_id", [THEIRS, "f" * 16, MINE[:8], "../x"])
async def test_nobody_rates_what_is_not_theirs(loaded: Loaded, decision_id: str) -> None:
    """Another key's answer looks like none at all, and so does a part of an id."""
    reply = await rated(app_over(loaded), {"decision_id": decision_id, "rating": "up"})
    assert reply.status == 404
    assert reply.json["error"]["code"] == "decision_not_found"
    assert reply.json["error"]["message"].startswith(f"No request with the id {decision_id!r} is recorded.")


async def test_who_rates_at_once_is_waited_for(loaded: Loaded) -> None:
    """The ledger is written a tenth of a second behind."""
    found = critics(loaded)
    assert found is not None
    fresh, waited = "9" * 16, list[float]()

    def wait(seconds: float) -> None:
        waited.append(seconds)
        with SqliteLedger(found.reader.path, keep_days=None) as writer:
            writer(replace(decided(fresh, time.time()), caller=Caller()))

    assert replace(found, wait=wait).rate(fresh, Verdict.UP, None)["decision_id"] == fresh
    assert waited == [0.1]


@pytest.mark.parametrize("decision_id", [NAMED, STAND_IN])
async def test_a_verdict_is_kept_where_nothing_can_be_learned(loaded: Loaded, decision_id: str) -> None:
    """No classifier chose the model that answered."""
    reply = await rated(app_over(loaded), {"decision_id": decision_id, "rating": "tier_up"})
    assert (reply.status, reply.json["learned"]) == (200, None)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"rating": "up"}, "decision_id must be the id of a decision, not null."),
        ({"decision_id": 7, "rating": "up"}, "decision_id must be the id of a decision, not 7."),
        ({"decision_id": MINE}, "rating must be one of up, down, tier_up, regenerated, not null."),
        ({"decision_id": MINE, "rating": "escalated"}, 'up, down, tier_up, regenerated, not "escalated".'),
        ({"decision_id": MINE, "rating": ["up"]}, 'rating must be one of up, down, tier_up, regenerated, not ["up"].'),
        ({"decision_id": FAILED, "rating": "up"}, f"Nobody answered the request '{FAILED}' (failed)"),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(loaded: Loaded, body: JsonObject, message: str) -> None:
    """By name and value."""
    reply = await rated(app_over(loaded), body)
    assert reply.status == 400
    assert message in reply.json["error"]["message"]


async def test_without_a_key_or_a_ledger_nothing_is_rated(loaded: Loaded, tmp_path: Path) -> None:
    """The first is told so like everywhere, the second with the setting."""
    assert (await rated(app_over(loaded), {"decision_id": MINE, "rating": "up"}, b"wrong")).status == 401
    off = await rated(app_of(guard=KEYED), {"decision_id": MINE, "rating": "up"})
    assert (off.status, "The ledger is off" in off.json["error"]["message"]) == (400, True)
    path = tmp_path / "off.db"
    assert critics(configured(path, ledger={"enabled": False, "path": str(path)})) is None


async def test_where_learning_is_off_a_verdict_is_only_kept(loaded: Loaded, tmp_path: Path) -> None:
    """And no tier is trusted less."""
    idle = configured(tmp_path / "ledger.db", learning={"enabled": False})
    assert (await rated(app_over(idle), {"decision_id": MINE, "rating": "down"})).json["learned"] is None


PYTHON = b'{"prompt": "Write a python function that reverses a list."}'
ROUTE = scope_of(HOST, path="/v1/route", method="POST")


async def complained_about(loaded: Loaded, before: dict[str, Any], count: int) -> dict[str, Any]:
    """The decision on the same ask after so many complaints about the first one's answer, by its only caller."""
    with SqliteLedger(Path(str(loaded.settings.ledger.path)), keep_days=None) as writer:
        for number in range(count):
            begun = decided(f"{number:016x}", time.time())
            decision = replace(begun.decision, tier=Tier(before["tier"]))
            assessment, found = begun.decision.assessment, before["assessment"]
            assert assessment is not None
            judged = replace(assessment, kind=found["kind"], difficulty=found["difficulty"])
            writer(replace(begun, decision=replace(decision, assessment=judged), caller=Caller()))
            writer(replace(finished(f"{number:016x}", time.time()), served=before["candidates"][0]))
    async with open_state(loaded, {}) as state:
        app = App(replace(state, guard=Guard()))
        for number in range(count):
            scope = scope_of(HOST, path="/v1/feedback", method="POST")
            said = await ask(app, scope, json.dumps({"decision_id": f"{number:016x}", "rating": "down"}).encode())
            assert said.status == 200
        after: dict[str, Any] = (await ask(app, ROUTE, PYTHON)).json
        return after


async def first_decision(loaded: Loaded) -> dict[str, Any]:
    """Before anything was said."""
    async with open_state(loaded, {}) as state:
        found: dict[str, Any] = (await ask(App(replace(state, guard=Guard())), ROUTE, PYTHON)).json
        return found


async def test_a_gateway_decides_by_what_its_caller_said(tmp_path: Path) -> None:
    """After enough complaints the same ask goes a tier up, for that caller, without a restart."""
    loaded = configured(tmp_path / "ledger.db", sessions={"enabled": False})
    before = await first_decision(loaded)
    after = await complained_about(loaded, before, 8)
    assert (before["strategy"], after["strategy"]) == ("learned", "learned")
    assert Tier(after["tier"]).rank > Tier(before["tier"]).rank
    assert after["reason"].endswith(f"; without what your ratings have taught it would be {before['tier']}")


async def test_a_gateway_opens_with_the_file_of_verdicts_in_its_current_format(tmp_path: Path) -> None:
    """No request waits for that."""
    path = tmp_path / "ledger.db"
    scripts = shipped_scripts("feedback")
    with closing(sqlite3.connect(feedback_path(path), isolation_level=None)) as old:
        migrate(old, path, scripts[:1])
    async with open_state(configured(path), {}):
        with closing(sqlite3.connect(feedback_path(path))) as now:
            assert now.execute("PRAGMA user_version").fetchone() == (len(scripts),)


async def test_a_dry_run_is_decided_for_the_caller_whose_key_it_is(tmp_path: Path) -> None:
    """By what that caller has said, as a real request would be; another's key gets another's decision."""
    loaded = configured(tmp_path / "ledger.db", sessions={"enabled": False})
    before = await first_decision(loaded)
    task = Task(kind=before["assessment"]["kind"], tier=Tier(before["tier"]), margin=3.0, slope=1.2)
    for number in range(6):
        remark = Remark(decision_id=f"{number}", key_id=ONE, verdict=Verdict.DOWN, at_s=time.time(), task=task)
        feedback_file(loaded).note(remark)
    async with open_state(loaded, {}) as state:
        app = App(replace(state, guard=KEYED))
        tiers = []
        for key in (b"sk-one", b"sk-two"):
            scope = scope_of(HOST, (b"x-api-key", key), path="/v1/route", method="POST")
            tiers.append((await ask(app, scope, PYTHON)).json["tier"])
    assert Tier(tiers[0]).rank > Tier(tiers[1]).rank == Tier(before["tier"]).rank


async def test_another_model_of_the_tier_is_asked_where_the_first_does_not_do(tmp_path: Path) -> None:
    """The tier still suffices: what was said of its first model says half as much of the second. The trail says so."""
    models = [
        {"name": name, "model": "m", "base_url": "http://127.0.0.1:9/v1", "local": True, "tier": tier}
        for tier in ("simple", "medium", "complex", "reasoning")
        for name in (f"{tier}-a", f"{tier}-b")
    ]
    loaded = configured(tmp_path / "ledger.db", sessions={"enabled": False}, models=models)
    before = await first_decision(loaded)
    after = await complained_about(loaded, before, 4)
    tier = before["tier"]
    assert (before["model"], after["model"], after["tier"]) == (f"{tier}-a", f"{tier}-b", tier)
    (line,) = [step["detail"] for step in after["trail"] if step["strategy"] == "select"]
    assert line.startswith(f"coding: {tier}-b does it well with 0.")
    assert f", {tier}-a with 0." in line
