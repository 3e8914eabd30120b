"""The composition of what is remembered of sessions: told between the gateway's processes, and kept over a restart.

Part of the composition root, above `stores`.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

from pointsman.core.session import Answer, Pin, Raised
from pointsman.engine.lessons import Signs
from pointsman.stores import ledger_path

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pointsman.config.load import Loaded
    from pointsman.core.ports import Observer, SessionBoard
    from pointsman.engine.decide import Decider

ALONE_BEAT_S: Final = 1.0
"""With one process nobody waits for what is written: it is for the next start, and for a reload."""


@asynccontextmanager
async def shared_sessions(
    loaded: Loaded, decider: Decider, observers: Sequence[Observer], *, wanted: bool
) -> AsyncIterator[None]:
    """What *decider* and those of *observers* that look for signs remember, their neighbours know as well."""
    signs = [one for one in observers if isinstance(one, Signs)]
    members = [one for one in (decider.sessions, decider.escalations, *signs) if one is not None]
    if not wanted or not members:
        yield
        return
    from pointsman.adapters.storage.sessions import BEAT_S, SqliteSessions, sessions_path

    loop = asyncio.get_running_loop()

    def on_news() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody needs to know any more
            loop.call_soon_threadsafe(_learn, board, decider, signs)

    is_alone = loaded.settings.server.workers == 1
    beat_s = ALONE_BEAT_S if is_alone else BEAT_S
    board = SqliteSessions(sessions_path(ledger_path(loaded)), on_news=on_news, beat_s=beat_s)
    async with AsyncExitStack() as stack:
        # A reload must not hold up the requests: the file is read in a thread, and at last written there.
        await asyncio.to_thread(board.__enter__)
        stack.push_async_callback(asyncio.to_thread, board.__exit__, None, None, None)
        for one in members:
            one.join(board)
        if decider.sessions is not None:
            decider.sessions.tells_first = not is_alone
        _learn(board, decider, signs)
        yield


def _learn(board: SessionBoard, decider: Decider, signs: Sequence[Signs]) -> None:
    """Hand out what others have told."""
    for key, trace, _ in board.news():
        match trace:
            case Pin() if decider.sessions is not None:
                decider.sessions.learn(key, trace)
            case Raised() if decider.escalations is not None:
                decider.escalations.learn(key, trace)
            case Answer():
                for one in signs:
                    one.learn(key, trace)
            case _:
                pass
