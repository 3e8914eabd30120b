"""Pointsman, LiteLLM and gemini-cli when a model does not answer: time until the caller knows, and requests sent.

python bench/outage/peers.py [--litellm PYTHON]

PYTHON is that of an environment with LiteLLM. gemini-cli's figures were measured once, by hand, on 0.61.0 against an
upstream of the same kind; they stand here. Writes docs/reference/outages.md, between its marks.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from callers import Caller, Outcome
from scripted import Scripted, scripted

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "reference" / "outages.md"
BEGIN, END = "<!-- bench:peers -->", "<!-- /bench:peers -->"
sys.path.insert(0, str(HERE.parent / "gateway"))

import processes  # noqa: E402  the gateway benchmark's

MOST_S = 130.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What happens to `pro`; `flash` is well where there is one. `gemini_cli` is what was measured of it."""

    title: str
    pro: str
    gemini_cli: str
    flash: str | None = "well"
    stream: bool = False
    requests: int = 5  # in a row


CASES = (
    Case(
        title="pro answers 503",
        pro="busy",
        gemini_cli="headless: exit 1 after 216 s, 10 requests, flash not asked; with `auto` after 3. On a terminal: 28 "
        "requests in 150 s and no end",
    ),
    Case(
        title="pro's daily quota is spent",
        pro="quota",
        gemini_cli="headless: exit 1 at once, 1 request. On a terminal: asks; afterwards routing is off",
    ),
    Case(
        title="pro answers 429, “try again in 2 s”, and there is flash",
        pro="limited",
        gemini_cli="waits 5.3, 11.1, 21.2, 32.9 s between requests while it lasts; flash not asked",
    ),
    Case(
        title="pro answers 429, “try again in 2 s”, and there is nobody else",
        pro="limited",
        flash=None,
        requests=1,
        gemini_cli="as above: 5.3 s at the least",
    ),
    Case(
        title="pro hangs before the first byte of a stream",
        pro="hang",
        stream=True,
        requests=2,
        gemini_cli="not measured; its local classifier, hanging, adds 10.0 s to each turn",
    ),
    Case(
        title="pro's stream is cut after two pieces",
        pro="cut",
        stream=True,
        requests=1,
        gemini_cli="exit 1; where only the end is missing: 4 requests, the text printed 4 times, exit 0",
    ),
    Case(
        title="both refuse connections",
        pro="gone",
        flash="gone",
        gemini_cli="not measured",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request's outcome and the requests it took, by model."""

    elapsed_s: float
    result: str
    sent: Counter[str]

    def __str__(self) -> str:
        elapsed = f"{self.elapsed_s * 1000:,.0f} ms" if self.elapsed_s < 1 else f"{self.elapsed_s:,.1f} s"
        sent = " + ".join(f"{count} to {name}" for name, count in self.sent.items()) or "none got through"
        return f"{self.result} after **{elapsed}**; requests: {sent}"


def _urls(case: Case, port: int, closed: int) -> dict[str, str]:
    """Where each model is; a behaviour that is gone is a port where nobody listens."""
    wanted = {"warm": "well", "pro": case.pro, "flash": case.flash}
    return {
        name: f"http://127.0.0.1:{closed if how == 'gone' else port}/{how}/v1"
        for name, how in wanted.items()
        if how is not None
    }


def _sent(script: Scripted, case: Case) -> Counter[str]:
    named = {"pro": script.asked[case.pro], "flash": script.asked[case.flash or ""] if case.flash != case.pro else 0}
    return Counter({name: count for name, count in named.items() if count})


def _result(text: str, problem: str) -> str:
    if not problem:
        return "answer"
    if problem in {"given up", "TimeoutError"}:
        problem = "given up"
    return f"“{text}” and {problem}" if text else problem


@asynccontextmanager
async def _pointsman(urls: dict[str, str]) -> AsyncIterator[int]:
    """A gateway for the models at *urls*, with the settings it has by itself; its port."""
    lines = [f"  - {{name: {name}, model: openai/m, base_url: {url}, api_key: none}}" for name, url in urls.items()]
    fallbacks = ["fallbacks: {pro: [flash]}"] if "flash" in urls else []
    with tempfile.TemporaryDirectory(prefix="pointsman-peers-") as name:
        folder, port = Path(name), processes.free_port()
        config = folder / "pointsman.yaml"
        text = "\n".join(["models:", *lines, *fallbacks, f"ledger: {{path: {folder}/ledger.db}}"])
        config.write_text(f"{text}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pointsman", "serve", "--config", str(config), "--port", str(port)]
        with processes.running(command, cpus="", cwd=folder, log=folder / "log"):
            await _listening(port)
            yield port


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def of_pointsman(case: Case, script: Scripted, urls: dict[str, str]) -> list[Seen]:
    """What a caller of `pointsman serve` sees."""
    found: list[Seen] = []
    seen: list[Outcome] = []
    async with _pointsman(urls) as port:
        warm = Caller(port=port, model="warm", stream=case.stream, began=0.0, seen=seen.append)
        await warm.ask("hello")
        caller = Caller(port=port, model="pro", stream=case.stream, began=0.0, seen=seen.append, most_s=MOST_S)
        script.reset()
        for _ in range(case.requests):
            script.asked.clear()
            outcome = await caller.ask("hello")
            result = _result(outcome.text, outcome.problem)
            found.append(Seen(elapsed_s=outcome.elapsed_ms / 1000, result=result, sent=_sent(script, case)))
    return found


class LiteLLM:
    """LiteLLM's Router in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        """*process* runs `litellm_peer.py`."""
        self._process = process

    async def of(self, case: Case, script: Scripted, urls: dict[str, str]) -> list[Seen]:
        """What a caller of the Router sees."""
        order = {"models": urls, "stream": case.stream, "most_s": MOST_S, "requests": case.requests}
        await self._ask(order)  # to warm up
        found = []
        script.reset()
        for _ in range(case.requests):
            script.asked.clear()
            answer = await self._ask({})
            result = _result(answer["text"], answer["problem"])
            found.append(Seen(elapsed_s=answer["elapsed_s"], result=result, sent=_sent(script, case)))
        return found

    async def _ask(self, order: dict[str, object]) -> dict[str, Any]:
        if self._process.stdin is None or self._process.stdout is None:
            sys.exit("LiteLLM's process has no pipes")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        while not (line := await self._process.stdout.readline()).startswith(b"{"):
            if not line:
                sys.exit("LiteLLM's process ended")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def _litellm(python: str) -> AsyncIterator[LiteLLM]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        python, str(HERE / "litellm_peer.py"), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield LiteLLM(process)
    finally:
        process.kill()
        await process.wait()


async def measure(litellm: str | None, cases: Sequence[Case]) -> list[tuple[Case, list[Seen], list[Seen]]]:
    """Each case with what Pointsman and (where *litellm* is a Python that has it) LiteLLM made of it."""
    found = []
    async with AsyncExitStack() as stack:
        script, port = await stack.enter_async_context(scripted())
        peer = await stack.enter_async_context(_litellm(litellm)) if litellm else None
        for case in cases:
            urls = _urls(case, port, processes.free_port())
            ours = await of_pointsman(case, script, urls)
            theirs = await peer.of(case, script, urls) if peer else []
            found.append((case, ours, theirs))
            print(f"{case.title}: {_cell(ours)} | {_cell(theirs)}", file=sys.stderr)
    return found


def markdown(rows: Sequence[tuple[Case, list[Seen], list[Seen]]], facts: str) -> str:
    """The table; a row's requests are made one right after the other."""
    lines = ["| | Pointsman | LiteLLM's Router | gemini-cli |", "| --- | --- | --- | --- |"]
    for case, ours, theirs in rows:
        cells = [case.title, _cell(ours), _cell(theirs), case.gemini_cli]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([facts, "", *lines])


def _cell(seen: Sequence[Seen]) -> str:
    if not seen:
        return "–"
    last = f"<br>number {len(seen)}: {seen[-1]}" if len(seen) > 1 else ""
    return f"{seen[0]}{last}"


def _place(text: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Measure, print, and write the page when LiteLLM was there and nothing was left out."""
    parser = argparse.ArgumentParser(prog="bench/outage/peers.py", description="When a model does not answer.")
    parser.add_argument("--litellm", metavar="PYTHON", help="the Python of an environment with LiteLLM")
    parser.add_argument("--cases", type=int, nargs="*", help="their numbers, from 0 (default: all)")
    options = parser.parse_args(arguments)
    cases = CASES if options.cases is None else [CASES[number] for number in options.cases]
    rows = asyncio.run(measure(options.litellm, cases))
    date = dt.datetime.now(tz=dt.UTC).date().isoformat()
    versions = f"Pointsman {version('pointsman')}"
    if options.litellm:
        shown = [options.litellm, "-c", "from importlib.metadata import version; print(version('litellm'))"]
        versions += f", LiteLLM {subprocess.run(shown, capture_output=True, text=True, check=True).stdout.strip()}"
    text = markdown(rows, f"{date}; {versions}, gemini-cli 0.61.0.")
    print(text)
    if options.litellm and options.cases is None:
        _place(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
