"""Where well-known OpenAI-shaped servers depart from Chat Completions: each line is a request that they refuse.

As answered by the servers themselves, or written in their reference: unknown fields are an error at Mistral, Groq and
Cerebras; `developer` is no role at most; LM Studio and llama.cpp want `tool_choice` in one word.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pointsman.core.catalog import Quirks

# What clients send along from an answer of OpenAI's, and what only other servers read.
_OF_ANSWERS = frozenset(("refusal", "annotations", "audio", "reasoning_content", "reasoning_details"))
_OTHER_SAMPLING = frozenset(("top_k", "min_p"))
_OLD_LIMIT = (("max_completion_tokens", "max_tokens"),)

# `max_tokens` is refused by its reasoning models, `max_completion_tokens` is known to all.
OPENAI: Final = Quirks(
    renames=(("max_tokens", "max_completion_tokens"),),
    refuses=_OTHER_SAMPLING,
    refuses_in_messages=frozenset(("reasoning_content", "reasoning", "reasoning_details")),
)
# Of an `api-version` before it knew the new name.
OLD_AZURE: Final = replace(OPENAI, renames=_OLD_LIMIT)
MISTRAL: Final = Quirks(
    renames=(*_OLD_LIMIT, ("seed", "random_seed")),
    refuses=_OTHER_SAMPLING
    | {"logit_bias", "logprobs", "modalities", "service_tier", "store", "stream_options", "top_logprobs", "user"}
    | {"verbosity"},
    refuses_in_messages=_OF_ANSWERS | {"name", "reasoning"},
    call_id_chars=9,
    has_developer=False,
)
GROQ: Final = Quirks(
    refuses=_OTHER_SAMPLING | {"logit_bias", "logprobs", "top_logprobs"},
    refuses_in_messages=_OF_ANSWERS | {"name"},
    has_developer=False,
)
CEREBRAS: Final = Quirks(
    refuses=_OTHER_SAMPLING | {"frequency_penalty", "logit_bias", "presence_penalty"},
    refuses_in_messages=_OF_ANSWERS,
    has_developer=False,
)
DEEPSEEK: Final = Quirks(renames=_OLD_LIMIT, has_developer=False)
XAI: Final = Quirks(refuses_in_messages=frozenset(("name",)), has_developer=False)
# Knows the older names only, and instructions as `system`.
PLAIN: Final = Quirks(renames=_OLD_LIMIT, has_developer=False)
# The role reaches the model's template, which seldom knows it.
BY_TEMPLATE: Final = Quirks(has_developer=False)
# Expected: a tool chosen by name is called. Actual: llama.cpp takes the object for "auto", LM Studio answers 400.
LLAMA_CPP: Final = Quirks(has_developer=False, has_named_choice=False)
