"""A request that was drawn, and its answer while the caller gets it; decoded only afterwards."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pointsman.core.chat import ChatReply
from pointsman.core.stream import Ended, StreamFailed, fold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import Usage
    from pointsman.core.stream import StreamEvent
    from pointsman.dialects.base import Upstream
    from pointsman.engine.decide import Resolved
    from pointsman.engine.exchange import Whole
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.shadow.rules import Rule

MOST_BYTES: Final = 512 * 1024
"""Of a streamed answer that is kept; a longer one is not compared."""


@dataclass(slots=True, kw_only=True)
class Sample:
    """One request that another model is to get as well, by `rule`."""

    inbound: Inbound
    resolved: Resolved
    rule: Rule
    pieces: list[bytes] = field(default_factory=list)
    size: int = 0

    def heard(self, piece: bytes) -> None:
        """A piece of the stream, in the caller's dialect."""
        self.size += len(piece)
        if self.size <= MOST_BYTES:
            self.pieces.append(piece)
        else:
            self.pieces.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The answer that the caller got: from whom, in what time, at what use; `whole` where it was no stream."""

    card: ModelCard
    took_ms: float
    usage: Usage
    whole: Whole | None = None


def reply_of(sample: Sample, served: Served, upstreams: Mapping[str, Upstream]) -> ChatReply | None:
    """The caller's answer in the neutral form; None where that cannot be told."""
    if served.whole is not None:
        return _of_whole(served.whole, upstreams.get(served.card.endpoint.dialect))
    upstream = upstreams.get(sample.inbound.surface)
    return _of_stream(sample.pieces, upstream) if upstream is not None and sample.pieces else None


def _of_whole(whole: Whole, upstream: Upstream | None) -> ChatReply | None:
    if whole.reply is not None:
        return whole.reply if isinstance(whole.reply, ChatReply) else None
    if upstream is None:
        return None
    try:
        return upstream.decode_reply(json.loads(whole.body))
    except (ValueError, RecursionError):
        return None


def _of_stream(pieces: list[bytes], upstream: Upstream) -> ChatReply | None:
    """What the *pieces* said, when they are a whole answer."""
    decoder = upstream.stream_decoder()
    events: list[StreamEvent] = []
    for piece in pieces:
        events += decoder.feed(piece)
    events += decoder.close()
    is_whole = any(isinstance(event, Ended) for event in events)
    has_failed = any(isinstance(event, StreamFailed) for event in events)
    return fold(events) if is_whole and not has_failed else None
