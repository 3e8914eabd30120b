"""The routers that can be measured: each gives an answer to every row, and is shown its request alone.

| name | what it is |
| --- | --- |
| `pointsman` | the chain in force, by the library's own `Router.decide` |
| `litellm-compat` | the score of LiteLLM's complexity router, not cut off at 0 |
| `length` | characters of the prompt |
| `random` | no order at all: exactly what chance gives in the mean |
| `always:MODEL` | the same model for everything |
| `difficulty` | knows how often other models fail on the prompt: see `metrics.difficulty_score` |
| `oracle` | knows the outcomes |
| `command:LINE` | a program: requests as JSON Lines on its standard input, answers on its standard output |

`difficulty` and `oracle` look into the outcomes, so they have no answers here: see `compare`.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest, ToolSpec, ask
from pointsman.core.errors import InvalidRequest, PointsmanError, RuntimeUnavailable
from pointsman.dialects.registry import SURFACES
from pointsman.routing.complexity import ComplexitySettings, score
from pointsman.routing.features import features_of

if TYPE_CHECKING:
    from pointsman.core.decision import Decision
    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.evals.datasets import Row

OURS, COMPAT, LENGTH, RANDOM, DIFFICULTY, ORACLE = (
    "pointsman",
    "litellm-compat",
    "length",
    "random",
    "difficulty",
    "oracle",
)
ALWAYS, COMMAND = "always:", "command:"
NAMES = (OURS, COMPAT, LENGTH, RANDOM, DIFFICULTY, ORACLE, f"{ALWAYS}MODEL", f"{COMMAND}LINE")
COMMAND_S = 3600.0
MAX_TOOLS = 10_000
_LARGEST = 1e300

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a router says of one prompt. `score` orders prompts: higher is rather the strong model."""

    score: float
    tier: Tier | None = None
    model: str | None = None
    confidence: float | None = None  # 0..1
    probabilities: Mapping[str, float] = field(default_factory=dict)  # of a good answer, by model
    chances: tuple[float, ...] = ()  # of a good answer, by tier from the lowest; none where nobody expects any
    is_refused: bool = False


class MeasuredRouter(Protocol):
    """A router under test."""

    @property
    def name(self) -> str:
        """How the report calls it."""

    def answers(self, rows: Sequence[Row], advance: Advance) -> Sequence[Answer]:
        """An answer for each of *rows*, in their order; *advance* is told how many more are done."""


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A router that is a function of the row."""

    name: str
    answer: Callable[[Row], Answer]

    def answers(self, rows: Sequence[Row], advance: Advance) -> Sequence[Answer]:
        found = []
        for row in rows:
            found.append(self.answer(row))
            advance(1)
        return found


def ours(decide: Callable[[ChatRequest], Decision]) -> OneByOne:
    """The chain behind *decide*. A refused prompt counts as one for the strongest model, and as nobody's choice."""

    def answer(row: Row) -> Answer:
        try:
            decision = decide(request_of(row))
        except PointsmanError:
            return Answer(score=1.0, is_refused=True)
        rank = decision.tier.rank / 3 if decision.tier is not None else 0.0
        return Answer(
            score=rank if decision.score is None else decision.score,
            tier=decision.tier,
            model=decision.model,
            confidence=decision.confidence,
            chances=() if decision.assessment is None else decision.assessment.chances,
        )

    return OneByOne(OURS, answer)


def compat() -> OneByOne:
    """LiteLLM's score and tier for what was last asked."""
    settings = ComplexitySettings()

    def answer(row: Row) -> Answer:
        found = score(features_of(request_of(row)).ask, settings)
        return Answer(score=found.score, tier=found.tier)

    return OneByOne(COMPAT, answer)


def length() -> OneByOne:
    """The longer, the harder."""
    return OneByOne(LENGTH, lambda row: Answer(score=float(len(row.text))))


def chance() -> OneByOne:
    """All prompts alike: what is measured of it is the mean over all orders, which is what chance gives."""
    return OneByOne(RANDOM, lambda _row: Answer(score=0.0))


def always(model: str) -> OneByOne:
    """*model* for everything."""
    return OneByOne(f"{ALWAYS}{model}", lambda _row: Answer(score=0.0, model=model))


@dataclass(frozen=True, slots=True)
class Command:
    """A program that reads `{"id", "prompt"}` (or `messages`, `tools`, `n_tools`) a line and writes `{"id", "score"}`.

    It may add `tier`, `model`, `confidence` and `probabilities` (model → 0..1); `pointsman route --data - --json` is
    one. It runs without a shell. RuntimeUnavailable says how it failed, InvalidRequest which answer is wrong.
    """

    line: str
    timeout_s: float = COMMAND_S

    @property
    def name(self) -> str:
        """The line itself."""
        return f"{COMMAND}{self.line}"

    def answers(self, rows: Sequence[Row], advance: Advance) -> Sequence[Answer]:
        requests = (json.dumps({"id": row.id, **row.request}) for row in rows)
        said = self._run("\n".join(requests) + "\n")
        found: dict[str, Answer] = {}
        for number, line in enumerate(said.splitlines(), start=1):
            if line.strip():
                id_, answer = _answer(line, f"{self.name}: line {number} of its output")
                found[id_] = answer
        missing = [row.id for row in rows if row.id not in found]
        if missing:
            raise InvalidRequest(f"{self.name} gave no answer for {len(missing):,} ids, such as {missing[0]!r}.")
        advance(len(rows))
        return [found[row.id] for row in rows]

    def _run(self, requests: str) -> str:
        try:
            words = shlex.split(self.line)
        except ValueError as error:
            raise InvalidRequest(f"{self.name}: this is no command line ({error}).") from error
        if not words:
            raise InvalidRequest(f"{self.name}: a command line should follow, such as '{COMMAND}./router.py --fast'.")
        try:
            done = subprocess.run(  # noqa: S603  the person measuring named it; a list, no shell
                words, input=requests.encode(), capture_output=True, check=False, timeout=self.timeout_s
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeUnavailable(f"{self.name} did not end in {self.timeout_s:g} s.") from error
        except OSError as error:
            raise RuntimeUnavailable(f"{self.name} cannot be started ({error.strerror}).") from error
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
            raise RuntimeUnavailable(f"{self.name} ended with code {done.returncode}: {last[0]}")
        return done.stdout.decode(errors="replace")


def request_of(row: Row) -> ChatRequest:
    """The request that the row's prompt would come as; InvalidRequest names the row."""
    try:
        messages: Json = row.request.get("messages")
        if messages is None:
            messages = [{"role": "user", "content": row.text}]
        tools = row.request.get("tools")
        if "messages" not in row.request and not tools:
            request = ask(row.text)
        else:
            body: JsonObject = {"model": "auto", "messages": messages, **({"tools": tools} if tools else {})}
            request = SURFACES["openai_chat"].decode_chat(body)
    except InvalidRequest as error:
        raise InvalidRequest(f"The line with id {row.id!r}: {error.message}") from error
    count = row.request.get("n_tools")
    if request.tools or not isinstance(count, int) or not 0 < count <= MAX_TOOLS:
        return request
    nameless = tuple(ToolSpec(name=f"tool_{index}") for index in range(count))
    return ChatRequest(messages=request.messages, model=request.model, tools=nameless)


def _answer(line: str, where: str) -> tuple[str, Answer]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{where} is no JSON ({error}).") from error
    if not isinstance(value, dict) or "id" not in value:
        raise InvalidRequest(f"{where} should be an object with `id` and `score`; it is {line:.60}")
    tier, model, probabilities = value.get("tier"), value.get("model"), value.get("probabilities") or {}
    parsed = Tier.parse(tier) if isinstance(tier, str) else None
    number = value.get("score")
    if number is None and parsed is not None:
        number = parsed.rank / 3
    if not isinstance(probabilities, dict):
        raise InvalidRequest(f"{where}: probabilities should be an object of models and numbers.")
    confidence = value.get("confidence")
    return str(value["id"]), Answer(
        score=_number(number, f"{where}: score"),
        tier=parsed,
        model=model if isinstance(model, str) else None,
        confidence=None if confidence is None else _share(confidence, f"{where}: confidence"),
        probabilities={name: _share(one, f"{where}: probabilities.{name}") for name, one in probabilities.items()},
    )


def _number(value: object, where: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(cast("float", value)) <= _LARGEST:  # NaN is not
        raise InvalidRequest(f"{where} should be a number; it is {value!r:.60}.")
    return float(cast("float", value))


def _share(value: object, where: str) -> float:
    number = _number(value, where)
    if not 0 <= number <= 1:
        raise InvalidRequest(f"{where} should be from 0 to 1; it is {number:g}.")
    return number
