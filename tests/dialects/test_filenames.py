"""Names for files that came without one."""

from __future__ import annotations

import pytest

from pointsman.core.chat import Media
from pointsman.dialects.filenames import name_of


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("a.csv", "application/pdf", "a.csv"),
        (None, "application/pdf", "file.pdf"),
        ("", "text/plain", "file.txt"),
        (None, "text/markdown", "file.md"),
        (None, "application/vnd.ms-excel", "file"),
        (None, None, "file"),
    ],
)
def test_a_file_has_a_name(name: str | None, media_type: str | None, expected: str) -> None:
    """Its own, else one that its type tells."""
    assert name_of(Media(kind="file", data_base64="AAAA", filename=name, media_type=media_type)) == expected
