"""Gemini's API, as generativelanguage.googleapis.com reads and answers it (ai.google.dev/api/generate-content)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from tests.clients.upstream import mind
from tests.clients.upstream.gemini_check import (
    READER,
    SEAL,
    camel,
    check_content,
    check_contents,
    check_declaration,
    check_schema,
)
from tests.clients.upstream.mind import Prompt, Result, Tool, Turn
from tests.clients.upstream.rules import Body, Refused, refuse_unless
from tests.e2e.wire import Call

TOP: Final = {
    "model": "string",
    "contents": "array",
    "systemInstruction": "object",
    "generationConfig": "object",
    "tools": "array",
    "toolConfig": "object",
    "safetySettings": "array",
    "cachedContent": "string",
    "labels": "object",
    "serviceTier": "string",
    "store": "boolean",
}
_CONFIG: Final = {
    "temperature": "number",
    "topP": "number",
    "topK": "number",
    "candidateCount": "integer",
    "maxOutputTokens": "integer",
    "stopSequences": "array",
    "responseMimeType": "string",
    "responseSchema": "object",
    "responseJsonSchema": "object",
    "presencePenalty": "number",
    "frequencyPenalty": "number",
    "seed": "integer",
    "responseLogprobs": "boolean",
    "logprobs": "integer",
    "thinkingConfig": "object",
    "responseModalities": "array",
    "mediaResolution": "string",
    "speechConfig": "object",
    "imageConfig": "object",
    "enableEnhancedCivicAnswers": "boolean",
}
_TOOL: Final = {
    "functionDeclarations": "array",
    "googleSearch": "object",
    "codeExecution": "object",
    "urlContext": "object",
}
_ENDS: Final = {"stop": "STOP", "length": "MAX_TOKENS", "calls": "STOP", "filter": "SAFETY"}
_STATUS: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def hear(call: Call) -> Prompt:
    """The prompt in a request's body; Refused where the API would refuse it."""
    check_key(call)
    model, _, method = call.path.partition("?")[0].rpartition("/models/")[2].rpartition(":")
    body = READER.shape(camel(call.body), "", TOP, ("contents",))
    return _prompt(body, model, is_stream=method.startswith("stream"))


def check_key(call: Call) -> None:
    """A key in the header or the query."""
    if not (call.headers.get("x-goog-api-key") or "key=" in call.path):
        raise Refused("Method doesn't allow unregistered callers. Please use API Key.", status=403)


def _prompt(body: Body, model: str, *, is_stream: bool) -> Prompt:
    contents: list[Any] = body["contents"]
    check_contents(contents, needs_signatures="gemini-3" in model)
    config = READER.shape(body.get("generationConfig", {}), "generation_config", _CONFIG)
    tools = _tools(body)
    instruction = body.get("systemInstruction")
    if instruction is not None:
        check_content(instruction, "system_instruction")
    latest = [part for content in _latest(contents) for part in content["parts"]]
    choice = _choice(body, tools)
    named = [tool for tool in tools if tool.name in choice]
    return Prompt(
        model=model,
        text="\n".join(part["text"] for part in latest if "text" in part),
        system="\n".join(part["text"] for part in (instruction or {"parts": []})["parts"]),
        seen=tuple(_seen(part) for part in latest if "inlineData" in part or "fileData" in part),
        results=tuple(_result(part["functionResponse"]) for part in latest if "functionResponse" in part),
        tools=tuple(named if len(named) > 1 else tools),
        choice="any" if len(named) > 1 else choice[0],
        schema=_schema(config),
        is_json=config.get("responseMimeType") == "application/json",
        is_thinking=_is_thinking(config),
        max_tokens=config.get("maxOutputTokens"),
        stops=tuple(config.get("stopSequences", ())),
        is_stream=is_stream,
        count=config.get("candidateCount", 1),
    )


def _tools(body: Body) -> list[Tool]:
    found = []
    for index, tool in enumerate(body.get("tools", [])):
        given = READER.shape(tool, f"tools[{index}]", _TOOL)
        for place, declaration in enumerate(given.get("functionDeclarations", [])):
            schema = check_declaration(declaration, f"tools[{index}].function_declarations[{place}]")
            found.append(Tool(name=declaration["name"], schema=schema))
    names = [tool.name for tool in found]
    refuse_unless(len(set(names)) == len(names), "Duplicate function declaration found")
    return found


def _choice(body: Body, tools: Sequence[Tool]) -> list[str]:
    config = READER.shape(
        body.get("toolConfig", {}), "tool_config", {"functionCallingConfig": "object", "retrievalConfig": "object"}
    ).get("functionCallingConfig", {})
    READER.shape(config, "tool_config.function_calling_config", {"mode": "string", "allowedFunctionNames": "array"})
    mode = config.get("mode", "AUTO")
    READER.one_of(mode, "tool_config.function_calling_config.mode", ("AUTO", "ANY", "NONE", "VALIDATED"))
    allowed: list[str] = config.get("allowedFunctionNames", [])
    refuse_unless(
        not allowed or mode in {"ANY", "VALIDATED"}, "Allowed function names are only for the modes ANY and VALIDATED."
    )
    refuse_unless(mode != "ANY" or tools, "Function calling config is set without function_declarations.")
    for name in allowed:
        READER.one_of(name, "allowed_function_names", [tool.name for tool in tools])
    return allowed or [{"ANY": "any", "NONE": "none"}.get(mode, "auto")]


def _schema(config: Body) -> Body | None:
    kinds = [name for name in ("responseSchema", "responseJsonSchema") if name in config]
    refuse_unless(len(kinds) <= 1, "response_schema and response_json_schema are mutually exclusive")
    if not kinds:
        return None
    refuse_unless(
        config.get("responseMimeType") == "application/json",
        "Function calling with a response schema needs the response mime type 'application/json'",
    )
    schema: Body = config[kinds[0]]
    if kinds == ["responseSchema"]:
        check_schema(schema, "generation_config.response_schema")
    return schema


def _is_thinking(config: Body) -> bool:
    known = {"includeThoughts": "boolean", "thinkingBudget": "integer", "thinkingLevel": "string"}
    thinking = READER.shape(config.get("thinkingConfig", {}), "generation_config.thinking_config", known)
    refuse_unless(
        not ("thinkingBudget" in thinking and "thinkingLevel" in thinking),
        "You can only set only one of thinking budget and thinking level.",
    )
    level = thinking.get("thinkingLevel", "HIGH").upper()
    READER.one_of(level, "thinking_level", ("MINIMAL", "LOW", "MEDIUM", "HIGH"))
    return bool(thinking.get("includeThoughts"))


def _latest(contents: Sequence[Body]) -> Sequence[Body]:
    spoke = max((index + 1 for index, one in enumerate(contents) if one.get("role") == "model"), default=0)
    return contents[spoke:]


def _seen(part: Body) -> str:
    if "inlineData" in part:
        return mind.media(part["inlineData"]["mimeType"], part["inlineData"]["data"])
    return f"image at {part['fileData']['fileUri']}"


def _result(answer: Body) -> Result:
    response = answer["response"]
    inner = response.get("output", response.get("result", response))
    text = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return Result(name=answer["name"], text=f"error: {response['error']}" if "error" in response else text)


def say(turn: Turn, prompt: Prompt, number: int) -> Body:
    """The whole answer."""
    return _answer(turn, prompt, number, _parts(turn, number), ends=True)


def stream(turn: Turn, prompt: Prompt, number: int) -> Iterator[bytes]:
    """The answer in pieces; calls are never split."""
    pieces = _pieces(turn, number)
    for place, parts in enumerate(pieces):
        yield event(_answer(turn, prompt, number, parts, ends=place == len(pieces) - 1))


def event(value: object) -> bytes:
    """A nameless event."""
    return f"data: {json.dumps(value, ensure_ascii=False)}\r\n\r\n".encode()


def _answer(turn: Turn, prompt: Prompt, number: int, parts: Sequence[Body], *, ends: bool) -> Body:
    candidates: list[Body] = [
        {"content": {"parts": list(parts), "role": "model"}, "index": index} for index in range(prompt.count)
    ]
    if ends:
        for candidate in candidates:
            candidate["finishReason"] = _ENDS[turn.end]
    return {
        "candidates": candidates,
        "usageMetadata": _usage(turn),
        "modelVersion": prompt.model,
        "responseId": f"resp{number:08d}",
    }


def _parts(turn: Turn, number: int) -> list[Body]:
    return [part for parts in _pieces(turn, number, is_whole=True) for part in parts]


def _pieces(turn: Turn, number: int, *, is_whole: bool = False) -> list[list[Body]]:
    seal = base64.b64encode(f"{SEAL}{number}".encode()).decode()
    pieces: list[list[Body]] = [[{"text": turn.thinking, "thought": True}]] if turn.thinking else []
    pieces += [[{"text": word}] for word in ([turn.text] if is_whole and turn.text else turn.words)]
    for place, call in enumerate(turn.calls):
        part: Body = {"functionCall": {"name": call.name, "args": call.arguments, "id": f"fc{number}x{place}"}}
        pieces.append([{**part, "thoughtSignature": seal} if place == 0 else part])
    return pieces or [[{"text": ""}]]


def _usage(turn: Turn) -> Body:
    found: Body = {
        "promptTokenCount": mind.INPUT_TOKENS,
        "cachedContentTokenCount": mind.CACHED_TOKENS,
        "candidatesTokenCount": mind.OUTPUT_TOKENS - turn.reasoning_tokens,
        "totalTokenCount": mind.INPUT_TOKENS + mind.OUTPUT_TOKENS,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": mind.INPUT_TOKENS}],
    }
    return {**found, "thoughtsTokenCount": turn.reasoning_tokens} if turn.thinking else found


def count(call: Call) -> Body:
    """How many tokens a request has."""
    check_key(call)
    known = {"contents": "array", "generateContentRequest": "object", "model": "string"}
    body = READER.shape(camel(call.body), "", known)
    refuse_unless(("contents" in body) != ("generateContentRequest" in body), "contents or generate_content_request")
    model = call.path.rpartition("/models/")[2].rpartition(":")[0]
    inner = body.get("generateContentRequest", {"contents": body.get("contents")})
    _prompt(READER.shape(inner, "generate_content_request", TOP, ("contents",)), model, is_stream=False)
    details = [{"modality": "TEXT", "tokenCount": mind.INPUT_TOKENS}]
    return {"totalTokens": mind.INPUT_TOKENS, "promptTokensDetails": details}


_EMBED: Final = {
    "model": "string",
    "content": "object",
    "taskType": "string",
    "title": "string",
    "outputDimensionality": "integer",
    "embedContentConfig": "object",
}


def embed(call: Call) -> Body:
    """One vector."""
    check_key(call)
    return {"embedding": _vector(READER.shape(camel(call.body), "", _EMBED, ("content",)))}


def embed_many(call: Call) -> Body:
    """A vector for each request."""
    check_key(call)
    requests = READER.shape(camel(call.body), "", {"requests": "array"}, ("requests",))["requests"]
    found = []
    for index, request in enumerate(requests):
        given = READER.shape(request, f"requests[{index}]", _EMBED, ("model", "content"))
        refuse_unless(given["model"].startswith("models/"), f"requests[{index}].model: unexpected model name format")
        found.append(_vector(given))
    return {"embeddings": found}


def _vector(request: Body) -> Body:
    text = "".join(part["text"] for part in request["content"]["parts"])
    return {"values": mind.vector(text, request.get("outputDimensionality"))}


def refuse(error: Refused) -> Body:
    """The error's body."""
    status = _STATUS.get(error.status, "INVALID_ARGUMENT")
    return {"error": {"code": error.status, "message": error.message, "status": status}}


def models(names: list[str]) -> Body:
    """The list of models."""
    methods = ["generateContent", "countTokens", "embedContent", "batchEmbedContents"]
    rows = [{"name": f"models/{name}", "displayName": name, "supportedGenerationMethods": methods} for name in names]
    return {"models": rows}
