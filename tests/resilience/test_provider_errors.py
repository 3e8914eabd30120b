"""The errors of well-known servers, in their own bodies: what each of them means for the plan, and whom it is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.core.catalog import Operation
from pointsman.core.failure import UNABLE, Failure, FailureKind, Reach
from pointsman.core.jsontypes import Json, JsonObject
from pointsman.core.stream import StreamFailed
from pointsman.dialects.base import Relayable
from pointsman.dialects.registry import UPSTREAMS
from pointsman.resilience.classify import classify
from pointsman.resilience.waits import Hints
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
    reach: Reach = Reach.MODEL
    until_s: float | None = None
    code: str | None = None  # where it matters

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


def account(case: Case) -> Case:
    """About the key or the account: every model of the endpoint fails alike."""
    return replace(case, reach=Reach.ENDPOINT)


def until(case: Case, until_s: float) -> Case:
    """The endpoint says when it is over, or it is known."""
    return replace(case, until_s=until_s)


def unable(case: Case) -> Case:
    """The request is right, this model cannot do it."""
    return replace(case, code=UNABLE)


# Where the shapes are from: the servers' own documentation or source, as of 2026.
SOURCES: Mapping[str, str] = {
    "Anthropic": "https://docs.anthropic.com/en/api/errors",
    "Azure": "https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter",
    "Bedrock": "https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html",
    "Cerebras": "https://inference-docs.cerebras.ai/support/error",
    "DeepSeek": "https://api-docs.deepseek.com/quick_start/error_codes",
    "FastAPI": "https://fastapi.tiangolo.com/tutorial/handling-errors/",
    "Gemini": "https://ai.google.dev/gemini-api/docs/troubleshooting",
    "Gemini at /openai": "https://ai.google.dev/gemini-api/docs/openai",
    "Code Assist": "gemini-cli, packages/core/src/utils/googleQuotaErrors.ts",
    "Groq": "https://console.groq.com/docs/errors",
    "LiteLLM": "https://docs.litellm.ai/docs/proxy/users",
    "LM Studio": "LM Studio 0.3, as it answers",
    "Mistral": "https://docs.mistral.ai/api/",
    "Moonshot": "https://platform.moonshot.ai/docs/api/errors",
    "Ollama": "ollama, server/routes.go and server/sched.go",
    "OpenAI": "https://platform.openai.com/docs/guides/error-codes",
    "OpenRouter": "https://openrouter.ai/docs/api-reference/errors",
    "TGI": "text-generation-inference, router/src/validation.rs and server.rs",
    "llama.cpp": "llama.cpp, tools/server (format_error_response)",
    "nginx": "nginx, ngx_http_special_response.c",
    "vLLM": "vllm, entrypoints/openai",
    "xAI": "https://docs.x.ai/docs/key-information/debugging",
}
NOW_S = 1_772_000_000.0  # 25 February 2026, 06:13:20 UTC: the evening before in California
MIDNIGHT_S = 1_772_006_400.0  # 08:00 UTC
RPC = "type.googleapis.com/google.rpc."


def quota(identity: str) -> JsonObject:
    """Google's detail that names the allowance."""
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": identity, "quotaValue": "5"}]}


def retry_info(delay: str) -> JsonObject:
    """Google's detail that names the wait."""
    return {"@type": f"{RPC}RetryInfo", "retryDelay": delay}


def reason(word: str, domain: str = "googleapis.com", **metadata: Json) -> JsonObject:
    """Google's detail that names the reason."""
    return {"@type": f"{RPC}ErrorInfo", "reason": word, "domain": domain, "metadata": metadata}


def code_assist(status: int, kind: FailureKind, word: str, delay: str | None, *, wait_s: float | None = None) -> Case:
    """The API behind gemini-cli's sign-in with Google."""
    details = [reason(word, "cloudcode-pa.googleapis.com"), *([retry_info(delay)] if delay else [])]
    case = gemini(status, kind, "RESOURCE_EXHAUSTED", "You have no capacity left.", *details, wait_s=wait_s)
    return replace(case, server="Code Assist")


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
    account(openai(401, AUTH, "Incorrect API key provided: sk-***.", "invalid_api_key")),
    account(openai(429, TERMINAL, "You exceeded your current quota.", "insufficient_quota", type="insufficient_quota")),
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
    account(
        openai(402, TERMINAL, "Insufficient Balance", "invalid_request_error", server="DeepSeek", type="unknown_error")
    ),
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
    account(
        other(
            "xAI",
            400,
            AUTH,
            {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x."},
        )
    ),
    account(
        other(
            "xAI",
            429,
            TERMINAL,
            {"code": "Some resource has been exhausted", "error": "Your team has used all available credits."},
        )
    ),
    other("OpenRouter", 400, NOT_FOUND, {"error": {"message": "a/b is not a valid model ID", "code": 400}}),
    account(other("OpenRouter", 402, TERMINAL, {"error": {"message": "Insufficient credits", "code": 402}})),
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
    account(
        other("Azure", 401, AUTH, {"statusCode": 401, "message": "Access denied due to invalid subscription key."})
    ),
    anthropic(400, CONTEXT, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    anthropic(
        400,
        CONTEXT,
        "invalid_request_error",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ),
    anthropic(400, BAD_REQUEST, "invalid_request_error", "messages: roles must alternate"),
    account(
        anthropic(400, TERMINAL, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")
    ),
    anthropic(400, CONTENT, "invalid_request_error", "Output blocked by content filtering policy"),
    account(anthropic(401, AUTH, "authentication_error", "invalid x-api-key")),
    account(anthropic(402, TERMINAL, "billing_error", "There is an issue with your billing.")),
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
    account(gemini(400, TERMINAL, "FAILED_PRECONDITION", "User location is not supported for the API use.")),
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
    account(
        gemini(
            400,
            AUTH,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"},
        )
    ),
    account(gemini(403, AUTH, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")),
    gemini(404, NOT_FOUND, "NOT_FOUND", "models/gemini-9 is not found for API version v1beta"),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "You exceeded your current quota.",
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        {"@type": f"{RPC}Help", "links": []},
        retry_info("31s"),
        wait_s=31.0,
    ),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "Resource has been exhausted.",
        retry_info("0.1s"),
        wait_s=0.1,
    ),
    until(
        gemini(
            429,
            TERMINAL,
            "RESOURCE_EXHAUSTED",
            "You exceeded your current quota.",
            quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier"),
            retry_info("31s"),
        ),
        MIDNIGHT_S,
    ),
    until(
        gemini(429, TERMINAL, "RESOURCE_EXHAUSTED", "Quota exceeded.", quota("TokensDaily-FreeTier")),
        MIDNIGHT_S,
    ),
    gemini(
        429,
        TERMINAL,
        "RESOURCE_EXHAUSTED",
        f"You exceeded your current quota. {'For more information, see our site. ' * 12}* Quota exceeded for metric: "
        "generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: gemini-3-pro",
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
    ),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        f"You exceeded your current quota. {'For more information, see our site. ' * 12}* Quota exceeded for metric: "
        "x/requests, limit: 0.5\nPlease retry in 34.07s.",
        wait_s=34.07,
    ),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded.",
        quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier"),
        wait_s=60.0,
    ),
    gemini(
        429,
        TRANSIENT,
        "RESOURCE_EXHAUSTED",
        "Quota exceeded.",
        reason("RATE_LIMIT_EXCEEDED", quota_limit="GenerateContentPerMinute"),
        wait_s=60.0,
    ),
    gemini(429, TRANSIENT, "RESOURCE_EXHAUSTED", "Resource exhausted.", retry_info("300s"), wait_s=300.0),
    until(
        gemini(429, TERMINAL, "RESOURCE_EXHAUSTED", "Resource exhausted.", retry_info("300.5s")),
        NOW_S + 300.5,
    ),
    gemini(503, TRANSIENT, "UNAVAILABLE", "The service is unavailable.", retry_info("900ms"), wait_s=0.9),
    gemini(499, TRANSIENT, "CANCELLED", "The operation was cancelled."),
    gemini(403, AUTH, "PERMISSION_DENIED", "You may not use this model."),
    account(gemini(403, AUTH, "PERMISSION_DENIED", "It is disabled.", reason("SERVICE_DISABLED"))),
    account(gemini(403, AUTH, "PERMISSION_DENIED", "Blocked.", reason("API_KEY_IP_ADDRESS_BLOCKED"))),
    account(gemini(403, TERMINAL, "PERMISSION_DENIED", "Billing is disabled.", reason("BILLING_DISABLED"))),
    gemini(400, TERMINAL, "FAILED_PRECONDITION", "The model is frozen."),
    unable(
        gemini(400, BAD_REQUEST, "INVALID_ARGUMENT", "Function calling is not enabled for models/gemma-3-27b-it"),
    ),
    code_assist(429, TRANSIENT, "RATE_LIMIT_EXCEEDED", "5s", wait_s=5.0),
    code_assist(429, TERMINAL, "RATE_LIMIT_EXCEEDED", None),
    until(code_assist(429, TERMINAL, "RATE_LIMIT_EXCEEDED", "301s"), NOW_S + 301.0),
    until(code_assist(429, TERMINAL, "QUOTA_EXHAUSTED", "7200.5s"), NOW_S + 7200.5),
    code_assist(429, TRANSIENT, "MODEL_CAPACITY_EXHAUSTED", None, wait_s=30.0),
    code_assist(503, TRANSIENT, "MODEL_CAPACITY_EXCEEDED", "9s", wait_s=9.0),
    account(code_assist(429, TERMINAL, "INSUFFICIENT_G1_CREDITS_BALANCE", None)),
    account(code_assist(403, AUTH, "VALIDATION_REQUIRED", None)),
    gemini(503, TRANSIENT, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    ollama(404, NOT_FOUND, "model 'x' not found"),
    ollama(503, TRANSIENT, "server busy, please try again.  maximum pending requests exceeded"),
    unable(ollama(400, BAD_REQUEST, '"x" does not support tools')),
    unable(ollama(400, BAD_REQUEST, "registry.ollama.ai/library/gemma3:4b does not support tools")),
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
    account(llama_cpp(401, AUTH, "authentication_error", "Invalid API Key")),
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
    unable(ollama(400, BAD_REQUEST, '"nomic-embed-text" does not support chat')),
    unable(ollama(400, BAD_REQUEST, '"llama3" does not support thinking')),
    unable(
        openai(400, BAD_REQUEST, "registry.ollama.ai/library/x:1b does not support tools", None, server="Ollama"),
    ),
    ollama(404, NOT_FOUND, 'model "x" not found, try pulling it first'),
    ollama(500, TRANSIENT, "llama runner process has terminated: cudaMalloc failed: out of memory"),
    ollama(500, TRANSIENT, "timed out waiting for llama runner to start"),
    openai(400, CONTEXT, "This model's maximum context length is 8192 tokens.", None, server="Ollama"),
    unable(llama_cpp(500, BAD_REQUEST, "server_error", "tools param requires --jinja flag")),
    unable(llama_cpp(500, BAD_REQUEST, "server_error", "image input is not supported - hint: provide the mmproj")),
    unable(
        llama_cpp(
            501,
            BAD_REQUEST,
            "not_supported_error",
            "This server does not support embeddings. Start it with `--embeddings`",
        )
    ),
    llama_cpp(500, TRANSIENT, "server_error", "Compute error."),
    llama_cpp(400, BAD_REQUEST, "invalid_request_error", "Failed to parse grammar"),
    unable(vllm(400, BAD_REQUEST, "BadRequestError", '"auto" tool choice requires --enable-auto-tool-choice')),
    unable(vllm(400, BAD_REQUEST, "BadRequestError", "x/y is not a multimodal model", is_nested=True)),
    vllm(404, NOT_FOUND, "NotFoundError", "The model `x` does not exist.", is_nested=True),
    vllm(500, TRANSIENT, "InternalServerError", "EngineCore encountered an issue.", is_nested=True),
    vllm(400, CONTEXT, "BadRequestError", "max_tokens must be at least 1, got -186.", is_nested=True),
    account(openai(429, TERMINAL, "Your account is not active.", "billing_not_active", type="billing_not_active")),
    account(openai(400, TERMINAL, "Billing hard limit has been reached", "billing_hard_limit_reached")),
    account(openai(403, AUTH, "Country, region, or territory not supported", "unsupported_country_region_territory")),
    account(openai(401, AUTH, "You must be a member of an organization to use the API.", None)),
    openai(403, AUTH, "You do not have access to this model.", None),
    openai(503, TRANSIENT, "The engine is currently overloaded.", None, type="server_error"),
    openai(503, TRANSIENT, "Our servers are currently overloaded.", "server_is_overloaded", type="server_error"),
    openai(429, TRANSIENT, "Limit 3 requests per day. Try again in 20s.", "rate_limit_exceeded", wait_s=20.0),
    until(
        openai(
            429,
            TERMINAL,
            "Rate limit reached for model `x` on tokens per day (TPD): Limit 9, Used 9. Please try again in 57m36s.",
            "rate_limit_exceeded",
            server="Groq",
            type="tokens",
        ),
        NOW_S + 57 * 60 + 36,
    ),
    openai(498, TRANSIENT, "No capacity for the flex tier.", "capacity_exceeded", server="Groq"),
    unable(
        openai(
            400, BAD_REQUEST, "`tool calling` is not supported with this model", "invalid_request_error", server="Groq"
        )
    ),
    other("OpenRouter", 429, TERMINAL, {"error": {"message": "Rate limit exceeded: free-models-per-day", "code": 429}}),
    unable(
        other(
            "OpenRouter",
            404,
            BAD_REQUEST,
            {"error": {"message": "No endpoints found that support tool use.", "code": 404}},
        )
    ),
    account(other("OpenRouter", 401, AUTH, {"error": {"message": "No auth credentials found", "code": 401}})),
    other(
        "OpenRouter",
        403,
        CONTENT,
        {"error": {"message": "x requires moderation. Your input was flagged for 'a'", "code": 403, "metadata": {}}},
    ),
    other("OpenRouter", 502, TRANSIENT, {"error": {"message": "Your chosen model is down", "code": 502}}),
    until(
        account(
            anthropic(
                400,
                TERMINAL,
                "invalid_request_error",
                "You have reached your specified API usage limits. You will regain access on 2026-03-01 at 00:00 UTC.",
            )
        ),
        1_772_323_200.0,
    ),
    unable(
        other(
            "Azure",
            400,
            BAD_REQUEST,
            {"error": {"code": "OperationNotSupported", "message": "The operation does not work with the model."}},
        )
    ),
    other(
        "Azure",
        400,
        CONTENT,
        {"error": {"code": "400", "message": "Blocked.", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
    ),
    Case(
        server="Azure",
        status=429,
        kind=TRANSIENT,
        wait_s=9.0,
        body={"statusCode": 429, "message": "Rate limit is exceeded. Try again in 9 seconds."},
    ),
    other("Azure", 408, TRANSIENT, {"error": {"code": "Timeout", "message": "The operation was timeout."}}),
    other("TGI", 424, TRANSIENT, {"error": "Request failed during generation: x", "error_type": "generation"}),
    other(
        "TGI", 422, BAD_REQUEST, {"error": "Input validation error: `top_p` must be > 0.0", "error_type": "validation"}
    ),
    other(
        "Bedrock", 400, CONTEXT, {"__type": "com.amazon#ValidationException", "message": "Input is too long for it."}
    ),
    other("Bedrock", 400, TRANSIENT, {"__type": "ThrottlingException", "message": "Slower."}),
    other("Bedrock", 400, TERMINAL, {"__type": "ServiceQuotaExceededException", "message": "Over the quota."}),
    other("Bedrock", 403, AUTH, {"__type": "AccessDeniedException", "message": "You don't have access to the model."}),
    account(other("Bedrock", 403, AUTH, {"__type": "UnrecognizedClientException", "message": "The token is invalid."})),
    other("Bedrock", 404, NOT_FOUND, {"__type": "ResourceNotFoundException", "message": "No such model."}),
    other("Bedrock", 424, TRANSIENT, {"__type": "ModelErrorException", "message": "The model failed."}),
    other("Bedrock", 429, TRANSIENT, {"__type": "ModelNotReadyException", "message": "Not ready."}),
    other("Bedrock", 503, TRANSIENT, {"__type": "ServiceUnavailableException", "message": "Busy."}),
    other(
        "Cerebras", 429, TRANSIENT, {"message": "Requests per minute limit exceeded.", "code": "request_quota_exceeded"}
    ),
    other("Cerebras", 404, NOT_FOUND, {"message": "Model x does not exist.", "code": "model_not_found"}),
    account(other("Mistral", 401, AUTH, {"message": "Unauthorized", "request_id": "r"})),
    other("Mistral", 429, TRANSIENT, {"message": "Requests rate limit exceeded"}),
    account(
        other("DeepSeek", 401, AUTH, {"error": {"message": "Authentication Fails", "type": "authentication_error"}})
    ),
    other("DeepSeek", 503, TRANSIENT, {"error": {"message": "Server overloaded", "type": "unknown_error"}}),
    account(
        openai(
            429,
            TERMINAL,
            "Your account is suspended, please check your plan and billing details",
            None,
            server="Moonshot",
            type="exceeded_current_quota_error",
        )
    ),
    account(
        openai(
            400,
            TERMINAL,
            "Budget has been exceeded! Current cost: 10.4, Max budget: 10.0",
            "400",
            server="LiteLLM",
            type="budget_exceeded",
        )
    ),
    other("FastAPI", 422, BAD_REQUEST, {"detail": [{"loc": ["body", "messages"], "msg": "Field required"}]}),
    other("FastAPI", 404, NOT_FOUND, {"detail": "Not Found"}),
    other("nginx", 502, TRANSIENT, "<html><head><title>502 Bad Gateway</title></head></html>"),
    other("nginx", 413, CONTEXT, "<html><head><title>413 Request Entity Too Large</title></head></html>"),
    other("LM Studio", 404, NOT_FOUND, {"error": {"message": "No models loaded. Please load a model."}}),
    other("LM Studio", 400, NOT_FOUND, {"error": {"message": "No models loaded. Please load a model."}}),
    other("LM Studio", 400, BAD_REQUEST, {"error": "Invalid tool_choice type: 'object'."}),
)


IDS = [f"{number} {case}" for number, case in enumerate(CASES)]


def of_status(case: Case) -> Failure:
    """As the engine reads an answer with an error's status."""
    found = UPSTREAMS[case.dialect].decode_error(json.dumps(case.body).encode())
    return classify(
        card=a_card("m", endpoint=an_endpoint(dialect=case.dialect)),
        status=case.status,
        message=found.message,
        code=found.code,
        error_type=found.type,
        hints=Hints(asked_s=found.retry_after_s, now_s=NOW_S),
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
    hints = Hints(asked_s=failed.retry_after_s, now_s=NOW_S)
    return classify(card=a_card("m"), status=failed.status, message=failed.message, code=failed.code, hints=hints)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_answer_with_an_errors_status_has_a_kind_and_its_wait(case: Case) -> None:
    """Code and type before status, status before words; never a number that merely stands in the text."""
    failure = of_status(case)
    found = (failure.kind, failure.retry_after_s, failure.reach, failure.until_s)
    assert found == (case.kind, case.wait_s, case.reach, case.until_s)
    assert case.code in (None, failure.code)
    assert (failure.code == UNABLE) is (case.code == UNABLE)


def test_every_shape_says_where_it_is_from() -> None:
    """And every source is of a shape."""
    assert {case.server for case in CASES} == set(SOURCES)


@pytest.mark.parametrize("case", CASES, ids=IDS)
@given(echo=st.from_regex(r"[0-9 .,:/-]{0,40}", fullmatch=True))
@settings(max_examples=8, deadline=None)
def test_a_prompt_that_is_quoted_changes_nothing_whatever_its_numbers(case: Case, echo: str) -> None:
    """Servers quote what they do not like: 429, 401 and 0 in there are nobody's status."""
    assert of_status(replace(case, body=quoting(case.body, echo))).kind is case.kind


def quoting(body: Json, echo: str) -> Json:
    """*body* with *echo* behind its message."""
    if isinstance(body, dict):
        return {
            key: f"{value} Input: '{echo} 429 401 503 error 404 limit 0 {echo}'"
            if key in ("message", "error", "msg", "detail") and isinstance(value, str)
            else quoting(value, echo)
            for key, value in body.items()
        }
    return [quoting(one, echo) for one in body] if isinstance(body, list) else body


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_an_answer_with_status_200_may_be_an_error_all_the_same(case: Case) -> None:
    """Read by its words: of the same kind, or of none that is known."""
    found = UPSTREAMS[case.dialect].decode_error(json.dumps(case.body).encode())
    failure = classify(
        card=a_card("m"),
        status=found.status,
        message=found.message,
        code=found.code,
        error_type=found.type,
        hints=Hints(asked_s=found.retry_after_s, now_s=NOW_S),
    )
    assert failure.kind in (case.kind, FailureKind.UNKNOWN)
    if failure.kind is case.kind:
        assert failure.until_s == case.until_s
    else:
        assert found.status is None


@given(body=st.binary(max_size=300), dialect=st.sampled_from(sorted(UPSTREAMS)))
def test_bytes_that_are_no_error_of_anybodys_are_read_all_the_same(body: bytes, dialect: str) -> None:
    """Whatever stands between us and a server may answer in its place."""
    found = UPSTREAMS[dialect].decode_error(body)
    assert found.message
    assert classify(card=a_card("m"), status=found.status, message=found.message, code=found.code).kind in FailureKind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                (
                    "error",
                    "errors",
                    "message",
                    "code",
                    "type",
                    "__type",
                    "status",
                    "details",
                    "detail",
                    "violations",
                    "metadata",
                    "quotaId",
                    "reason",
                    "domain",
                    "retryDelay",
                    "innererror",
                )
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(body=JSON, dialect=st.sampled_from(sorted(UPSTREAMS)))
def test_json_of_any_shape_is_read_all_the_same(body: Json, dialect: str) -> None:
    """Fields where they are expected, with values that are not."""
    found = UPSTREAMS[dialect].decode_error(json.dumps(body).encode())
    assert found.message
    assert found.retry_after_s is None or found.retry_after_s >= 0


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
    assert of_event(failed).until_s == (case.until_s if kind is TERMINAL else None)
    if case.server in SAYS_NOTHING_MORE and kind is not case.kind:
        assert kind is FailureKind.UNKNOWN
    else:
        assert kind is case.kind
