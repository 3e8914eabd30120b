"""The page: what it says of models, memory and decisions, escaped, with nothing in it that could run but our script."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from pointsman.core.catalog import FREE, Catalog, Endpoint, Price, Tier
from pointsman.core.jsontypes import JsonObject
from pointsman.server.memory_panel import panel
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
GB = 1_000_000_000
MEMORY: JsonObject = {
    "budget_bytes": 24 * GB,
    "free_bytes": 12 * GB,
    "models": [
        {
            "model": "quick",
            "runtime": "ollama",
            "presence": "loaded",
            "pinned": True,
            "judge": True,
            "busy": 2,
            "waiting": 0,
            "size_bytes": 2_600_000_000,
            "load_s": 2.1,
            "tokens_per_s": 80.6,
        },
        {
            "model": "heavy",
            "runtime": "llama.cpp",
            "presence": "absent",
            "busy": 0,
            "waiting": 1,
            "size_bytes": 21 * GB,
            "load_s": 9.2,
        },
        {"model": "own", "runtime": "localhost:9379", "presence": "served", "busy": None, "size_bytes": 50_000_000},
    ],
    "queue": [{"model": "heavy", "position": 1, "eta_s": 9.2, "waited_s": 3.4}],
    "endpoints": [
        {"endpoint": "ollama", "busy": 4, "slots": 4, "waiting": 3},
        {"endpoint": "embedded-x", "busy": 0, "slots": 1, "waiting": 0},
    ],
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


def test_the_policy_names_our_script_where_there_is_memory_to_show() -> None:
    """By its digest; it may ask nobody but the gateway."""
    body, headers = render(a_catalog(a_card("small")), (), BASE, now_s=NOW_S, memory=MEMORY)
    script = body.partition(b"<script>")[2].partition(b"</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
    policy = dict(headers)[b"content-security-policy"].decode()
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert policy.endswith(f"; frame-ancestors 'none'; script-src 'sha256-{digest}'; connect-src 'self'")
    assert body.count(b"<script") == 1
    assert b"style=" not in body


def memory(**changes: object) -> str:
    """The memory's part of the page, without markup."""
    text = panel({**MEMORY, **changes})  # type: ignore[dict-item]  # JSON by the tests
    return " ".join(re.sub(r"<[^>]+>", " ", text.replace("<title>", "<title ").replace("</title>", ">")).split())


def test_the_memory_shows_what_is_loaded_and_who_waits() -> None:
    """Against the budget, with places and times; it needs no script."""
    assert memory() == (
        "Memory 12.0 GB of 24.0 GB taken. Model State Requests Memory Load Speed "
        "quick pinned judge ollama loaded 2 under way 2.6 GB about 2 s 81 tokens/s "
        "heavy llama.cpp not loaded 1 waiting 21.0 GB about 9 s – "
        "own localhost:9379 beside us – 50 MB – – "
        "Waiting number 1 heavy in about 9 s, has waited 3 s 3 in line ollama 4 of 4 requests under way"
    )
    bar = panel(MEMORY).partition("<svg")[2].partition("</svg>")[0]
    assert re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="0" width="([\d.]+)"', bar) == [
        ("loaded", "0.0", "106.3"),
        ("served", "108.3", "1.0"),
    ]
    assert 'aria-label="12.0 GB of 24.0 GB taken"' in bar


def test_a_long_queue_is_cut_and_an_empty_one_is_said() -> None:
    """Ten, and how many more."""
    row = {"model": "heavy", "position": 1, "eta_s": 1, "waited_s": 0}
    assert memory(queue=[row] * 12).count("number 1 heavy") == 10
    assert memory(queue=[row] * 12).partition("3 in line")[2].endswith("… and 2 more")
    assert memory(queue=[], endpoints=[]).endswith("Nobody waits.")


def test_memory_without_a_budget_has_no_bar() -> None:
    """And where nothing is known of any model, there is nothing at all."""
    text = memory(budget_bytes=None, free_bytes=None)
    assert "without local.vram there is no budget" in text
    assert "<rect" not in panel({**MEMORY, "budget_bytes": None})
    assert panel({"models": []}) == panel({}) == ""


def test_names_in_the_memory_cannot_become_markup() -> None:
    """Whoever chose them."""
    view: JsonObject = {
        "budget_bytes": 10,
        "models": [
            {"model": NASTY, "runtime": NASTY, "presence": NASTY, "size_bytes": 5},
            {"model": NASTY, "presence": "loaded", "size_bytes": 5},
        ],
        "queue": [{"model": NASTY}],
        "endpoints": [{"endpoint": NASTY, "waiting": 1}],
    }
    assert "<script" not in panel(view)
