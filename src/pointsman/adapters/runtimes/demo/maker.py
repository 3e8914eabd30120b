"""Makes the bytes of one demo model: vocabulary, weights and header put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

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

_NORMAL, _CONTROL, _USER_DEFINED = 1, 3, 4  # llama.cpp's token types: control tokens are never printed
_CONTROL_TOKENS = (language.END_OF_TEXT, language.TURN_START, language.TURN_END)
_TAGS = (language.TOOL_CALL, language.TOOL_CALL_END)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRecipe:
    """What is different between the demo models."""

    name: str
    voice: language.Voice
    shape: Shape
    context_tokens: int


def make_model(recipe: DemoRecipe) -> bytes:
    """A GGUF file; the same recipe gives the same bytes."""
    vocabulary = _vocabulary()
    table = _table(vocabulary, language.habits(recipe.voice))
    return encode_gguf(
        [*_architecture(recipe, len(vocabulary.tokens)), *_tokenizer(vocabulary)],
        compile_weights(table, recipe.shape),
    )


@cache
def _vocabulary() -> Vocabulary:
    """One vocabulary for all demo models: whatever any of them says or looks for is one token."""
    return make_vocabulary(
        words=_words(),
        unmergeable=[language.CLOSING],
        special=[*_TAGS, *_CONTROL_TOKENS],
    )


def _words() -> Iterable[str]:
    for voice in language.VOICES.values():
        for before, after in language.habits(voice).items():
            yield from (word for word in (before, *after) if word.strip(" ").isalpha())
    yield from language.keyword_spellings((*language.HARD_WORDS, *language.EASY_WORDS))


def _table(vocabulary: Vocabulary, habits: language.Follows) -> Table:
    def row(after: Mapping[str, float]) -> dict[int, float]:
        return {vocabulary.id_of(word): weight for word, weight in after.items()}

    hard = dict.fromkeys(language.keyword_spellings(language.HARD_WORDS), 1.0)
    easy = dict.fromkeys(language.keyword_spellings(language.EASY_WORDS), -1.0)
    return Table(
        vocabulary_size=len(vocabulary.tokens),
        follows={vocabulary.id_of(word): row(after) for word, after in habits.items() if word},
        otherwise=row(habits[""]),
        leanings=row(hard | easy),
        labels=row({label.text: label.leaning for label in language.LABELS}),
    )


def _architecture(recipe: DemoRecipe, vocabulary_size: int) -> list[Key]:
    return [
        string("general.architecture", "llama"),
        string("general.name", f"Pointsman {recipe.name}"),
        string("general.description", "A demo model compiled by a program, not trained: it knows nothing."),
        uint32("general.file_type", TensorType.FLOAT16),
        uint32("llama.vocab_size", vocabulary_size),
        uint32("llama.context_length", recipe.context_tokens),
        uint32("llama.embedding_length", recipe.shape.width),
        uint32("llama.block_count", recipe.shape.layers),
        uint32("llama.feed_forward_length", recipe.shape.feed_forward),
        uint32("llama.attention.head_count", HEADS),
        uint32("llama.attention.head_count_kv", KV_HEADS),
        uint32("llama.attention.key_length", HEAD_DIM),
        uint32("llama.attention.value_length", HEAD_DIM),
        float32("llama.attention.layer_norm_rms_epsilon", RMS_EPSILON),
        uint32("llama.rope.dimension_count", HEAD_DIM),
        float32("llama.rope.freq_base", ROPE_BASE),
    ]


def _tokenizer(vocabulary: Vocabulary) -> list[Key]:
    types = dict.fromkeys(_CONTROL_TOKENS, _CONTROL) | dict.fromkeys(_TAGS, _USER_DEFINED)
    return [
        string("tokenizer.ggml.model", "gpt2"),
        string("tokenizer.ggml.pre", "gpt-2"),
        Key(name="tokenizer.ggml.tokens", type=ValueType.STRING, value=vocabulary.tokens),
        Key(
            name="tokenizer.ggml.token_type",
            type=ValueType.INT32,
            value=[types.get(token, _NORMAL) for token in vocabulary.tokens],
        ),
        Key(
            name="tokenizer.ggml.merges",
            type=ValueType.STRING,
            value=[f"{left} {right}" for left, right in vocabulary.merges],
        ),
        uint32("tokenizer.ggml.bos_token_id", vocabulary.id_of(language.END_OF_TEXT)),
        uint32("tokenizer.ggml.eos_token_id", vocabulary.id_of(language.TURN_END)),
        uint32("tokenizer.ggml.padding_token_id", vocabulary.id_of(language.END_OF_TEXT)),
        Key(name="tokenizer.ggml.add_bos_token", type=ValueType.BOOL, value=False),
        string("tokenizer.chat_template", CHAT_TEMPLATE),
    ]
