"""Coverage room by room: shows each room's share and fails where one is below its number in pyproject.toml.

Usage: python tools/coverage_rooms.py build/coverage.json
"""

import json
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "pointsman"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What tests reached of a file or a room, in lines and branches together."""

    covered: int
    total: int

    @property
    def percent(self) -> float:
        """From 0 to 100; a room without code is complete."""
        return 100 * self.covered / self.total if self.total else 100.0


def room_of(path: str) -> str:
    """Name the folder under the package that *path* lies in; files at its top are the room ``(top)``."""
    inside = PurePosixPath(path.replace("\\", "/")).parts
    below = inside[inside.index(PACKAGE) + 1 :]
    return below[0] if len(below) > 1 else "(top)"


def shares(report: Mapping[str, Any]) -> dict[str, Share]:
    """Sum coverage's JSON *report* by room, sorted by name."""
    rooms: dict[str, Share] = {}
    for path, file in report["files"].items():
        summary = file["summary"]
        room, before = room_of(path), rooms.get(room_of(path), Share(covered=0, total=0))
        rooms[room] = Share(
            covered=before.covered + summary["covered_lines"] + summary.get("covered_branches", 0),
            total=before.total + summary["num_statements"] + summary.get("num_branches", 0),
        )
    return dict(sorted(rooms.items()))


def lines(rooms: Mapping[str, Share], wanted: Mapping[str, float]) -> Iterable[str]:
    """Yield one line per room, with the number it is held to where it has one."""
    for room, share in rooms.items():
        floor = wanted.get(room)
        verdict = "" if floor is None else f"  wanted {floor:g} %" + ("" if share.percent >= floor else "  BELOW")
        yield f"{room:<12} {share.percent:6.1f} %  {share.covered:5d} of {share.total:5d}{verdict}"


def main(argv: list[str]) -> int:
    """Print the table; 1 if a room is below its number, 2 if there is no report to read."""
    if len(argv) != 1 or not Path(argv[0]).is_file():
        print(
            f"usage: python tools/coverage_rooms.py COVERAGE.json (made by 'make coverage'); got {argv}",
            file=sys.stderr,
        )
        return 2
    rooms = shares(json.loads(Path(argv[0]).read_text(encoding="utf-8")))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted: dict[str, float] = project["tool"]["pointsman"]["coverage"]
    print(*lines(rooms, wanted), sep="\n")
    below = [room for room, floor in wanted.items() if room in rooms and rooms[room].percent < floor]
    if below:
        print(f"below the share set in pyproject.toml: {', '.join(below)}; add tests there", file=sys.stderr)
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
