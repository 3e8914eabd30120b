"""Shadow mode over scripted endpoints: requests are answered as a gateway does it, copies as they may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pointsman.adapters.storage.shadows import ShadowFile
from pointsman.core.catalog import Catalog, ModelCard, Tier
from pointsman.core.shadow import Copy
from pointsman.engine.inbound import Inbound
from pointsman.engine.shadow.asking import Asker
from pointsman.engine.shadow.books import Books
from pointsman.engine.shadow.copying import Bench
from pointsman.engine.shadow.owner import Shadows
from pointsman.engine.shadow.pauses import Pauses
from pointsman.engine.shadow.room import BeforeCopies, Room
from pointsman.engine.shadow.rules import Allowance, Rule
from pointsman.privacy.policy import PrivacyMode
from pointsman.testing import Answers, a_catalog
from tests.engine.lines import whole
from tests.engine.rig import CONSTRAINTS, Rig, Scripted, a_model, a_rig, say

NOW = 1_700_000_000.0
TODAY = "2023-11-14"


def a_served(name: str, *, is_local: bool = True, dialect: str = "lines", **fields: object) -> ModelCard:
    """A model at a server of its own."""
    card = a_model(name, is_local=is_local, dialect=dialect, **fields)
    return replace(card, endpoint=replace(card.endpoint, base_url=f"http://{name}.test/v1"))


NEAR, OTHER = a_served("near"), a_served("other")
CLOUD = a_served("cloud", is_local=False)
UNPRICED = a_served("unpriced", is_local=False, price=None)
ALL = a_catalog(
    NEAR, OTHER, CLOUD, UNPRICED, tiers={Tier.MEDIUM: ["near"], Tier.SIMPLE: ["other"]}, aliases={"cheap": "other"}
)
HELLO = Answers(chunks=(whole("Hello"),))
SCRIPTS: Mapping[str, Sequence[Scripted]] = {"near": [HELLO], "other": [HELLO], "cloud": [HELLO], "unpriced": [HELLO]}


@dataclass(slots=True, kw_only=True)
class Shadowed:
    """A router, its copies, and the file they are in."""

    rig: Rig
    shadows: Shadows
    file: ShadowFile
    absent: set[str] = field(default_factory=set)  # models that are not in memory

    async def whole(self, inbound: Inbound) -> bytes:
        """The whole answer; then its copy is begun, if there is to be one."""
        router = self.rig.router
        resolved = await router.resolve(inbound)
        sample = self.shadows.drawn(inbound, resolved)
        answer = await router.answer(inbound, resolved)
        if sample is not None:
            self.shadows.whole(sample, answer)
        return answer.whole.body

    async def streamed(self, inbound: Inbound) -> bytes:
        """The same, streamed."""
        router = self.rig.router
        resolved = await router.resolve(inbound)
        sample = self.shadows.drawn(inbound, resolved)
        streamed = await router.answer_stream(inbound, say, resolved)
        heard = b""
        async for piece in streamed.pieces:
            heard += piece
            if sample is not None:
                sample.heard(piece)
        if sample is not None:
            self.shadows.streamed(sample, streamed.pieces)
        return heard

    async def settled(self) -> Sequence[Copy]:
        """The copies once all are over and written down, the oldest first."""
        async with asyncio.timeout(10):
            while self.shadows.under_way:
                await asyncio.wait(list(self.shadows._under_way))
                await asyncio.sleep(0)
        self.shadows.bench.books._write_counts()
        books = self.shadows.bench.books
        await asyncio.wrap_future(books._thread.submit(lambda: None))
        return self.file.each(texts=True)[::-1]

    async def asked(self, model: str, times: int = 1) -> None:
        """Wait until the copies under way have reached *model*."""
        async with asyncio.timeout(10):
            while len(self.rig.endpoints[model].calls) < times:  # noqa: ASYNC110  a fake tells nobody
                await asyncio.sleep(0)

    def not_copied(self) -> Mapping[str, int]:
        """How many, by the reason."""
        return {why: count for _, why, count in self.file.not_copied()}


@asynccontextmanager
async def a_shadow(
    path: Path,
    catalog: Catalog,
    scripts: Mapping[str, Sequence[Scripted]],
    *,
    model: str = "other",
    rules: Sequence[Rule] | None = None,
    draw: float = 0.0,
    budget_usd: float = 1.0,
    most_at_once: int = 4,
    timeout_s: float = 5.0,
    max_prompt_tokens: int = 1000,
    judge: ModelCard | None = None,
    keeps_text: bool = False,
    shares_memory: bool = False,
    mode: PrivacyMode = PrivacyMode.DEFAULT_CLOUD,
) -> AsyncIterator[Shadowed]:
    """A router over *catalog* whose requests are copied to *model*, or by *rules*."""
    rig = a_rig(catalog, scripts, mode=mode, constraints=CONSTRAINTS)
    absent: set[str] = set()

    async def in_memory(card: ModelCard) -> bool:
        await asyncio.sleep(0)
        return card.id not in absent

    room = Room(places=rig.router.limits, in_memory=in_memory, shares_memory=lambda _card: shares_memory)
    rig.router = replace(rig.router, limits=BeforeCopies(entrance=rig.router.limits, room=room))
    file = ShadowFile(path, now=lambda: NOW)
    bench = Bench(
        asker=Asker(caller=rig.router.caller, sizes=rig.router.decider.sizes, now=lambda: NOW),
        books=Books(store=file, budget_usd=budget_usd, now=lambda: NOW),
        room=room,
        allowance=Allowance(
            most_at_once=most_at_once,
            timeout_s=timeout_s,
            max_prompt_tokens=max_prompt_tokens,
            max_output_tokens=100,
        ),
        judge=judge,
        keeps_text=keeps_text,
        clock=rig.clock,
        now=lambda: NOW,
        pauses=Pauses(clock=rig.clock),
    )
    shadows = Shadows(
        rules=rules if rules is not None else [Rule(model=model, sample=0.5)],
        catalog=catalog,
        health=rig.router.health,
        bench=bench,
        draw=lambda: draw,
        prepared=rig.router.decider.prepared,
    )
    async with shadows:
        yield Shadowed(rig=rig, shadows=shadows, file=file, absent=absent)
    file.close()
