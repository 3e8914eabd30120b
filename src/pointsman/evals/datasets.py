"""Files of known outcomes: prompts, and what each model's answer to them was worth.

JSON Lines, `.gz` or not. A line of one's own:

    {"id": "a1", "prompt": "What is 2+2?", "source": "sums", "outcomes": {"small": 1, "large": 1},
     "cost": {"small": 0.0001, "large": 0.004}}

| key | meaning |
| --- | --- |
| `id` | a text or a number, once in the file |
| `prompt` or `messages` | what was asked, as `pointsman route --data` takes it; `tools` or `n_tools` beside it |
| `outcomes` (or `scores`) | model → what its answer was worth, 0..1 |
| `cost` (or `cost_usd`) | model → what it cost, in dollars |
| `tier_scores` | small, medium, large, frontier → the mean outcome of such models |
| `tier` (or `labels.tier`) | the tier that the prompt should go to, where somebody has said so |
| `source` | the set that the line is from; `all` |
| `variant_of` | the id of the line that this one says in other words; needs no outcomes |
"""

from __future__ import annotations

import gzip
import json
import random
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pointsman.core.catalog import Tier
from pointsman.core.errors import InvalidRequest

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject

EXAMPLE = '{"id": "1", "prompt": "What is 2+2?", "outcomes": {"small": 1, "large": 1}}'
TIERS = ("small", "medium", "large", "frontier")
"""The ladder of `tier_scores`, weakest first."""

_MOST_USD = 1e9
_EMPTY: Mapping[str, float] = {}
_REQUEST_KEYS = ("prompt", "messages", "tools", "n_tools")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prompt and its outcomes. `request` is what a router is shown: no outcome, no source."""

    id: str
    request: JsonObject = field(repr=False)
    text: str = field(repr=False)  # the prompt, or the texts of all messages
    source: str = "all"
    outcomes: Mapping[str, float] = field(default_factory=dict)  # 0..1 by model
    tiers: Mapping[str, float] = field(default_factory=dict)  # 0..1 by the names in TIERS
    cost: Mapping[str, float] = field(default_factory=dict)  # USD by model
    label: Tier | None = None
    variant_of: str | None = None


def read_outcomes(path: Path | str, advance: Callable[[int], None] = lambda _rows: None) -> tuple[Row, ...]:
    """The rows of the file at *path*; InvalidRequest names the line and the field that is wrong."""
    rows: list[Row] = []
    line_of: dict[str, int] = {}
    for number, line in _lines(path):
        row = _row(line, f"{path}:{number}")
        if row.id in line_of:
            raise InvalidRequest(f"{path}:{number}: The id {row.id!r} is that of line {line_of[row.id]} already.")
        line_of[row.id] = number
        rows.append(row)
        advance(1)
    for row in rows:
        if row.variant_of is not None and row.variant_of not in line_of:
            raise InvalidRequest(
                f"{path}:{line_of[row.id]}: variant_of names {row.variant_of!r}, which no line has for its id."
            )
    if not rows:
        raise InvalidRequest(f"{path}: There is no line in it.", hint=f"A line looks like this: {EXAMPLE}")
    return tuple(rows)


def sample(rows: tuple[Row, ...], count: int, seed: int) -> tuple[Row, ...]:
    """About *count* of *rows* with each source's share kept, in the file's order; variants come with what they vary.

    The same seed takes the same rows.
    """
    originals = [row for row in rows if row.variant_of is None]
    if count >= len(originals):
        return rows
    chance = random.Random(seed)  # noqa: S311  a sample for statistics
    taken: set[str] = set()
    for source in sorted({row.source for row in originals}):
        ids = [row.id for row in originals if row.source == source]
        taken.update(chance.sample(ids, max(1, round(count * len(ids) / len(originals)))))
    return tuple(row for row in rows if (row.variant_of or row.id) in taken)


def _lines(path: Path | str) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    file = Path(path)
    try:
        with file.open("rb") as plain:
            is_zipped = plain.peek(2)[:2] == b"\x1f\x8b"  # a pipe cannot be opened twice
            opened: Iterable[bytes] = gzip.GzipFile(fileobj=plain) if is_zipped else plain
            yield from ((number, line) for number, line in enumerate(opened, start=1) if line.strip())
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidRequest(f"{path}: cannot be read ({reason}).", param="data") from error


def _row(line: bytes, where: str) -> Row:
    try:
        value = json.loads(line.decode("utf-8-sig").strip())
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{where}: This is no JSON ({error}).", hint=f"A line looks like this: {EXAMPLE}"
        ) from error
    if not isinstance(value, dict):
        raise InvalidRequest(f"{where}: The line should hold a JSON object.", hint=f"Such as {EXAMPLE}")
    row = Row(
        id=_id(value.get("id"), where),
        request={key: value[key] for key in _REQUEST_KEYS if key in value and not isinstance(value[key], str)}
        | ({"prompt": value["prompt"]} if isinstance(value.get("prompt"), str) else {}),
        text=_text(value, where),
        source=_source(value.get("source"), where),
        outcomes=_numbers(value, ("outcomes", "scores"), where, most=1.0),
        tiers=_tiers(value, where),
        cost=_numbers(value, ("cost", "cost_usd"), where, most=_MOST_USD),
        label=_label(value, where),
        variant_of=_id(value["variant_of"], where, "variant_of") if value.get("variant_of") is not None else None,
    )
    if not row.outcomes and not row.tiers and row.label is None and row.variant_of is None:
        raise InvalidRequest(
            f"{where}: The line needs `outcomes` (or a `tier`, or `variant_of`).", hint=f"Such as {EXAMPLE}"
        )
    return row


def _id(value: object, where: str, field_name: str = "id") -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InvalidRequest(f"{where}: {field_name} should be a text or a whole number; it is {value!r}.")
    return str(value)


def _source(value: object, where: str) -> str:
    if value is None:
        return "all"
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{where}: source should be a text; it is {value!r}.")
    return value


def _text(value: JsonObject, where: str) -> str:
    prompt, messages = value.get("prompt"), value.get("messages")
    if isinstance(prompt, str):
        return prompt
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest(f"{where}: The line needs `prompt` (a text) or `messages` (a list).")
    return "\n\n".join(text for message in messages for text in _texts_of(message, where))


def _texts_of(message: Json, where: str) -> Iterator[str]:
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(content, str | list | None):
        raise InvalidRequest(f"{where}: messages should be objects with `role` and `content`; one is {message!r:.60}.")
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        text = part.get("text") if isinstance(part, dict) else None
        if isinstance(text, str):
            yield text


def _numbers(value: JsonObject, names: tuple[str, ...], where: str, *, most: float) -> Mapping[str, float]:
    """The object under the first of *names* that there is: finite numbers from 0 to *most*."""
    name = next((name for name in names if value.get(name) is not None), None)
    if name is None:
        return _EMPTY
    found = value[name]
    if not isinstance(found, dict):
        raise InvalidRequest(f"{where}: {name} should be an object of models and numbers; it is {found!r:.60}.")
    for model, number in found.items():
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not 0 <= cast("float", number) <= most:  # NaN is not
            span = "from 0 to 1" if most == 1 else "of dollars, 0 or more"
            raise InvalidRequest(f"{where}: {name}.{model} should be a number {span}; it is {number!r:.60}.")
    return {model: float(cast("float", number)) for model, number in found.items()}


def _tiers(value: JsonObject, where: str) -> Mapping[str, float]:
    found = _numbers(value, ("tier_scores",), where, most=1.0)
    for name in found:
        if name not in TIERS:
            raise InvalidRequest(f"{where}: tier_scores.{name} should be one of {', '.join(TIERS)}.")
    return found


def _label(value: JsonObject, where: str) -> Tier | None:
    labels = value.get("labels")
    found = value.get("tier", labels.get("tier") if isinstance(labels, dict) else None)
    if found is None:
        return None
    tier = Tier.parse(found) if isinstance(found, str) else None
    if tier is None:
        raise InvalidRequest(f"{where}: tier should be simple, medium, complex or reasoning; it is {found!r:.60}.")
    return tier
