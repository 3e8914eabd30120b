"""A caller of Gemini's API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tests.clients.callers.talk import (
    Body,
    Caller,
    CallHeard,
    Heard,
    Said,
    Sent,
    Talk,
    Told,
    events,
    joined,
    without_nothing,
)

ENDS: Final = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "filter"}


def request(talk: Talk) -> Sent:
    """*talk* as a request."""
    declarations = [{"name": name, "parametersJsonSchema": one} for name, one in talk.tools.items()]
    config = {
        "temperature": talk.temperature,
        "maxOutputTokens": talk.max_tokens,
        "stopSequences": list(talk.stops) or None,
        "responseMimeType": "application/json" if talk.schema else None,
        "responseJsonSchema": talk.schema,
        "thinkingConfig": {"includeThoughts": True, "thinkingLevel": "LOW"} if talk.thinks else None,
    }
    body = {
        "contents": list(_contents(talk)),
        "systemInstruction": {"parts": [{"text": talk.system}]} if talk.system else None,
        "tools": [{"functionDeclarations": declarations}] if declarations else None,
        "toolConfig": _choice(talk.choice),
        "generationConfig": without_nothing(config) or None,
    }
    method = "streamGenerateContent?alt=sse" if talk.is_stream else "generateContent"
    path = f"/v1beta/models/{talk.model}:{method}"
    return Sent(path=path, body=without_nothing(body), headers={"x-goog-api-key": "key"})


def _choice(choice: str | None) -> Body | None:
    if choice is None:
        return None
    if choice in {"auto", "any", "none"}:
        return {"functionCallingConfig": {"mode": choice.upper()}}
    return {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": [choice]}}


def _contents(talk: Talk) -> Iterator[Body]:
    for turn in talk.turns:
        match turn:
            case Said(text=text, png=png, pdf=pdf):
                shown = [("image/png", png), ("application/pdf", pdf)]
                parts = [{"inlineData": {"mimeType": kind, "data": data}} for kind, data in shown if data]
                yield {"role": "user", "parts": [{"text": text}, *parts]}
            case Heard(echo=echo):
                yield {"role": "model", "parts": list(echo)}
            case _:
                yield {"role": "user", "parts": [{"functionResponse": _response(told)} for told in turn]}


def _response(told: Told) -> Body:
    return {"name": told.name, "id": told.call_id, "response": {"output": told.text}}


def whole(body: Body) -> Heard:
    """An answer at once."""
    return _heard([body])


def stream(data: bytes) -> Heard:
    """An answer in pieces; a comment between them breaks Google's own client."""
    assert not data.startswith(b":")
    assert b"\n:" not in data
    return _heard([json.loads(text) for _, text in events(data)])


def _heard(answers: list[Body]) -> Heard:
    candidates = [candidate for answer in answers for candidate in answer.get("candidates", ())]
    parts = [part for one in candidates for part in one.get("content", {}).get("parts", ())]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    usage = answers[-1]["usageMetadata"]
    end = ENDS[candidates[-1]["finishReason"]]
    thought = usage.get("thoughtsTokenCount", 0)
    assert usage["totalTokenCount"] == usage["promptTokenCount"] + usage.get("candidatesTokenCount", 0) + thought
    return Heard(
        text=joined([part["text"] for part in parts if "text" in part and not part.get("thought")]),
        thinking=joined([part["text"] for part in parts if "text" in part and part.get("thought")]),
        calls=tuple(CallHeard(id=one["id"], name=one["name"], arguments=one.get("args", {})) for one in calls),
        end="calls" if calls and end == "stop" else end,
        model=answers[-1]["modelVersion"],
        input_tokens=usage["promptTokenCount"],
        output_tokens=usage.get("candidatesTokenCount", 0) + thought,
        cached=usage.get("cachedContentTokenCount", 0),
        reasoning=thought,
        echo=tuple(parts),
    )


def error(body: Body) -> str:
    """The message of an error."""
    assert set(body["error"]) >= {"code", "message", "status"}
    return str(body["error"]["message"])


CALLER: Final = Caller(name="gemini", request=request, whole=whole, stream=stream, error=error)
