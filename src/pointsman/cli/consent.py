"""Asks the person at the terminal before another model takes over; or answers in their place, as the flags say."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from pointsman.cli.chooser import Chooser
from pointsman.cli.figures import about, again
from pointsman.cli.keys import pressed_keys
from pointsman.cli.output import talk_console
from pointsman.core.consent import Consent, Unanswered
from pointsman.resilience.wording import choices, default_choice, why_asked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.console import Console, RenderableType
    from rich.text import Text

    from pointsman.cli.session import LoopThread
    from pointsman.core.consent import Question
    from pointsman.core.jsontypes import Json
    from pointsman.core.ports import ConsentAsker
    from pointsman.engine.router import Router

ALONE: Mapping[str, Json] = {"resilience.max_fallbacks": 0, "resilience.unattended": "stop"}
"""Settings by which no model takes another's place, whoever is asked."""

HINT = "1 to 4, or a word; Enter takes the marked one, Ctrl-C stops."
_MOST_CHARS = 200  # of an endpoint's words


class Manner(StrEnum):
    """Who says whether another model may take over."""

    PERSON = "person"  # who sits at the terminal
    YES = "yes"  # nobody, it may
    NO = "no"  # nobody, it may not
    UNATTENDED = "unattended"  # the configuration


def manner_of(*, yes: bool, no_fallback: bool, is_for_program: bool) -> Manner:
    """What the flags mean here. A person is asked only where input, answer and talk are all a terminal."""
    if yes:
        return Manner.YES
    if no_fallback:
        return Manner.NO
    has_person = all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
    return Manner.PERSON if has_person and not is_for_program else Manner.UNATTENDED


def asker(
    manner: Manner, session: LoopThread[Router], aside: Callable[[], AbstractContextManager[None]]
) -> ConsentAsker | None:
    """Who answers the questions of one turn; inside `aside()` the terminal is free for them."""
    match manner:
        case Manner.PERSON:
            return _Person(session=session, aside=aside)
        case Manner.YES:
            return _always(Consent.ONCE)
        case Manner.NO:
            return _refuses
        case Manner.UNATTENDED:
            return None


def _always(answer: Consent) -> ConsentAsker:
    async def ask(_question: Question, /) -> Consent:
        return answer

    return ask


async def _refuses(_question: Question, /) -> Consent:
    """See ports.ConsentAsker."""
    raise Unanswered(Consent.STOP, "--no-fallback allows no other model")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Person:
    """Asks in the thread that the person types in."""

    session: LoopThread[Router]
    aside: Callable[[], AbstractContextManager[None]]

    async def __call__(self, question: Question, /) -> Consent:
        """See ports.ConsentAsker. No limit of time: somebody sits there, and Ctrl-C always works."""
        return await self.session.in_front(lambda: self._ask(question))

    def _ask(self, question: Question) -> Consent:
        with self.aside():
            return ask_at(talk_console(), question, pressed_keys, now_s=time.time())


def ask_at(
    console: Console,
    question: Question,
    pressed: Callable[[], AbstractContextManager[Iterator[str]]],
    *,
    now_s: float,
) -> Consent:
    """The answer to *question*, shown on *console*; what is left there is one line that says what was decided."""
    barred = frozenset() if question.can_keep_trying else frozenset({Consent.KEEP_TRYING})
    chooser = Chooser(marked=default_choice(question), barred=barred)
    with pressed() as keys, _shown(console, question, chooser, now_s) as show:
        answer = None
        for key in keys:
            answer = chooser.press(key)
            if answer is not None:
                break
            show()
    found = answer or Consent.STOP
    console.print(decided(question, found), style="dim")
    return found


@contextmanager
def _shown(console: Console, question: Question, chooser: Chooser, now_s: float) -> Iterator[Callable[[], None]]:
    """The question on *console*, drawn anew by what is given, and gone at the end; a simple terminal keeps it."""
    if console.is_dumb_terminal:
        console.print(picture(question, chooser, now_s))
        yield _nothing
        return
    from rich.live import Live

    live = Live(
        picture(question, chooser, now_s),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="visible",
    )
    try:
        with live:
            yield lambda: live.update(picture(question, chooser, now_s), refresh=True)
    finally:
        console.show_cursor()  # Ctrl-C may come before `live` has begun, or while it ends


def _nothing() -> None:
    """There is nothing to draw anew."""


def picture(question: Question, chooser: Chooser, now_s: float) -> RenderableType:
    """What happened, what the other model would mean, and the choices."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    lines: list[RenderableType] = [_happened(question, now_s)]
    if words := _own_words(question.message):
        lines.append(Text(words, style="dim"))
    lines.append(Text(offer(question)))
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for number, (answer, label) in enumerate(choices(question).items(), start=1):
        is_marked, is_barred = answer is chooser.marked, answer in chooser.barred
        style = "dim" if is_barred else "reverse" if is_marked else ""
        shown = f"{label} (it would not help)" if is_barred else label
        table.add_row(">" if is_marked else " ", Text.assemble((f"{number}  {shown}", style)))
    prompt = Text(f"> {chooser.typed}" if chooser.typed else HINT, style="" if chooser.typed else "dim")
    return Group(*lines, "", table, "", prompt)


def _happened(question: Question, now_s: float) -> Text:
    from rich.text import Text

    rest = f" does not answer: {why_asked(question)}"
    if question.until_s is not None and question.until_s > now_s:
        rest += f"; {again(_moment(question.until_s), _moment(now_s))}"
    return Text.assemble((question.failed, "bold"), rest, ".")


def offer(question: Question) -> str:
    """Where the other model runs and what it would cost."""
    cost = question.cost_usd
    price = "price not known" if cost is None else "free" if cost == 0 else f"about {about(cost)} for this request"
    if question.other_is_local:
        return f"{question.other} can answer: it runs here{'' if cost is None else f', {price}'}."
    leaves = ", so what you said leaves this machine" if question.failed_is_local else ""
    return f"{question.other} can answer: in the cloud, {price}{leaves}."


def decided(question: Question, answer: Consent) -> str:
    """The line that stays."""
    why = f"{question.failed}: {why_asked(question)}"
    match answer:
        case Consent.KEEP_TRYING:
            return f"{why}; trying it again"
        case Consent.ONCE:
            return f"{why}; {question.other} this time"
        case Consent.SESSION:
            return f"{why}; {question.other} for the rest of this session"
        case Consent.STOP:
            return f"{why}; stopped"


def _own_words(message: str) -> str:
    """An endpoint's words in one line that cannot do anything to a terminal."""
    text = " ".join("".join(char if char.isprintable() else " " for char in message).split())
    return text if len(text) <= _MOST_CHARS else f"{text[: _MOST_CHARS - 1]}…"


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC).astimezone()
