"""A chart of bars side by side as SVG, nothing but shapes and text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from pointsman.evals.chart import BOTTOM, COLOURS, DARK, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, ticks

_GAP = 0.25
_MOST_LABELS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A bar for each group; none of them negative."""

    name: str
    values: Sequence[float]


def bar_svg(title: str, label: str, groups: Sequence[str], series: Sequence[Bars]) -> str:
    """The whole document: *series* beside each other in each of *groups*, up to the largest value."""
    top = max((value for one in series for value in one.values), default=0.0) or 1.0
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    middle = (TOP + HEIGHT - BOTTOM) / 2
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {font}>',
            f"<title>{escape(title)}</title>",
            DARK,
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
            f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">',
            f"{escape(label)}</text>",
            *_grid(top),
            *_bars(groups, series, top),
            *_legend(series),
            "</svg>\n",
        ]
    )


def _grid(top: float) -> Iterator[str]:
    for value in ticks(Axis(label="", low=0.0, high=top)):
        at = _up(value / top)
        yield f'<line x1="{LEFT}" y1="{at:.1f}" x2="{WIDTH - RIGHT}" y2="{at:.1f}" stroke="#e6e6e6"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value:.4g}</text>'


def _bars(groups: Sequence[str], series: Sequence[Bars], top: float) -> Iterator[str]:
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(groups))
    width = slot * (1 - _GAP) / max(1, len(series))
    every = -(-len(groups) // _MOST_LABELS)
    for at, group in enumerate(groups):
        left = LEFT + at * slot + slot * _GAP / 2
        for number, one in enumerate(series):
            up = _up(one.values[at] / top)
            colour = COLOURS[number % len(COLOURS)]
            yield (
                f'<rect x="{left + number * width:.1f}" y="{up:.1f}" width="{width:.1f}" '
                f'height="{_up(0) - up:.1f}" fill="{colour}">'
                f"<title>{escape(group)}: {one.values[at]:.4g}</title></rect>"
            )
        if at % every == 0:
            middle = LEFT + (at + 0.5) * slot
            yield f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{escape(group)}</text>'


def _legend(series: Sequence[Bars]) -> Iterator[str]:
    for number, one in enumerate(series):
        x, y = WIDTH - RIGHT + 16, TOP + 14 + 20 * number
        yield f'<rect x="{x}" y="{y - 8}" width="16" height="10" fill="{COLOURS[number % len(COLOURS)]}"/>'
        yield f'<text x="{x + 24}" y="{y + 1}">{escape(one.name[:26])}</text>'


def _up(part: float) -> float:
    return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)
