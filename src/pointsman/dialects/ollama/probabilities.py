"""Log-probabilities of tokens: a list beside the message here, `{"content": [...]}` in the neutral form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pointsman.dialects import fields

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject


def decode_tokens(body: JsonObject) -> JsonObject | None:
    """The tokens of an answer or of a stream's line, with what OpenAI's callers expect of each; None without any."""
    tokens: list[Json] = [
        {
            **_token(token),
            "top_logprobs": [_token(other) for other in fields.objects(token, "top_logprobs", "logprobs")],
        }
        for token in fields.objects(body, "logprobs")
    ]
    return {"content": tokens} if tokens else None


def _token(token: JsonObject) -> JsonObject:
    return {
        "token": fields.string(token, "token", "logprobs") or "",
        "logprob": fields.number(token, "logprob", "logprobs") or 0.0,
        "bytes": fields.array(token, "bytes", "logprobs"),
    }


def encode_tokens(given: Json) -> JsonObject:
    """The field for the tokens the neutral form carries; nothing when there are none."""
    content = given.get("content") if isinstance(given, dict) else None
    if not isinstance(content, list):
        return {}
    tokens: list[Json] = [_spoken(token) for token in content if isinstance(token, dict)]
    return {"logprobs": tokens} if tokens else {}


def _spoken(token: JsonObject) -> JsonObject:
    """Without what says nothing: this API leaves out empty lists."""
    said = {key: value for key, value in token.items() if key not in ("bytes", "top_logprobs") or value}
    others = said.get("top_logprobs")
    if isinstance(others, list):
        said["top_logprobs"] = [_spoken(other) for other in others if isinstance(other, dict)]
    return said
