"""CPU time the ledger costs per request: on the caller's thread, and in all with the writer's thread.

    python bench/ledger_micro.py [--requests 20000]

Two loads: `together`, where a request begins and ends within one 50 ms batch, and `apart`, where it ends in a later
one (an insert and an update). Each request is Decided (six steps, two struck models), AttemptStarted, Finished.
`stall` is the longest time a busy main thread was held up by the writer while it burned CPU beside it.
"""

from __future__ import annotations

import argparse
import gc
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from pointsman.adapters.storage.sqlite import SqliteLedger
from pointsman.core.catalog import Operation, Tier
from pointsman.core.chat import Usage
from pointsman.core.decision import Caller, Decision, Outcome, Privacy, PromptFeatures, Step, Struck
from pointsman.core.events import AttemptStarted, Decided, Event, Finished, FinishReason

STEPS = ("explicit", "preset", "agents", "session", "rules")
CHUNK = 2_000  # requests between two flushes of the load `apart`


def request(number: int) -> tuple[list[Event], Event]:
    """The events of one plausible request: at its start, and at its end."""
    key, at_s = f"{number * 11400714819323198485 % 2**64:016x}", 1_790_000_000 + number / 1000
    trail = (
        *(Step(strategy=name, outcome=Outcome.PASSED, detail="nothing to say", elapsed_us=0.4) for name in STEPS),
        Step(strategy="complexity", outcome=Outcome.PICKED, detail="score 0.41: complex", elapsed_us=41.7),
    )
    struck = tuple(Struck(model=f"cloud/gpt-{n}", by="capability", reason="no tools") for n in range(2))
    decision = Decision(
        id=key, asked="auto", operation=Operation.CHAT, candidates=("ollama/qwen2.5-14b", "cloud/gpt-5-mini"),
        model="qwen2.5-14b", tier=Tier.COMPLEX, strategy="complexity", reason="score 0.41: complex", score=0.41,
        confidence=0.83, privacy=Privacy(), struck=struck, trail=trail, elapsed_us=58.3, router="auto",
    )  # fmt: skip
    start: list[Event] = [
        Decided(
            at_s=at_s, decision=decision, surface="openai_chat", stream=True,
            caller=Caller(session=f"s{number % 50}", agent="coder", client="OpenAI/Python"),
            features=PromptFeatures(ask="Refactor this module.", estimated_input_tokens=812, turns=3, n_tools=2),
        ),
        AttemptStarted(decision_id=key, at_s=at_s, model="ollama/qwen2.5-14b", endpoint="ollama", number=1),
    ]  # fmt: skip
    end = Finished(
        decision_id=key, at_s=at_s + 1.2, reason=FinishReason.OK, status=200, served="ollama/qwen2.5-14b",
        upstream_model="qwen2.5:14b", attempts=1, fallbacks=0, usage=Usage(input_tokens=830, output_tokens=211),
        cost_usd=0.0, saved_usd=0.00213, baseline="cloud/gpt-5-mini", duration_ms=1200.0, first_byte_ms=211.0,
        overhead_ms=0.31, is_local=True,
    )  # fmt: skip
    return start, end


def emit(ledger: SqliteLedger, events: list[Event]) -> float:
    """Seconds of this thread's CPU to hand over *events*."""
    begun = time.thread_time()
    for event in events:
        ledger(event)
    return time.thread_time() - begun


def measure(count: int, *, is_apart: bool) -> tuple[float, float, float]:
    """CPU µs per request on the caller's thread and in all, and bytes per request in the file."""
    requests = [request(number) for number in range(count)]
    gc.collect()
    gc.freeze()  # the load was made beforehand; a gateway would not hold it
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        ledger = SqliteLedger(path, queue_limit=10_000_000).start()
        ledger.flush()
        own, begun = 0.0, time.process_time()
        for low in range(0, count, CHUNK):
            chunk = requests[low : low + CHUNK]
            if is_apart:
                own += emit(ledger, [event for start, _ in chunk for event in start])
                ledger.flush(60)
                own += emit(ledger, [end for _, end in chunk])
            else:
                own += emit(ledger, [event for start, end in chunk for event in (*start, end)])
            ledger.flush(60)
        total = time.process_time() - begun
        ledger.close(60)
        connection = sqlite3.connect(path)
        (rows,) = connection.execute("SELECT count(*) FROM requests WHERE outcome = 'ok'").fetchone()
        connection.close()
        if rows != count:
            sys.exit(f"{rows} of {count} requests are in the file")
        return own / count * 1e6, total / count * 1e6, path.stat().st_size / count


def stall(count: int) -> float:
    """Longest gap in ms that a thread in a tight loop sees while the writer works through *count* requests."""
    events = [event for number in range(count) for start, end in [request(number)] for event in (*start, end)]
    with tempfile.TemporaryDirectory() as folder:
        ledger = SqliteLedger(Path(folder) / "ledger.db", queue_limit=10_000_000).start()
        ledger.flush()
        emit(ledger, events)
        longest, before, until = 0.0, time.perf_counter(), time.perf_counter() + 0.5
        while before < until:
            now = time.perf_counter()
            longest, before = max(longest, now - before), now
        ledger.close(60)
    return longest * 1e3


def main() -> None:
    """Print one line per load."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--requests", type=int, default=20_000)
    count = parser.parse_args().requests
    for name, is_apart in (("together", False), ("apart", True)):
        own, total, size = measure(count, is_apart=is_apart)
        print(f"{name:9} caller {own:5.2f} µs  all threads {total:6.1f} µs  file {size:5.0f} bytes  per request")
    print(f"stall     longest {stall(170):.2f} ms with 170 requests waiting")


if __name__ == "__main__":
    main()
