"""What the running gateway serves with; a reload puts a new one in place, requests under way keep theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

from pointsman.core.consent import Consent
from pointsman.server.consents import OpenQuestions
from pointsman.server.drain import Drain
from pointsman.server.idempotency import Repeats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pointsman.core.decision import Caller
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.ports import ConsentAsker, ResponseStore
    from pointsman.core.replies import ReplyStore
    from pointsman.engine.router import Router
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.routing.learned.feedback import Verdict
    from pointsman.server.guard import Guard


Rate: TypeAlias = "Callable[[str, Verdict, str | None], JsonObject]"
"""Takes a verdict on the answer of a decision's id, from the caller with a key's id; gives what came of it."""


class DecisionLog(Protocol):
    """Past decisions, for the page and scripts; reads block, so they are called in a thread."""

    def recent(self, limit: int) -> Sequence[JsonObject]:
        """The latest decisions, newest first."""

    def find(self, id_or_prefix: str) -> JsonObject:
        """One decision; UnknownModel-like RequestError when there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One configuration at work."""

    router: Router
    guard: Guard
    decisions: DecisionLog
    max_body_bytes: int
    responses: ResponseStore | None = None  # None: no answer is kept to be gone on from
    keep_alive_s: float = 5.0  # how long a streaming caller is left without a sign of life
    write_timeout_s: float = 60.0  # how long a streaming caller may take in nothing
    drain: Drain = field(default_factory=Drain)
    repeats: Repeats = field(default_factory=Repeats)
    replies: ReplyStore | None = None  # what the gateway's processes share of them; None: there is one process
    idempotency_ttl_s: float = 86_400.0
    questions: OpenQuestions = field(default_factory=OpenQuestions)
    consent_timeout_s: float = 60.0
    figures: Callable[[], tuple[str, bytes]] | None = None  # for /metrics: the media type and the text
    memory: Callable[[], JsonObject] = dict  # what the memory of this machine holds, for /v1/memory and the page
    agents: Callable[[], Sequence[JsonObject]] | None = None  # their profiles; reads block, so ask in a thread
    shadows: Shadows | None = None  # copies requests once their callers are answered; None: nobody does
    rate: Rate | None = None  # takes a verdict on an answer, and blocks; None: the ledger is off
    unattended: Consent = Consent.ONCE  # the answer when the time is over

    def asker(self, caller: Caller) -> ConsentAsker:
        """Who puts questions to *caller* while its request waits."""
        return self.questions.asker(caller, timeout_s=self.consent_timeout_s, unattended=self.unattended)
