"""Where well-known OpenAI-shaped servers depart from Chat Completions: each line is a request that they refuse.

As answered by the servers themselves, or written in their reference: unknown fields are an error at Mistral, Groq and
Cerebras; `developer` is no role at most; LM Studio and llama.cpp want `tool_choice` in one word. Some of it depends on
the model: OpenAI's that think take no temperature, Mistral's no id of a call that is not nine letters and digits.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pointsman.core.catalog import Quirks

# What clients send along from an answer of OpenAI's, and what only other servers read.
_OF_ANSWERS = frozenset(("refusal", "annotations", "audio", "reasoning_content", "reasoning_details", "extra_content"))
_OTHER_SAMPLING = frozenset(("top_k", "min_p"))
_OLD_LIMIT = (("max_completion_tokens", "max_tokens"),)

# `max_tokens` is refused by its reasoning models, `max_completion_tokens` is known to all.
OPENAI: Final = Quirks(
    renames=(("max_tokens", "max_completion_tokens"),),
    refuses=_OTHER_SAMPLING,
    refuses_in_messages=frozenset(("reasoning_content", "reasoning", "reasoning_details", "extra_content")),
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
    refuses=_OTHER_SAMPLING | {"logit_bias", "logprobs", "n", "top_logprobs"},
    refuses_in_messages=_OF_ANSWERS | {"name"},
    has_developer=False,
)
CEREBRAS: Final = Quirks(
    refuses=_OTHER_SAMPLING | {"frequency_penalty", "logit_bias", "presence_penalty"},
    refuses_in_messages=_OF_ANSWERS,
    has_developer=False,
)
# Refuses a conversation in which it did not think before a call, when it is to think now: "must be passed back".
DEEPSEEK: Final = Quirks(renames=_OLD_LIMIT, has_developer=False, wants_reasoning_with_calls=True)
XAI: Final = Quirks(refuses_in_messages=frozenset(("name",)), has_developer=False)
# Knows the older names only, and instructions as `system`.
PLAIN: Final = Quirks(renames=_OLD_LIMIT, has_developer=False)
# The role reaches the model's template, which seldom knows it.
BY_TEMPLATE: Final = Quirks(has_developer=False)
# Expected: a tool chosen by name is called. Actual: llama.cpp takes the object for "auto", LM Studio answers 400.
LLAMA_CPP: Final = Quirks(has_developer=False, has_named_choice=False)

# What models refuse wherever they are served.
_THINKERS: Final = re.compile(r"(?:openai/)?(?:o\d|gpt-[5-9](?!-chat)).*", re.IGNORECASE)
_MISTRALS: Final = re.compile(r".*(?:mistral|mixtral|(?:mini|magi|dev|code|vox|pix)s?tral).*", re.IGNORECASE)
_SETTLED: Final = frozenset((
    "frequency_penalty", "logit_bias", "logprobs", "presence_penalty", "stop", "temperature", "top_logprobs", "top_p",
))  # fmt: skip
_GROKS: Final = (
    # Those that think whether asked or not.
    (
        re.compile(r"grok-(?:3-mini|4|code|latest)(?!.*non-reasoning).*"),
        Quirks(refuses=frozenset(("frequency_penalty", "presence_penalty", "stop"))),
    ),
    (re.compile(r"grok-(?:4(?:-.*)?|code-.*)"), Quirks(refuses=frozenset(("reasoning_effort",)))),
)


def of_model(model: str, provider: str | None) -> Quirks:
    """What *model* refuses at *provider* (None: nobody known), over what the server does."""
    found = Quirks()
    if provider in {"openai", "azure"} and _THINKERS.fullmatch(model):
        found = both(found, Quirks(renames=OPENAI.renames, refuses_thinking=_SETTLED))
    if _MISTRALS.fullmatch(model):  # their chat templates raise on other ids
        found = both(found, Quirks(call_id_chars=MISTRAL.call_id_chars))
    if provider == "xai":
        for pattern, quirks in _GROKS:
            found = both(found, quirks) if pattern.fullmatch(model) else found
    return found


def both(quirks: Quirks, more: Quirks) -> Quirks:
    """All of two sets of quirks; where they say two names for one field, the second's."""
    renamed = {name for name, _ in more.renames}
    back = {(known, name) for name, known in more.renames}
    kept = (pair for pair in quirks.renames if pair[0] not in renamed and pair not in back)
    return Quirks(
        renames=(*kept, *more.renames),
        refuses=quirks.refuses | more.refuses,
        refuses_thinking=quirks.refuses_thinking | more.refuses_thinking,
        refuses_in_messages=quirks.refuses_in_messages | more.refuses_in_messages,
        call_id_chars=more.call_id_chars or quirks.call_id_chars,
        has_developer=quirks.has_developer and more.has_developer,
        has_named_choice=quirks.has_named_choice and more.has_named_choice,
        has_strict_tools=quirks.has_strict_tools and more.has_strict_tools,
        wants_reasoning_with_calls=quirks.wants_reasoning_with_calls or more.wants_reasoning_with_calls,
    )
