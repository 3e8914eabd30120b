"""Signatures of thinking on their way through a dialect that is not the signer's.

An endpoint wants its signatures back and refuses those of others. A caller's history therefore carries a foreign one
under a name that says whose it is; thinking that nobody signed carries an empty one. Both are recognised when the
conversation comes back, and given to their own dialect only.
"""

from __future__ import annotations

from typing import Final

_MARK: Final = "pointsman."


def outward(signature: str | None, origin: str | None, own: str) -> str:
    """What a caller of the dialect *own* is given as the signature of thinking signed by *origin* (None: nobody)."""
    if signature is not None and origin == own:
        return signature
    return f"{_MARK}{origin or ''}.{signature or ''}"


def inward(signature: str | None, own: str) -> tuple[str | None, str | None]:
    """Signature and origin of thinking that a caller of the dialect *own* sends back."""
    if signature is None:
        return None, None
    if not signature.startswith(_MARK):
        return signature, own
    origin, _, inner = signature.removeprefix(_MARK).partition(".")
    return inner or None, origin or None


def is_foreign(signature: str) -> bool:
    """Whether *signature* was made by `outward` for another dialect's: its own endpoint must not see it."""
    return signature.startswith(_MARK)
