"""Where the copies of a test are written."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file beside a ledger."""
    return tmp_path / "ledger-shadows.db"
