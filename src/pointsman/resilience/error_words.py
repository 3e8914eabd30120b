"""The words that endpoints fail with: codes and types that tell the kind, and phrases for what those leave open.

A phrase that takes a model or an endpoint out of service stands at the beginning of a message: further in, it may be
a prompt that is quoted. No phrase is a bare number.
"""

from __future__ import annotations

import re
from typing import Final

from pointsman.core.failure import SPENT_TODAY, FailureKind

SPENT: Final = "quota_exhausted"
NO_CAPACITY: Final = "model_capacity_exhausted"

BY_CODE: Final = {
    # The prompt is too long: OpenAI, llama.cpp, Anthropic.
    "context_length_exceeded": FailureKind.CONTEXT,
    "exceed_context_size_error": FailureKind.CONTEXT,
    "request_too_large": FailureKind.CONTEXT,
    # Nothing left to spend: OpenAI, Anthropic, Moonshot, LiteLLM, Bedrock, Google.
    "insufficient_quota": FailureKind.TERMINAL,
    "billing_hard_limit_reached": FailureKind.TERMINAL,
    "billing_not_active": FailureKind.TERMINAL,
    "billing_error": FailureKind.TERMINAL,
    "exceeded_current_quota_error": FailureKind.TERMINAL,
    "budget_exceeded": FailureKind.TERMINAL,
    "ServiceQuotaExceededException": FailureKind.TERMINAL,
    SPENT: FailureKind.TERMINAL,
    SPENT_TODAY: FailureKind.TERMINAL,
    "FAILED_PRECONDITION": FailureKind.TERMINAL,
    # No such model: OpenAI, Groq, Mistral, Anthropic, Azure, Bedrock.
    "model_not_found": FailureKind.NOT_FOUND,
    "model_decommissioned": FailureKind.NOT_FOUND,
    "invalid_model": FailureKind.NOT_FOUND,
    "not_found_error": FailureKind.NOT_FOUND,
    "DeploymentNotFound": FailureKind.NOT_FOUND,
    "ResourceNotFoundException": FailureKind.NOT_FOUND,
    # A filter: OpenAI, Azure.
    "content_policy_violation": FailureKind.CONTENT,
    "content_filter": FailureKind.CONTENT,
    "ResponsibleAIPolicyViolation": FailureKind.CONTENT,
    "invalid_prompt": FailureKind.CONTENT,
    # The key, or the account behind it: OpenAI, Anthropic, Bedrock.
    "invalid_api_key": FailureKind.AUTH,
    "invalid_organization": FailureKind.AUTH,
    "account_deactivated": FailureKind.AUTH,
    "ip_not_authorized": FailureKind.AUTH,
    "unsupported_country_region_territory": FailureKind.AUTH,
    "authentication_error": FailureKind.AUTH,
    "permission_error": FailureKind.AUTH,
    "AccessDeniedException": FailureKind.AUTH,
    "UnrecognizedClientException": FailureKind.AUTH,
    # It passes: OpenAI, Groq, Cerebras, Anthropic, llama.cpp, TGI, Mistral, Bedrock, Google.
    "rate_limit_exceeded": FailureKind.TRANSIENT,
    "capacity_exceeded": FailureKind.TRANSIENT,
    "request_quota_exceeded": FailureKind.TRANSIENT,
    "token_quota_exceeded": FailureKind.TRANSIENT,
    "rate_limit_error": FailureKind.TRANSIENT,
    "overloaded_error": FailureKind.TRANSIENT,
    "overloaded": FailureKind.TRANSIENT,
    "server_is_overloaded": FailureKind.TRANSIENT,
    "slow_down": FailureKind.TRANSIENT,
    "unavailable_error": FailureKind.TRANSIENT,
    "service_tier_capacity_exceeded": FailureKind.TRANSIENT,
    NO_CAPACITY: FailureKind.TRANSIENT,
    "ThrottlingException": FailureKind.TRANSIENT,
    "ModelNotReadyException": FailureKind.TRANSIENT,
    "ServiceUnavailableException": FailureKind.TRANSIENT,
    "ModelTimeoutException": FailureKind.TRANSIENT,
    "InternalServerException": FailureKind.TRANSIENT,
}
# About the account and not the model: no other model of that endpoint will answer.
OF_ACCOUNTS: Final = frozenset(
    (
        "insufficient_quota",
        "billing_hard_limit_reached",
        "billing_not_active",
        "billing_error",
        "exceeded_current_quota_error",
        "budget_exceeded",
        "invalid_api_key",
        "invalid_organization",
        "account_deactivated",
        "ip_not_authorized",
        "unsupported_country_region_territory",
        "authentication_error",
        "UnrecognizedClientException",
    )
)
# What says as much as the status 500, and inside a stream is all there is.
OF_SERVERS: Final = frozenset(
    ("server_error", "api_error", "timeout_error", "internal_server_error", "InternalServerError", "generation")
)
OF_ABILITIES: Final = frozenset(("not_supported_error", "OperationNotSupported"))  # llama.cpp, Azure

# The words of OpenAI, Anthropic, Gemini, Ollama, llama.cpp, LM Studio, vLLM, TGI, Bedrock, Cerebras, Mistral and xAI.
CONTEXT: Final = re.compile(
    r"maximum (?:context|prompt) length|context[ _](?:length|size|window|limit)|prompt is too long"
    r"|too many (?:input )?tokens(?!.{0,40}(?:per minute|please wait))|input is too long|longer than the context"
    r"|input length exceeds"
    r"|exceeds? the (?:maximum number of tokens|available context)|input tokens exceed the configured limit"
    r"|input is too large to process|`inputs`[^.]{0,60} must (?:be|have) |max_tokens must be at least 1, got -"
    r"|current length is \d+ while limit is \d+"
    r"|'(?:messages|input|prompt)(?:[^']*\b(?:content|text|output))?(?:\[\d+\])?': string too long"
    r"|^string too long\. expected a string with maximum length",
    re.IGNORECASE,
)
# A prompt above the account's whole allowance for a minute: said with a rate limit's code, and no wait will help.
TOO_LARGE: Final = re.compile(r"Request too large for ", re.IGNORECASE)
POLICY: Final = re.compile(
    r"content[ _]?(?:policy|filter|management)|safety system|ResponsibleAI|violates usage guidelines"
    r"|(?:input|prompt) (?:was|is|has been) flagged|content exists risk",
    re.IGNORECASE,
)
# Ollama, vLLM, OpenRouter, Groq, Gemini, llama.cpp: what another model may be able to do.
UNABLE: Final = re.compile(
    r"^\S{1,200} does not support (?:chat|generate|thinking|tools|embeddings|images?|insert)\b"
    r"|^this server does not support |^no endpoints found that support |^tools param requires "
    r"|^`?tool calling`? is not supported with this model|^\"auto\" tool choice requires "
    r"|^(?:function calling|developer instruction|[a-z ]{1,40} modality) is not enabled for "
    r"|^image input is not supported\b|\bis not a multimodal model\b",
    re.IGNORECASE,
)
UNKNOWN_MODEL: Final = re.compile(
    r"^model not exist|^\S{1,200} is not a valid model id|^model \S{1,200} not found|^no models? (?:is )?loaded"
    r"|^the model \S{1,200} (?:does not exist|was not found|has been d)",
    re.IGNORECASE,
)
WRONG_KEY: Final = re.compile(
    r"^(?:incorrect|invalid) (?:x-)?api[ -]key|^api key (?:not valid|expired|not found)|^no auth credentials found"
    r"|^method doesn't allow unregistered callers",
    re.IGNORECASE,
)
NO_CREDIT: Final = re.compile(
    r"^your credit balance is too low|^insufficient (?:balance|credits)|^budget has been exceeded"
    r"|^you have reached your specified (?:api )?usage limits"
    r"|^your (?:newly created )?team\b.{0,80}\b(?:used all available credits|doesn't have any credits)",
    re.IGNORECASE,
)
BARRED: Final = re.compile(r"^user location is not supported|\bplease enable billing\b", re.IGNORECASE)
PER_DAY: Final = re.compile(r"\bper[ -]day\b|\bdaily\b|\((?:RPD|TPD)\)", re.IGNORECASE)
# Where there is neither status nor code, as inside a stream of Ollama's.
PASSING: Final = re.compile(
    r"overloaded|server busy|too many requests|rate limit|temporarily unavailable|try again later|timed out"
    r"|internal server error|runner process|unexpected EOF|out of memory|^loading model",
    re.IGNORECASE,
)
