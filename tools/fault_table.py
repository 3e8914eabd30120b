"""Writes docs/reference/faults.md from the docstrings of the tests in tests/faults; a test checks that it is current.

Usage: python tools/fault_table.py [--check]
"""

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "faults"
PAGE = ROOT / "docs" / "reference" / "faults.md"
COMMAND = "python tools/fault_table.py"
FAULTS = range(1, 53)
_NAME = re.compile(r"test_(\d\d)_(\w+)")
HEAD = f"""<!-- Made by `{COMMAND}`; change the docstrings in tests/faults instead. -->
# Faults

What goes wrong between a caller and a model, and what Pointsman does. Each row is a test that makes the fault happen on
real sockets (or to a real process), in front of a running gateway: `pytest tests/faults -k test_09` runs those of one
number. The words of errors, and who is asked next, are in [Errors](errors.md) and [Fallbacks](../guides/fallbacks.md).

| | fault | what happens | test |
| --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One test: its fault's number, the fault and the outcome in words, its file and name."""

    number: int
    fault: str
    outcome: str
    test: str


def rows(folder: Path = TESTS) -> list[Row]:
    """Every test of *folder* that has a number, in order.

    The first line of its docstring is `fault: outcome`; where it is the outcome alone, the name says the fault.
    """
    found = [row for path in sorted(folder.glob("test_*.py")) for row in _rows(path)]
    return sorted(found, key=lambda row: row.number)


def untested(folder: Path = TESTS) -> Mapping[int, tuple[str, str]]:
    """The faults without a test: what they are, and the reason."""
    tree = ast.parse((folder / "untested.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "UNTESTED":
            value: Mapping[int, tuple[str, str]] = ast.literal_eval(node.value) if node.value is not None else {}
            return value
    raise ValueError("untested.py has no UNTESTED")


def page(tested: list[Row], left: Mapping[int, tuple[str, str]]) -> str:
    """The page."""
    lines = dict.fromkeys(FAULTS, "")
    for number, group in groupby(tested, key=lambda row: row.number):
        lines[number] = "".join(_line(row) for row in group)
    for number, (fault, reason) in left.items():
        lines[number] += f"| {number} | {_cell(fault)} | not tested: {_cell(reason)} | |\n"
    return HEAD + "".join(lines[number] for number in FAULTS)


def _rows(path: Path) -> Iterator[Row]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) or not (name := _NAME.fullmatch(node.name)):
            continue
        fault, colon, outcome = (ast.get_docstring(node) or "").partition("\n")[0].partition(": ")
        if not colon:
            fault, outcome = name[2].replace("_", " ").capitalize(), fault
        yield Row(number=int(name[1]), fault=fault, outcome=outcome.rstrip("."), test=f"{path.name}::{node.name}")


def _line(row: Row) -> str:
    return f"| {row.number} | {_cell(row.fault)} | {_cell(row.outcome)} | `{row.test}` |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main(arguments: list[str]) -> int:
    """Write the page, or with `--check` say whether it is current."""
    text = page(rows(), untested())
    if arguments == ["--check"]:
        is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print("current" if is_current else f"{PAGE.name} is out of date; run: {COMMAND}")
        return 0 if is_current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
