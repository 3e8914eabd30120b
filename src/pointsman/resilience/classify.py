"""From an endpoint's error to one of eight kinds: code and type first, then status, words for what these leave open.

A bare number in a text is never a reason: "error 429" inside a message says nothing.

what                                                       kind          whom it is about
no credit, no billing, a budget that is spent              terminal      endpoint
an allowance for the day that is spent, or of nothing      terminal      model
a wait of more than five minutes in Google's RetryInfo     terminal      model
a wrong or missing key, an account that is barred          auth          endpoint
no permission                                              auth          model
more than the model can do ("does not support tools")      bad_request   model; its code is UNABLE: another may be able
everything else                                            by the tables of `error_words`
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pointsman.core.failure import SPENT_TODAY, UNABLE, Failure, FailureKind, Reach
from pointsman.resilience import error_words, waits

if TYPE_CHECKING:
    from pointsman.core.catalog import ModelCard

_BY_STATUS: Final = {
    400: FailureKind.BAD_REQUEST,
    401: FailureKind.AUTH,
    402: FailureKind.TERMINAL,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    405: FailureKind.NOT_FOUND,
    408: FailureKind.TRANSIENT,
    409: FailureKind.TRANSIENT,
    410: FailureKind.NOT_FOUND,
    413: FailureKind.CONTEXT,
    415: FailureKind.BAD_REQUEST,
    422: FailureKind.BAD_REQUEST,
    424: FailureKind.TRANSIENT,  # TGI: the generation broke off
    425: FailureKind.TRANSIENT,
    429: FailureKind.TRANSIENT,
    498: FailureKind.TRANSIENT,  # Groq: no capacity for this tier
    499: FailureKind.TRANSIENT,  # Google: cancelled
}
_SERVER_ERROR: Final = 500
_UNAUTHORIZED: Final = 401
_NO_PAYMENT: Final = 402
_TOO_MANY: Final = 429
_OPEN_TO_ABILITIES = frozenset((400, 404, 422, 500, 501, None))
_OPEN_TO_CONTEXT = frozenset((400, 413, 422, 500, None))
_OPEN_TO_POLICY = frozenset((400, 403, 422, 500, None))
_OPEN_TO_CREDIT = frozenset((400, 402, 403, 429, None))
_OPEN_TO_NAMES = frozenset((400, None))
_QUOTED_CHARS: Final = 8  # as many may be nobody's
_MASK: Final = "***"
_LONG_S: Final = 300.0  # what asks for more is not worth waiting for (gemini-cli)
_NO_CAPACITY_S: Final = 30.0  # so long gemini-cli leaves a model alone that has no capacity


def classify(
    *,
    card: ModelCard,
    status: int | None,
    message: str,
    code: str | None = None,
    error_type: str | None = None,
    hints: waits.Hints = waits.NO_HINTS,
    elapsed_ms: float = 0.0,
) -> Failure:
    """The failure that *card*'s endpoint reported; `hints` say when to come back."""
    words = frozenset(word for word in (code, error_type) if word is not None)
    is_unable = _is_unable(status, message, words)
    kind = FailureKind.CONTEXT if error_words.TOO_LARGE.match(message) else _kind_of(code, error_type)
    kind = kind or _by_words(status, message, is_unable=is_unable) or _by_status(status, message, words)
    wait_s = waits.asked_wait_s(hints)
    if kind is FailureKind.TRANSIENT:
        wait_s = _passing_wait_s(status, message, words, hints) if wait_s is None else wait_s
        if _is_spent(status, message, wait_s, hints.asked_s):
            kind, words = FailureKind.TERMINAL, words | {error_words.SPENT}
    is_spent = kind is FailureKind.TERMINAL
    return Failure(
        kind=kind,
        model=card.id,
        endpoint=card.endpoint.name,
        message=_without_key(message, card) or (f"HTTP {status}" if status else "no message"),
        status=status,
        code=UNABLE if is_unable and kind is FailureKind.BAD_REQUEST else code or error_type,
        retry_after_s=None if is_spent else wait_s,
        until_s=_until_s(words, message, wait_s, hints.now_s) if is_spent else None,
        reach=_reach(kind, status, message, words),
        elapsed_ms=elapsed_ms,
    )


def _without_key(message: str, card: ModelCard) -> str:
    """*message* without our own key: it goes to callers and into the log, and some endpoints quote what they got.

    Nor does the beginning of the key stay where the message was cut off within it.
    """
    key = card.endpoint.api_key.reveal() if card.endpoint.api_key is not None else ""
    if not key or key[:_QUOTED_CHARS] not in message:
        return message
    message = message.replace(key, _MASK)
    begin = message.rfind(key[:_QUOTED_CHARS])
    is_cut = begin >= 0 and key.startswith(message[begin:].rstrip("…"))
    return message[:begin] + _MASK if is_cut else message


def _kind_of(*words: str | None) -> FailureKind | None:
    """What the first of the *words* that is known stands for."""
    return next((error_words.BY_CODE[word] for word in words if word in error_words.BY_CODE), None)


def _is_unable(status: int | None, message: str, words: frozenset[str]) -> bool:
    """Whether the request is right, and asks for more than this one model can do."""
    if status not in _OPEN_TO_ABILITIES:
        return False
    return not error_words.OF_ABILITIES.isdisjoint(words) or error_words.UNABLE.search(message) is not None


def _by_words(status: int | None, message: str, *, is_unable: bool) -> FailureKind | None:
    if is_unable:
        return FailureKind.BAD_REQUEST
    if status in _OPEN_TO_CREDIT and error_words.NO_CREDIT.match(message):
        return FailureKind.TERMINAL
    if status in _OPEN_TO_NAMES and error_words.UNKNOWN_MODEL.match(message):
        return FailureKind.NOT_FOUND
    if status in _OPEN_TO_NAMES and error_words.WRONG_KEY.match(message):
        return FailureKind.AUTH
    if status in _OPEN_TO_CONTEXT and error_words.CONTEXT.search(message):
        return FailureKind.CONTEXT
    if status in _OPEN_TO_POLICY and error_words.POLICY.search(message):
        return FailureKind.CONTENT
    return None


def _by_status(status: int | None, message: str, words: frozenset[str]) -> FailureKind:
    if status is None:
        passes = not error_words.OF_SERVERS.isdisjoint(words) or error_words.PASSING.search(message)
        return FailureKind.TRANSIENT if passes else FailureKind.UNKNOWN
    if status >= _SERVER_ERROR:
        return FailureKind.TRANSIENT
    return _BY_STATUS.get(status, FailureKind.UNKNOWN)


def _passing_wait_s(status: int | None, message: str, words: frozenset[str], hints: waits.Hints) -> float | None:
    """A wait that is not asked for in so many headers: in words, or until what is used up is whole again."""
    wait_s = waits.said_wait_s(message)
    if wait_s is None and status == _TOO_MANY:
        wait_s = waits.exhausted_wait_s(hints)
    if wait_s is None and error_words.NO_CAPACITY in words:
        wait_s = _NO_CAPACITY_S
    return wait_s


def _is_spent(status: int | None, message: str, wait_s: float | None, asked_s: float | None) -> bool:
    """Whether a limit that passes does not pass soon: Google asks for a long wait, or it is the day's."""
    is_long = wait_s is None or wait_s > _LONG_S
    if asked_s is not None and asked_s > _LONG_S:
        return is_long
    return status in (_TOO_MANY, None) and is_long and error_words.PER_DAY.search(message) is not None


def _until_s(words: frozenset[str], message: str, wait_s: float | None, now_s: float | None) -> float | None:
    """When what is spent is whole again, where that is known; an endpoint's short wait beside it is not believed."""
    if SPENT_TODAY in words:
        return None if now_s is None else waits.midnight_in_california_s(now_s)
    if error_words.SPENT in words and wait_s is not None and now_s is not None:
        return now_s + wait_s
    return waits.said_date_s(message)


def _reach(kind: FailureKind, status: int | None, message: str, words: frozenset[str]) -> Reach:
    match kind:
        case FailureKind.AUTH:
            is_endpoints = status == _UNAUTHORIZED or error_words.WRONG_KEY.match(message) is not None
        case FailureKind.TERMINAL:
            said = error_words.NO_CREDIT.match(message) or error_words.BARRED.search(message)
            is_endpoints = status == _NO_PAYMENT or said is not None
        case _:
            return Reach.MODEL
    return Reach.ENDPOINT if is_endpoints or not words.isdisjoint(error_words.OF_ACCOUNTS) else Reach.MODEL
