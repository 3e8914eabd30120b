"""The pinned requirements serve any index: they carry hashes and no addresses."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PINNED = sorted((ROOT / "requirements").glob("*.txt"))


def test_there_is_a_set_for_each_use() -> None:
    """The Makefile installs these four; the tests of clients make environments of two more."""
    ours, clients = ["build.txt", "dev.txt", "docs.txt", "runtime.txt"], ["clients-older.txt", "clients.txt"]
    assert sorted(path.name for path in PINNED) == sorted(ours + clients)


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_no_address_is_recorded(path: Path) -> None:
    """Where a package came from is the installing machine's business."""
    assert re.findall(r"\S*://\S*|--(?:extra-)?index\S*|--find-links\S*", path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", PINNED, ids=lambda path: path.name)
def test_every_package_is_pinned_and_hashed(path: Path) -> None:
    """One exact version each, with at least one hash."""
    entries = re.split(r"\n(?=\S)", path.read_text(encoding="utf-8").strip())
    packages = [entry for entry in entries if not entry.startswith("#")]
    assert [
        entry for entry in packages if not re.match(r"[\w.-]+==[^\s;]+.*\n? *--hash=sha256:", entry, re.DOTALL)
    ] == []
