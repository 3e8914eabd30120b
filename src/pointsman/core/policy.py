"""What is to happen after each kind of failure, as data: who may decide it, what it does to the model's health."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from pointsman.core.failure import FailureKind


class Action(StrEnum):
    """Whether another model may take over."""

    SILENT = "silent"  # yes
    ASK = "ask"  # when the person says so; where nobody can be asked, as the configuration says
    STOP = "stop"  # no: the caller gets the error


class Mark(StrEnum):
    """What a failure does to the health of the model (or the endpoint, where it is the endpoint's)."""

    NONE = "none"
    ONE_RETRY = "one_retry"
    COOL = "cool"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """For one kind of failure. `attempts` is how often one request asks the same model before it goes on."""

    action: Action = Action.SILENT
    mark: Mark = Mark.NONE
    attempts: int = 1


STOP = Rule(action=Action.STOP)
NOTHING_LOST = Rule()
DEFAULT_RULES: Mapping[FailureKind, Rule] = {
    FailureKind.TERMINAL: Rule(action=Action.ASK, mark=Mark.DOWN),
    FailureKind.TRANSIENT: Rule(action=Action.ASK, mark=Mark.COOL),
    FailureKind.NOT_FOUND: Rule(action=Action.ASK, mark=Mark.DOWN),
    FailureKind.AUTH: Rule(action=Action.ASK, mark=Mark.DOWN),
    FailureKind.UNKNOWN: Rule(action=Action.ASK, mark=Mark.COOL),
    FailureKind.CONTEXT: NOTHING_LOST,
    FailureKind.CONTENT: NOTHING_LOST,  # goes to configured content fallbacks only
    FailureKind.BAD_REQUEST: STOP,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A model's rules; a kind it does not name goes by `DEFAULT_RULES`."""

    rules: Mapping[FailureKind, Rule] = field(default_factory=dict)

    def rule(self, kind: FailureKind) -> Rule:
        """The rule for *kind*."""
        return self.rules.get(kind) or DEFAULT_RULES[kind]


DEFAULT_POLICY = Policy()
