"""What the scripted model says to a prompt, whichever API it came through: it does as it is told, the same each time.

    CALL name {json} END     calls the tool with these arguments (several orders: parallel calls)
    SAY ... END              says just that
    FAIL 429                 is refused with that status
    BLOCK                    is stopped by the safety filter
    anything else            is repeated, with what was said by the system prompt and what was shown

A tool whose name is spoken of is called too, and one that is forced in any case. A tool's result is repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from tests.clients.upstream.rules import Body, Refused
from tests.clients.upstream.schemas import Filler

INPUT_TOKENS: Final = 100
CACHED_TOKENS: Final = 40
WRITTEN_TOKENS: Final = 10
OUTPUT_TOKENS: Final = 20
REASONING_TOKENS: Final = 8
THOUGHT: Final = "Let me think about that. "
BLOCKED: Final = "This is "
DIMENSIONS: Final = 8
_ORDER: Final = re.compile(r"CALL (\S+) (\{.*?\}) END", re.DOTALL)
_SAYING: Final = re.compile(r"SAY (.*?) END", re.DOTALL)
_FAILING: Final = re.compile(r"FAIL (\d{3})")
_KEYS: Final = re.compile(r"[`'](\w+)[`']")
_DISTINCT: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function on offer."""

    name: str
    schema: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a tool gave back."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a mouth heard: the user's words since the model spoke last, and what was asked for."""

    model: str
    text: str = ""
    system: str = ""
    seen: tuple[str, ...] = ()  # images and files, each as "image/png 68"
    results: tuple[Result, ...] = ()
    tools: tuple[Tool, ...] = ()
    choice: str = "auto"  # auto, none, any, or the name of a tool
    is_parallel: bool = True
    schema: Body | None = None
    is_json: bool = False
    is_thinking: bool = False
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    is_stream: bool = False
    is_counted: bool = True  # a stream reports its usage
    count: int = 1  # candidates asked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A tool call."""

    name: str
    arguments: Body

    @property
    def text(self) -> str:
        """The arguments as the model writes them."""
        return json.dumps(self.arguments, ensure_ascii=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model says. `end` is stop, length, calls, filter, or the stop sequence that was met (`stopped_at`)."""

    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    end: str = "stop"
    stopped_at: str | None = None

    @property
    def words(self) -> list[str]:
        """The text in the pieces of a stream."""
        return re.findall(r"\s*\S+\s*", self.text) or ([self.text] if self.text else [])

    @property
    def reasoning_tokens(self) -> int:
        """How many of the tokens were thought."""
        return REASONING_TOKENS if self.thinking else 0


def decide(prompt: Prompt) -> Turn:
    """The answer to *prompt*; Refused where it asks for that."""
    failing = _FAILING.search(prompt.text)
    if failing:
        raise Refused("The script says so.", status=int(failing[1]))
    thinking = THOUGHT if prompt.is_thinking else ""
    calls = _calls(prompt)
    if calls:
        return Turn(thinking=thinking, calls=calls if prompt.is_parallel else calls[:1], end="calls")
    if "BLOCK" in prompt.text:
        return Turn(text=BLOCKED, end="filter")
    return _cut(Turn(text=_speech(prompt), thinking=thinking), prompt)


def _calls(prompt: Prompt) -> tuple[Call, ...]:
    if not prompt.tools or prompt.choice == "none":
        return ()
    named = {tool.name for tool in prompt.tools}
    ordered = [
        Call(name=name, arguments=json.loads(text)) for name, text in _ORDER.findall(prompt.text) if name in named
    ]
    if prompt.choice not in {"auto", "any"}:
        forced = [tool for tool in prompt.tools if tool.name == prompt.choice]
        return tuple(call for call in ordered if call.name == prompt.choice) or _filled(forced, prompt.text)
    if ordered:
        return tuple(ordered)
    if prompt.results and prompt.choice == "auto":
        return ()
    spoken_of = [tool for tool in prompt.tools if _speaks_of(prompt.text, tool.name)]
    return _filled(spoken_of or (prompt.tools[:1] if prompt.choice == "any" else ()), prompt.text)


def _filled(tools: Sequence[Tool], text: str) -> tuple[Call, ...]:
    return tuple(Call(name=tool.name, arguments=Filler(text).fill({"type": "object", **tool.schema})) for tool in tools)


def _speaks_of(text: str, name: str) -> bool:
    if re.search(rf"\b{re.escape(name)}\b", text):
        return True
    parts = re.findall(r"[A-Z]?[a-z]+", name)
    return any(len(part) >= _DISTINCT and re.search(rf"\b{part}\b", text, re.IGNORECASE) for part in parts)


def _speech(prompt: Prompt) -> str:
    if prompt.schema is not None:
        value: Any = Filler(prompt.text).fill(prompt.schema)
        return json.dumps(value, ensure_ascii=False)
    if prompt.is_json:
        return json.dumps({key: key for key in _KEYS.findall(prompt.text)} or {"answer": "yes"})
    said = _SAYING.findall(prompt.text)
    if said:
        return str(said[-1])
    if prompt.results:
        return "The tools said: " + "; ".join(f"{one.name} = {one.text}" for one in prompt.results)
    parts = [f"You said: {prompt.text}"]
    parts += [f"I was told: {prompt.system}"] if prompt.system else []
    parts += [f"I see: {', '.join(prompt.seen)}"] if prompt.seen else []
    return "\n".join(parts)


def _cut(turn: Turn, prompt: Prompt) -> Turn:
    """*turn* up to the first stop sequence and the limit of tokens; a word is a token."""
    met = sorted((turn.text.find(stop), stop) for stop in prompt.stops if stop in turn.text)
    if met:
        place, stop = met[0]
        turn = replace(turn, text=turn.text[:place], stopped_at=stop)
    words = turn.words
    if prompt.max_tokens is not None and len(words) > prompt.max_tokens:
        return replace(turn, text="".join(words[: prompt.max_tokens]), end="length", stopped_at=None)
    return turn


def vector(text: str, dimensions: int | None = None) -> list[float]:
    """An embedding: the same for the same text, different for different ones."""
    seed = sum((place + 1) * ord(letter) for place, letter in enumerate(text)) % 997 + 1
    return [((seed * (place + 3)) % 101) / 128 for place in range(dimensions or DIMENSIONS)]


def media(kind: str, data_base64: str) -> str:
    """How the model speaks of something shown."""
    return f"{kind} {len(data_base64.rstrip('=')) * 3 // 4}"
