"""The composition of what the processes keep: the ledger, healths, answers, questions, counts, and where on the disk.

Part of the composition root, beside `bootstrap`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from pointsman.core.chat import Usage
from pointsman.core.health import Health

if TYPE_CHECKING:
    from pointsman.adapters.storage.agents import AgentChoices
    from pointsman.adapters.storage.feedback import FeedbackFile
    from pointsman.adapters.storage.reader import LedgerReader
    from pointsman.adapters.telemetry.prometheus import Metrics
    from pointsman.classification import LearnedShifts
    from pointsman.config.load import Loaded
    from pointsman.core.ports import ConsentBoard, Observer, ResponseStore
    from pointsman.core.replies import ReplyStore
    from pointsman.engine.consent import Consents
    from pointsman.engine.router import Router
    from pointsman.engine.shadow.owner import Shadows
    from pointsman.resilience.availability import Availability
    from pointsman.routing.agents.profile import Profile
    from pointsman.routing.agents.rules import TierOfAgent


def ledger_path(loaded: Loaded) -> Path:
    """The ledger's file: as configured, else in the user's data folder."""
    named = loaded.settings.ledger.path
    return Path(named).expanduser() if named else platformdirs.user_data_path("pointsman") / "ledger.db"


def state_folder() -> Path:
    """Where what runs in the background leaves its pid file and its log."""
    return platformdirs.user_state_path("pointsman")


def ledger_reader(loaded: Loaded) -> LedgerReader:
    """Read access to past decisions; an absent file reads as empty."""
    from pointsman.adapters.storage.reader import LedgerReader

    return LedgerReader(ledger_path(loaded))


def agent_choices(loaded: Loaded) -> AgentChoices:
    """What was decided about agents' tiers; an absent file reads as empty."""
    from pointsman.adapters.storage.agents import AgentChoices, choices_path

    return AgentChoices(choices_path(ledger_path(loaded)))


def accepted_tiers(loaded: Loaded) -> TierOfAgent:
    """The tiers that a person has accepted for agents; none where the ledger is off, as nothing was profiled."""
    return agent_choices(loaded).tier_of if loaded.settings.ledger.enabled else lambda _key_id, _agent: None


def feedback_file(loaded: Loaded) -> FeedbackFile:
    """Verdicts on answers and what they have taught; an absent file reads as empty."""
    from pointsman.adapters.storage.feedback import FeedbackFile, feedback_path

    days = loaded.settings.learning.half_life_days
    return FeedbackFile(feedback_path(ledger_path(loaded)), half_life_days=days)


def learned_shifts(loaded: Loaded) -> LearnedShifts | None:
    """What each caller's verdicts have taught; None where nothing is to be learned, or the ledger is off."""
    settings = loaded.settings
    return feedback_file(loaded).shifts_of if settings.ledger.enabled and settings.learning.enabled else None


def agent_profiles(loaded: Loaded, *, since_s: float, after: int | None = None) -> Sequence[Profile]:
    """The agents' profiles and proposals, of their calls since *since_s*; *after* so many judged calls one is made."""
    from pointsman.adapters.storage.agents import read_calls
    from pointsman.routing.agents.profile import AFTER_CALLS, profiles

    choices = {(one.key_id, one.agent): one for one in agent_choices(loaded).all()}
    calls = read_calls(ledger_path(loaded), since_s=since_s)
    return profiles(calls, loaded.catalog, choices, after=AFTER_CALLS if after is None else after)


def known_healths(loaded: Loaded) -> Sequence[Health] | None:
    """Who is not well, as far as the processes that share the ledger have told; None when none of them has."""
    from pointsman.adapters.storage.health import healths_path, identities_of, read_healths

    path = healths_path(ledger_path(loaded))
    return read_healths(path, identities_of(loaded.catalog.models), now_s=time.time())


def reset_healths(loaded: Loaded, names: Collection[str]) -> Sequence[Health]:
    """Tell those processes that the models and endpoints called *names* are well; who was not."""
    from pointsman.adapters.storage.health import SqliteHealths, healths_path, identities_of

    unwell = [health for health in known_healths(loaded) or () if health.subject in names]
    if unwell:
        with SqliteHealths(healths_path(ledger_path(loaded)), identities_of(loaded.catalog.models)) as store:
            for health in unwell:
                store.tell(Health(subject=health.subject, is_endpoint=health.is_endpoint, since_s=time.time()))
    return unwell


@contextmanager
def response_store(loaded: Loaded) -> Iterator[ResponseStore | None]:
    """Where answers are kept to be gone on from; None where the ledger is off, or they are kept for no time."""
    ledger = loaded.settings.ledger
    if not ledger.enabled or not ledger.responses_ttl_s:
        yield None
        return
    from pointsman.adapters.storage.responses import SqliteResponses, responses_path

    with SqliteResponses(responses_path(ledger_path(loaded)), ttl_s=ledger.responses_ttl_s) as store:
        yield store


@contextmanager
def consent_board(loaded: Loaded) -> Iterator[ConsentBoard | None]:
    """Where the gateway's processes show each other their questions; None where there is one, or no ledger."""
    if loaded.settings.server.workers == 1 or not loaded.settings.ledger.enabled:
        yield None
        return
    from pointsman.adapters.storage.consents import SqliteConsents, consents_path

    with SqliteConsents(consents_path(ledger_path(loaded))) as board:
        yield board


@contextmanager
def reply_store(loaded: Loaded) -> Iterator[ReplyStore | None]:
    """Where the gateway's processes share the answers to repeated requests; None where there is one, or no ledger."""
    if loaded.settings.server.workers == 1 or not loaded.settings.ledger.enabled:
        yield None
        return
    from pointsman.adapters.storage.replies import SqliteReplies, replies_path

    with SqliteReplies(replies_path(ledger_path(loaded))) as store:
        yield store


@contextmanager
def shared_choices(loaded: Loaded, consents: Consents) -> Iterator[None]:
    """What a session's person chooses in one process goes for all of them, and outlasts a reload."""
    if not loaded.settings.ledger.enabled:
        yield
        return
    from pointsman.adapters.storage.choices import SqliteChoices
    from pointsman.adapters.storage.consents import consents_path

    loop = asyncio.get_running_loop()

    def learn() -> None:
        for choices in board.news():
            consents.learn(choices)

    def on_news() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody needs to know any more
            loop.call_soon_threadsafe(learn)

    with SqliteChoices(consents_path(ledger_path(loaded)), on_news=on_news) as board:
        learn()
        consents.listeners.append(board.tell)
        yield


def metrics() -> Metrics:
    """An observer that counts for Prometheus."""
    from pointsman.adapters.telemetry.prometheus import Metrics

    return Metrics()


def figures(counted: Metrics, router: Router, shadows: Shadows | None = None) -> tuple[str, bytes]:
    """The media type and the text of one scrape."""
    from pointsman.adapters.telemetry.prometheus import CONTENT_TYPE

    loads = router.limits.loads()
    rows = [(name, load.inside, load.waiting, load.limit) for name, load in loads.items()]
    copies = (shadows.counts, shadows.cost_usd) if shadows is not None else None
    return CONTENT_TYPE, counted.text(router.health.healths(), rows, copies)


@contextmanager
def shared_healths(loaded: Loaded, health: Availability, *, wanted: bool) -> Iterator[None]:
    """What this process finds out of models and endpoints its neighbours hear of, and the other way round."""
    if not wanted:
        yield
        return
    from pointsman.adapters.storage.health import SqliteHealths, healths_path, identities_of

    loop = asyncio.get_running_loop()

    def learn() -> None:
        for news in store.news():
            health.learn(news)

    def on_news() -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody needs to know any more
            loop.call_soon_threadsafe(learn)

    path = healths_path(ledger_path(loaded))
    with SqliteHealths(path, identities_of(loaded.catalog.models), on_news=on_news) as store:
        learn()
        health.listeners.append(lambda _old, new: store.tell(new))
        yield


@contextmanager
def observing_ledger(loaded: Loaded, *, wanted: bool) -> Iterator[Sequence[Observer]]:
    """The observer that writes the ledger, when it is *wanted*."""
    if not wanted:
        yield ()
        return
    from pointsman.adapters.storage.sqlite import SqliteLedger

    cards = loaded.catalog.by_id

    def cost_of(card_id: str, input_tokens: int) -> float | None:
        card = cards.get(card_id)
        return None if card is None or card.price is None else card.price.cost_usd(_read(input_tokens))

    with SqliteLedger(ledger_path(loaded), cost_of=cost_of) as ledger:
        yield (ledger,)


def _read(input_tokens: int) -> Usage:
    """What a model has used that read so much and wrote nothing."""
    return Usage(input_tokens=input_tokens, output_tokens=0)
