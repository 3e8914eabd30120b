"""Writes docs/reference/dialect-losses.md by measuring it: each setting, each kind of content, between all APIs.

Usage: python tools/dialect_losses.py [--check]
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pointsman.core.catalog import Endpoint, ModelCard
from pointsman.core.chat import (
    ChatReply,
    ChatRequest,
    Choice,
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
from pointsman.dialects.ollama.dialect import Ollama
from pointsman.dialects.registry import SURFACES, UPSTREAMS
from pointsman.engine.fit import fitted

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "dialect-losses.md"
COMMAND = "python tools/dialect_losses.py"
TITLES = {
    "openai_chat": "OpenAI chat",
    "openai_responses": "OpenAI Responses",
    "anthropic_messages": "Anthropic",
    "gemini": "Gemini",
    "ollama": "Ollama",
}
CARRIED, IN_PART, DROPPED, REFUSED = "yes", "in part", "dropped", "**refused**"
WITHOUT_EFFECT, VERBATIM = "no effect", "as it is"
PICTURE = "iVBORw0KGgoAAAANSUhEUg=="
SCHEMA: JsonObject = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
STRICT_SCHEMA: JsonObject = {**SCHEMA, "additionalProperties": False}
HEAD = f"""<!-- Made by `{COMMAND}`; it measures the dialects in src/pointsman/dialects/. -->
# What is lost between two APIs

A request is relayed as it is, byte for byte, when the model's endpoint speaks the caller's own API. Otherwise it is
translated, and not everything one API can say has a word in another. Two rules hold for every pair:

- A **setting** that cannot be carried is left out and named: in the answer's header `x-pointsman-dropped`, in the
  ledger, in `pointsman explain`.
- **Content** that cannot be carried is refused with a 4xx that names its path. Nothing a person said disappears.

Each cell below was measured with a request that differs in that one thing:
**{CARRIED}** it reaches the endpoint in its words; **{IN_PART}** the gist does, and the setting is named;
**{DROPPED}** left out and named; {REFUSED} a 4xx that names it;
**{WITHOUT_EFFECT}** it says what that API does anyway; **{VERBATIM}** the same API, nothing is touched.

Besides, for every pair: a system message in the middle of a conversation becomes a `<system-reminder>` in a user's
turn; tool-call ids are made to fit the endpoint's alphabet; thinking signed by another maker's model stays here, as
its endpoint would refuse it; an answer longer than the model's own limit is not asked for.
"""


def _chat_like(said: Json, /, **fields: Json) -> JsonObject:
    return {"model": "m", "messages": [{"role": "user", "content": said}], **fields}


def _chat(**fields: Json) -> JsonObject:
    return _chat_like("hi", **fields)


def _chat_part(**part: Json) -> JsonObject:
    return _chat_like([{"type": "text", "text": "see"}, part])


def _function(**more: Json) -> JsonObject:
    return {"name": "f", "description": "d", "parameters": SCHEMA, **more}


def _chat_tool(**more: Json) -> Json:
    return [{"type": "function", "function": _function(**more)}]


OPENAI_CHAT: Mapping[str, JsonObject] = {
    "": _chat(),
    "max_completion_tokens": _chat(max_completion_tokens=9),
    "temperature": _chat(temperature=0.5),
    "top_p": _chat(top_p=0.5),
    "top_k": _chat(top_k=5),
    "min_p": _chat(min_p=0.1),
    "stop": _chat(stop=["END"]),
    "seed": _chat(seed=1),
    "frequency_penalty": _chat(frequency_penalty=0.5),
    "presence_penalty": _chat(presence_penalty=0.5),
    "n": _chat(n=2),
    "logprobs": _chat(logprobs=True, top_logprobs=2),
    "reasoning_effort": _chat(reasoning_effort="high"),
    "response_format: json_object": _chat(response_format={"type": "json_object"}),
    "response_format: json_schema": _chat(
        response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": STRICT_SCHEMA, "strict": True}}
    ),
    "tools": _chat(tools=_chat_tool()),
    "tools: strict": _chat(tools=_chat_tool(strict=True)),
    "tool_choice: required": _chat(tools=_chat_tool(), tool_choice="required"),
    "tool_choice: a function": _chat(tools=_chat_tool(), tool_choice={"type": "function", "function": {"name": "f"}}),
    "parallel_tool_calls: false": _chat(tools=_chat_tool(), parallel_tool_calls=False),
    "metadata": _chat(metadata={"a": "b"}),
    "user": _chat(user="u"),
    "name of a message": {"model": "m", "messages": [{"role": "user", "content": "hi", "name": "ann"}]},
    "logit_bias": _chat(logit_bias={"5": 1}),
    "service_tier": _chat(service_tier="flex"),
    "content: image by URL": _chat_part(type="image_url", image_url={"url": "https://example.org/cat.png"}),
    "content: image as data": _chat_part(type="image_url", image_url={"url": f"data:image/png;base64,{PICTURE}"}),
    "content: audio": _chat_part(type="input_audio", input_audio={"data": PICTURE, "format": "wav"}),
    "content: file as data": _chat_part(
        type="file", file={"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PICTURE}"}
    ),
    "content: file by id": _chat_part(type="file", file={"file_id": "file-1"}),
}


def _input(*items: Json, **fields: Json) -> JsonObject:
    return {"model": "m", "input": list(items) or "hi", **fields}


def _input_part(**part: Json) -> JsonObject:
    return _input({"role": "user", "content": [{"type": "input_text", "text": "see"}, part]})


def _flat_tool(**more: Json) -> Json:
    return [{"type": "function", **_function(), **more}]


OPENAI_RESPONSES: Mapping[str, JsonObject] = {
    "": _input(),
    "instructions": _input(instructions="be brief"),
    "max_output_tokens": _input(max_output_tokens=99),
    "temperature": _input(temperature=0.5),
    "top_p": _input(top_p=0.5),
    "reasoning.effort": _input(reasoning={"effort": "high"}),
    "reasoning.summary": _input(reasoning={"summary": "auto"}),
    "text.format: json_schema": _input(
        text={"format": {"type": "json_schema", "name": "s", "schema": STRICT_SCHEMA, "strict": True}}
    ),
    "text.verbosity": _input(text={"verbosity": "low"}),
    "tools": _input(tools=_flat_tool()),
    "tools: a namespace": _input(tools=[{"type": "namespace", "name": "n", "tools": _flat_tool()}]),
    "tools: custom": _input(tools=[{"type": "custom", "name": "c", "description": "d"}]),
    "tools: web_search": _input(tools=[{"type": "web_search"}]),
    "tool_choice: required": _input(tools=_flat_tool(), tool_choice="required"),
    "tool_choice: a function": _input(tools=_flat_tool(), tool_choice={"type": "function", "name": "f"}),
    "parallel_tool_calls: false": _input(tools=_flat_tool(), parallel_tool_calls=False),
    "metadata": _input(metadata={"a": "b"}),
    "prompt_cache_key": _input(prompt_cache_key="k"),
    "truncation": _input(truncation="auto"),
    "service_tier": _input(service_tier="flex"),
    "background": _input(background=True),
    "content: image by URL": _input_part(type="input_image", image_url="https://example.org/cat.png"),
    "content: image as data": _input_part(type="input_image", image_url=f"data:image/png;base64,{PICTURE}"),
    "content: file as data": _input_part(
        type="input_file", filename="a.pdf", file_data=f"data:application/pdf;base64,{PICTURE}"
    ),
    "content: file by id": _input_part(type="input_file", file_id="file-1"),
    "content: item_reference": _input({"role": "user", "content": "hi"}, {"type": "item_reference", "id": "msg_1"}),
}


def _messages(**fields: Json) -> JsonObject:
    return _chat(max_tokens=99) | fields


def _block(**block: Json) -> JsonObject:
    return _chat_like([{"type": "text", "text": "see"}, block], max_tokens=99)


def _anthropic_tool() -> Json:
    return [{"name": "f", "description": "d", "input_schema": SCHEMA}]


ANTHROPIC: Mapping[str, JsonObject] = {
    "": _messages(),
    "system": _messages(system="be brief"),
    "cache_control": _messages(system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}]),
    "temperature": _messages(temperature=0.5),
    "top_p": _messages(top_p=0.5),
    "top_k": _messages(top_k=5),
    "stop_sequences": _messages(stop_sequences=["END"]),
    "thinking: enabled": _messages(max_tokens=9000, thinking={"type": "enabled", "budget_tokens": 4096}),
    "output_config.effort": _messages(output_config={"effort": "high"}),
    "output_config.format": _messages(output_config={"format": {"type": "json_schema", "schema": STRICT_SCHEMA}}),
    "tools": _messages(tools=_anthropic_tool()),
    "tools: web_search": _messages(tools=[{"type": "web_search_20250305", "name": "web_search"}]),
    "tool_choice: any": _messages(tools=_anthropic_tool(), tool_choice={"type": "any"}),
    "tool_choice: a tool": _messages(tools=_anthropic_tool(), tool_choice={"type": "tool", "name": "f"}),
    "disable_parallel_tool_use": _messages(
        tools=_anthropic_tool(), tool_choice={"type": "auto", "disable_parallel_tool_use": True}
    ),
    "metadata.user_id": _messages(metadata={"user_id": "u"}),
    "service_tier": _messages(service_tier="auto"),
    "context_management": _messages(context_management={"edits": []}),
    "content: image by URL": _block(type="image", source={"type": "url", "url": "https://example.org/cat.png"}),
    "content: image as data": _block(
        type="image", source={"type": "base64", "media_type": "image/png", "data": PICTURE}
    ),
    "content: PDF as data": _block(
        type="document", source={"type": "base64", "media_type": "application/pdf", "data": PICTURE}
    ),
    "content: document as text": _block(
        type="document", source={"type": "text", "media_type": "text/plain", "data": "words"}
    ),
}


def _contents(*parts: Json, **fields: Json) -> JsonObject:
    return {"contents": [{"role": "user", "parts": [{"text": "hi"}, *parts]}], **fields}


def _generation(**config: Json) -> JsonObject:
    return _contents(generationConfig=config)


def _declared(**fields: Json) -> JsonObject:
    return _contents(tools=[{"functionDeclarations": [_function()]}], **fields)


def _calling(**config: Json) -> Json:
    return {"functionCallingConfig": config}


GEMINI: Mapping[str, JsonObject] = {
    "": _contents(),
    "systemInstruction": _contents(systemInstruction={"parts": [{"text": "be brief"}]}),
    "maxOutputTokens": _generation(maxOutputTokens=99),
    "temperature": _generation(temperature=0.5),
    "topP": _generation(topP=0.5),
    "topK": _generation(topK=5),
    "stopSequences": _generation(stopSequences=["END"]),
    "seed": _generation(seed=1),
    "candidateCount": _generation(candidateCount=2),
    "presencePenalty": _generation(presencePenalty=0.5),
    "responseLogprobs": _generation(responseLogprobs=True, logprobs=2),
    "thinkingConfig.thinkingBudget": _generation(thinkingConfig={"thinkingBudget": 8192}),
    "responseJsonSchema": _generation(responseMimeType="application/json", responseJsonSchema=STRICT_SCHEMA),
    "responseMimeType: JSON": _generation(responseMimeType="application/json"),
    "tools: functionDeclarations": _declared(),
    "tools: googleSearch": _contents(tools=[{"googleSearch": {}}]),
    "functionCallingConfig: ANY": _declared(toolConfig=_calling(mode="ANY")),
    "functionCallingConfig: a function": _declared(toolConfig=_calling(mode="ANY", allowedFunctionNames=["f"])),
    "labels": _contents(labels={"a": "b"}),
    "safetySettings": _contents(safetySettings=[{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]),
    "cachedContent": _contents(cachedContent="cachedContents/1"),
    "content: image as data": _contents({"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
    "content: image by URL": _contents(
        {"fileData": {"mimeType": "image/png", "fileUri": "https://example.org/cat.png"}}
    ),
    "content: PDF as data": _contents({"inlineData": {"mimeType": "application/pdf", "data": PICTURE}}),
    "content: audio": _contents({"inlineData": {"mimeType": "audio/wav", "data": PICTURE}}),
    "content: video": _contents({"inlineData": {"mimeType": "video/mp4", "data": PICTURE}}),
    "content: executableCode": _contents({"executableCode": {"language": "PYTHON", "code": "1"}}),
}


def _options(**options: Json) -> JsonObject:
    return _chat(options=options)


OLLAMA: Mapping[str, JsonObject] = {
    "": _chat(),
    "options.num_predict": _options(num_predict=99),
    "options.temperature": _options(temperature=0.5),
    "options.top_p": _options(top_p=0.5),
    "options.top_k": _options(top_k=5),
    "options.min_p": _options(min_p=0.1),
    "options.stop": _options(stop=["END"]),
    "options.seed": _options(seed=1),
    "options.presence_penalty": _options(presence_penalty=0.5),
    "options.num_ctx": _options(num_ctx=4096),
    "keep_alive": _chat(keep_alive="5m"),
    "think: true": _chat(think=True),
    "think: false": _chat(think=False),
    "think: high": _chat(think="high"),
    "format: json": _chat(format="json"),
    "format: a schema": _chat(format=STRICT_SCHEMA),
    "tools": _chat(tools=_chat_tool()),
    "logprobs": _chat(logprobs=True),
    "content: image": {"model": "m", "messages": [{"role": "user", "content": "see", "images": [PICTURE]}]},
}
PROBES: Mapping[str, Mapping[str, JsonObject]] = {
    "openai_chat": OPENAI_CHAT,
    "openai_responses": OPENAI_RESPONSES,
    "anthropic_messages": ANTHROPIC,
    "gemini": GEMINI,
    "ollama": OLLAMA,
}


def fate(surface: str, upstream: str, probe: str) -> str:
    """What becomes of *probe* on its way from *surface* to *upstream*."""
    if surface == upstream:
        return VERBATIM
    plain, changed = (_decoded(surface, PROBES[surface][name]) for name in (_without(surface, probe), probe))
    encoder = UPSTREAMS[upstream]
    before = encoder.encode_chat(plain, "m")
    try:
        after = encoder.encode_chat(fitted(changed, _card(upstream), surface), "m")
    except InvalidRequest:
        return REFUSED
    is_same = (before.body, before.demanded) == (after.body, after.demanded)
    if set(after.dropped) - set(before.dropped):
        return DROPPED if is_same else IN_PART
    return WITHOUT_EFFECT if is_same else CARRIED


def _without(surface: str, probe: str) -> str:
    """The probe that *probe* differs from in one thing: wishes about tools need tools."""
    if not any(word in probe for word in ("tool_choice", "parallel_tool", "functionCallingConfig")):
        return ""
    return next(name for name in PROBES[surface] if name.startswith("tools"))


def _decoded(surface: str, body: JsonObject) -> ChatRequest:
    speaks = Ollama(clock_ns=lambda: 0) if surface == "ollama" else SURFACES[surface]  # a clock would differ each time
    return speaks.decode_chat(json.loads(json.dumps(body)))


def _card(dialect: str) -> ModelCard:
    endpoint = Endpoint(name="e", dialect=dialect, base_url="http://127.0.0.1", is_local=True)
    return ModelCard(id="m", name="m", upstream_model="m", endpoint=endpoint)


def _choice(*parts: Text | Reasoning | Refusal | ToolCall, index: int = 0, logprobs: Json = None) -> Choice:
    message = Message(role=Role.ASSISTANT, parts=parts)
    reason = StopReason.TOOL_CALLS if any(isinstance(part, ToolCall) for part in parts) else StopReason.STOP
    return Choice(index=index, message=message, stop_reason=reason, logprobs=logprobs)


def _reply(*choices: Choice, usage: Usage | None = None) -> ChatReply:
    return ChatReply(id="r", model="m", created_s=1, choices=choices, usage=usage)


SAID = Text(text="hello")
CALLS = tuple(ToolCall(id=f"c{number}", name="f", arguments="{}") for number in (1, 2))
REPLIES: Mapping[str, tuple[ChatReply, ChatReply]] = {
    "thinking": (_reply(_choice(SAID)), _reply(_choice(Reasoning(text="hm"), SAID))),
    "refusal": (_reply(_choice()), _reply(_choice(Refusal(text="no")))),
    "tool calls, several": (_reply(_choice()), _reply(_choice(*CALLS))),
    "a second choice": (_reply(_choice(SAID)), _reply(_choice(SAID), _choice(SAID, index=1))),
    "log-probabilities": (
        _reply(_choice(SAID)),
        _reply(
            _choice(SAID, logprobs={"content": [{"token": "a", "logprob": -0.1, "bytes": None, "top_logprobs": []}]})
        ),
    ),
    "usage": (_reply(_choice(SAID)), _reply(_choice(SAID), usage=Usage(input_tokens=9, output_tokens=9))),
    "usage: cached input": tuple(  # type: ignore[dict-item]
        _reply(_choice(SAID), usage=Usage(input_tokens=9, output_tokens=9, cached_input_tokens=cached))
        for cached in (0, 5)
    ),
    "usage: reasoning": tuple(  # type: ignore[dict-item]
        _reply(_choice(SAID), usage=Usage(input_tokens=9, output_tokens=9, reasoning_tokens=thought))
        for thought in (0, 5)
    ),
}


def reply_fate(surface: str, name: str) -> str:
    """Whether callers of *surface* see what an endpoint of another API answered."""
    request = _asking(surface)
    speaks = Ollama(clock_ns=lambda: 0) if surface == "ollama" else SURFACES[surface]
    before, after = (speaks.encode_reply(reply, request) for reply in REPLIES[name])
    return "lost" if before == after else "yes"


def _asking(surface: str) -> ChatRequest:
    """A request that wants to see all there is, thinking too."""
    name = {"anthropic_messages": "thinking: enabled", "gemini": "thinkingConfig.thinkingBudget"}.get(surface, "")
    return _decoded(surface, PROBES[surface][name])


def _table(rows: Sequence[str], cell: Callable[[str, str], str], columns: Sequence[str]) -> Iterator[str]:
    yield f"| | {' | '.join(TITLES[column] for column in columns)} |"
    yield f"| --- |{' --- |' * len(columns)}"
    for row in rows:
        yield f"| {row} | {' | '.join(cell(row, column) for column in columns)} |"


def _summary(surface: str, upstream: str) -> str:
    if surface == upstream:
        return VERBATIM
    fates = [fate(surface, upstream, probe) for probe in PROBES[surface] if probe]
    lost = [
        f"{fates.count(kind)} {word}" for kind, word in ((DROPPED, "dropped"), (REFUSED, "refused")) if kind in fates
    ]
    return f"{', '.join(lost) or 'nothing lost'} of {len(fates)}"


def page() -> str:
    """The whole page."""
    names = [name for name in TITLES if name in UPSTREAMS and name in SURFACES]
    titles = {TITLES[name]: name for name in names}
    lines = [HEAD, "## All pairs\n", "Rows: the API a caller speaks. Columns: the API of the model's endpoint.\n"]
    lines += _table(list(titles), lambda row, column: _summary(titles[row], column), names)
    for surface in names:
        lines.append(f"\n## From {TITLES[surface]}\n")
        probes = [probe for probe in PROBES[surface] if probe]
        others = [name for name in names if name != surface]
        lines += _table(probes, lambda row, column, surface=surface: fate(surface, column, row), others)  # type: ignore[misc]
    lines.append("\n## Answers\n\nWhat an endpoint of another API answered, and whether callers of an API see it.\n")
    lines += _table(list(REPLIES), lambda row, column: reply_fate(column, row), names)
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str]) -> int:
    """Write the page, or with `--check` say whether it is current."""
    if "--check" in arguments:
        return 0 if PAGE.read_text("utf-8") == page() else 1
    PAGE.write_text(page(), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
