"""Writes docs/reference/dialect-losses.md by measuring it: each setting, each kind of content, between all APIs.

Usage: python -m tools.dialect_losses [--check]
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from pointsman.core.catalog import Endpoint, ModelCard
from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
    EmbeddingRequest,
    Message,
    Reasoning,
    Refusal,
    Role,
    StopReason,
    Text,
    ToolCall,
    Usage,
)
from pointsman.core.errors import InvalidRequest
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.dialects import openai_embeddings
from pointsman.dialects.base import Encoded, Surface
from pointsman.dialects.gemini import embeddings as gemini_embeddings
from pointsman.dialects.ollama import embeddings as ollama_embeddings
from pointsman.dialects.ollama.dialect import Ollama, OllamaGenerate
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.engine.fit import encoded
from tools.dialect_probes import BASES, PROBES

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "dialect-losses.md"
COMMAND = "python -m tools.dialect_losses"
TITLES = {
    "openai_chat": "OpenAI chat",
    "openai_responses": "OpenAI Responses",
    "anthropic_messages": "Anthropic",
    "gemini": "Gemini",
    "ollama": "Ollama",
    "openai_completions": "OpenAI completions",
    "ollama_generate": "Ollama generate",
}
RELAYED_TO = {name: name for name in UPSTREAMS} | {"openai_completions": "openai_chat", "ollama_generate": "ollama"}
MODELS = {"anthropic_messages": "claude-sonnet-4-5", "gemini": "gemini-3-flash"}  # their names say what they take
CARRIED, IN_PART, DROPPED, REFUSED = "yes", "in part", "dropped", "**refused**"
UNSAID, VERBATIM = "left out in silence", "as it is"  # the former is forbidden: a test sees to it
HEAD = f"""<!-- Made by `{COMMAND}`; it measures the dialects in src/pointsman/dialects/. -->
# What is lost between two APIs

A request is relayed as it is, byte for byte, when the model's endpoint speaks the caller's own API. Otherwise it is
translated, and not everything one API can say has a word in another. Two rules hold for every pair:

- A **setting** that cannot be carried is left out and named: in the answer's header `x-pointsman-dropped`, in the
  ledger, in `pointsman explain`. So is a **hint** inside a message or a tool: where to cache, how finely to look, that
  a tool's result is an error, what another model thought and signed.
- **Content** that cannot be carried is refused with a 4xx that names its path. Nothing a person said disappears.

Each cell below was measured with two requests that differ in that one thing:
**{CARRIED}** it reaches the endpoint in its words; **{IN_PART}** the gist does, and the setting is named;
**{DROPPED}** left out and named; {REFUSED} a 4xx that names it; **{VERBATIM}** the same API, nothing is touched.
The models' names were `{MODELS["anthropic_messages"]}`, `{MODELS["gemini"]}`, and ones that say nothing: what a single
model is known to refuse is dropped and named besides.

Besides, for every pair: a system message in the middle of a conversation becomes a `<system-reminder>` in a user's
turn; tool-call ids are made to fit the endpoint's alphabet; thinking signed by another maker's model stays here, as
its endpoint would refuse it; an answer longer than the model's own limit is not asked for.
"""


def _stopped_clock() -> int:
    """A real one would differ from request to request."""
    return 0


SPEAKERS: Mapping[str, Surface] = {
    **SURFACES,
    "ollama": Ollama(clock_ns=_stopped_clock),
    "ollama_generate": OllamaGenerate(clock_ns=_stopped_clock),
}


def _embed_gemini(**fields: Json) -> JsonObject:
    return {"requests": [{"model": "models/m", "content": {"parts": [{"text": "hi"}]}, **fields}]}


EMBEDDING_PROBES: Mapping[str, Mapping[str, JsonObject]] = {
    "openai_chat": {
        "": {"model": "m", "input": "hi"},
        "dimensions": {"model": "m", "input": "hi", "dimensions": 8},
        "user": {"model": "m", "input": "hi", "user": "u"},
        "content: several texts": {"model": "m", "input": ["hi", "ho"]},
        "content: token ids": {"model": "m", "input": [1, 2]},
    },
    "gemini": {
        "": _embed_gemini(),
        "outputDimensionality": _embed_gemini(outputDimensionality=8),
        "taskType": _embed_gemini(taskType="RETRIEVAL_QUERY"),
        "title": _embed_gemini(title="t"),
    },
    "ollama": {
        "": {"model": "m", "input": "hi"},
        "dimensions": {"model": "m", "input": "hi", "dimensions": 8},
        "truncate: true": {"model": "m", "input": "hi", "truncate": True},
        "keep_alive": {"model": "m", "input": "hi", "keep_alive": "5m"},
        "content: several texts": {"model": "m", "input": ["hi", "ho"]},
    },
}
EMBEDDING_READERS: Mapping[str, Callable[[JsonObject], EmbeddingRequest]] = {
    "openai_chat": openai_embeddings.decode_request,
    "gemini": gemini_embeddings.decode_batch_embed,
    "ollama": ollama_embeddings.decode_embed,
}


@cache
def fate(surface: str, upstream: str, probe: str) -> str:
    """What becomes of *probe* on its way from *surface* to *upstream*."""
    if RELAYED_TO[surface] == upstream:
        return VERBATIM
    base = BASES.get(probe, "")
    return _compared(_encoded(surface, upstream, base), _encoded(surface, upstream, probe))


def embedding_fate(surface: str, upstream: str, probe: str) -> str:
    """The same for a request of vectors."""
    if surface == upstream:
        return VERBATIM
    return _compared(_encoded_embedding(surface, upstream, ""), _encoded_embedding(surface, upstream, probe))


def _compared(before: Encoded | None, after: Encoded | None) -> str:
    if before is None or after is None:
        return REFUSED
    is_same = (before.body, before.demanded) == (after.body, after.demanded)
    if set(after.dropped) - set(before.dropped):
        return DROPPED if is_same else IN_PART
    return UNSAID if is_same else CARRIED


def _encoded(surface: str, upstream: str, probe: str) -> Encoded | None:
    """The request as the endpoint gets it; None when it is refused."""
    request = _decoded(surface, probe)
    try:
        return encoded(request, _card(upstream), surface, UPSTREAMS[upstream])
    except InvalidRequest:
        return None


def _decoded(surface: str, probe: str) -> ChatRequest:
    return SPEAKERS[surface].decode_chat(json.loads(json.dumps(PROBES[surface][probe])))


def _encoded_embedding(surface: str, upstream: str, probe: str) -> Encoded | None:
    request = EMBEDDING_READERS[surface](json.loads(json.dumps(EMBEDDING_PROBES[surface][probe])))
    try:
        return UPSTREAMS[upstream].encode_embeddings(request, "m")
    except InvalidRequest:
        return None


def _card(dialect: str) -> ModelCard:
    endpoint = Endpoint(name="e", dialect=dialect, base_url="http://127.0.0.1", is_local=True)
    model = MODELS.get(dialect, "m")
    return ModelCard(id=model, name=model, upstream_model=model, endpoint=endpoint)


def _choice(
    *parts: Text | Reasoning | Refusal | ToolCall,
    index: int = 0,
    reason: StopReason = StopReason.STOP,
    logprobs: Json = None,
) -> Choice:
    message = Message(role=Role.ASSISTANT, parts=parts)
    return Choice(index=index, message=message, stop_reason=reason, logprobs=logprobs)


def _reply(*choices: Choice, usage: Usage | None = None) -> ChatReply:
    return ChatReply(id="r", model="m", created_s=1, choices=choices, usage=usage)


def _counted(*, cached: int = 0, thought: int = 0) -> ChatReply:
    usage = Usage(input_tokens=9, output_tokens=9, cached_input_tokens=cached, reasoning_tokens=thought)
    return _reply(_choice(SAID), usage=usage)


SAID = Text(text="hello")
CALLED = StopReason.TOOL_CALLS
CALLS = tuple(ToolCall(id=f"c{number}", name="f", arguments="{}") for number in (1, 2))
REPLIES: Mapping[str, tuple[ChatReply, ChatReply]] = {
    "thinking": (_reply(_choice(SAID)), _reply(_choice(Reasoning(text="hm"), SAID))),
    "refusal": (_reply(_choice()), _reply(_choice(Refusal(text="no")))),
    "tool calls, several": (_reply(_choice(reason=CALLED)), _reply(_choice(*CALLS, reason=CALLED))),
    "a second choice": (_reply(_choice(SAID)), _reply(_choice(SAID), _choice(SAID, index=1))),
    "log-probabilities": (
        _reply(_choice(SAID)),
        _reply(
            _choice(SAID, logprobs={"content": [{"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}]})
        ),
    ),
    "usage": (_reply(_choice(SAID)), _reply(_choice(SAID), usage=Usage(input_tokens=9, output_tokens=9))),
    "usage: cached input": (_counted(), _counted(cached=5)),
    "usage: reasoning": (_counted(), _counted(thought=5)),
}


def reply_fate(surface: str, name: str) -> str:
    """Whether callers of *surface* see what an endpoint of another API answered."""
    request = _asking(surface)
    before, after = (SPEAKERS[surface].encode_reply(reply, request) for reply in REPLIES[name])
    return "lost" if before == after else "yes"


def _asking(surface: str) -> ChatRequest:
    """A request that wants to see all there is, thinking too."""
    wanting = {"anthropic_messages": "thinking: enabled", "gemini": "thinkingConfig.includeThoughts"}
    return _decoded(surface, wanting.get(surface, ""))


def _table(rows: Sequence[str], cell: Callable[[str, str], str], columns: Sequence[str]) -> Iterator[str]:
    yield f"| | {' | '.join(TITLES[column] for column in columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {row} | {' | '.join(cell(row, column) for column in columns)} |"


def _summary(surface: str, upstream: str) -> str:
    if RELAYED_TO[surface] == upstream:
        return VERBATIM
    fates = [fate(surface, upstream, probe) for probe in PROBES[surface] if probe]
    kinds = ((DROPPED, "dropped"), (REFUSED, "refused"), (UNSAID, UNSAID))
    lost = [f"{fates.count(kind)} {word}" for kind, word in kinds if kind in fates]
    return f"{', '.join(lost) or 'nothing lost'} of {len(fates)}"


def page() -> str:
    """The whole page."""
    surfaces = [name for name in TITLES if name in SURFACES]
    upstreams = [name for name in TITLES if name in UPSTREAMS]
    titles = {TITLES[name]: name for name in surfaces}
    lines = [HEAD, "## All pairs\n", "Rows: the API a caller speaks. Columns: the API of the model's endpoint.\n"]
    lines += _table(list(titles), lambda row, column: _summary(titles[row], column), upstreams)
    for surface in surfaces:
        lines.append(f"\n## From {TITLES[surface]}\n")
        lines += _fates_from(surface, PROBES, fate, [name for name in upstreams if name != RELAYED_TO[surface]])
    lines.append("\n## Answers\n\nWhat an endpoint of another API answered, and whether callers of an API see it.\n")
    lines += _table(list(REPLIES), lambda row, column: reply_fate(column, row), surfaces)
    lines.append("\n## Embeddings\n\nAnthropic has none.")
    for surface in EMBEDDING_PROBES:
        lines.append(f"\nFrom {TITLES[surface].removesuffix(' chat')}:\n")
        others = [name for name in EMBEDDING_PROBES if name != surface]
        lines += _fates_from(surface, EMBEDDING_PROBES, embedding_fate, others)
    return "\n".join([*lines, ""])


def _fates_from(
    surface: str,
    probes: Mapping[str, Mapping[str, JsonObject]],
    measure: Callable[[str, str, str], str],
    columns: Sequence[str],
) -> Iterator[str]:
    rows = [probe for probe in probes[surface] if probe]
    return _table(rows, lambda row, column: measure(surface, column, row), columns)


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is current."""
    if "--check" in arguments:
        return 0 if PAGE.read_text("utf-8") == page() else 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
