"""The share of each room, as coverage's report is read."""

from typing import Any

import pytest

from tools.coverage_rooms import Share, lines, room_of, shares


def measured(*, covered_lines: int, statements: int, covered_branches: int, branches: int) -> dict[str, Any]:
    """One file of coverage's JSON report, as far as it is read."""
    return {
        "summary": {
            "covered_lines": covered_lines,
            "num_statements": statements,
            "covered_branches": covered_branches,
            "num_branches": branches,
        }
    }


REPORT = {
    "files": {
        "src/pointsman/routing/chain.py": measured(covered_lines=8, statements=10, covered_branches=1, branches=2),
        "src/pointsman/core/chat.py": measured(covered_lines=4, statements=4, covered_branches=0, branches=0),
        "src/pointsman/routing/strategies/rules.py": measured(
            covered_lines=6, statements=6, covered_branches=2, branches=2
        ),
    }
}


def test_a_room_is_the_sum_of_its_files_lines_and_branches() -> None:
    """Lines and branches weigh the same, at any depth of the room."""
    assert shares(REPORT) == {"core": Share(covered=4, total=4), "routing": Share(covered=17, total=20)}


@pytest.mark.parametrize(
    ("path", "room"),
    [
        ("src/pointsman/core/chat.py", "core"),
        ("src\\pointsman\\core\\chat.py", "core"),
        ("/usr/lib/site-packages/pointsman/bootstrap.py", "(top)"),
    ],
)
def test_a_file_belongs_to_the_folder_under_the_package(path: str, room: str) -> None:
    """Wherever the package lies, and with either slash."""
    assert room_of(path) == room


def test_a_room_below_its_number_is_marked_and_one_without_a_number_is_shown() -> None:
    """The table names what was wanted only where something is."""
    assert list(lines(shares(REPORT), {"routing": 90})) == [
        "core          100.0 %      4 of     4",
        "routing        85.0 %     17 of    20  wanted 90 %  BELOW",
    ]


def test_a_room_without_code_is_complete() -> None:
    """Nothing to reach is reached."""
    assert Share(covered=0, total=0).percent == 100.0
