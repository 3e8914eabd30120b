"""The page of what is lost between two APIs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.core.catalog import Operation
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.server.table import SURFACES as PATHS
from tools.dialect_losses import EMBEDDING_PROBES, REFUSED, RELAYED_TO, TITLES, UNSAID, fate, page
from tools.dialect_probes import BASES, PROBES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dialect-losses.md"


def test_the_page_is_current() -> None:
    """When this fails: python -m tools.dialect_losses."""
    assert PAGE.read_text("utf-8") == page()


def test_every_api_is_measured() -> None:
    """A new dialect needs its probes, its title, and the endpoints it is relayed to."""
    assert set(PROBES) == set(SURFACES) == set(TITLES) == set(RELAYED_TO)
    assert set(UPSTREAMS) <= set(TITLES)


def test_every_api_that_embeds_is_measured() -> None:
    """OpenAI's embeddings belong to both its APIs."""
    embedding = {name for name, one in UPSTREAMS.items() if one.path(Operation.EMBEDDINGS, "m", stream=False)}
    assert set(EMBEDDING_PROBES) == embedding - {"openai_responses"}


def test_what_is_relayed_is_what_the_gateway_relays() -> None:
    """The page's "as it is" is the gateway's."""
    chats = [one for one in PATHS.values() if one.operation in (Operation.CHAT, Operation.COMPLETIONS)]
    assert {one.surface.name: one.relays_to for one in chats}.items() <= RELAYED_TO.items()


def test_a_probe_is_compared_with_one_of_its_own_table() -> None:
    """With the plain request, or with the one it says a thing more than; no base is left over."""
    assert all(
        {"", *(BASES[name] for name in BASES.keys() & table.keys())} <= table.keys() for table in PROBES.values()
    )
    assert BASES.keys() <= {name for table in PROBES.values() for name in table}


@pytest.mark.parametrize("surface", PROBES)
def test_nothing_is_lost_in_silence(surface: str) -> None:
    """A setting or a hint is carried or dropped by name; content is carried or refused."""
    fates = {
        (upstream, probe): fate(surface, upstream, probe)
        for upstream in UPSTREAMS
        for probe in PROBES[surface]
        if probe
    }
    assert [pair for pair, found in fates.items() if found == UNSAID] == []
    said = {found for (_, probe), found in fates.items() if probe.startswith("content")}
    assert said <= {"yes", "as it is", REFUSED}
