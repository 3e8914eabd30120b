"""How fast models answer, learned from the answers: an observer that tells the memory's scheduler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.events import Event, Finished, FinishReason

if TYPE_CHECKING:
    from collections.abc import Callable

READS_PER_TOKEN = 4  # an answer in one piece counts if its prompt is not so many times longer


@dataclass(frozen=True, slots=True)
class Speeds:
    """See core.ports.Observer. `tell` gets a card's id, the tokens of an answer, and the seconds it was made in."""

    tell: Callable[[str, int, float], None]

    def __call__(self, event: Event, /) -> None:
        """Learn from an answer that one model alone has made, by its server's own count."""
        if not isinstance(event, Finished) or event.reason is not FinishReason.OK or event.served is None:
            return
        usage = event.usage
        if usage is None or usage.is_estimated or event.attempts != 1:
            return
        if event.first_byte_ms is not None:  # a stream: the first token's time is the prompt's
            if usage.reasoning_tokens:
                return  # they came before the first content, in a time that nobody has noted
            self.tell(event.served, usage.output_tokens - 1, (event.duration_ms - event.first_byte_ms) / 1e3)
        elif event.overhead_ms is not None and usage.input_tokens <= READS_PER_TOKEN * usage.output_tokens:
            self.tell(event.served, usage.output_tokens, (event.duration_ms - event.overhead_ms) / 1e3)
