"""Opens the gateway's state from a configuration: at start from the one that was loaded, on reload from its sources."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final

from pointsman.bootstrap import open_router
from pointsman.config.load import Loaded, reload
from pointsman.core.consent import Consent
from pointsman.experience import critics
from pointsman.server.consents import OpenQuestions
from pointsman.server.guard import LOOPBACK_NAMES, Guard
from pointsman.server.state import State
from pointsman.shadowing import open_shadows
from pointsman.standing import memory_view
from pointsman.stores import (
    agent_profiles,
    consent_board,
    figures,
    ledger_reader,
    metrics,
    reply_store,
    response_store,
    shared_choices,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from pointsman.adapters.storage.reader import LedgerReader
    from pointsman.core.jsontypes import JsonObject

AGENTS_S: Final = 30 * 86_400.0
"""Seconds: how far back agents' profiles go."""


@dataclass(slots=True)
class OpenGateway:
    """Call it to open the state; the second and later calls read the configuration again.

    *embedded* are the addresses of the GGUF models that run already: a reload cannot start new ones. They are copied:
    worker processes are handed this as a pickle, which not every mapping can be.
    """

    loaded: Loaded
    embedded: Mapping[str, str] = field(default_factory=dict)
    is_first: bool = True
    questions: OpenQuestions | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.embedded = dict(self.embedded)

    def __call__(self) -> AbstractAsyncContextManager[State]:
        """Open; a ConfigError or RuntimeUnavailable leaves what was open before in force."""
        fresh = self.loaded if self.is_first else reload(self.loaded)
        self.is_first = False
        self.questions = self.questions or OpenQuestions()  # those that wait outlast a reload
        return open_state(fresh, self.embedded, self.questions)


@asynccontextmanager
async def open_state(
    loaded: Loaded, embedded: Mapping[str, str], questions: OpenQuestions | None = None
) -> AsyncIterator[State]:
    """The state for *loaded*, with everything it needs open."""
    resilience = loaded.settings.resilience
    questions = questions or OpenQuestions()
    server = loaded.settings.server
    keys = [*([server.master_key] if server.master_key is not None else []), *server.keys.values()]
    guard = Guard(
        hosts=frozenset(name.lower() for name in (*server.allowed_hosts, server.host)) - LOOPBACK_NAMES,
        any_host=bool(keys),
        keys=tuple(keys),
    )
    counted = metrics()
    async with (
        open_router(loaded, embedded=embedded, observers=(counted,)) as opened,
        open_shadows(loaded, opened) as (router, shadows),
    ):
        with (
            response_store(loaded) as responses,
            consent_board(loaded) as questions.board,
            reply_store(loaded) as replies,
            shared_choices(loaded, router.decider.consents),
        ):
            rated_by = critics(loaded, router.catalog)
            yield State(
                router=router,
                guard=guard,
                decisions=_Decisions(ledger_reader(loaded)),
                max_body_bytes=server.max_body_bytes,
                responses=responses,
                keep_alive_s=server.keep_alive_s,
                write_timeout_s=server.write_timeout_s,
                replies=replies,
                idempotency_ttl_s=server.idempotency_ttl_s,
                questions=questions,
                figures=partial(figures, counted, router, shadows),
                agents=partial(_agents, loaded),
                rate=rated_by.rate if rated_by is not None else None,
                memory=memory_view(loaded, router),
                shadows=shadows,
                consent_timeout_s=resilience.consent_timeout_s,
                unattended=Consent.STOP if resilience.unattended == "stop" else Consent.ONCE,
            )


def _agents(loaded: Loaded) -> Sequence[JsonObject]:
    """The profiles of the agents of the last days."""
    return [one.to_json() for one in agent_profiles(loaded, since_s=time.time() - AGENTS_S)]


@dataclass(frozen=True, slots=True)
class _Decisions:
    """The ledger as the HTTP paths show it."""

    reader: LedgerReader

    def recent(self, limit: int) -> Sequence[JsonObject]:
        """See state.DecisionLog."""
        return [row.to_json() for row in self.reader.recent(limit)]

    def find(self, id_or_prefix: str) -> JsonObject:
        """See state.DecisionLog."""
        return self.reader.find(id_or_prefix).to_json()
