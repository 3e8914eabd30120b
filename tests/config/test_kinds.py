"""Kinds of tasks that a configuration names have to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pointsman.config.load import load
from pointsman.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "models:\n  - {name: m, model: m, base_url: 'http://127.0.0.1:9/v1', local: true, tier: simple"


def loaded(folder: Path, text: str) -> None:
    """Load *text*."""
    (folder / "pointsman.yaml").write_text(text)
    load(config=folder / "pointsman.yaml", environ={}, cwd=folder)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"routing: {{floors: {{codding: complex}}}}\n{MODEL}}}\n", "no kind of task is called 'codding'"),
        (f"routing: {{routers: {{r: {{floors: {{x: complex}}}}}}}}\n{MODEL}}}\n", "no kind of task is called 'x'"),
        (f"{MODEL}, ability: {{desing: 1}}}}\n", "no kind of task is called 'desing'"),
        (f"routing: {{routers: {{r: {{scorer: hybrid}}}}}}\n{MODEL}}}\n", "only `auto` has a local judge"),
    ],
)
def test_a_kind_or_a_judge_that_there_is_not(tmp_path: Path, text: str, message: str) -> None:
    """The error names it."""
    with pytest.raises(ConfigError, match=message):
        loaded(tmp_path, text)


def test_kinds_that_there_are(tmp_path: Path) -> None:
    """Those of the cheat sheet, one's own, and the rest by a star."""
    loaded(
        tmp_path,
        "tasks: {haiku: {title: Haiku, tier: medium, context_tokens: 2048, local: [gemma3-4b]}}\n"
        "routing: {floors: {design: complex, haiku: medium}}\n" + MODEL + ", ability: {creative: 1, '*': 0.5}}\n",
    )
