"""Copies the gateway's main figures from BENCHMARKS.md into the README; a test checks that they are the same.

Usage: python tools/readme_figures.py
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS, README = ROOT / "BENCHMARKS.md", ROOT / "README.md"
BEGIN, END = "<!-- figures: python tools/readme_figures.py -->\n", "<!-- /figures -->\n"
TABLE = "CPU-µs per request"
COLUMNS: Mapping[str, str] = {
    "1 KB c=32": "1 KB prompt",
    "32 KB c=32": "32 KB prompt",
    "stream c=32": "64-chunk stream",
    "peak RSS MB": "memory, MB",
    "start s": "start, s",
}


def figures(benchmarks: str) -> str:
    """The block for the README: the rows of the table of costs, in a few of its columns."""
    rows = _table(benchmarks.splitlines())
    wanted = [rows[0].index(name) for name in COLUMNS]
    lines = [f"| {TABLE} | {' | '.join(COLUMNS.values())} |", f"| --- |{' ---: |' * len(COLUMNS)}"]
    lines += [f"| {row[0]} | {' | '.join(row[index] for index in wanted)} |" for row in rows[2:]]
    return "\n".join(lines) + "\n"


def _table(lines: Sequence[str]) -> list[list[str]]:
    """The cells of the table of costs, its head and ruler first."""
    first = next(index for index, line in enumerate(lines) if line.startswith(f"| {TABLE} |"))
    end = next((index for index in range(first, len(lines)) if not lines[index].startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[first:end]]


def with_figures(readme: str, benchmarks: str) -> str:
    """*readme* with its block made anew."""
    before, _, rest = readme.partition(BEGIN)
    return f"{before}{BEGIN}\n{figures(benchmarks)}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    """Rewrite the README's block."""
    README.write_text(
        with_figures(README.read_text(encoding="utf-8"), BENCHMARKS.read_text(encoding="utf-8")), encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
