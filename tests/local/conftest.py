"""The dry runs of llama.cpp take minutes: they are run when they are asked for."""

from __future__ import annotations

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `dry_run`, but for `-m dry_run`."""
    if "dry_run" not in (config.option.markexpr or ""):
        left_out = {item for item in items if item.get_closest_marker("dry_run")}
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]
