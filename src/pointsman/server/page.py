"""The page at `/`: what runs here, how to use it, and the latest decisions. Static HTML, no script."""

from __future__ import annotations

import functools
import html
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from pointsman.core.catalog import Tier

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.server.http import Headers

_POLICY = b"default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_HEADERS: Headers = (
    (b"content-security-policy", _POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)

_HOW_TO_ADD = "For real ones start Ollama, set a key such as OPENAI_API_KEY, or name a GGUF file in pointsman.yaml."


def render(catalog: Catalog, decisions: Sequence[JsonObject], base_url: str) -> tuple[bytes, Headers]:
    """The page's bytes and headers. Names are escaped; prompts are not on it."""
    cards = _by_tier(catalog)
    page = _template().substitute(
        base_url=html.escape(base_url),
        notice=_notice(catalog),
        models="".join(_model_row(card, tiers) for card, tiers in cards) or _empty(6, "No model is configured yet."),
        decisions="".join(map(_decision_row, decisions)) or _empty(7, "Nothing has been asked yet."),
    )
    return page.encode(), _HEADERS


@functools.cache
def _template() -> Template:
    return Template(files("pointsman.server").joinpath("page.html").read_text(encoding="utf-8"))


def _by_tier(catalog: Catalog) -> list[tuple[ModelCard, list[Tier]]]:
    """Cards, cheapest tier first, with the tiers of `auto` they serve."""
    auto = catalog.auto
    found = [
        (card, [tier for tier in Tier if auto and card.name in auto.tiers.get(tier, ())]) for card in catalog.models
    ]
    return sorted(found, key=lambda entry: entry[1][0].rank if entry[1] else len(Tier))


def _notice(catalog: Catalog) -> str:
    if not catalog.models:
        text = (
            "No model was found. Start Ollama, set a key such as OPENAI_API_KEY, or name a GGUF file in pointsman.yaml."
        )
    elif all(card.is_demo for card in catalog.models):
        text = "This is the demo: three tiny models that only show how routing works. "
    else:
        return ""
    return f'<p class="notice" role="status">{html.escape(text + _HOW_TO_ADD)}</p>'


def _model_row(card: ModelCard, tiers: list[Tier]) -> str:
    place = "demo" if card.is_demo else ("on this machine" if card.is_local else "cloud")
    window = f"{card.context_tokens:,}" if card.context_tokens else "not known"
    price = (
        "not known"
        if card.price is None
        else "free"
        if card.price.input_usd_per_mtok == card.price.output_usd_per_mtok == 0
        else f"${card.price.input_usd_per_mtok:g} / ${card.price.output_usd_per_mtok:g}"
    )
    badge = f'<span class="badge {"local" if card.is_local else "cloud"}">{place}</span>'
    name = f"<b>{html.escape(card.name)}</b>"
    return _row((name, ", ".join(tiers) or "by name only", badge, html.escape(card.upstream_model), window, price))


def _decision_row(row: JsonObject) -> str:
    score = row.get("score")
    shown = f"{score:.2f}" if isinstance(score, int | float) else "–"
    duration = row.get("duration_ms")
    took = f"{duration:,.0f} ms" if isinstance(duration, int | float) else "–"
    cells = (row.get("at"), row.get("asked"), row.get("served") or row.get("routed"), row.get("tier"))
    return _row((*map(_cell, cells), shown, _cell(row.get("reason")), took))


def _cell(value: Json) -> str:
    return html.escape(str(value)) if value is not None else "–"


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _empty(columns: int, text: str) -> str:
    return f'<tr><td colspan="{columns}" class="empty">{text}</td></tr>'
