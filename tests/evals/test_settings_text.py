"""A setting put into a file that a person wrote."""

from __future__ import annotations

import pytest

from pointsman.core.errors import ConfigError
from pointsman.evals.settings_text import fragment, with_setting

BOUNDS = {"simple_medium": 0.1, "medium_complex": 0.2}
FLOW = "{simple_medium: 0.1, medium_complex: 0.2}"


def test_a_fragment_is_what_one_would_write() -> None:
    """With a key between, or without."""
    assert fragment("routing", {"target": 0.8}) == "routing:\n  target: 0.8\n"
    assert fragment("routing", BOUNDS, "tier_boundaries") == (
        "routing:\n  tier_boundaries:\n    simple_medium: 0.1\n    medium_complex: 0.2\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", fragment("routing", BOUNDS, "b")),
        ("# mine\n", "# mine\n" + fragment("routing", BOUNDS, "b")),
        ("server: {port: 1}", "server: {port: 1}\n" + fragment("routing", BOUNDS, "b")),
        ("routing:\n  # keep\n  x: 1\n", f"routing:\n  # keep\n  b: {FLOW}\n  x: 1\n"),
        ("routing:\n  b: {simple_medium: 9}  # why\n  x: 1\n", f"routing:\n  b: {FLOW}  # why\n  x: 1\n"),
        (
            "routing:\n  b:\n    simple_medium: 9\n    # inner\n    c: 1\n  # after\n  x: 1\n",
            f"routing:\n  b: {FLOW}\n  # after\n  x: 1\n",
        ),
        ("routing:\n  b:\n    simple_medium: 9\nserver: {}\n", f"routing:\n  b: {FLOW}\nserver: {{}}\n"),
        ("routing:\n  b:\n    simple_medium: 9", f"routing:\n  b: {FLOW}"),
    ],
)
def test_the_rest_of_the_file_stays_as_it_is(text: str, expected: str) -> None:
    """Comments, order and what stands behind it."""
    assert with_setting(text, "routing", BOUNDS, "b") == expected


def test_values_may_stand_in_the_section_itself() -> None:
    """One after another."""
    assert with_setting("routing:\n  target: 0.5\n", "routing", {"target": 0.8}) == "routing:\n  target: 0.8\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("routing: {x: 1}\n", "not written over several lines.*Put the printed lines"),
        ("- a\n", "should hold a mapping"),
        ("a: [", "It is no YAML"),
    ],
)
def test_what_cannot_be_changed_safely_is_left(text: str, message: str) -> None:
    """And the reason is said."""
    with pytest.raises(ConfigError, match=message):
        with_setting(text, "routing", BOUNDS, "b")
