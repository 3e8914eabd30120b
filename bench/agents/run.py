"""What a swarm of agents costs: all on the frontier, by the router, by rules, and by proposals that were accepted.

python bench/agents/run.py [--markdown FILE] [--json FILE]

A real gateway process serves three real, tiny models (those of `--demo`) at nominal prices. Their answers are of no
use; which model answered, how many tokens it took and what that would have cost is what is measured.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from pointsman.adapters.runtimes.demo.cache import ensure_demo_models
from swarm import EXTRACTOR, REVIEWER, ROLE, SwarmCall, swarm

BEGIN, END = "<!-- swarm:begin -->", "<!-- swarm:end -->"
TIERS = ("simple", "medium", "complex")
MODELS = {"demo-small": "simple", "demo-medium": "medium", "demo-large": "complex"}
FRONTIER = "demo-large"
PRICES = {"simple": (0.10, 0.40), "medium": (0.60, 2.40), "complex": (3.00, 15.00)}  # USD per million, in and out
RULES = {ROLE: "simple", EXTRACTOR: "simple", "claude-code/subagent/*": "complex", REVIEWER: "complex"}
AT_ONCE = 2
START_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One call's answer, by the gateway's headers."""

    call: SwarmCall
    tier: str
    cost_usd: float
    fallbacks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One run of the swarm."""

    name: str
    answers: Sequence[Answered]
    seconds: float

    @property
    def cost_usd(self) -> float:
        """All calls together."""
        return sum(one.cost_usd for one in self.answers)

    @property
    def tiers(self) -> Counter[str]:
        """Calls by the tier of the model that answered."""
        return Counter(one.tier for one in self.answers)

    @property
    def hard_below(self) -> int:
        """Hard calls that no frontier model answered."""
        return sum(one.call.is_hard and one.tier != TIERS[-1] for one in self.answers)


def configuration(folder: Path, name: str, agents: Mapping[str, str]) -> Path:
    """A pointsman.yaml with the demo models at nominal prices, a ledger of its own, and these rules."""
    made = {model.name: model for model in ensure_demo_models(platformdirs.user_cache_path("pointsman"), print)}
    models = [
        {
            "name": model,
            "gguf": {"path": str(made[model].path), "context_tokens": made[model].context_tokens, "parallel": AT_ONCE},
            "tier": tier,
            "demo": True,
            "price": dict(zip(("input_usd_per_mtok", "output_usd_per_mtok"), PRICES[tier], strict=True)),
        }
        for model, tier in MODELS.items()
    ]
    settings = {
        "models": models,
        "agents": dict(agents),
        "ledger": {"path": str(folder / f"{name}.db")},
        "savings": {"baseline": FRONTIER},
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    return path


@contextmanager
def gateway(config: Path) -> Iterator[int]:
    """`pointsman serve` with *config*; its port. Ended when done with."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    log = config.with_suffix(".log")
    with log.open("wb") as sink:
        command = [sys.executable, "-m", "pointsman", "serve", "--config", str(config), "--port", str(port)]
        process = subprocess.Popen(command, stdout=sink, stderr=sink, env=os.environ)
        try:
            _wait(port, process, log)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"the gateway ended: {log.read_text(encoding='utf-8')[-2000:]}")
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        except OSError:
            time.sleep(0.2)
    sys.exit("the gateway did not start in time")


def send(port: int, call: SwarmCall, model: str) -> Answered:
    """One call, and who answered it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = json.dumps({"model": model, **call.body})
    connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json", **call.headers})
    response = connection.getresponse()
    text = response.read()
    if response.status != http.HTTPStatus.OK:
        sys.exit(f"{call.agent}: {response.status} {text[:300]!r}")
    headers = response.headers
    return Answered(
        call=call,
        tier=MODELS[headers["x-pointsman-model"]],
        cost_usd=float(headers["x-pointsman-cost-usd"]),
        fallbacks=int(headers["x-pointsman-fallbacks"]),
    )


def run(name: str, port: int, model: str = "auto") -> Way:
    """The swarm once."""
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda call: send(port, call, model), swarm()))
    way = Way(name=name, answers=answers, seconds=time.monotonic() - began)
    print(f"{name}: {dict(way.tiers)}, ${way.cost_usd:.6f}, {way.seconds:.1f} s", flush=True)
    return way


def command(config: Path, *words: str) -> Any:  # noqa: ANN401  JSON
    """What `pointsman agents ... --json` says."""
    done = subprocess.run(
        [sys.executable, "-m", "pointsman", "agents", *words, "--json", "--config", str(config)],
        check=True,
        capture_output=True,
    )
    return json.loads(done.stdout)


def measured(folder: Path) -> tuple[list[Way], list[dict[str, Any]], list[dict[str, Any]]]:
    """The four ways; what was proposed after the profiling, and the agents at the end."""
    plain = configuration(folder, "profiled", {})
    with gateway(plain) as port:
        routed = run("router alone, while it profiles", port)
        time.sleep(0.5)  # the ledger writes what has gathered every 100 ms
        proposed = command(plain)
        for one in proposed:
            if one["proposal"] is not None:
                print("accepted:", command(plain, "accept", one["agent"]), flush=True)
        time.sleep(1.1)  # a gateway looks once a second
        accepted = run("proposals accepted", port)
        time.sleep(0.5)
        at_the_end = command(plain)
    with gateway(configuration(folder, "ruled", RULES)) as port:
        ruled = run("rules", port)
    with gateway(configuration(folder, "frontier", {})) as port:
        dear = run("all on the frontier", port, FRONTIER)
    return [dear, ruled, routed, accepted], proposed, at_the_end


def table(ways: Sequence[Way], proposed: Sequence[Mapping[str, Any]]) -> str:
    """The two tables of the guide."""
    baseline = ways[0].cost_usd
    lines = [
        "| way | simple | medium | complex | hard calls below complex | went one tier up | cost | saved |",
        "| --- | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for way in ways:
        counts = " | ".join(str(way.tiers[tier]) for tier in TIERS)
        up = sum(one.fallbacks for one in way.answers)
        saved = f"{(1 - way.cost_usd / baseline) * 100:.0f} %"
        lines.append(f"| {way.name} | {counts} | {way.hard_below} | {up} | ${way.cost_usd:.6f} | {saved} |")
    lines += ["", "| agent | calls | by tier, while it was profiled | proposed | sure | saves, of its calls so far |"]
    lines.append("| --- | --: | --- | --- | --: | --: |")
    for one in proposed:
        tiers = ", ".join(f"{tier} {number}" for tier, number in one["tiers"].items())
        found = one["proposal"]
        if found is None:
            tail = "nothing | | "
        else:
            share = f" ({found['saved_share'] * 100:.0f} %)" if found["saved_share"] is not None else ""
            tail = f"{found['tier']} | {found['sureness'] * 100:.0f} % | ${found['saved_usd']:.6f}{share}"
        lines.append(f"| `{one['agent']}` | {one['calls']} | {tiers} | {tail} |")
    return "\n".join(lines)


def main() -> None:
    """Run, print, and write the tables into the guide."""
    parser = argparse.ArgumentParser(prog="bench/agents/run.py", description="What a swarm of agents costs.")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables there, between their marks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every agent's profile there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pointsman-swarm-") as folder:
        ways, proposed, at_the_end = measured(Path(folder))
    shown = table(ways, proposed)
    print(f"\n{shown}")
    if options.json is not None:
        options.json.write_text(json.dumps({"proposed": proposed, "at_the_end": at_the_end}, indent=2), "utf-8")
    if options.markdown is not None:
        text = options.markdown.read_text("utf-8")
        head, rest = text.split(BEGIN)
        options.markdown.write_text(f"{head}{BEGIN}\n{shown}\n{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    main()
