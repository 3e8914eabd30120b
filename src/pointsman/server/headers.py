"""The `x-pointsman-*` headers of an answer."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from pointsman.engine.escalation import CODE

if TYPE_CHECKING:
    from pointsman.core.decision import Decision
    from pointsman.engine.count import Counted
    from pointsman.engine.turn import Answer, StreamedAnswer
    from pointsman.server.http import Header


def of_decision(decision: Decision) -> list[Header]:
    """What is known once the decision stands."""
    found = [
        (b"x-pointsman-decision-id", decision.id.encode()),
        (b"x-pointsman-model", _ascii(decision.model)),
        (b"x-pointsman-strategy", _ascii(decision.strategy)),
        (b"x-pointsman-privacy", str(decision.privacy.privacy_class).encode()),
    ]
    if decision.tier is not None:
        found.append((b"x-pointsman-tier", str(decision.tier).encode()))
    if decision.score is not None:
        found.append((b"x-pointsman-score", b"%.4f" % decision.score))
    if decision.confidence is not None:
        found.append((b"x-pointsman-confidence", b"%.3f" % decision.confidence))
    if decision.is_demo:
        found.append((b"x-pointsman-demo", b"true"))
    found.extend((b"x-pointsman-warning", _ascii(warning)) for warning in decision.warnings)
    return found


def of_answer(answer: Answer | StreamedAnswer[bytes]) -> list[Header]:
    """The decision's headers, with the model that really answered."""
    found = of_decision(answer.decision)
    found[1] = (b"x-pointsman-model", _ascii(answer.card.name))
    if answer.dropped:
        found.append((b"x-pointsman-dropped", _ascii(", ".join(answer.dropped))))
    found.extend(
        (b"x-pointsman-escalated", _ascii(failure.message)) for failure in answer.failures if failure.code == CODE
    )
    found.append((b"x-pointsman-fallbacks", str(answer.fallbacks).encode()))
    found.append((b"x-pointsman-overhead-ms", b"%.3f" % answer.overhead_ms))
    return found


def of_bill(answer: Answer) -> list[Header]:
    """Cost and savings of a whole answer, where they are known."""
    found: list[Header] = []
    if answer.bill.cost_usd is not None:
        found.append((b"x-pointsman-cost-usd", b"%.8f" % answer.bill.cost_usd))
    if answer.bill.saved_usd is not None:
        found.append((b"x-pointsman-saved-usd", b"%.8f" % answer.bill.saved_usd))
    return found


def of_count(counted: Counted) -> list[Header]:
    """Whose count it is: the endpoint's, or (`x-pointsman-estimated`) ours."""
    found = of_decision(counted.decision) if counted.decision is not None else []
    return found if counted.body is not None else [*found, (b"x-pointsman-estimated", b"true")]


@functools.lru_cache(maxsize=512)
def _ascii(text: str) -> bytes:
    """A header's value: visible ASCII, anything else percent-encoded as UTF-8."""
    if text.isascii() and text.isprintable():
        return text.encode()
    return b"".join(
        bytes([byte]) if 0x20 <= byte < 0x7F and byte != 0x25 else b"%%%02X" % byte for byte in text.encode()
    )
