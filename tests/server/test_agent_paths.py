"""The caller's agents, over HTTP; and that an answer that came from the next tier says so."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from pointsman.adapters.storage.agents import AgentChoices, choices_path
from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.config.load import loaded_from
from pointsman.config.schema import Settings
from pointsman.core.catalog import Secret, Tier
from pointsman.core.decision import Caller
from pointsman.core.jsontypes import JsonObject
from pointsman.routing.agents.profile import Choice
from pointsman.server.app import App
from pointsman.server.gateway import open_state
from pointsman.server.guard import Guard
from tests.adapters.storage.samples import decided, finished
from tests.server.asgi import HOST, app_of, ask, scope_of

KEYED = Guard(keys=(Secret("sk-one"), Secret("sk-two")), any_host=True)
ONE = KEYED.authenticate(scope_of(HOST, (b"x-api-key", b"sk-one")))


async def test_a_caller_sees_the_agents_of_its_own_key() -> None:
    """And nobody else's; without a ledger there are none."""
    rows: list[JsonObject] = [
        {"agent": "mine", "key_id": ONE},
        {"agent": "theirs", "key_id": "x"},
        {"agent": "nobodys", "key_id": None},
    ]
    keyed = app_of(guard=KEYED)
    keyed.state = replace(keyed.state, agents=lambda: rows)
    mine = await ask(keyed, scope_of(HOST, (b"x-api-key", b"sk-one"), path="/v1/agents"))
    other = await ask(keyed, scope_of(HOST, (b"x-api-key", b"sk-two"), path="/v1/agents"))
    assert (mine.status, mine.json) == (200, {"object": "list", "data": [rows[0]]})
    assert other.json["data"] == []
    free = app_of()
    free.state = replace(free.state, agents=lambda: rows)
    assert (await ask(free, scope_of(HOST, path="/v1/agents"))).json["data"] == [rows[2]]
    assert (await ask(app_of(), scope_of(HOST, path="/v1/agents"))).json["data"] == []
    assert (await ask(keyed, scope_of(HOST, path="/v1/agents"))).status == 401


async def test_a_gateway_shows_what_its_ledger_knows_and_follows_what_was_accepted(tmp_path: Path) -> None:
    """A dry run with the agent's label has the accepted tier, by the strategy `agent`."""
    path = tmp_path / "ledger.db"
    with SqliteLedger(path, keep_days=None) as writer:
        begun = decided("a" * 16, time.time())
        writer(replace(begun, caller=Caller(agent="bee")))
        writer(finished("a" * 16, time.time()))
    settings = Settings.model_validate(
        {
            "ledger": {"path": str(path)},
            "models": [
                {"name": name, "model": "m", "base_url": "http://127.0.0.1:9/v1", "local": True, "tier": tier}
                for name, tier in (("small", "simple"), ("large", "complex"))
            ],
            "agents": {"ant*": "large", "wasp": {"cap": "simple"}},
        }
    )
    AgentChoices(choices_path(path)).keep(Choice(key_id=None, agent="bee", tier=Tier.COMPLEX, at_s=1.0))
    async with open_state(loaded_from(settings), {}) as state:
        app = App(replace(state, guard=Guard()))
        shown = await ask(app, scope_of(HOST, path="/v1/agents"))
        decisions = {
            agent: await ask(
                app,
                scope_of(HOST, (b"x-pointsman-agent", agent.encode()), path="/v1/route", method="POST"),
                b'{"prompt": "hi"}',
            )
            for agent in ("bee", "anteater", "wasp")
        }
    assert [row["agent"] for row in shown.json["data"]] == ["bee"]
    found = {agent: (one.json["strategy"], one.json["tier"]) for agent, one in decisions.items()}
    assert found["bee"] == ("agent", "complex")
    assert found["anteater"] == ("agent", "complex")
    assert found["wasp"][1] == "simple"
