"""Putting one copy to its model, and a question to the judge: each with a leave of its own from the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from pointsman.core.chat import ChatRequest
from pointsman.core.decision import Privacy, PrivacyClass
from pointsman.engine.context_size import with_num_ctx
from pointsman.engine.exchange import Birth, Translate
from pointsman.engine.modality import leaves_images_out, without_images

if TYPE_CHECKING:
    from collections.abc import Callable

    from pointsman.core.catalog import ModelCard
    from pointsman.core.chat import ChatReply
    from pointsman.core.decision import Decision, PromptFeatures
    from pointsman.core.jsontypes import JsonObject
    from pointsman.engine.attempt import ModelCaller
    from pointsman.engine.context_size import ContextSizes
    from pointsman.engine.exchange import Whole
    from pointsman.engine.shadow.sample import Sample

ANTHROPIC: Final = "anthropic_messages"
_PRIVATE: Final = Privacy(privacy_class=PrivacyClass.PRIVATE, source="judge of copies")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Asks models about requests that are answered already. `now` is seconds since the epoch."""

    caller: ModelCaller
    sizes: ContextSizes
    now: Callable[[], float]

    async def copy(self, card: ModelCard, sample: Sample, request: ChatRequest, deadline_s: float) -> Whole:
        """The answer of *card* to the copy of *sample*, put as *request*.

        The gate grants or refuses by the request's own privacy. AttemptFailed, DeadlineExceeded, Refused, or
        InvalidRequest where the model's dialect cannot say it.
        """
        card = as_loaded(self.sizes, card, sample.resolved.features) or card
        if leaves_images_out(card, sample.resolved.features):
            request = cast("ChatRequest", without_images(request))
        return await self._asked(card, request, sample.resolved.decision, sample.inbound.surface, deadline_s)

    async def judge(self, card: ModelCard, request: ChatRequest, decision: Decision, deadline_s: float) -> ChatReply:
        """The judge's answer. What it is shown goes as private text does, whatever the request was: to no cloud."""
        private = replace(decision, privacy=_PRIVATE)
        whole = await self._asked(card, request, private, card.endpoint.dialect, deadline_s)
        return cast("ChatReply", whole.reply)  # as a chat was asked for

    async def _asked(
        self, card: ModelCard, request: ChatRequest, decision: Decision, surface: str, deadline_s: float
    ) -> Whole:
        exchange: Translate[bytes] = Translate(
            request=request,
            surface=surface,
            upstream=self.caller.upstreams[card.endpoint.dialect],
            outward=None,
            say=lambda: lambda _event: (),
            birth=Birth(id=decision.id, now=self.now),
        )
        return await self.caller.whole(card, replace(decision, candidates=(card.id,)), exchange, deadline_s)


def as_loaded(sizes: ContextSizes, card: ModelCard, features: PromptFeatures) -> ModelCard | None:
    """*card* with the window that it is loaded with; None when this prompt would have it loaded anew, with more."""
    now = sizes.sizes_now(card)
    if now is None:
        return card
    wanted = sizes.size_for(card, features)
    return with_num_ctx(card, now.usual) if wanted is None or wanted <= now.usual else None


def request_of_copy(request: ChatRequest, most_output_tokens: int) -> tuple[ChatRequest, bool]:
    """*request* as its copy asks it: one answer, in one piece, no longer than that; whether that is our own limit."""
    asked = request.sampling.max_output_tokens
    is_capped = asked is None or asked > most_output_tokens
    sampling = replace(
        request.sampling,
        n=None,
        logprobs=None,
        top_logprobs=None,
        max_output_tokens=most_output_tokens if is_capped else asked,
    )
    extras = _without_budget(request.extras, most_output_tokens) if is_capped else request.extras
    return replace(request, stream=False, stream_usage=False, sampling=sampling, extras=extras), is_capped


def _without_budget(extras: Mapping[str, JsonObject], most_output_tokens: int) -> Mapping[str, JsonObject]:
    """*extras* without a budget of thinking that our own limit leaves no room for: its effort says as much.

    Expected of Anthropic's API: as much thinking as there is room. Actual: a 400 unless `max_tokens` is above it.
    """
    given = extras.get(ANTHROPIC, {}).get("thinking")
    budget = given.get("budget_tokens") if isinstance(given, Mapping) else None
    if not isinstance(budget, int) or budget < most_output_tokens:
        return extras
    return {**extras, ANTHROPIC: {name: value for name, value in extras[ANTHROPIC].items() if name != "thinking"}}
