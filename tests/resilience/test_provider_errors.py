"""The errors of well-known servers, in their own bodies: what each of them means for the plan."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamFailed
from pointsman.dialects.base import Relayable
from pointsman.dialects.registry import UPSTREAMS
from pointsman.resilience.classify import classify
from pointsman.testing import a_card, an_endpoint

TERMINAL, TRANSIENT, NOT_FOUND = FailureKind.TERMINAL, FailureKind.TRANSIENT, FailureKind.NOT_FOUND
CONTEXT, CONTENT, AUTH = FailureKind.CONTEXT, FailureKind.CONTENT, FailureKind.AUTH
BAD_REQUEST = FailureKind.BAD_REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One answer of one server."""

    server: str
    status: int
    body: Json
    kind: FailureKind
    dialect: str = "openai_chat"
    wait_s: float | None = None

    def __str__(self) -> str:
        return f"{self.server} {self.status} {self.kind}"


def openai(status: int, kind: FailureKind, message: str, code: str | None, **more: object) -> Case:
    """OpenAI's shape, as Groq, DeepSeek, xAI and others have it too."""
    wait_s = more.pop("wait_s", None)
    error: JsonObject = {"message": message, "type": str(more.pop("type", "invalid_request_error")), "code": code}
    assert wait_s is None or isinstance(wait_s, float)
    body: JsonObject = {"error": {**error, "param": None}}
    return Case(server=str(more.pop("server", "OpenAI")), status=status, body=body, kind=kind, wait_s=wait_s)


def anthropic(status: int, kind: FailureKind, type_: str, message: str) -> Case:
    """Anthropic's shape."""
    body: JsonObject = {"type": "error", "error": {"type": type_, "message": message}, "request_id": "req_1"}
    return Case(server="Anthropic", status=status, body=body, kind=kind, dialect="anthropic_messages")


def gemini(
    status: int, kind: FailureKind, word: str, message: str, *details: JsonObject, wait_s: float | None = None
) -> Case:
    """Google's shape."""
    error: JsonObject = {"code": status, "message": message, "status": word}
    body: JsonObject = {"error": {**error, "details": [*details]} if details else error}
    return Case(server="Gemini", status=status, body=body, kind=kind, dialect="gemini", wait_s=wait_s)


def ollama(status: int, kind: FailureKind, message: str) -> Case:
    """The shape of Ollama's own API."""
    return Case(server="Ollama", status=status, body={"error": message}, kind=kind, dialect="ollama")


def llama_cpp(status: int, kind: FailureKind, type_: str, message: str, **more: Json) -> Case:
    """llama.cpp's shape: the code is the status."""
    body: JsonObject = {"error": {"code": status, "message": message, "type": type_, **more}}
    return Case(server="llama.cpp", status=status, body=body, kind=kind)


def vllm(status: int, kind: FailureKind, type_: str, message: str, *, is_nested: bool = False) -> Case:
    """The shape of vLLM: flat, or nested in newer versions."""
    error: JsonObject = {"message": message, "type": type_, "param": None, "code": status}
    body: JsonObject = {"error": error} if is_nested else {"object": "error", **error}
    return Case(server="vLLM", status=status, body=body, kind=kind)


def other(server: str, status: int, kind: FailureKind, body: Json) -> Case:
    """A body as it is."""
    return Case(server=server, status=status, body=body, kind=kind)


RPC = "type.googleapis.com/google.rpc."
VLLM_TOO_LONG = (
    "This model's maximum context length is 131072 tokens. However, you requested 156632 tokens (152536 in the "
    "messages, 4096 in the completion). Please reduce the length of the messages or completion."
)
CASES = (
    openai(
        400,
        CONTEXT,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
        "context_length_exceeded",
    ),
    openai(400, CONTEXT, "Input tokens exceed the configured limit of 272000 tokens.", None),
    openai(
        400,
        CONTEXT,
        "Invalid 'messages[0].content': string too long. Expected a string with maximum length 10485760.",
        "string_above_max_length",
    ),
    openai(400, CONTEXT, "string too long. Expected a string with maximum length 1048576.", None),
    openai(
        400,
        BAD_REQUEST,
        "Invalid 'user': string too long. Expected a string with maximum length 64.",
        "string_above_max_length",
    ),
    openai(404, NOT_FOUND, "The model `gpt-9` does not exist or you do not have access to it.", "model_not_found"),
    openai(401, AUTH, "Incorrect API key provided: sk-***.", "invalid_api_key"),
    openai(429, TERMINAL, "You exceeded your current quota.", "insufficient_quota", type="insufficient_quota"),
    openai(
        429,
        TRANSIENT,
        "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 10000. Please try again in 20s.",
        "rate_limit_exceeded",
        type="tokens",
        wait_s=20.0,
    ),
    openai(
        429,
        CONTEXT,
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 50000.",
        "rate_limit_exceeded",
        type="tokens",
    ),
    openai(400, CONTENT, "Your request was rejected as a result of our safety system.", "content_policy_violation"),
    openai(400, CONTENT, "Invalid prompt: your prompt was flagged.", "invalid_prompt"),
    openai(500, TRANSIENT, "The server had an error while processing your request.", None, type="server_error"),
    openai(503, TRANSIENT, "Slow down", "slow_down", type="service_unavailable"),
    openai(400, BAD_REQUEST, "Unknown parameter: 'messages[1].error_429'. See error 429.", "unknown_parameter"),
    openai(
        413,
        CONTEXT,
        "Request too large for model `llama-3.1-8b-instant` on tokens per minute (TPM): Limit 6000, Requested 9000.",
        "rate_limit_exceeded",
        server="Groq",
        type="tokens",
    ),
    openai(
        400,
        BAD_REQUEST,
        "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40.",
        "string_above_max_length",
    ),
    openai(400, NOT_FOUND, "The model `x` has been decommissioned.", "model_decommissioned", server="Groq"),
    openai(400, NOT_FOUND, "Model Not Exist", "invalid_request_error", server="DeepSeek"),
    openai(400, CONTENT, "Content Exists Risk", "invalid_request_error", server="DeepSeek"),
    openai(402, TERMINAL, "Insufficient Balance", "invalid_request_error", server="DeepSeek", type="unknown_error"),
    openai(
        400, CONTEXT, "This model's maximum prompt length is 131072 but the request contains 2.", None, server="xAI"
    ),
    other(
        "xAI",
        403,
        CONTENT,
        {"code": "The caller does not have permission", "error": "Content violates usage guidelines."},
    ),
    other(
        "OpenRouter",
        429,
        TRANSIENT,
        {"error": {"message": "Provider returned error", "code": 429, "metadata": {"raw": "x is rate-limited"}}},
    ),
    other(
        "xAI", 400, AUTH, {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x."}
    ),
    other(
        "xAI",
        429,
        TERMINAL,
        {"code": "Some resource has been exhausted", "error": "Your team has used all available credits."},
    ),
    other("OpenRouter", 400, NOT_FOUND, {"error": {"message": "a/b is not a valid model ID", "code": 400}}),
    other("OpenRouter", 402, TERMINAL, {"error": {"message": "Insufficient credits", "code": 402}}),
    other(
        "Azure",
        400,
        CONTENT,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's policy.",
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {}},
            }
        },
    ),
    Case(
        server="Azure",
        status=429,
        kind=TRANSIENT,
        wait_s=26.0,
        body={"error": {"code": "429", "message": "Requests have exceeded the rate. Please retry after 26 seconds."}},
    ),
    other("Azure", 404, NOT_FOUND, {"error": {"code": "DeploymentNotFound", "message": "It does not exist."}}),
    other("Azure", 401, AUTH, {"statusCode": 401, "message": "Access denied due to invalid subscription key."}),
    anthropic(400, CONTEXT, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    anthropic(
        400,
        CONTEXT,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ),
    anthropic(400, BAD_REQUEST, "invalid_request_error", "messages: roles must alternate"),
    anthropic(400, TERMINAL, "invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
    anthropic(400, CONTENT, "invalid_request_error", "Output blocked by content filtering policy"),
    anthropic(401, AUTH, "authentication_error", "invalid x-api-key"),
    anthropic(402, TERMINAL, "billing_error", "There is an issue with your billing."),
    anthropic(403, AUTH, "permission_error", "Your API key does not have permission."),
    anthropic(404, NOT_FOUND, "not_found_error", "model: claude-9"),
    anthropic(413, CONTEXT, "request_too_large", "Request exceeds the maximum size"),
    anthropic(429, TRANSIENT, "rate_limit_error", "Number of request tokens has exceeded your per-minute rate limit"),
    anthropic(500, TRANSIENT, "api_error", "Internal server error"),
    anthropic(504, TRANSIENT, "timeout_error", "Request timed out"),
    anthropic(529, TRANSIENT, "overloaded_error", "Overloaded"),
    gemini(
        400,
        CONTEXT,
        "INVALID_ARGUMENT",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
    gemini(400, BAD_REQUEST, "INVALID_ARGUMENT", "Unknown name 'x'"),
    gemini(400, TERMINAL, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    Case(
        server="Gemini at /openai",
        status=429,
        kind=TRANSIENT,
        wait_s=31.0,
        body=[
            {
                "error": {
                    "code": 429,
                    "message": "You exceeded your current quota.",
                    "status": "RESOURCE_EXHAUSTED",
                    "details": [{"@type": f"{RPC}RetryInfo", "retryDelay": "31s"}],
                }
            }
        ],
    ),
    gemini(
        400,
        AUTH,
        "INVALID_ARGUMENT",
        "API key not valid. Please pass a valid API key.",
        {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
    ),
    gemini(403, AUTH, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."),
    gemini(404, NOT_FOUND, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta"),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        {
            "@type": f"{RPC}QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier", "quotaValue": "5"}],
        },
        {"@type": f"{RPC}Help", "links": []},
        {"@type": f"{RPC}RetryInfo", "retryDelay": "31s"},
        wait_s=31.0,
    ),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "Resource has been exhausted.",
        {"@type": f"{RPC}RetryInfo", "retryDelay": "0.1s"},
        wait_s=0.1,
    ),
    gemini(
        429,
        TERMINAL,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        {
            "@type": f"{RPC}QuotaFailure",
            "violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}],
        },
    ),
    gemini(503, TRANSIENT, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    ollama(404, NOT_FOUND, "model 'x' not found"),
    ollama(503, TRANSIENT, "server busy, please try again.  maximum pending requests exceeded"),
    ollama(400, NOT_FOUND, '"x" does not support tools'),
    ollama(400, NOT_FOUND, "registry.ollama.ai/library/gemma3:4b does not support tools"),
    ollama(400, CONTEXT, "the input length exceeds the context length"),
    ollama(400, CONTEXT, "the prompt is longer than the context length currently available"),
    ollama(500, TRANSIENT, "llama runner process has terminated: signal: killed"),
    openai(404, NOT_FOUND, 'model "x" not found, try pulling it first', None, server="Ollama", type="not_found_error"),
    openai(500, TRANSIENT, "llama runner process no longer running", None, server="Ollama", type="api_error"),
    llama_cpp(
        400,
        CONTEXT,
        "exceed_context_size_error",
        "request (13392 tokens) exceeds the available context size (8192 tokens), try increasing it",
        n_prompt_tokens=13392,
        n_ctx=8192,
    ),
    llama_cpp(400, CONTEXT, "invalid_request_error", "the request exceeds the available context size. try increasing"),
    llama_cpp(503, TRANSIENT, "unavailable_error", "Loading model"),
    llama_cpp(500, CONTEXT, "server_error", "input is too large to process. increase the physical batch size"),
    llama_cpp(401, AUTH, "authentication_error", "Invalid API Key"),
    vllm(400, CONTEXT, "BadRequestError", VLLM_TOO_LONG),
    vllm(400, CONTEXT, "BadRequestError", VLLM_TOO_LONG, is_nested=True),
    vllm(400, CONTEXT, "BadRequestError", "max_tokens must be at least 1, got -186."),
    vllm(404, NOT_FOUND, "NotFoundError", "The model `x` does not exist."),
    other(
        "TGI",
        422,
        CONTEXT,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs`",
            "error_type": "validation",
        },
    ),
    other("TGI", 429, TRANSIENT, {"error": "Model is overloaded", "error_type": "overloaded"}),
    other("Bedrock", 400, CONTEXT, {"message": "Input is too long for requested model."}),
    other("Bedrock", 400, CONTEXT, {"message": "Too many input tokens. Max input tokens: 8192"}),
    other("Bedrock", 429, TRANSIENT, {"message": "Too many tokens, please wait before trying again."}),
    other("Bedrock", 429, TRANSIENT, {"message": "Too many requests, please wait before trying again."}),
    other(
        "Cerebras",
        400,
        CONTEXT,
        {
            "message": "Please reduce the length of the messages. Current length is 9000 while limit is 8192",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        },
    ),
    other("Cerebras", 400, CONTEXT, {"message": "Current length is 9000 while limit is 8192", "code": None}),
    other(
        "Mistral",
        429,
        TRANSIENT,
        {
            "object": "error",
            "message": "Service tier capacity exceeded for this model.",
            "type": "service_tier_capacity_exceeded",
            "param": None,
            "code": "3505",
        },
    ),
    other(
        "Mistral",
        400,
        CONTEXT,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            "type": "invalid_request_prompt",
            "code": "3051",
        },
    ),
    other("Mistral", 400, NOT_FOUND, {"object": "error", "message": "Invalid model: x", "type": "invalid_model"}),
    other(
        "Mistral",
        422,
        BAD_REQUEST,
        {
            "object": "error",
            "message": {"detail": [{"type": "extra_forbidden", "msg": "Extra inputs are not permitted"}]},
        },
    ),
    openai(
        400,
        CONTEXT,
        "The number of tokens to keep from the initial prompt is greater than the context length.",
        None,
        server="LM Studio",
    ),
    other("LM Studio", 400, BAD_REQUEST, {"error": "Invalid tool_choice type: 'object'."}),
)


IDS = [f"{number} {case}" for number, case in enumerate(CASES)]


def of_status(case: Case) -> Failure:
    """As the engine reads an answer with an error's status."""
    found = UPSTREAMS[case.dialect].decode_error(json.dumps(case.body).encode())
    wait = None if found.retry_after_s is None else str(found.retry_after_s)
    return classify(
        card=a_card("m", endpoint=an_endpoint(dialect=case.dialect)),
        status=case.status,
        message=found.message,
        code=found.code,
        error_type=found.type,
        retry_after=wait,
    )


def in_stream(case: Case) -> bytes:
    """The same error as an event of a stream that began with 200."""
    line = json.dumps(case.body).encode()
    if case.dialect == "ollama":
        return line + b"\n"
    event = b"event: error\n" if case.dialect == "anthropic_messages" else b""
    return event + b"data: " + line + b"\n\n"


def comes_in_streams(case: Case) -> bool:
    """Not what a gateway before the model says with a status alone."""
    return isinstance(case.body, dict) and ("error" in case.body or case.body.get("object") == "error")


def of_event(failed: StreamFailed) -> Failure:
    """As the engine reads it."""
    wait = None if failed.retry_after_s is None else str(failed.retry_after_s)
    return classify(card=a_card("m"), status=failed.status, message=failed.message, code=failed.code, retry_after=wait)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_answer_with_an_errors_status_has_a_kind_and_its_wait(case: Case) -> None:
    """Code and type before status, status before words; never a number that merely stands in the text."""
    failure = of_status(case)
    assert (failure.kind, failure.retry_after_s) == (case.kind, case.wait_s)


# Inside a stream there is no status but the one the body names. Where a server names none, and no word that tells,
# the failure is of a kind unknown, which the plan takes like a passing one that it does not ask again.
SAYS_NOTHING_MORE = frozenset(("OpenAI", "xAI", "Azure", "Bedrock", "TGI", "Mistral", "LM Studio", "Ollama"))


@pytest.mark.parametrize("case", [case for case in CASES if comes_in_streams(case)])
def test_inside_a_stream_an_error_means_the_same_or_nothing_known(case: Case) -> None:
    """Translated and relayed alike."""
    upstream = UPSTREAMS[case.dialect]
    decoder = upstream.stream_decoder()
    events = [*decoder.feed(in_stream(case)), *decoder.close()]
    (failed,) = [event for event in events if isinstance(event, StreamFailed)]
    assert isinstance(upstream, Relayable)
    scanner = upstream.relay_scanner(Operation.CHAT, strip_usage=True)
    scanner.feed(in_stream(case))
    scanner.close()
    assert scanner.failure == failed
    kind = of_event(failed).kind
    assert of_event(failed).retry_after_s == (case.wait_s if kind is TRANSIENT else None)
    if case.server in SAYS_NOTHING_MORE and kind is not case.kind:
        assert kind is FailureKind.UNKNOWN
    else:
        assert kind is case.kind
