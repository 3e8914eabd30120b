"""Signatures of thinking as this API's callers take them: bytes in base64, whoever signed.

Expected: a caller gives back the text it was given. Actual: the `google-genai` package reads base64 and writes it in
the URL-safe alphabet, and refuses what is none. So a foreign signature, marked as `signatures.outward` does, is
wrapped in base64; its own are left as they are.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

from pointsman.dialects import signatures
from pointsman.dialects.gemini.spelling import NAME

# What this API's documentation says to put where a history has a call that no Gemini made.
SKIP_VALIDATOR: Final = "skip_thought_signature_validator"

_MARK: Final = "cG9pbnRzbWFuL"  # how the mark of a foreign signature begins in base64


def sealed(signature: str, origin: str | None) -> str:
    """What a caller is given as the signature of thinking signed by *origin*."""
    marked = signatures.outward(signature, origin, NAME)
    return base64.urlsafe_b64encode(marked.encode()).decode() if signatures.is_foreign(marked) else marked


def unsealed(given: str | None) -> tuple[str | None, str | None]:
    """Signature and origin of thinking that a caller sends back."""
    if given is None or not is_foreign(given):
        return (given or None, NAME if given else None)
    return signatures.inward(_opened(given) or given, NAME)


def is_foreign(given: str) -> bool:
    """Whether *given* is the seal of another dialect's signature: this API's endpoints must not see it."""
    return given.startswith(_MARK) and _opened(given) is not None


def _opened(given: str) -> str | None:
    padded = given.replace("+", "-").replace("/", "_") + "=" * (-len(given) % 4)
    try:
        return base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, ValueError):
        return None
