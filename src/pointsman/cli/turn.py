"""One turn on the terminal: a sign of life, the answer as it comes, a dim footer."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pointsman.cli.consent import Manner, asker
from pointsman.cli.conversation import Heard, answer
from pointsman.cli.figures import dollars, duration
from pointsman.cli.output import say, talk_console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.cli.conversation import Conversation
    from pointsman.cli.session import LoopThread
    from pointsman.engine.router import Router
    from pointsman.local.scheduler import Place


def take_turn(
    session: LoopThread[Router],
    conversation: Conversation,
    text: str,
    *,
    model: str | None = None,
    stream: bool = True,
    quiet: bool = False,
) -> Heard:
    """Ask *text* and print the answer; with *quiet* nothing is printed.

    KeyboardInterrupt passes on after what was heard has been kept.
    """
    heard = Heard(request=conversation.request(text, model))
    printer = _Printer(quiet=quiet)
    try:
        with printer:
            show, ask = printer.show if stream else None, asker(conversation.manner, session, printer.aside)
            session.run(lambda router: answer(router, conversation, heard, show, ask, printer.waits))
            if not stream:
                printer.show(heard.text)
    finally:
        conversation.keep(text, heard)
    if not quiet:
        _tell(heard, conversation.manner)
    return heard


class _Printer:
    """Writes pieces to stdout; until the first one a person sees that something is under way."""

    def __init__(self, *, quiet: bool) -> None:
        self._is_quiet = quiet
        self._ends_line = True
        console = talk_console()
        is_watched = console.is_terminal and not quiet
        self._status = console.status("[dim]asking …[/dim]", spinner="dots") if is_watched else None

    def __enter__(self) -> None:
        if self._status is not None:
            self._status.start()

    def __exit__(self, *_: object) -> None:
        self._calm()
        if not self._ends_line:
            click.echo()

    def waits(self, place: Place) -> None:
        """Say how long it may take until the model is in memory."""
        if self._status is not None:
            self._status.update(f"[dim]loading the model: number {place.position}, about {place.eta_s:.0f} s …[/dim]")

    def show(self, text: str) -> None:
        """Print *text* at once."""
        if self._is_quiet or not text:
            return
        self._calm()
        sys.stdout.write(text)
        sys.stdout.flush()
        self._ends_line = text.endswith("\n")

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While inside, the terminal is free for something else."""
        if self._status is not None:
            self._status.stop()
        if not self._ends_line:
            click.echo()
            self._ends_line = True
        yield
        if self._status is not None:
            self._status.start()

    def _calm(self) -> None:
        if self._status is not None:
            self._status.stop()
            self._status = None


def footer(heard: Heard) -> str:
    """`demo-small · demo · 12 tok · 0.4 s · $0`."""
    card, usage, costs = heard.card, heard.usage, heard.bill
    parts = [card.id if card else "nobody"]
    if card is not None and card.is_demo:
        parts.append("demo")
    if heard.fallbacks:
        parts.append(f"for {', '.join(f'{one.model} ({one.what})' for one in heard.fallbacks)}")
    if usage is not None:
        parts.append(f"{'~' if usage.is_estimated else ''}{usage.output_tokens:,} tok")
    parts.append(duration(heard.duration_ms))
    if costs is not None and costs.cost_usd is not None:
        parts.append(dollars(costs.cost_usd))
    if costs is not None and costs.saved_usd is not None and costs.saved_usd > 0:
        parts.append(f"saved {dollars(costs.saved_usd)}")
    return " · ".join(parts)


def _tell(heard: Heard, manner: Manner) -> None:
    """Warnings, and for a person the footer; where nobody was asked or said so, in whose place another answered."""
    for warning in heard.decision.warnings if heard.decision else ():
        say(f"warning: {warning}")
    console = talk_console()
    if console.is_terminal:
        console.print(footer(heard), style="dim")
    elif manner is Manner.UNATTENDED and heard.card is not None:
        for one in heard.fallbacks:
            say(f"note: {one.model} did not answer ({one.what}); {heard.card.id} did")
