"""Privacy is closed by default: whatever is not known to be public is private."""

from __future__ import annotations

from typing import cast

from pointsman.core.decision import Privacy, PrivacyClass

LABELS = [*PrivacyClass, "public", "private", "confidential", "PUBLIC", "", None]


def test_what_is_not_public_is_private() -> None:
    """Also for a caller without types, who writes a plain string."""
    lifted = [label for label in LABELS if not Privacy(privacy_class=cast("PrivacyClass", label)).is_private]
    assert lifted == [PrivacyClass.PUBLIC, "public"]
