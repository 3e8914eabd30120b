"""Answers to requests that carry a key of their own, as the processes of one gateway keep them for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import Sequence


@value_type
class StoredReply:
    """A whole answer as it went out."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


@value_type
class KnownRequest:
    """A request that another process answers, or any has answered: then with its `reply`."""

    digest: bytes  # of its body
    reply: StoredReply | None


class ReplyStore(Protocol):
    """Where the processes share answers, by an identity that tells nothing. Trouble is logged, not raised."""

    async def claim(self, identity: str, digest: bytes, /) -> KnownRequest | None:
        """What is known of *identity*; None when nothing was, and this process is now to answer it."""

    async def keep(self, identity: str, reply: StoredReply, ttl_s: float, /) -> bool:
        """Keep the answer to what was claimed for *ttl_s* seconds; False when that cannot be."""

    async def let_go(self, identity: str, /) -> None:
        """What was claimed is not answered: whoever comes next may."""

    async def is_wanted(self, identity: str, /) -> bool:
        """Whether somebody in another process waits for the answer to what was claimed."""
