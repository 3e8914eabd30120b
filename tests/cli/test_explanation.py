"""A decision as a person reads it, where a classifier has assessed the request."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from pointsman.cli.explanation import print_decision
from pointsman.core.assessment import Assessment
from pointsman.core.catalog import Tier
from pointsman.core.chat import ask
from pointsman.testing import a_card, a_catalog
from tests.engine.rig import a_rig


def test_what_was_expected_of_the_request_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The kind of task, how hard it is, who would do it well, how long the answer will be."""
    router = a_rig(a_catalog(a_card("near"), tiers={Tier.SIMPLE: ["near"]}), {}).router
    request = ask("hello")
    decision = asyncio.run(router.decide(request))
    found = Assessment(kind="chat", difficulty=-1.25, chances=(0.91, 0.95, 0.99, 1.0), output_tokens=40, familiarity=1)
    print_decision(router, request, replace(decision, assessment=found))
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:5] == [
        "task       chat, difficulty -1.25, 100 % of it familiar",
        "done well  simple 91 %, medium 95 %, complex 99 %, reasoning 100 %",
        "answer     about 40 tokens",
    ]
