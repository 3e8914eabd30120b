"""The edges: what the engine needs from the outside, as narrow protocols. Adapters implement them, fakes too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pointsman.core.values import value_type

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from pointsman.core.consent import Consent, Question
    from pointsman.core.events import Event
    from pointsman.core.health import Health
    from pointsman.core.jsontypes import JsonObject
    from pointsman.core.local import Running
    from pointsman.core.session import Note, Pin


class Egress(Protocol):
    """Leave to send one request's text to one endpoint. Only `privacy.gate` makes a real one."""

    @property
    def endpoint(self) -> str:
        """The one endpoint it is good for."""

    @property
    def decision_id(self) -> str:
        """The one request it is good for."""


@value_type
class UpstreamCall:
    """One request as it will be sent to `model` (a card's id): the path under the base URL and the body's bytes."""

    model: str
    path: str
    body: bytes
    stream: bool
    deadline_s: float | None = None  # on the event loop's clock
    headers: tuple[tuple[bytes, bytes], ...] = ()  # the caller's, of those its dialect lets through


class UpstreamResponse(Protocol):
    """An endpoint's answer: the status is known, the body still comes."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    def header(self, name: str) -> str | None:
        """A header by its lower-case name."""

    async def read(self, max_bytes: int) -> bytes:
        """The whole body; AttemptFailed when it breaks off or is longer than *max_bytes*."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The body's bytes as they arrive; AttemptFailed when it breaks off or stalls."""

    async def aclose(self) -> None:
        """Let go; before the end this cancels the endpoint's work."""


class Provider(Protocol):
    """One endpoint that can be called. Demands an Egress for itself: there is no other way out."""

    async def send(self, egress: Egress, call: UpstreamCall) -> UpstreamResponse:
        """Send and wait for the status line.

        AttemptFailed when no response comes: refused, timed out, broken. An HTTP error status is a response.
        """


class Observer(Protocol):
    """Somebody who listens to events; must be quick, must not raise, is never waited for."""

    def __call__(self, event: Event, /) -> None:
        """Take note of *event*."""


@value_type
class StoredResponse:
    """An answer kept so that a later request can go on from it, by the `owner` who got it (a key's id, if any).

    `input` are all items it was an answer to, those of earlier answers included; `is_private` was its request.
    """

    id: str
    owner: str | None
    input: tuple[JsonObject, ...]
    reply: JsonObject
    is_private: bool = False


class ResponseStore(Protocol):
    """Keeps answers for a limited time. Nobody but their owner finds them."""

    async def put(self, response: StoredResponse, /) -> None:
        """Keep *response*, in place of an older one of its id and owner. Trouble is logged, not raised."""

    async def get(self, response_id: str, owner: str | None, /) -> StoredResponse | None:
        """The answer of that id, None when there is none (any more)."""

    async def delete(self, response_id: str, owner: str | None, /) -> bool:
        """Forget it; False when there was none."""


class ConsentAsker(Protocol):
    """Somebody who can ask the person behind a request."""

    async def __call__(self, question: Question, /) -> Consent:
        """The person's answer; bounded in time by whoever implements it, core.consent.Unanswered when none comes."""


@value_type
class PostedQuestion:
    """A question as other processes of the gateway see it: `body` is what its `owner` (a key's id) is shown."""

    id: str
    owner: str | None
    session: str | None
    expires_s: float  # since the epoch
    body: JsonObject
    answer: str | None = None
    ended: str | None = None  # how the wait ended


class ConsentBoard(Protocol):
    """Where the processes of one gateway show each other the questions that wait. Trouble is logged, not raised."""

    async def put(self, posted: PostedQuestion, /) -> None:
        """A question waits here."""

    async def open_to(self, owner: str | None, session: str | None, /) -> Sequence[JsonObject]:
        """The bodies of *owner*'s questions (of one *session*) that have no answer yet, the oldest first."""

    async def find(self, question_id: str, owner: str | None, /) -> PostedQuestion | None:
        """*owner*'s question of that id, open or lately settled."""

    async def answer(self, question_id: str, answer: str, /) -> bool:
        """Answer it; False when it has an answer, or nobody waits for one."""

    async def end(self, question_id: str, how: str, /) -> None:
        """Nobody waits any more."""

    async def endings(self, ids: Sequence[str], /) -> Mapping[str, str]:
        """How those of *ids* that are settled ended."""


class HealthStore(Protocol):
    """Where the processes of one gateway tell each other of healths. Trouble is logged, not raised."""

    def tell(self, health: Health, /) -> None:
        """*health* has changed here; never waits."""

    def news(self) -> Sequence[Health]:
        """What others have told since the last call; never waits."""


class PinStore(Protocol):
    """Remembers where sessions stand, for a limited time, by a hash of whose they are. Never waits, never raises."""

    def get(self, key: bytes, /) -> Pin | None:
        """Where the session of *key* stands; None when it is not known (any more)."""

    def put(self, key: bytes, pin: Pin, /) -> None:
        """It stands at *pin* now."""


class SessionBoard(Protocol):
    """Where the processes of one gateway tell each other what they remember of sessions, by a hash of whose they are.

    Trouble is logged, not raised.
    """

    @property
    def secret(self) -> bytes:
        """What all of them make those hashes with."""

    def tell(self, note: Note, /) -> None:
        """This is remembered here; never waits."""

    def news(self) -> Sequence[Note]:
        """What others have told since the last call; never waits."""


class LocalRuntime(Protocol):
    """A server of models on this machine that can be told what to hold in memory. No prompt goes this way.

    RuntimeUnavailable when it is not there, or cannot do it; its message says which and what to do.
    """

    @property
    def name(self) -> str:
        """Such as "ollama"; for messages."""

    async def running(self) -> Sequence[Running]:
        """What it holds now."""

    async def load(self, model: str, /) -> Running:
        """Bring *model* into memory; returns when it can answer."""

    async def unload(self, model: str, /) -> None:
        """Take *model* out of memory, once its requests are over; returns when the memory is free."""
