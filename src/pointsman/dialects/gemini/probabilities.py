"""Log-probabilities of tokens: this API's `logprobsResult`, and the list of tokens the neutral form carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pointsman.core.jsontypes import Json, JsonObject


def decode_result(given: Json) -> JsonObject | None:
    """The tokens in a `logprobsResult`, each with the likeliest in its place; None when there are none."""
    if not isinstance(given, dict):
        return None
    tops = given.get("topCandidates")
    found: list[Json] = []
    for place, chosen in enumerate(_objects(given.get("chosenCandidates"))):
        top = tops[place] if isinstance(tops, list) and place < len(tops) else None
        options = _objects(top.get("candidates")) if isinstance(top, dict) else []
        found.append({**_token(chosen), "top_logprobs": [_token(option) for option in options]})
    return {"content": found} if found else None


def _token(candidate: JsonObject) -> JsonObject:
    word = candidate.get("token")
    likelihood = candidate.get("logProbability")
    return {
        "token": word if isinstance(word, str) else "",
        "logprob": likelihood if isinstance(likelihood, int | float) else 0.0,
        "bytes": list(word.encode(errors="replace")) if isinstance(word, str) else None,
    }


def encode_result(given: Json) -> JsonObject | None:
    """A `logprobsResult` of the tokens the neutral form carries; None when there are none."""
    tokens = _objects(given.get("content")) if isinstance(given, dict) else []
    if not tokens:
        return None
    tops = [_objects(token.get("top_logprobs")) for token in tokens]
    return {
        "chosenCandidates": [_candidate(token) for token in tokens],
        "topCandidates": [{"candidates": [_candidate(option) for option in options]} for options in tops],
    }


def _candidate(token: JsonObject) -> JsonObject:
    return {"token": token.get("token"), "logProbability": token.get("logprob")}


def _objects(value: Json) -> list[JsonObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
