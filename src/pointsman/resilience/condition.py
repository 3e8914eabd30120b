"""One model's or endpoint's condition, as a state machine. It knows no policy and no clock: both come with the call.

state      may be asked            on success                on failure                        by time
healthy    yes                     stays                     as the book of healths says       -
one_retry  yes, once a request     healthy                   stays                             -
cooling    once `until` is over:   (not asked)               stays; a longer wait counts       -
down         by one, the probe     (not asked)               stays; a longer wait counts       -
probing    no                      ramping                   cooling or down, for longer       60 s: another probe
ramping    its share of requests   stage by stage, healthy   cooling or down                   stage by stage, healthy
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pointsman.core.health import Cause, Health, HealthState
from pointsman.resilience.tally import Tally
from pointsman.resilience.tolerance import FORGET_S, MOST_QUOTA_S, PROBE_LOST_S, STAGE_SUCCESSES, STAGES

LEFT_ALONE = frozenset((HealthState.COOLING, HealthState.DOWN))


@dataclass(slots=True, kw_only=True)
class Condition:
    """Of `subject`, a card's id or an endpoint's name. Times are monotonic seconds (`at`), but for `until_s`."""

    subject: str
    is_endpoint: bool
    ramp_s: float
    state: HealthState = HealthState.HEALTHY
    cause: Cause | None = None
    message: str | None = None
    since: float = 0.0
    until: float = 0.0  # of cooling and down; of probing: when the probe is given up
    until_s: float | None = None  # the same since the epoch, of a date that was named: the other clock stops in sleep
    stage: int = 0
    stage_since: float = 0.0
    stage_successes: int = 0
    ejections: int = 0  # in a row, but for those that the endpoint set the time of
    insisted: int = 0  # requests under way that asked although it was to be left alone
    before_probe: HealthState = HealthState.COOLING
    failures: int = 0  # in a row
    tally: Tally = field(default_factory=Tally)

    @property
    def is_left_alone(self) -> bool:
        """Whether nobody asks it, be the wait over or not."""
        return self.state in LEFT_ALONE

    @property
    def share(self) -> float:
        """Of its requests that it gets."""
        return STAGES[self.stage] if self.state is HealthState.RAMPING else 1.0

    def may_try(self, at: float, now_s: float) -> bool:
        """Whether it could be taken."""
        match self.state:
            case HealthState.COOLING | HealthState.DOWN | HealthState.PROBING:
                return self.is_due(at, now_s)
            case _:
                return True

    def is_due(self, at: float, now_s: float) -> bool:
        """Whether the wait is over, by either clock where there are two."""
        return at >= self.until or (self.until_s is not None and now_s >= self.until_s)

    def take(self, at: float, draw: Callable[[], float], *, has_other: bool) -> bool:
        """Leave to ask it, who `may_try`: its probe, or its share."""
        if self.state is HealthState.RAMPING:
            return not has_other or draw() < self.share
        if self.state in LEFT_ALONE:
            self.before_probe = self.state
            self._enter(HealthState.PROBING, at)
        if self.state is HealthState.PROBING:
            self.until = at + PROBE_LOST_S
            self.until_s = None
        return True

    def give_back(self, at: float) -> None:
        """Nothing was learnt: the probe's place is free."""
        self.insisted = max(0, self.insisted - 1)
        if self.state is HealthState.PROBING:
            self._enter(self.before_probe, at)
            self.until = at

    def answering(self, at: float) -> None:
        """It shows signs of life: the probe is over, its verdict still to come."""
        if self.state is HealthState.PROBING:
            self._ramp(at)

    def success(self, at: float, now_s: float) -> None:
        """It answered. An answer to a request from before it was left alone proves nothing."""
        self.tally.answer(at)
        if not self.is_left_alone:
            self.failures = 0
        match self.state:
            case HealthState.ONE_RETRY:
                self.recover(at)
            case HealthState.PROBING:
                self._ramp(at)
            case HealthState.RAMPING:
                self.stage_successes += 1
                if self.stage_successes >= STAGE_SUCCESSES:
                    self._next_stage(at)
            case HealthState.COOLING | HealthState.DOWN if self.insisted or self.is_due(at, now_s):
                self._ramp(at)
            case _:
                pass
        self.insisted = max(0, self.insisted - 1)

    def settle(self, at: float) -> None:
        """Let the ramp's time count; failures before the next stage would have ended it."""
        while self.state is HealthState.RAMPING and at - self.stage_since >= self.ramp_s / len(STAGES):
            self._next_stage(self.stage_since + self.ramp_s / len(STAGES))

    def doubt(self, at: float) -> None:
        """Each request asks it once, until it answers."""
        if not self.is_left_alone:
            self._enter(HealthState.ONE_RETRY, at)

    def eject(self, state: HealthState, at: float, pause_s: float, until_s: float | None) -> None:
        """Nobody asks it for *pause_s*; *until_s* is the same since the epoch where the endpoint named a date."""
        self.state, self.since = state, at
        self.until, self.until_s = at + pause_s, until_s
        self.tally.clear()

    def prolong(self, state: HealthState, at: float, pause_s: float, until_s: float | None) -> None:
        """The same for somebody who is left alone already: what is longer and what is worse counts."""
        if state is HealthState.DOWN is not self.state:
            self._enter(state, at)
        if at + pause_s > self.until:
            self.until, self.until_s = at + pause_s, until_s

    def count_ejection(self, at: float) -> int:
        """How many times in a row, with the one to come, it is left alone."""
        if self.state is HealthState.HEALTHY and at - self.since > FORGET_S:
            self.ejections = 0
        self.ejections += 1
        return self.ejections

    def is_forgettable(self, at: float) -> bool:
        """Whether it has been well for so long that nothing of the past counts."""
        return self.state is HealthState.HEALTHY and (not self.ejections or at - self.since > FORGET_S)

    def blame(self, cause: Cause, message: str) -> None:
        """What is shown beside the state."""
        self.cause, self.message = cause, message
        self.failures += 1

    def wait_s(self, at: float, now_s: float) -> float:
        """Seconds until it may be asked."""
        if self.state not in LEFT_ALONE and self.state is not HealthState.PROBING:
            return 0.0
        waits = [self.until - at]
        if self.until_s is not None:
            waits.append(self.until_s - now_s)
        return max(0.0, min(waits))

    def health(self, at: float, now_s: float) -> Health:
        """The condition as a value; its times are as long ago or ahead as they are by the monotonic clock."""
        is_unwell = self.state is not HealthState.HEALTHY
        return Health(
            subject=self.subject,
            is_endpoint=self.is_endpoint,
            state=self.state,
            cause=self.cause if is_unwell else None,
            since_s=now_s - max(0.0, at - self.since),
            until_s=now_s + self.wait_s(at, now_s) if self.is_left_alone else None,
            failures=self.failures,
            share=self.share,
            message=self.message if is_unwell else None,
        )

    def recover(self, at: float) -> None:
        """It is well."""
        self._enter(HealthState.HEALTHY, at)
        self.cause = self.message = None
        self.failures = self.stage = 0
        self.tally.clear()

    def adopt(self, health: Health, at: float, now_s: float) -> None:
        """Be as another process says; the nearer end of its times counts, whatever it says."""
        if health.state is HealthState.HEALTHY:
            self.recover(at)
            return
        self.state, self.cause, self.message = health.state, health.cause, health.message
        self.failures = health.failures
        self.since = at - max(0.0, now_s - health.since_s)
        self.tally.clear()
        if self.is_left_alone:
            self.until = at + min(max(0.0, (health.until_s or now_s) - now_s), MOST_QUOTA_S)
            self.until_s = health.until_s
        elif self.state is HealthState.PROBING:
            self.before_probe = HealthState.COOLING
            self.until, self.until_s = at + PROBE_LOST_S, None
        else:
            self.stage = sum(share < health.share for share in STAGES[:-1])
            self.stage_since, self.stage_successes = at, 0

    def _enter(self, state: HealthState, at: float) -> None:
        if state is not self.state:
            self.state, self.since = state, at

    def _ramp(self, at: float) -> None:
        self._enter(HealthState.RAMPING, at)
        self.failures = 0
        self.stage, self.stage_since, self.stage_successes = 0, at, 0

    def _next_stage(self, at: float) -> None:
        self.stage, self.stage_since, self.stage_successes = self.stage + 1, at, 0
        if self.stage == len(STAGES):
            self.recover(at)
