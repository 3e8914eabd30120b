"""The page's view of the memory: a bar against the budget, what is loaded, and who waits. HTML that needs no script.

`memory_panel.js` puts it in anew every two seconds; without it, it shows what was so when the page was loaded.
"""

from __future__ import annotations

import functools
import html
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.core.jsontypes import Json, JsonObject

GB: Final = 1_000_000_000
MOST_SHOWN: Final = 10
BAR: Final = 1000  # the bar's width, in its own units
_HEADS: Final = (
    ("Model", ""),
    ("State", ""),
    ("Requests", ""),
    ("Memory", "number"),
    ("Load", "number"),
    ("Speed", "number"),
)
_TONES: Final = {"loaded": "good", "served": "good", "loading": "warn", "unloading": "warn"}
_WORDS: Final = {"absent": "not loaded", "served": "beside us"}


@functools.cache
def script() -> str:
    """The script that keeps the panel up to date."""
    return files("pointsman.server").joinpath("memory_panel.js").read_text(encoding="utf-8")


def panel(view: Mapping[str, Json]) -> str:
    """The panel; empty where there is no model of which anything is known."""
    models = list(_rows(view, "models"))
    if not models:
        return ""
    heads = "".join(f'<th scope="col"{_class(tone)}>{name}</th>' for name, tone in _HEADS)
    rows = "".join(_model(one) for one in models)
    return (
        f'<section id="memory"><h2>Memory</h2>'
        f'<p id="memory-sum">{_sum(view, models)}</p>{_bar(view, models)}'
        f'<div class="scroll" tabindex="0" role="region" aria-label="Memory"><table>'
        f'<thead><tr>{heads}</tr></thead><tbody id="memory-rows">{rows}</tbody></table></div>'
        f'<div id="memory-queue">{_queue(view)}</div></section>'
    )


def _sum(view: Mapping[str, Json], models: list[JsonObject]) -> str:
    budget, free = _number(view, "budget_bytes"), _number(view, "free_bytes")
    if budget is None:
        loaded = sum(_number(one, "size_bytes") or 0 for one in models)
        return f"{_gb(loaded)} by estimate; without <code>local.vram</code> there is no budget, and all stay loaded."
    taken = budget - (free or 0)
    return f"{_gb(taken)} of {_gb(budget)} taken."


def _bar(view: Mapping[str, Json], models: list[JsonObject]) -> str:
    """A part for each model in memory, in a frame as wide as the budget."""
    budget = _number(view, "budget_bytes")
    if not budget:
        return '<div id="memory-bar"></div>'
    parts, at = [], 0.0
    for one in models:
        size, presence = _number(one, "size_bytes"), one.get("presence")
        if not size or presence not in _TONES:
            continue
        wide = min(BAR * size / budget, BAR - at)
        name = html.escape(str(one.get("model")))
        shown = f"<title>{name}, {_gb(size)}</title>"
        parts.append(
            f'<rect class="{presence}" x="{at:.1f}" y="0" width="{max(wide - 2, 1):.1f}" height="20">{shown}</rect>'
        )
        at += wide
    taken = budget - (_number(view, "free_bytes") or 0)
    label = f"{_gb(taken)} of {_gb(budget)} taken"
    return (
        f'<svg id="memory-bar" class="bar" viewBox="0 0 {BAR} 20" preserveAspectRatio="none" role="img" '
        f'aria-label="{label}">{"".join(parts)}</svg>'
    )


def _model(one: JsonObject) -> str:
    name, runtime, presence = (html.escape(str(one.get(key) or "")) for key in ("model", "runtime", "presence"))
    marks = "".join(
        f' <span class="badge">{word}</span>'
        for key, word in (("pinned", "pinned"), ("judge", "judge"))
        if one.get(key)
    )
    tone, shown = _TONES.get(presence, ""), _WORDS.get(presence, presence)
    size, load, speed = (_number(one, key) for key in ("size_bytes", "load_s", "tokens_per_s"))
    cells = (
        f'<th scope="row"><b>{name}</b>{marks}<small>{runtime}</small></th>',
        f'<td><span class="badge {tone}">{shown}</span></td>',
        f"<td>{_requests(one)}</td>",
        f'<td class="number">{_gb(size) if size is not None else "–"}</td>',
        f'<td class="number load">{f"about {load:.0f} s" if load is not None else "–"}</td>',
        f'<td class="number">{f"{speed:,.0f} tokens/s" if speed is not None else "–"}</td>',
    )
    return f"<tr>{''.join(cells)}</tr>"


def _requests(one: JsonObject) -> str:
    busy, waiting = _number(one, "busy"), _number(one, "waiting")
    told = [f"{count:.0f} {word}" for count, word in ((busy, "under way"), (waiting, "waiting")) if count]
    return ", ".join(told) or "–"


def _queue(view: Mapping[str, Json]) -> str:
    """Who waits for a load, and who waits at a server that is full."""
    queue = list(_rows(view, "queue"))
    lines = [one for one in _rows(view, "endpoints") if one.get("waiting")]
    if not queue and not lines:
        return '<p class="empty">Nobody waits.</p>'
    shown = "".join(_waiter(one) for one in queue[:MOST_SHOWN])
    shown += "".join(_full(one) for one in lines)
    if len(queue) > MOST_SHOWN:
        shown += f"<li><span>…</span><span>and {len(queue) - MOST_SHOWN} more</span></li>"
    return f'<h3>Waiting</h3><ol class="card queue">{shown}</ol>'


def _waiter(one: JsonObject) -> str:
    eta, waited = _number(one, "eta_s") or 0, _number(one, "waited_s") or 0
    model = html.escape(str(one.get("model")))
    return (
        f"<li><span>number {_number(one, 'position') or 0:.0f}</span><b>{model}</b>"
        f"<span>in about {eta:.0f} s, has waited {waited:.0f} s</span></li>"
    )


def _full(one: JsonObject) -> str:
    name = html.escape(str(one.get("endpoint")))
    busy, slots, waiting = (_number(one, key) or 0 for key in ("busy", "slots", "waiting"))
    return (
        f"<li><span>{waiting:.0f} in line</span><b>{name}</b>"
        f"<span>{busy:.0f} of {slots:.0f} requests under way</span></li>"
    )


def _rows(view: Mapping[str, Json], name: str) -> Iterator[JsonObject]:
    rows = view.get(name)
    yield from (dict(row) for row in rows if isinstance(row, Mapping)) if isinstance(rows, list) else ()


def _number(row: Mapping[str, Json], name: str) -> float | None:
    value = row.get(name)
    return value if isinstance(value, (int, float)) else None


def _gb(size_bytes: float) -> str:
    return f"{size_bytes / GB:.1f} GB" if size_bytes >= GB / 10 else f"{size_bytes / 1e6:.0f} MB"


def _class(tone: str) -> str:
    return f' class="{tone}"' if tone else ""
