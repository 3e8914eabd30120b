"""The page: what it says of models and decisions, escaped, with nothing in it that could run."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from pointsman.core.catalog import FREE, Catalog, Endpoint, Price, Tier
from pointsman.core.jsontypes import JsonObject
from pointsman.server.page import render
from pointsman.testing import a_card, a_catalog

NOW_S = 1_000_000.0
BASE = "http://127.0.0.1:4000"
NASTY = "<script>alert('x')</script>"
ROW: JsonObject = {
    "id": "0123456789abcdef",
    "at": "1970-01-12T13:46:40.000Z",
    "at_s": NOW_S,
    "asked": "auto",
    "routed": "small",
    "served": "small",
    "tier": "simple",
    "score": 0.125,
    "reason": "score 0.125 -> simple",
    "duration_ms": 15.4,
    "outcome": "ok",
    "privacy": {"class": "public", "kinds": [], "source": None},
    "fallbacks": 0,
    "error": None,
}


def page(catalog: Catalog | None = None, *rows: JsonObject, needs_key: bool = False) -> str:
    """The page's HTML."""
    body, _ = render(catalog or a_catalog(a_card("small")), None if needs_key else rows, BASE, now_s=NOW_S)
    return body.decode()


def item(**changes: object) -> str:
    """One decision's text, without markup."""
    found = re.search(r"<li>(.*)</li>", page(None, {**ROW, **changes}))  # type: ignore[dict-item]  # JSON by the tests
    assert found is not None
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_a_decision_is_told_in_one_line_and_its_reason() -> None:
    """When, who was asked for, who answered, tier, score, time, why."""
    assert item() == "just now auto → small simple 0.125 15 ms score 0.125 → simple"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"asked": None}, "no name → small"),
        ({"asked": "small"}, "just now small simple"),
        ({"served": None, "routed": "large", "outcome": "open"}, "auto → large under way simple"),
        ({"outcome": "failed"}, "small failed simple 0.125 15 ms score"),
        ({"error": "No model answered (<x>)."}, "score 0.125 → simple No model answered (&lt;x&gt;)."),
        ({"outcome": "deadline"}, "small deadline simple"),
        ({"outcome": "cancelled"}, "small caller left simple"),
        ({"outcome": "dry_run", "duration_ms": None, "score": None, "tier": None}, "small not sent – – – score"),
        ({"outcome": "unknown"}, "small process ended simple"),
        ({"outcome": "new"}, "small new simple"),
        ({"privacy": {"class": "private"}}, "small private simple"),
        ({"fallbacks": 1}, "small 1 fallback simple"),
        ({"fallbacks": 2}, "small 2 fallbacks simple"),
        ({"duration_ms": 65_432.1}, "0.125 65.4 s score"),
        ({"at_s": NOW_S - 59.9}, "59 s ago"),
        ({"at_s": NOW_S - 61}, "1 min ago"),
        ({"at_s": NOW_S - 7_300}, "2 h ago"),
        ({"at_s": NOW_S - 200_000}, "2 d ago"),
        ({"at_s": NOW_S + 5}, "just now"),
        ({"at_s": None}, "1970-01-12T13:46:40.000Z auto"),
    ],
)  # fmt: skip
def test_what_is_special_about_a_decision_is_said(changes: dict[str, object], words: str) -> None:
    """In words."""
    assert words in item(**changes)


def test_models_come_cheapest_tier_first() -> None:
    """With where they run, their window and their price."""
    cloud = a_card(
        "big", is_local=False, price=Price(input_usd_per_mtok=1.25, output_usd_per_mtok=10), context_tokens=400_000
    )
    named = a_card("other", is_local=False, price=None)
    small = a_card("small", upstream_model="small", price=FREE)
    text = page(a_catalog(cloud, named, small, tiers={Tier.COMPLEX: ["big"], Tier.SIMPLE: ["small"]}))
    rows = [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in re.findall(r"<tr>(.*?)</tr>", text)[1:]]
    assert rows == [
        "small simple local window not known free",
        "big big-upstream complex cloud 400,000 $1.25 in, $10 out",
        "other other-upstream by name only cloud window not known price not known",
    ]


def test_the_demo_is_labelled() -> None:
    """On top and at every model."""
    text = page(a_catalog(a_card("demo-small", is_demo=True)))
    assert "This is the demo" in text
    assert '<span class="badge good">demo</span>' in text


def test_with_nothing_to_show_the_page_says_what_to_do() -> None:
    """Once."""
    text = page(a_catalog(tiers={}))
    assert text.count("start Ollama") == 1
    assert "No model is configured yet." in text
    assert "Nothing has been asked yet." in text


def test_with_a_model_of_ones_own_there_is_no_notice() -> None:
    """Nothing to warn of."""
    assert 'class="notice"' not in page()


def test_where_keys_are_needed_decisions_are_kept_back() -> None:
    """The page is open to anybody who can reach it; the line to try shows where the key goes."""
    text = page(needs_key=True)
    assert "Not shown here where keys are set" in text
    assert "authorization: Bearer YOUR_KEY" in text
    assert "your key" in text
    assert "authorization" not in page()


def test_names_cannot_become_markup() -> None:
    """Whoever chose them."""
    endpoint = Endpoint(name="e", dialect="openai_chat", base_url="http://127.0.0.1:9/v1", is_local=True)
    catalog = a_catalog(a_card(NASTY, endpoint=endpoint, upstream_model=f"{NASTY}2"))
    fields = ("asked", "served", "tier", "reason", "error", "at", "outcome")
    rows = [{**ROW, name: NASTY} for name in fields]
    body, _ = render(catalog, rows, f"http://{NASTY}", now_s=NOW_S)
    assert b"<script" not in body
    assert body.count(b"&lt;script&gt;") >= len(fields) + 3


def test_the_policy_allows_the_one_style_sheet_and_nothing_else() -> None:
    """No script, no frame, no form, no picture, nothing from elsewhere."""
    body, headers = render(a_catalog(a_card("small")), (), BASE, now_s=NOW_S)
    style = body.partition(b"<style>")[2].partition(b"</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
    assert dict(headers)[b"content-security-policy"].decode() == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert b"style=" not in body
    assert b"<script" not in body
