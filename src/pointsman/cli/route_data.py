"""`pointsman route --data`: a decision for every line of a file, as they come."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.output import print_json_line, say
from pointsman.cli.prompt_input import STDIN
from pointsman.cli.route import decision_json
from pointsman.core.chat import ChatRequest, ToolSpec, ask
from pointsman.core.errors import InvalidRequest, PointsmanError
from pointsman.dialects.registry import SURFACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from pointsman.core.decision import Decision
    from pointsman.core.jsontypes import Json, JsonObject

MAX_TOOLS = 10_000

_NONE = "none"
_GZIP = b"\x1f\x8b"


def route_lines(
    decide: Callable[[ChatRequest], Decision], path: str, *, asked: str | None, catalog_name: str, as_json: bool
) -> int:
    """Decide for every line of the file at *path*, and print each decision with its line's `id`.

    A refusal is that line's answer; the exit code is then the first refusal's. InvalidRequest names a bad line.
    """
    tiers: Counter[str] = Counter()
    first_code = 0
    with _opened(path) as file, _progress(file) as advance:
        for number, line in enumerate(_lines(file, path), start=1):
            advance(len(line))
            if not line.strip():
                continue
            id_, request = _parsed(line, number, path, asked)
            try:
                decision = decide(request)
            except PointsmanError as error:
                first_code = first_code or error.exit_code
                tiers[error.code] += 1
                _print_refusal(id_, error, as_json=as_json)
                continue
            tiers[decision.tier.value if decision.tier else _NONE] += 1
            if as_json:
                print_json_line({"id": id_} | _without_id(decision_json(decision, catalog_name)))
            else:
                click.echo(_columns(id_, decision))
    shares = ", ".join(f"{count:,} {tier}" for tier, count in tiers.most_common())
    say(f"{tiers.total():,} prompts{': ' if shares else ''}{shares}")
    return first_code


def _lines(file: BinaryIO, path: str) -> Iterator[bytes]:
    """The lines of *file*, packed with gzip or not, as they come; InvalidRequest where the packing is broken."""
    first = file.readline()
    if first[:2] != _GZIP:
        yield first
        yield from file
        return
    rest = file.read()
    try:
        yield from gzip.GzipFile(fileobj=io.BytesIO(first + rest))
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidRequest(f"{path}: cannot be unpacked ({error}).", param="data") from error


def _without_id(found: JsonObject) -> JsonObject:
    """The decision's own id gives way to the line's."""
    return {"decision_id" if key == "id" else key: value for key, value in found.items()}


def _columns(id_: Json, decision: Decision) -> str:
    score = "" if decision.score is None else f"{decision.score:.3f}"
    tier = decision.tier.value if decision.tier else "-"
    return f"{'-' if id_ is None else id_}\t{tier}\t{decision.model}\t{score}\t{decision.strategy}"


def _print_refusal(id_: Json, error: PointsmanError, *, as_json: bool) -> None:
    if as_json:
        print_json_line({"id": id_, "error": {"code": error.code, "message": str(error)}})
    else:
        click.echo(f"{'-' if id_ is None else id_}\t-\t-\t\t{error.code}: {error.message}")


def _parsed(line: bytes, number: int, path: str, asked: str | None) -> tuple[Json, ChatRequest]:
    """The line's `id` and its request; InvalidRequest names file and line."""
    try:
        return _request(line, asked)
    except (InvalidRequest, ValueError, RecursionError) as error:
        reason = error.message if isinstance(error, InvalidRequest) else f"This is no JSON ({_brief(error)})."
        hint = 'A line looks like this: {"id": "1", "prompt": "What is 2+2?"}'
        raise InvalidRequest(f"{path}:{number}: {reason}", hint=hint) from error


def _brief(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is no UTF-8"
    return "nested too deeply" if isinstance(error, RecursionError) else type(error).__name__


def _request(line: bytes, asked: str | None) -> tuple[Json, ChatRequest]:
    value = json.loads(line.decode("utf-8-sig").strip())
    if not isinstance(value, dict):
        raise InvalidRequest("The line should hold a JSON object.")
    id_: Json = value.get("id")
    if isinstance(value.get("messages"), list):
        body = {key: value[key] for key in ("messages", "tools") if key in value} | {"model": asked or "auto"}
        request = SURFACES["openai_chat"].decode_chat(body)
    elif isinstance(value.get("prompt"), str):
        request = ask(value["prompt"], model=asked)
        if value.get("tools"):
            body = {"messages": [{"role": "user", "content": value["prompt"]}], "tools": value["tools"]}
            request = SURFACES["openai_chat"].decode_chat(body | {"model": asked or "auto"})
    else:
        raise InvalidRequest("The line needs `prompt` (a text) or `messages` (a list).")
    return id_, _with_tools(request, value.get("n_tools"))


def _with_tools(request: ChatRequest, n_tools: object) -> ChatRequest:
    """*request* with as many nameless tools, where only their number is known."""
    if n_tools is None or request.tools:
        return request
    if isinstance(n_tools, bool) or not isinstance(n_tools, int) or not 0 <= n_tools <= MAX_TOOLS:
        raise InvalidRequest(f"n_tools should be a number from 0 to {MAX_TOOLS}.")
    tools = tuple(ToolSpec(name=f"tool_{index}") for index in range(n_tools))
    return ChatRequest(messages=request.messages, model=request.model, tools=tools)


def _opened(path: str) -> AbstractContextManager[BinaryIO]:
    if path == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise InvalidRequest(f"{path}: cannot be read ({error.strerror}).", param="data") from error


@contextmanager
def _progress(file: Iterable[bytes]) -> Iterator[Callable[[int], None]]:
    """A bar on stderr by bytes, when a person looks at it and the decisions go elsewhere."""
    if not sys.stderr.isatty() or sys.stdout.isatty():
        yield lambda _bytes: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pointsman.cli.output import talk_console

    total = _size(file)
    columns = (TextColumn("deciding"), BarColumn(), MofNCompleteColumn(), TextColumn("bytes"), TimeRemainingColumn())
    with Progress(*columns, console=talk_console(), transient=True) as progress:
        task = progress.add_task("deciding", total=total)
        yield lambda size: progress.advance(task, size)


def _size(file: Iterable[bytes]) -> int | None:
    name = getattr(file, "name", None)
    is_plain = isinstance(name, str) and Path(name).is_file() and not name.endswith(".gz")
    return Path(str(name)).stat().st_size if is_plain else None
