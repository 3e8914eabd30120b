"""Signatures of thinking come back to those who made them, and to nobody else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pointsman.dialects.signatures import inward, is_foreign, outward

DIALECTS = st.sampled_from(("openai_responses", "anthropic_messages", "gemini"))
SIGNATURES = st.text(alphabet="abcXYZ019+/=", min_size=1)


@given(signature=SIGNATURES, origin=DIALECTS, own=DIALECTS)
def test_a_signature_comes_back(signature: str, origin: str, own: str) -> None:
    """Whoever the caller speaks to us like, the signature and its maker survive the way out and in."""
    assert inward(outward(signature, origin, own), own) == (signature, origin)


@given(signature=SIGNATURES, own=DIALECTS)
def test_an_own_signature_is_untouched(signature: str, own: str) -> None:
    """A caller of the signer's own dialect gets the bytes the signer made."""
    assert outward(signature, own, own) == signature
    assert not is_foreign(signature)


@given(own=DIALECTS)
def test_unsigned_thinking_is_known_again(own: str) -> None:
    """Thinking that nobody signed goes out with a mark, and comes back unsigned."""
    assert is_foreign(outward(None, None, own))
    assert inward(outward(None, None, own), own) == (None, None)
