r"""How long a regular expression could take at worst, so that one that explodes is refused when it is read.

Allowed are literals, classes, groups, alternation, and repetitions of one character or class up to a bound. The work
at one position is the sum over a sequence of each item's steps times the ways to reach it. A repetition has a way for
each count, and takes its item's length in steps for each round and one for each way: `[a-z]{1,8}x` has 8 ways through
the repetition in 5·8 + 8 steps, then one step for the `x` on each way: 48 + 8·1 = 56.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_REPETITIONS = 64
MAX_WORK = 2_048
"""For one pattern."""
MAX_TOTAL_WORK = 8_192
"""For all patterns that meet a prompt."""
_MAX_PATTERN_CHARS = 256
_MAX_DEPTH = 16

_ATOM = re.compile(
    r"""(?P<open>\((?:\?:|\?P<\w+>)?(?!\?))  # a plain, unnamed or named group; any other "(?" is left over
      | (?P<close>\))
      | (?P<bar>\|)
      | (?P<one>\[\^?\]?(?:[^\]\\]|\\.)*\]   # a class
          | \\[^0-9]                         # an escape, not a back-reference
          | [^()|\\\[*+?]                    # a literal, an anchor, any character
        )""",
    re.VERBOSE | re.DOTALL,
)
_REPETITION = re.compile(r"(?:\{(?P<low>\d*)(?P<range>,(?P<high>\d*))?\}|(?P<sign>[*+?]))(?P<mode>[?+])?")


@dataclass(frozen=True, slots=True)
class _Cost:
    """Ways through a piece of a pattern, and steps over all of them."""

    ways: int = 1
    steps: int = 0

    def then(self, following: _Cost) -> _Cost:
        return _Cost(self.ways * following.ways, self.steps + self.ways * following.steps)

    def otherwise(self, other: _Cost) -> _Cost:
        return _Cost(self.ways + other.ways, 1 + self.steps + other.steps)


class _Unsupported(ValueError):
    """The pattern holds something whose cost is not bounded here."""


def pattern_problem(pattern: str) -> str | None:
    """Why *pattern* is refused, as the end of a sentence, or None when it is sound and cheap."""
    if len(pattern) > _MAX_PATTERN_CHARS:
        return f"is longer than {_MAX_PATTERN_CHARS} characters"
    try:
        re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        return f"is not a regular expression ({error})"
    try:
        work = pattern_work(pattern)
    except _Unsupported as unsupported:
        return str(unsupported)
    return f"could take {work} steps at one position, more than {MAX_WORK}" if work > MAX_WORK else None


def pattern_work(pattern: str) -> int:
    """The most steps a search can take at one position; *pattern* must be a regular expression of the allowed kind."""
    # Each open group: the finished alternatives, then the one being read.
    groups: list[tuple[_Cost | None, _Cost]] = [(None, _Cost())]
    position = 0
    while position < len(pattern):
        atom = _ATOM.match(pattern, position)
        if atom is None:
            raise _Unsupported("repeats without a bound, looks around, refers back or sets a flag")
        position = atom.end()
        finished, current = groups[-1]
        if atom["open"]:
            groups.append((None, _Cost()))
            if len(groups) > _MAX_DEPTH:
                raise _Unsupported(f"nests deeper than {_MAX_DEPTH - 1} groups")
        elif atom["bar"]:
            groups[-1] = (_either(finished, current), _Cost())
        elif atom["close"]:
            if _REPETITION.match(pattern, position):
                raise _Unsupported("repeats a group")
            groups.pop()
            groups[-1] = (groups[-1][0], groups[-1][1].then(_either(finished, current)))
        else:
            cost, position = _repeated(pattern, position, size=len(atom["one"]))
            groups[-1] = (finished, current.then(cost))
    finished, current = groups[0]
    return _either(finished, current).steps


def _either(finished: _Cost | None, current: _Cost) -> _Cost:
    return current if finished is None else finished.otherwise(current)


def _repeated(pattern: str, position: int, *, size: int) -> tuple[_Cost, int]:
    """The cost of an item of *size* characters with the repetition that may follow it, and where that ends."""
    found = _REPETITION.match(pattern, position)
    if found is None:
        return _Cost(1, size), position
    if found["sign"] in {"*", "+"} or (found["range"] and not found["high"]):
        raise _Unsupported("repeats without a bound")
    low = int(found["low"] or 0)
    high = 1 if found["sign"] else int(found["high"] or low)
    if high > MAX_REPETITIONS:
        raise _Unsupported(f"repeats more than {MAX_REPETITIONS} times")
    ways = high - low + 1
    return _Cost(ways, size * high + ways), found.end()
