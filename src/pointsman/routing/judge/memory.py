"""Verdicts that were given before, by a keyed hash of what was asked: the text itself is not kept.

The key is made anew with each process, so that a hash says nothing outside of it.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.chat import ChatRequest
    from pointsman.routing.judge.verdict import Verdict

Digest = bytes
Finding: TypeAlias = "Verdict | str"
"""A verdict, or in words of ours why an answer held none."""


@dataclass(slots=True, kw_only=True)
class Memory:
    """The last `most` findings, each for `ttl_s`. `clock` is monotonic seconds, `key` this process's secret."""

    key: bytes = field(repr=False)
    clock: Callable[[], float]
    most: int = 2048
    ttl_s: float = 3600.0
    _known: OrderedDict[Digest, tuple[float, Finding]] = field(default_factory=OrderedDict, init=False, repr=False)

    def digest(self, request: ChatRequest) -> Digest:
        """What *request* is remembered by."""
        text = "\0".join(message.text for message in request.messages)
        return hmac.digest(self.key, text.encode("utf-8", "surrogatepass"), "sha256")

    def find(self, digest: Digest) -> Finding | None:
        """What came of it, if that is remembered."""
        kept = self._known.get(digest)
        if kept is None:
            return None
        until_s, finding = kept
        if until_s <= self.clock():
            del self._known[digest]
            return None
        self._known.move_to_end(digest)
        return finding

    def keep(self, digest: Digest, finding: Finding) -> None:
        """Remember *finding*; the one that was used least lately gives way."""
        self._known[digest] = (self.clock() + self.ttl_s, finding)
        self._known.move_to_end(digest)
        while len(self._known) > self.most:
            self._known.popitem(last=False)
