"""Leave for another model to take over: asked of the person behind a request, where the policy says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.core.consent import Consent, Unanswered
from pointsman.core.failure import Failure
from pointsman.engine.consent import question_for
from pointsman.engine.outcome import BY_CONFIGURATION, BY_PERSON, declined
from pointsman.resilience.backoff import MOST_S
from pointsman.resilience.cause import kind_of
from pointsman.resilience.plan import Next

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard
    from pointsman.core.health import Health
    from pointsman.engine.consent import Consents
    from pointsman.engine.inbound import Inbound
    from pointsman.engine.record import Record
    from pointsman.resilience.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """What is needed to ask for it, in one request."""

    plan: Plan
    inbound: Inbound
    record: Record
    consents: Consents

    async def for_other(self, failed: ModelCard, step: Next, failure: Failure) -> Next:
        """*step*, the attempt at another model than *failed*, where it is wanted, or *failed* again.

        FallbackDeclined, which says by whom, where it is not.
        """
        failures = self.record.failures or (failure,)
        wait_s = self.plan.health.wait_s((failed,))
        ask = self.inbound.ask
        if ask is None:
            if self.consents.unattended_stops:
                raise declined(failures, why=BY_CONFIGURATION, wait_s=wait_s)
            return step
        question = question_for(
            decision=self.plan.decision,
            features=self.record.resolved.features,
            failure=failure,
            failed=failed,
            other=step.card,
            until_s=failure.until_s or (self.record.now() + wait_s if wait_s is not None else None),
        )
        try:
            answer, why = await ask(question), BY_PERSON
        except Unanswered as nobody:
            answer, why = nobody.instead, nobody.why
        self.consents.remember(self.inbound.caller, question, answer)
        match answer:
            case Consent.KEEP_TRYING:
                return Next(card=failed, pause_s=min(failure.retry_after_s or 1.0, MOST_S), is_again=True)
            case Consent.STOP:
                raise declined(failures, why=why, wait_s=wait_s)
            case _:
                return step


def why_unwell(health: Health, card: ModelCard) -> Failure:
    """The failure that *card* is unwell by, as far as its *health* tells: not whether its end is named or guessed."""
    return Failure(
        kind=kind_of(health.cause),
        model=card.id,
        endpoint=card.endpoint.name,
        message=health.message or health.state.value,
    )
