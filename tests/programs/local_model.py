"""A real GGUF model, made like the demo models, that calls one tool when asked to and speaks once it has a result.

Its weights say what the call is, its chat template when: with tools given, after a user's turn with `Use your tool.`
and before the tool's result, the template opens the answer with a token that only the call follows.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pointsman.adapters.runtimes.demo import language
from pointsman.adapters.runtimes.demo.chat_template import CHAT_TEMPLATE
from pointsman.adapters.runtimes.demo.gguf import Key, TensorType, ValueType, encode_gguf, float32, string, uint32
from pointsman.adapters.runtimes.demo.tokenizer import Vocabulary, make_vocabulary
from pointsman.adapters.runtimes.demo.weights import (
    HEAD_DIM,
    HEADS,
    KV_HEADS,
    RMS_EPSILON,
    ROPE_BASE,
    Shape,
    Table,
    compile_weights,
)

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
REQUEST: Final = "Use your tool."
SPEECH: Final = "This is the small demo model."
CONTEXT_TOKENS: Final = 131_072  # a coding agent's first prompt is 10,000 to 60,000 of this tokenizer's
_ENGLISH: Final = 400
_ACT: Final = "<|act|>"
_SHAPE: Final = Shape(width=192, layers=1, feed_forward=32)
_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4  # llama.cpp's token types
_CONTROLS: Final = (language.END_OF_TEXT, language.TURN_START, language.TURN_END, _ACT)
_DECIDE: Final = """
{%- set state = namespace(act=false) %}
{%- for message in messages %}
{%- if message.role == 'user' and tools and 'REQUEST' in message.content %}{%- set state.act = true %}
{%- elif message.role == 'tool' or message.role == 'assistant' %}{%- set state.act = false %}{%- endif %}
{%- endfor %}
{%- if add_generation_prompt and state.act %}{{- 'ACT' }}{%- endif %}
""".replace("REQUEST", REQUEST).replace("ACT", _ACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """The one tool call that a model makes. `arguments` is JSON."""

    tool: str
    arguments: str

    @property
    def text(self) -> str:
        """The call as the model writes it: one token."""
        return (
            f'{language.TOOL_CALL}\n{{"name": "{self.tool}", "arguments": {self.arguments}}}\n{language.TOOL_CALL_END}'
        )


def make_acting_model(act: Act) -> bytes:
    """The bytes of the GGUF file."""
    habits = language.habits(language.VOICES["small"]) | {_ACT: {act.text: 1.0}, act.text: {language.TURN_END: 1.0}}
    vocabulary = _vocabulary(habits, act)
    table = Table(
        vocabulary_size=len(vocabulary.tokens),
        follows={
            vocabulary.id_of(word): {vocabulary.id_of(after): weight for after, weight in row.items()}
            for word, row in habits.items()
            if word
        },
        otherwise={vocabulary.id_of(after): weight for after, weight in habits[""].items()},
        leanings={},
        labels={},
    )
    keys = [*_architecture(len(vocabulary.tokens)), *_tokenizer(vocabulary)]
    return encode_gguf(keys, compile_weights(table, _SHAPE))


def _vocabulary(habits: language.Follows, act: Act) -> Vocabulary:
    said = {word for before, after in habits.items() for word in (before, *after)}
    words = {word for word in said if word.strip(" ").isalpha()} | _english()
    return make_vocabulary(
        words=words,
        unmergeable=[language.CLOSING, act.text],
        special=[language.TOOL_CALL, language.TOOL_CALL_END, *_CONTROLS],
    )


def _english() -> set[str]:
    """Frequent words, found in our own documentation: what is no token of its own is spelled byte by byte."""
    text = " ".join(page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md")))
    return {word for word, _ in Counter(re.findall(r" ?[A-Za-z]{2,}", text)).most_common(_ENGLISH)}


def _architecture(vocabulary_size: int) -> list[Key]:
    return [
        string("general.architecture", "llama"),
        string("general.name", "A model of the tests that calls a tool"),
        uint32("general.file_type", TensorType.FLOAT16),
        uint32("llama.vocab_size", vocabulary_size),
        uint32("llama.context_length", CONTEXT_TOKENS),
        uint32("llama.embedding_length", _SHAPE.width),
        uint32("llama.block_count", _SHAPE.layers),
        uint32("llama.feed_forward_length", _SHAPE.feed_forward),
        uint32("llama.attention.head_count", HEADS),
        uint32("llama.attention.head_count_kv", KV_HEADS),
        uint32("llama.attention.key_length", HEAD_DIM),
        uint32("llama.attention.value_length", HEAD_DIM),
        float32("llama.attention.layer_norm_rms_epsilon", RMS_EPSILON),
        uint32("llama.rope.dimension_count", HEAD_DIM),
        float32("llama.rope.freq_base", ROPE_BASE),
    ]


def _tokenizer(vocabulary: Vocabulary) -> list[Key]:
    tags = (language.TOOL_CALL, language.TOOL_CALL_END)
    types = dict.fromkeys(_CONTROLS, _CONTROL) | dict.fromkeys(tags, _USER_DEFINED)
    kinds = [types.get(token, _NORMAL) for token in vocabulary.tokens]
    merges = [f"{left} {right}" for left, right in vocabulary.merges]
    return [
        string("tokenizer.ggml.model", "gpt2"),
        string("tokenizer.ggml.pre", "gpt-2"),
        Key(name="tokenizer.ggml.tokens", type=ValueType.STRING, value=vocabulary.tokens),
        Key(name="tokenizer.ggml.token_type", type=ValueType.INT32, value=kinds),
        Key(name="tokenizer.ggml.merges", type=ValueType.STRING, value=merges),
        uint32("tokenizer.ggml.bos_token_id", vocabulary.id_of(language.END_OF_TEXT)),
        uint32("tokenizer.ggml.eos_token_id", vocabulary.id_of(language.TURN_END)),
        uint32("tokenizer.ggml.padding_token_id", vocabulary.id_of(language.END_OF_TEXT)),
        Key(name="tokenizer.ggml.add_bos_token", type=ValueType.BOOL, value=False),
        string("tokenizer.chat_template", CHAT_TEMPLATE + _DECIDE),
    ]
