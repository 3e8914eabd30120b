"""A choice among a few lines by number, arrow or word. Knows keys, not terminals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pointsman.core.consent import Consent

UP: Final = "up"
DOWN: Final = "down"
ENTER: Final = "enter"
BACK: Final = "back"
END: Final = "end"  # of the input: nobody is there any more

WORDS: Final[Mapping[Consent, tuple[str, ...]]] = {
    Consent.KEEP_TRYING: ("keep trying", "keep_trying", "retry"),
    Consent.ONCE: ("once", "this time"),
    Consent.SESSION: ("session", "rest"),
    Consent.STOP: ("stop", "quit", "no"),
}
_MOST_CHARS = 20


@dataclass(slots=True, kw_only=True)
class Chooser:
    """What is marked and what has been typed so far."""

    marked: Consent
    barred: frozenset[Consent] = frozenset()
    typed: str = field(default="", init=False)

    def press(self, key: str) -> Consent | None:
        """The choice that *key* (a character, or one of the names above) completes; None when it is still open.

        A digit is one at once; a word, or as much of it as tells, needs Enter; Enter alone takes what is marked.
        """
        match key:
            case "up":
                self._move(-1)
            case "down":
                self._move(1)
            case "back":
                self.typed = self.typed[:-1]
            case "enter":
                return self._entered()
            case "end":
                return Consent.STOP
            case _ if not self.typed and key.isdigit():
                return self._numbered(int(key))
            case _ if key.isprintable() and len(self.typed) < _MOST_CHARS:
                self.typed += key
            case _:
                pass
        return None

    def _move(self, step: int) -> None:
        answers = [answer for answer in Consent if answer not in self.barred]
        self.marked = answers[(answers.index(self.marked) + step) % len(answers)]

    def _entered(self) -> Consent | None:
        typed, self.typed = self.typed.strip().lower(), ""
        if not typed:
            return self.marked
        if typed.isdigit():
            return self._numbered(int(typed))
        found = {answer for answer, words in WORDS.items() if any(word.startswith(typed) for word in words)}
        return found.pop() if len(found) == 1 and not found & self.barred else None

    def _numbered(self, number: int) -> Consent | None:
        answers = list(Consent)
        if not 1 <= number <= len(answers) or answers[number - 1] in self.barred:
            return None
        return answers[number - 1]
