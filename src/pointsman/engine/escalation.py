"""One tier up for an agent whose model is not good enough, and for a while from then on.

An answer is judged only where a tier was chosen for an agent, or for a request with tools: nobody pays for it who asks
a question. A whole answer that shows a sign is asked for once more, one tier up, in the same privacy class, while the
budget for retries has room. Of a stream nothing is held back: the next request shows what became of it, and goes up.
What was raised stays so for the session, for the agent where it names no session, else for the conversation.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, TypeVar

from pointsman.core.catalog import Operation, Tier
from pointsman.core.chat import ChatReply, ChatRequest, Role
from pointsman.core.decision import Outcome, Pick, Step
from pointsman.core.errors import PointsmanError
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.session import Raised, digest
from pointsman.engine.escalation_signs import of_history, of_reply
from pointsman.engine.usage import estimate
from pointsman.resilience.plan import Next

if TYPE_CHECKING:
    from pointsman.core.catalog import Catalog, ModelCard
    from pointsman.core.chat import Usage
    from pointsman.core.decision import Caller, Decision, PromptFeatures
    from pointsman.core.ports import SessionBoard
    from pointsman.core.session import Note
    from pointsman.dialects.base import Upstream
    from pointsman.engine.exchange import Whole
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.record import Record
    from pointsman.resilience.plan import Plan
    from pointsman.routing.agents.rules import AgentRule

Found = TypeVar("Found")
CODE: Final = "not_good_enough"
"""Of the failure that stands in the record for an answer that was asked for again."""
NAME: Final = "escalation"
FIXED: Final = frozenset(("explicit", "tier"))
"""The strategies whose pick the caller made: those are left alone."""
MOST_REMEMBERED: Final = 4096
_SHORT_TOKENS: Final = 120
"""An answer without a tool call is read only if it is shorter: refusals and nothings are."""
_CALL_MARKS: Final = (b"tool_calls", b"tool_use", b"function_call", b"functionCall", b"custom_tool_call")


@dataclass(slots=True, kw_only=True)
class Escalations:
    """Who was raised, and to which tier. `clock` is monotonic seconds, `secret` is for the hashes they are known by.

    One serves all requests of a process.
    """

    catalog: Catalog
    clock: Callable[[], float]
    rule_of: Callable[[Caller], AgentRule | None] = lambda _caller: None
    is_on: bool = True  # without it only the rules' bounds are kept
    retry: bool = True
    repeats: int = 3
    remember_s: float = 900.0
    secret: bytes = field(default=b"", repr=False)
    tell: Callable[[Note], None] | None = None  # None: nobody else is to know
    _raised: OrderedDict[bytes, Raised] = field(default_factory=OrderedDict, init=False, repr=False)

    def join(self, board: SessionBoard) -> None:
        """Go by the board's hashes, and tell it what is remembered here from now on."""
        self.secret, self.tell = board.secret, board.tell

    def learn(self, key: bytes, raised: Raised) -> None:
        """Another process has raised somebody, if nothing later is known here."""
        known = self._raised.get(key)
        if known is None or known.until_s < raised.until_s:
            self._keep(key, raised)

    def concern(self, inbound: Inbound, features: PromptFeatures) -> bool:
        """Whether *inbound* is an agent's, as far as one can tell."""
        return inbound.caller.agent is not None or features.n_tools > 0

    def adjusted(
        self, pick: Pick, strategy: str, inbound: Inbound, features: PromptFeatures
    ) -> tuple[Pick, tuple[Step, ...]]:
        """*pick* within the bounds of the agent's rule, and raised where that is due, with lines that say so."""
        request = inbound.request
        if pick.tier is None or pick.is_utility or strategy in FIXED or not isinstance(request, ChatRequest):
            return pick, ()
        rule = self.rule_of(inbound.caller)
        tier, notes = pick.tier, []
        if rule is not None and rule.bounded(tier) is not tier:
            tier = rule.bounded(tier)
            detail = f"the rule {rule.pattern!r} allows {tier.value!r}, not {pick.tier.value!r}"
            notes.append(Step(strategy="agent", outcome=Outcome.NOTE, detail=detail))
        if self.is_on:
            raised, step = self._due(tier, inbound, request, features)
            if step is not None and (rule is None or rule.bounded(raised) is raised):
                tier = raised
                notes.append(step)
        if not notes:
            return pick, ()
        return replace(pick, tier=tier, reason=f"{pick.reason}; {notes[-1].detail}"), tuple(notes)

    def _due(
        self, tier: Tier, inbound: Inbound, request: ChatRequest, features: PromptFeatures
    ) -> tuple[Tier, Step | None]:
        """The tier that this turn of the conversation is to have, and why; None for the one it has anyway."""
        known = self._known(inbound.caller, request)
        why = of_history(request, self.repeats) if features.turns > 1 or features.in_tool_loop else None
        if why is not None and (known is None or known.messages < len(request.messages)):
            before = tier if known is None or known.tier.rank < tier.rank else known.tier
            above = self._above(before)
            if above is not None:
                if not inbound.is_dry_run:
                    self.remember(inbound.caller, request, above)
                detail = f"{why} in the last answer, so {above.value!r} takes it"
                return above, Step(strategy=NAME, outcome=Outcome.CLIMBED, detail=detail)
        if known is not None and known.tier.rank > tier.rank:
            detail = f"an answer was not good enough lately, so {known.tier.value!r} goes on"
            return known.tier, Step(strategy=NAME, outcome=Outcome.NOTE, detail=detail)
        return tier, None

    def complaint(self, inbound: Inbound, decision: Decision, whole: Whole, upstream: Upstream) -> str | None:
        """What is wrong with the answer *whole* of *upstream*; None when nothing is, or it is not to be judged."""
        request = inbound.request
        if (
            not self.is_on
            or not isinstance(request, ChatRequest)
            or (inbound.caller.agent is None and not request.tools)
            or inbound.operation is not Operation.CHAT
            or decision.tier is None
            or decision.is_explicit
            or decision.is_utility
            or decision.strategy in FIXED
        ):
            return None
        reply = whole.reply if whole.reply is not None else _read(whole, upstream, has_tools=bool(request.tools))
        return of_reply(reply, request, self.repeats) if isinstance(reply, ChatReply) else None

    def remember(self, caller: Caller, request: ChatRequest, tier: Tier) -> None:
        """From now on, for a while, *tier* for the session, the agent, or the conversation."""
        key = self._key(caller, request)
        raised = Raised(tier=tier, until_s=self.clock() + self.remember_s, messages=len(request.messages))
        self._keep(key, raised)
        if self.tell is not None:
            self.tell((key, raised, self.remember_s))

    def _keep(self, key: bytes, raised: Raised) -> None:
        self._raised[key] = raised
        self._raised.move_to_end(key)
        if len(self._raised) > MOST_REMEMBERED:
            self._raised.popitem(last=False)

    def _key(self, caller: Caller, request: ChatRequest) -> bytes:
        """Whose answers are raised together: never two callers'."""
        began: str | None = None
        if caller.session is None and caller.agent is None:
            first = next((message for message in request.messages if message.role is Role.USER), None)
            began = first.text if first is not None else None
        return digest(self.secret, f"raised\0{caller.key_id}\0{caller.agent}\0{caller.session}\0{began}")

    def _known(self, caller: Caller, request: ChatRequest) -> Raised | None:
        if not self._raised:
            return None
        key = self._key(caller, request)
        found = self._raised.get(key)
        if found is not None and self.clock() >= found.until_s:
            del self._raised[key]
            return None
        return found

    def _above(self, tier: Tier) -> Tier | None:
        """The next tier of `auto` that has a model; None when there is none."""
        tiers = self.catalog.auto.tiers if self.catalog.auto is not None else {}
        return next((other for other in Tier if other.rank > tier.rank and tiers.get(other)), None)


@dataclass(slots=True, kw_only=True)
class OneTierUp:
    """Asks the next tier for the answer that a model gave badly. *attempt* is one attempt on a card."""

    escalations: Escalations
    plan: Plan
    record: Record
    inbound: Inbound

    async def instead(
        self, card: ModelCard, first: Whole, why: str, attempt: Callable[[ModelCard], Awaitable[Whole]]
    ) -> tuple[ModelCard, Whole]:
        """The better answer and who gave it; *first* and its *card* where nobody can."""
        better = self._better()
        if better is None or not isinstance(self.inbound.request, ChatRequest):
            return card, first
        other, tier = better
        self.escalations.remember(self.inbound.caller, self.inbound.request, tier)
        budget = self.plan.budget
        if not self.escalations.retry or self.inbound.ask is not None or not budget.take():
            return card, first
        number = self.record.numbers.get(card.id, self.record.attempts)
        try:
            if not self.plan.take(Next(card=other)):
                return card, first
            found = await attempt(other)
        except PointsmanError:  # the first answer is better than none
            return card, first
        except BaseException as error:
            self.record.raised(error)
            raise
        finally:
            budget.put()
        failure = Failure(
            kind=FailureKind.UNKNOWN,
            model=card.id,
            endpoint=card.endpoint.name,
            message=f"not good enough: {why}",
            code=CODE,
        )
        self.record.failures.append(failure)
        self.record.ended(failure, number)
        self.record.part(card, first.usage or self._estimated(first))
        return other, found

    def _better(self) -> tuple[ModelCard, Tier] | None:
        """A model of the next tier that may take the request and is well, and the tier."""
        plan, tier = self.plan, self.plan.decision.tier
        router = plan.catalog.routers_by_name.get(plan.decision.router or "", plan.catalog.auto)
        rule = self.escalations.rule_of(self.inbound.caller)
        if tier is None or router is None or len(plan.tried) - plan.retried >= plan.max_attempts:
            return None
        for above in Tier:
            if above.rank <= tier.rank or (rule is not None and rule.bounded(above) is not above):
                continue
            for name in map(plan.catalog.resolve, router.tiers.get(above, ())):
                for card in plan.catalog.pools.get(name, ()):
                    is_open = card.id in plan.open_models and card.id not in plan.tried
                    if is_open and (plan.health.is_all_well or plan.health.may_try(card)):
                        return plan.open_models[card.id], above
        return None

    def _estimated(self, whole: Whole) -> Usage:
        return estimate(self.record.resolved.features.estimated_input_tokens, whole.output_chars)


def _read(whole: Whole, upstream: Upstream, *, has_tools: bool) -> ChatReply | None:
    """The neutral form of a relayed answer, where it may show a sign."""
    is_short = whole.usage is None or whole.usage.output_tokens <= _SHORT_TOKENS
    if not is_short and not (has_tools and any(mark in whole.body for mark in _CALL_MARKS)):
        return None
    try:
        return upstream.decode_reply(json.loads(whole.body))
    except ValueError:
        return None
