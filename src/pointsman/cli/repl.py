"""The conversation in the terminal: a line is said to a model, a line that begins with / is a command."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pointsman.cli.conversation import inline_model
from pointsman.cli.figures import count, dollars
from pointsman.cli.names import known_names, require_known
from pointsman.cli.outermost import complain
from pointsman.cli.output import say
from pointsman.cli.turn import take_turn
from pointsman.core.errors import PointsmanError
from pointsman.routing.learned.feedback import Verdict

if TYPE_CHECKING:
    from pointsman.cli.conversation import Conversation
    from pointsman.cli.session import LoopThread
    from pointsman.engine.router import Router
    from pointsman.experience import Critics

HELP = """\
Type to talk; a line that ends in \\ goes on in the next one.
  @name text      one message to the model, alias or tier called name
  /model [name]   who answers from now on (auto: whoever fits)
  /models         the models there are
  /why            why the last model was chosen
  /good, /bad     say so of the last answer: later choices go by it
  /cost           tokens and dollars so far
  /private        on or off: only local models may see what you say
  /clear          forget the conversation
  /exit           leave; Ctrl-D does too
Ctrl-C stops an answer and keeps what came. What you type is not written to any file."""


class Leave(Exception):
    """The person wants to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repl:
    """One conversation with its commands."""

    session: LoopThread[Router]
    conversation: Conversation
    critics: Critics | None = None  # None: the ledger is off, so nothing is learned

    def say(self, line: str) -> None:
        """A person's line: a command, or something said to a model."""
        if line.startswith("/") and not line.startswith("//"):
            name, _, rest = line[1:].partition(" ")
            self._command(name, rest.strip())
            return
        inline, text = inline_model(line.removeprefix("/") if line.startswith("//") else line)
        if inline is not None:
            require_known(inline, self._router.catalog, said_by=f"@{inline}")
        take_turn(self.session, self.conversation, text, model=inline)

    @property
    def _router(self) -> Router:
        return self.session.resource

    def _command(self, name: str, rest: str) -> None:
        commands: dict[str, Callable[[str], None]] = {
            "model": self._model,
            "models": self._models,
            "why": self._why,
            "good": lambda _rest: self._rate(Verdict.UP),
            "bad": lambda _rest: self._rate(Verdict.DOWN),
            "cost": self._cost,
            "private": self._private,
            "clear": self._clear,
            "help": self._help,
            "exit": self._leave,
            "quit": self._leave,
        }
        if name not in commands:
            near = [known for known in commands if known.startswith(name[:2])]
            complain(f"There is no /{name}.", f"/{near[0]}? /help lists all." if near else "/help lists all.")
            return
        commands[name](rest)

    def _model(self, name: str) -> None:
        if not name:
            say(f"{self.conversation.model}; there are {', '.join(known_names(self._router.catalog))}")
            return
        require_known(name, self._router.catalog, said_by="/model")
        self.conversation.model = name
        self._router.decider.consents.forget(self.conversation.caller())  # a new choice, no stand-in
        self.conversation.tier = None
        say(f"{name} answers from now on")

    def _models(self, _rest: str) -> None:
        from pointsman.cli.models import print_table

        print_table(self._router.catalog)

    def _why(self, _rest: str) -> None:
        from pointsman.cli.explanation import print_decision

        last = next((turn for turn in reversed(self.conversation.turns) if turn.decision is not None), None)
        if last is None or last.decision is None:
            say("Nobody has answered yet.")
        else:
            print_decision(self._router, last.request, last.decision)

    def _rate(self, verdict: Verdict) -> None:
        from pointsman.cli.feedback import what_was_learned

        last = next((turn for turn in reversed(self.conversation.turns) if turn.decision is not None), None)
        if last is None or last.decision is None:
            say("Nobody has answered yet.")
        elif self.critics is None:
            complain("The ledger is off, so nothing is learned.", "Set `ledger.enabled`.")
        else:
            say(what_was_learned(self.critics.rate(last.decision.id, verdict, self.conversation.caller().key_id)))

    def _cost(self, _rest: str) -> None:
        answered = [turn for turn in self.conversation.turns if turn.usage is not None and turn.bill is not None]
        tokens = sum(turn.usage.input_tokens + turn.usage.output_tokens for turn in answered if turn.usage)
        cost = sum(turn.bill.cost_usd or 0.0 for turn in answered if turn.bill)
        saved = sum(turn.bill.saved_usd or 0.0 for turn in answered if turn.bill)
        unpriced = sum(turn.bill.cost_usd is None for turn in answered if turn.bill)
        notes = f", {unpriced} without a known price" if unpriced else ""
        say(f"{len(answered)} answers, {count(tokens)} tokens, {dollars(cost)}, saved {dollars(saved)}{notes}")

    def _private(self, rest: str) -> None:
        if rest not in {"", "on", "off"}:
            complain("/private takes on or off.")
            return
        self.conversation.is_private = rest == "on" if rest else not self.conversation.is_private
        say("private: only local models" if self.conversation.is_private else "not private: any model")

    def _clear(self, _rest: str) -> None:
        self.conversation.clear()
        say("forgotten")

    def _help(self, _rest: str) -> None:
        say(HELP)

    def _leave(self, _rest: str) -> None:
        raise Leave


def talk(session: LoopThread[Router], conversation: Conversation, critics: Critics | None = None) -> None:
    """Talk until the person leaves. Ctrl-C clears the line, a second one on the empty line leaves."""
    repl = Repl(session=session, conversation=conversation, critics=critics)
    _line_editing(session.resource)
    say("/help lists the commands, Ctrl-D leaves.")
    is_leaving = False
    while True:
        try:
            line = _read(conversation)
        except EOFError:
            say("")
            return
        except KeyboardInterrupt:
            if is_leaving:
                say("")
                return
            is_leaving = True
            say("\n(once more to leave)")
            continue
        is_leaving = False
        try:
            if line.strip():
                repl.say(line.strip())
        except Leave:
            return
        except KeyboardInterrupt:
            say("(stopped)")
        except PointsmanError as error:
            complain(error.message, error.hint)
        except click.UsageError as error:
            complain(error.format_message())


def _read(conversation: Conversation) -> str:
    """One line, or several joined by a backslash at their ends."""
    sign = f"{conversation.model}{' (private)' if conversation.is_private else ''}> "
    lines = [_line(sign)]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        lines.append(_line("... "))
    return "\n".join(lines)


def _line(sign: str) -> str:
    if sys.stdout.isatty():
        return input(sign)
    click.echo(sign, nl=False, err=True)  # stdout holds answers only
    return input()


def _line_editing(router: Router) -> None:
    """Arrows, Ctrl-R and Tab, where the platform has readline. The history lives in memory: prompts are not stored."""
    try:
        import readline
    except ImportError:
        return
    names = known_names(router.catalog)
    words = [
        *(f"/{word}" for word in ("model", "models", "why", "good", "bad", "cost", "private", "clear", "help", "exit")),
        *(f"@{name}" for name in names),
        *names,
    ]

    def complete(text: str, state: int) -> str | None:
        fitting = [word for word in words if text and word.startswith(text)]
        return f"{fitting[state]} " if state < len(fitting) else None

    readline.set_completer_delims(" \t\n")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
