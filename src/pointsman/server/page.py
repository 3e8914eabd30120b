"""The page at `/`: what runs here, how to use it, what the memory holds, and the latest decisions.

Whole without its script, which is ours, named by its digest, and only brings the memory's part up to date.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier
from pointsman.server.memory_panel import panel, script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pointsman.core.catalog import Catalog, ModelCard, Price
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.server.http import Headers

_POLICY = "default-src 'none'; style-src {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_SCRIPT_POLICY = "; script-src {}; connect-src 'self'"
_HEADERS: Headers = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

_HOW_TO_ADD = "start Ollama, set a key such as OPENAI_API_KEY, or name a GGUF file in pointsman.yaml."
_KEY_HEADER = " \\\n  -H 'authorization: Bearer YOUR_KEY'"
_OUTCOMES = {"open": "under way", "dry_run": "not sent", "cancelled": "caller left", "unknown": "process ended"}
_BAD_OUTCOMES = frozenset({"failed", "deadline"})
_AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))  # seconds in each unit


def render(
    catalog: Catalog,
    decisions: Sequence[JsonObject] | None,
    base_url: str,
    *,
    now_s: float,
    memory: JsonObject | None = None,
) -> tuple[bytes, Headers]:
    """The page's bytes and headers. Names are escaped; prompts are not on it.

    *decisions* are rows of the ledger, newest first; None where callers need keys: then the page keeps them back.
    *memory* is what `/v1/memory` gives; None keeps it back too.
    """
    shown = panel(memory) if memory is not None else ""
    cards = _by_tier(catalog)
    needs_key = decisions is None
    page = _template().substitute(
        base_url=html.escape(base_url),
        notice=_notice(catalog),
        key="your key" if needs_key else "any key",
        key_header=_KEY_HEADER if needs_key else "",
        models="".join(_model_row(card, tiers) for card, tiers in cards) or _no_models(),
        decisions=_decisions(decisions, now_s),
        memory=shown,
        script=f"<script>{script()}</script>\n" if shown else "",
    )
    return page.encode(), (*_HEADERS, (b"content-security-policy", _policy(has_script=bool(shown))))


@functools.cache
def _template() -> Template:
    return Template(files("pointsman.server").joinpath("page.html").read_text(encoding="utf-8"))


@functools.cache
def _policy(*, has_script: bool) -> bytes:
    """Nothing may be loaded or run but the one style sheet and the one script, each named by its digest."""
    _, _, rest = _template().template.partition("<style>")
    policy = _POLICY.format(_digest(rest.partition("</style>")[0]))
    return (policy + _SCRIPT_POLICY.format(_digest(script())) if has_script else policy).encode()


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _by_tier(catalog: Catalog) -> list[tuple[ModelCard, list[Tier]]]:
    """Cards, cheapest tier first, with the tiers of `auto` they serve."""
    auto = catalog.auto
    found = [
        (card, [tier for tier in Tier if auto and card.name in auto.tiers.get(tier, ())]) for card in catalog.models
    ]
    return sorted(found, key=lambda entry: entry[1][0].rank if entry[1] else len(Tier))


def _notice(catalog: Catalog) -> str:
    if not catalog.models:
        text = f"No model was found: {_HOW_TO_ADD}"
    elif all(card.is_demo for card in catalog.models):
        text = f"This is the demo: three tiny models that only show how routing works. For real ones {_HOW_TO_ADD}"
    else:
        return ""
    return f'<p class="notice" role="status">{html.escape(text)}</p>'


def _model_row(card: ModelCard, tiers: list[Tier]) -> str:
    place = "demo" if card.is_demo else ("local" if card.is_local else "cloud")
    name = f"<b>{html.escape(card.name)}</b>"
    if card.upstream_model != card.name:
        name += f"<small>{html.escape(card.upstream_model)}</small>"
    window = (
        f'<td class="number window">{card.context_tokens:,}</td>'
        if card.context_tokens
        else '<td class="number window unknown">window not known</td>'
    )
    cells = (
        f'<th scope="row">{name}</th>',
        f"<td>{', '.join(tiers) or 'by name only'}</td>",
        f"<td>{_badge(place, 'warn' if place == 'cloud' else 'good')}</td>",
        window,
        f'<td class="number">{_price(card.price)}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _price(price: Price | None) -> str:
    if price is None:
        return "price not known"
    if price.input_usd_per_mtok == price.output_usd_per_mtok == 0:
        return "free"
    return f"${price.input_usd_per_mtok:g} in, ${price.output_usd_per_mtok:g} out"


def _no_models() -> str:
    return '<tr><td colspan="5" class="empty">No model is configured yet.</td></tr>'


def _decisions(rows: Sequence[JsonObject] | None, now_s: float) -> str:
    if rows is None:
        return '<p class="card empty">Not shown here where keys are set: ask <code>pointsman logs</code>.</p>'
    if not rows:
        return '<p class="card empty">Nothing has been asked yet. Try the line above, then reload.</p>'
    return f'<ol class="card">{"".join(_decision(row, now_s) for row in rows)}</ol>'


def _decision(row: JsonObject, now_s: float) -> str:
    score, took = row.get("score"), row.get("duration_ms")
    facts = (
        _text(row.get("tier")) or "–",
        f"{score:.3f}" if isinstance(score, int | float) else "–",
        _duration(took) if isinstance(took, int | float) else "–",
    )
    error = _text(row.get("error"))
    lines = (
        _time(row, now_s),
        f'<span class="route">{_route(row)}{"".join(_badges(row))}</span>',
        f'<span class="facts">{"".join(f"<span>{fact}</span>" for fact in facts)}</span>',
        f'<span class="why">{_text(row.get("reason")).replace("-&gt;", "→")}</span>',
        f'<span class="why bad">{error}</span>' if error else "",
    )
    return f"<li>{''.join(lines)}</li>"


def _time(row: JsonObject, now_s: float) -> str:
    """How long ago: a page without a script cannot know the reader's time zone."""
    at, at_s = _text(row.get("at")), row.get("at_s")
    age = _age(max(0.0, now_s - at_s)) if isinstance(at_s, int | float) else at
    return f'<time datetime="{at}" title="{at}">{age}</time>'


def _age(seconds: float) -> str:
    for size, unit in _AGES:
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def _duration(milliseconds: float) -> str:
    return f"{milliseconds / 1000:,.1f} s" if milliseconds >= 10_000 else f"{milliseconds:,.0f} ms"


def _route(row: JsonObject) -> str:
    asked, served = _text(row.get("asked")), _text(row.get("served") or row.get("routed"))
    if asked == served:
        return f"<b>{served}</b>"
    return f"{asked or '<i>no name</i>'} → <b>{served}</b>"


def _badges(row: JsonObject) -> list[str]:
    outcome, privacy, fallbacks = _text(row.get("outcome")), row.get("privacy"), row.get("fallbacks")
    found = []
    if isinstance(privacy, dict) and privacy.get("class") == "private":
        found.append(_badge("private", "good"))
    if isinstance(fallbacks, int) and fallbacks > 0:
        found.append(_badge(f"{fallbacks} fallback{'s' if fallbacks > 1 else ''}", "warn"))
    if outcome not in {"ok", ""}:
        found.append(_badge(_OUTCOMES.get(outcome, outcome), "bad" if outcome in _BAD_OUTCOMES else "warn"))
    return found


def _badge(text: str, tone: str) -> str:
    return f' <span class="badge {tone}">{text}</span>'


def _text(value: Json) -> str:
    return html.escape(str(value)) if value is not None else ""
