"""The record of one request is closed once, however many ends it has."""

from __future__ import annotations

from pointsman.core.chat import Usage
from pointsman.core.events import FinishReason
from pointsman.core.stream import Ended
from pointsman.engine.record import Record
from pointsman.engine.router import _no_pieces
from pointsman.testing import a_catalog
from tests.engine.rig import a_model, a_rig, inbound


async def test_the_first_end_counts() -> None:
    """Later ones are not told; the bill is the same."""
    near = a_model("near")
    rig = a_rig(a_catalog(near), {})
    asked = inbound()
    record = Record(
        catalog=rig.router.catalog,
        bus=rig.router.bus,
        inbound=asked,
        resolved=await rig.router.resolve(asked),
        clock=rig.clock,
        now=lambda: 0.0,
    )
    usage = Usage(input_tokens=1, output_tokens=1)
    assert record.served(near, usage) == record.cancelled(near, usage)
    assert rig.finished.reason is FinishReason.OK


def test_a_whole_answer_says_nothing_piece_by_piece() -> None:
    """It has no stream."""
    assert _no_pieces()(Ended()) == ()
