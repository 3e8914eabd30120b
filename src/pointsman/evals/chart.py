"""A chart of lines and dots as SVG, nothing but shapes and text: opens in a browser, reads without colour, dark too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 220, 48, 56
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d1f", "#56b4e9", "#444444", "#999999")  # Okabe and Ito
DARK = (  # for who prefers it; what knows no styles draws the light one
    "<style>@media (prefers-color-scheme: dark) { "
    'rect[fill="#ffffff"] { fill: #0d1117 } text { fill: #e6edf3 } line { stroke: #30363d } '
    '[stroke="#444444"] { stroke: #c9d1d9 } [fill="#444444"] { fill: #c9d1d9 } '
    '[stroke="#0072b2"] { stroke: #3d9be0 } [fill="#0072b2"] { fill: #3d9be0 } '
    "}</style>"
)
DASHES = ("", "7 3", "2 3", "9 3 2 3")
_NAME_CHARS = 21
_TICKS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points that belong together: one is a dot, more are a line."""

    name: str
    x: Sequence[float]
    y: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What one side of the chart shows. `scale` multiplies values for its labels, such as 100 for percent."""

    label: str
    low: float
    high: float
    scale: float = 1.0


def svg(title: str, x: Axis, y: Axis, series: Sequence[Series]) -> str:
    """The whole document. Series of one name have one colour and one line of the legend."""
    names = list(dict.fromkeys(one.name for one in series))
    font = 'font-family="system-ui, sans-serif" font-size="13"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" {font}>',
            f"<title>{escape(title)}</title>",
            DARK,
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="26" font-size="16" font-weight="600">{escape(title)}</text>',
            *_grid(x, y),
            *(line for one in series for line in _drawn(one, names.index(one.name), x, y)),
            *(line for number, name in enumerate(names) for line in _named(name, number, series)),
            "</svg>\n",
        ]
    )


def _grid(x: Axis, y: Axis) -> Iterator[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value in ticks(x):
        at = _across(value, x)
        yield f'<line x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{bottom}" stroke="#e6e6e6"/>'
        yield f'<text x="{at:.1f}" y="{bottom + 20}" text-anchor="middle">{value * x.scale:.4g}</text>'
    for value in ticks(y):
        at = _up(value, y)
        yield f'<line x1="{LEFT}" y1="{at:.1f}" x2="{right}" y2="{at:.1f}" stroke="#e6e6e6"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{value * y.scale:.4g}</text>'
    yield f'<text x="{(LEFT + right) / 2}" y="{HEIGHT - 14}" text-anchor="middle">{escape(x.label)}</text>'
    middle = (TOP + bottom) / 2
    yield f'<text x="18" y="{middle}" text-anchor="middle" transform="rotate(-90 18 {middle})">{escape(y.label)}</text>'


def _drawn(series: Series, number: int, x: Axis, y: Axis) -> Iterator[str]:
    points = [(_across(a, x), _up(b, y)) for a, b in zip(series.x, series.y, strict=True)]
    yield _dot(*points[0], number) if len(points) == 1 else _line(points, number)


def _named(name: str, number: int, series: Sequence[Series]) -> Iterator[str]:
    """The legend's line: a stroke, a dot, or both, as *name* has them."""
    x, y = WIDTH - RIGHT + 16, TOP + 14 + 20 * number
    sizes = {min(len(one.x), 2) for one in series if one.name == name}
    if 2 in sizes:
        yield _line([(x, y), (x + 22, y)], number)
    if 1 in sizes:
        yield _dot(x + 11, y, number)
    shown = name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"
    yield f'<text x="{x + 30}" y="{y + 4}">{escape(shown)}</text>'


def _line(points: Sequence[tuple[float, float]], number: int) -> str:
    """Each in a colour and a dash of its own, so that lines on top of each other and prints in grey can be told."""
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in points)
    dash = DASHES[(number + number // len(COLOURS)) % len(DASHES)]
    stroke = f'stroke="{COLOURS[number % len(COLOURS)]}" stroke-width="2" stroke-dasharray="{dash}"'
    return f'<polyline points="{path}" fill="none" {stroke}/>'


def _dot(at: float, up: float, number: int) -> str:
    return f'<circle cx="{at:.1f}" cy="{up:.1f}" r="5" fill="{COLOURS[number % len(COLOURS)]}"/>'


def _across(value: float, axis: Axis) -> float:
    return LEFT + (value - axis.low) / (axis.high - axis.low) * (WIDTH - LEFT - RIGHT)


def _up(value: float, axis: Axis) -> float:
    return HEIGHT - BOTTOM - (value - axis.low) / (axis.high - axis.low) * (HEIGHT - TOP - BOTTOM)


def ticks(axis: Axis) -> list[float]:
    """Round values within *axis*, about five."""
    rough = (axis.high - axis.low) * axis.scale / _TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(power * part for part in (1, 2, 5, 10) if power * part >= rough * 0.75)
    first = -floor(-axis.low * axis.scale / step + 1e-9)
    count = floor(axis.high * axis.scale / step + 1e-9) - first + 1
    return [(first + number) * step / axis.scale for number in range(count)]
