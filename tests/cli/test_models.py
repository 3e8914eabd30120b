"""`pointsman models`: the catalog as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

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
    }
    assert heavy["aliases"] == ["big"]
    assert cloud["price_usd_per_mtok"] == {"input": 1.25, "output": 10, "cached_input": None, "cache_write": None}
    assert "sk-made-up" not in done.out
