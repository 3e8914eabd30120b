"""What the order of requests costs on one GPU that cannot hold all models: a simulation with the product's scheduler.

python bench/swap/run.py [--seeds N] [--write]

Virtual time, no GPU: a serial device of 23 GiB, the speeds the guide names (3B 80, 7B 60, 32B 18 tokens/s), loads of
1.5 s + bytes / 2.6 GB/s. `fifo` serves strictly in order; the others are `pointsman.local.scheduler` with several
bounds on how long a request may be passed, and with what would evict a pinned model sent to a cloud model instead.
"""

from __future__ import annotations

import argparse
import heapq
import random
import statistics
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.local.model_state import LocalModel, expected_load_s
from pointsman.local.planner import Room
from pointsman.local.scheduler import Admit, Effect, Load, Refuse, Scheduler, Unload
from pointsman.testing import ManualClock

GIB = 1 << 30
BENCHMARKS = Path(__file__).parents[2] / "BENCHMARKS.md"
BUDGET = 23 * GIB
SIZES = {"3B": int(2.7 * GIB), "7B": int(5.3 * GIB), "32B": int(21.0 * GIB)}  # running, 4,096 tokens
TOKENS_PER_S = {"3B": 80.0, "7B": 60.0, "32B": 18.0}
CLOUD_TOKENS_PER_S, CLOUD_S = 90.0, 1.0
PREFILL_S = 0.3


@dataclass(frozen=True, slots=True)
class Request:
    """One call: when it comes, for which model, and how many tokens it is answered with."""

    at_s: float
    model: str
    tokens: int


@dataclass(slots=True)
class Result:
    """What a run gave."""

    latencies_s: list[float] = field(default_factory=list)
    loads: int = 0
    cloud: int = 0
    end_s: float = 0.0


def trace(seed: int, count: int, gap_s: float, mix: dict[str, float]) -> list[Request]:
    """Calls at random times, *gap_s* apart on average; 0: all at once."""
    draw = random.Random(seed)
    now, found = 0.0, []
    for _ in range(count):
        now += draw.expovariate(1 / gap_s) if gap_s else 0.0
        model = draw.choices(list(mix), list(mix.values()))[0]
        found.append(Request(now, model, int(draw.uniform(80, 350))))
    return found


def fifo(requests: Sequence[Request]) -> Result:
    """Strictly in order; the models not needed go, the least recently used first."""
    result, now = Result(), 0.0
    loaded: dict[str, float] = {}
    for one in requests:
        now = max(now, one.at_s)
        if one.model not in loaded:
            while loaded and sum(SIZES[name] for name in loaded) + SIZES[one.model] > BUDGET:
                del loaded[min(loaded, key=loaded.__getitem__)]
            now += expected_load_s(SIZES[one.model])
            result.loads += 1
        now += PREFILL_S + one.tokens / TOKENS_PER_S[one.model]
        loaded[one.model] = now
        result.latencies_s.append(now - one.at_s)
    result.end_s = now
    return result


@dataclass(slots=True, kw_only=True)
class Device:
    """A serial GPU run by the scheduler. What `pinned` models leave no room for goes to a cloud when it `spills`."""

    requests: Sequence[Request]
    bypass_s: float
    pinned: Sequence[str] = ()
    spills: bool = False
    clock: ManualClock = field(default_factory=ManualClock)
    result: Result = field(default_factory=Result)
    scheduler: Scheduler = field(init=False)
    _coming: list[tuple[float, int, str, int | str]] = field(default_factory=list)
    _ready: deque[int] = field(default_factory=deque)
    _is_answering: bool = False
    _number: int = 0

    def run(self) -> Result:
        """To the last answer."""
        self.scheduler = Scheduler(
            models=[LocalModel(name=n, size_bytes=s, is_pinned=n in self.pinned) for n, s in SIZES.items()],
            budget_bytes=BUDGET,
            clock=self.clock,
            bypass_s=self.bypass_s,
        )
        for index, one in enumerate(self.requests):
            self._at(one.at_s, "arrive", index)
        while self._coming:
            at_s, _, what, which = heapq.heappop(self._coming)
            self.clock.now_s = max(self.clock.now_s, at_s)
            self._carry_out(self._happens(what, which))
            self._answer()
            if (tick_s := self.scheduler.next_tick_s()) is not None:
                self._at(tick_s + 1e-6, "tick", 0)
        return self.result

    def _happens(self, what: str, which: int | str) -> Sequence[Effect]:
        match what, which:
            case "arrive", int(index):
                return self._arrive(index)
            case "loaded", str(model):
                return self.scheduler.loaded(model)
            case "unloaded", str(model):
                return self.scheduler.unloaded(model)
            case "answered", int(index):
                self._is_answering = False
                self.result.end_s = self.clock.now_s
                self.result.latencies_s.append(self.clock.now_s - self.requests[index].at_s)
                return self.scheduler.leave(index)
            case _:
                return self.scheduler.tick()

    def _arrive(self, index: int) -> Sequence[Effect]:
        one = self.requests[index]
        if self.spills and self.scheduler.verdict(one.model) is Room.NEVER:
            self._to_cloud(one)
            return ()
        return self.scheduler.arrive(index, one.model)

    def _to_cloud(self, one: Request) -> None:
        self.result.cloud += 1
        self.result.latencies_s.append(CLOUD_S + one.tokens / CLOUD_TOKENS_PER_S)

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case Load(model):
                    self.result.loads += 1
                    self._at(self.clock.now_s + expected_load_s(SIZES[model]), "loaded", model)
                case Unload(model):
                    self._at(self.clock.now_s, "unloaded", model)
                case Admit(ticket):
                    self._ready.append(ticket)
                case Refuse(ticket, reason):
                    raise RuntimeError(f"{self.requests[ticket]} was refused: {reason}")

    def _answer(self) -> None:
        """The GPU takes the next admitted request when it is free."""
        if self._is_answering or not self._ready:
            return
        index = self._ready.popleft()
        one = self.requests[index]
        self._is_answering = True
        self._at(self.clock.now_s + PREFILL_S + one.tokens / TOKENS_PER_S[one.model], "answered", index)

    def _at(self, at_s: float, what: str, which: int | str) -> None:
        self._number += 1
        heapq.heappush(self._coming, (at_s, self._number, what, which))


def rows(seeds: int) -> Iterator[str]:
    """The table, a row for each case and policy."""
    burst = {"3B": 0.7, "32B": 0.3}
    steady = {"3B": 0.7, "32B": 0.3}
    cases = [
        ("burst of 100 (70 % 3B, 30 % 32B)", [trace(seed, 100, 0.0, burst) for seed in range(seeds)]),
        ("one call every 10 s", [trace(seed, 300, 10.0, steady) for seed in range(seeds)]),
        ("one call every 30 s", [trace(seed, 300, 30.0, steady) for seed in range(seeds)]),
    ]
    for name, traces in cases:
        yield _row(name, "in order", [fifo(one) for one in traces])
        for bypass_s, label in ((30.0, "30 s"), (60.0, "60 s"), (120.0, "120 s")):
            grouped = [Device(requests=one, bypass_s=bypass_s).run() for one in traces]
            yield _row("", f"grouped, passed {label} at most", grouped)
        spilled = [Device(requests=t, bypass_s=30.0, pinned=["3B"], spills=True).run() for t in traces]
        yield _row("", "3B pinned, the rest to the cloud", spilled)


def _row(case: str, policy: str, results: Sequence[Result]) -> str:
    latencies = sorted(s for one in results for s in one.latencies_s)
    answered = len(latencies)
    loads = 100 * sum(one.loads for one in results) / answered
    cloud = 100 * sum(one.cloud for one in results) / answered
    end = statistics.mean(one.end_s for one in results)
    p95 = latencies[int(0.95 * answered)]
    figures = f"{end:,.0f} | {statistics.mean(latencies):.1f} | {p95:.1f} | {loads:.0f} | {cloud:.0f} %"
    return f"| {case} | {policy} | {figures} |"


def main() -> None:
    """Print the section; `--write` puts it into BENCHMARKS.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the table into BENCHMARKS.md")
    asked = parser.parse_args()
    head = [
        f"`python bench/swap/run.py --seeds {asked.seeds}`: a simulation (virtual time, no GPU), {asked.seeds} seeds.",
        "",
        "| case | policy | all done, s | mean s | p95 s | loads per 100 | cloud |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    text = "\n".join([*head, *rows(asked.seeds)])
    print(text)
    if asked.write:
        before, rest = BENCHMARKS.read_text().split("<!-- bench:swap -->")
        after = rest.split("<!-- /bench:swap -->")[1]
        BENCHMARKS.write_text(f"{before}<!-- bench:swap -->\n{text}\n<!-- /bench:swap -->{after}")


if __name__ == "__main__":
    main()
