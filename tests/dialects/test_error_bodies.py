"""Error bodies as servers send them, each read as its own words, code, type and status."""

from __future__ import annotations

import json

import pytest

from pointsman.core.jsontypes import Json
from pointsman.core.stream import StreamFailed
from pointsman.dialects.base import UpstreamError
from pointsman.dialects.error_bodies import decode_error_body, failure_of

NOTHING_SAID = UpstreamError(message="the endpoint gave no message")


@pytest.mark.parametrize(
    ("server", "body", "expected"),
    [
        (
            "OpenAI",
            {"error": {"message": "Slow down", "type": "requests", "param": None, "code": "rate_limit_exceeded"}},
            UpstreamError(message="Slow down", code="rate_limit_exceeded", type="requests"),
        ),
        (
            "llama.cpp",
            {"error": {"code": 400, "message": "too long", "type": "exceed_context_size_error", "n_ctx": 8192}},
            UpstreamError(message="too long", type="exceed_context_size_error", status=400),
        ),
        (
            "vLLM, flat",
            {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
            UpstreamError(message="no", type="BadRequestError", status=400),
        ),
        (
            "code as digits",
            {"error": {"message": "m", "type": "t", "code": "404"}},
            UpstreamError(message="m", type="t", status=404),
        ),
        ("Ollama", {"error": "model 'x' not found"}, UpstreamError(message="model 'x' not found")),
        (
            "TGI",
            {"error": "Input validation error", "error_type": "validation"},
            UpstreamError(message="Input validation error", type="validation"),
        ),
        (
            "Azure",
            {
                "error": {
                    "message": "filtered",
                    "code": "content_filter",
                    "status": 400,
                    "innererror": {"code": "ResponsibleAIPolicyViolation"},
                }
            },
            UpstreamError(message="filtered", code="ResponsibleAIPolicyViolation", status=400),
        ),
        ("Azure gateway", {"statusCode": 429, "message": "wait"}, UpstreamError(message="wait", status=429)),
        (
            "Gemini in a list",
            [{"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED"}}],
            UpstreamError(message="quota", type="RESOURCE_EXHAUSTED", status=429),
        ),
        ("FastAPI", {"detail": "Not Found"}, UpstreamError(message="Not Found")),
        (
            "FastAPI, a list",
            {"detail": [{"loc": ["body"], "msg": "required"}]},
            UpstreamError(message="body: required"),
        ),
        (
            "Mistral",
            {
                "object": "error",
                "message": {"detail": [{"loc": ["body", "store"], "msg": "not permitted"}]},
                "type": "t",
            },
            UpstreamError(message="body.store: not permitted", type="t"),
        ),
        ("wrapped for ever", {"message": {"detail": {"msg": {"msg": {"msg": {"msg": "x"}}}}}}, NOTHING_SAID),
        (
            "Gemini at /openai",
            [{"error": {"code": 429, "message": "q", "details": [5, {"retryDelay": "31s"}, {"retryDelay": "900ms"}]}}],
            UpstreamError(message="q", status=429, retry_after_s=31.0),
        ),
        (
            "no durations",
            {"error": {"message": "m", "details": [{"retryDelay": 5}, {"retryDelay": "soon"}]}},
            UpstreamError(message="m"),
        ),
        ("errors", {"errors": [{"message": "bad"}]}, UpstreamError(message="bad")),
        ("empty errors", {"errors": [], "message": "m"}, UpstreamError(message="m")),
        ("LM Studio", {"error": ["no model loaded"]}, UpstreamError(message="no model loaded")),
        ("nothing", {}, NOTHING_SAID),
        ("blank", {"error": " "}, NOTHING_SAID),
        ("number", 3, NOTHING_SAID),
        ("string", "down", UpstreamError(message="down")),
        ("null", None, NOTHING_SAID),
        ("empty list", [], NOTHING_SAID),
    ],
)
def test_the_shapes_of_known_servers_are_read(server: str, body: Json, expected: UpstreamError) -> None:
    """Message, code, type and status are found wherever this server puts them."""
    assert decode_error_body(json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the endpoint gave no message"),
        (b"upstream\tconnect\x1b[31m error\r\n", "upstream connect [31m error"),
        (b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad Gateway"),
        (b"<p>Sorry,<br/>try   later</p>", "Sorry, try later"),
        (b"\xff\xfe", "��"),
        (b"x" * 1000, "x" * 299 + "…"),
        (b"[" * 100_000, "[" * 299 + "…"),
    ],
)
def test_what_is_no_json_is_one_short_line(body: bytes, message: str) -> None:
    """HTML gives its title or its text; control characters become spaces; 300 characters are enough."""
    assert decode_error_body(body) == UpstreamError(message=message)


def test_inside_a_stream_the_type_stands_in_for_the_code() -> None:
    """llama.cpp's type says more than its numeric code."""
    assert failure_of(UpstreamError(message="m", type="unavailable_error", status=503)) == StreamFailed(
        message="m", status=503, code="unavailable_error"
    )
