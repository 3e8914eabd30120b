"""A prompt's tokens are estimated for the model that would read it, quickly, and never fewer for more text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.chat import ChatRequest, Media, Message, Role, Text, ToolResult, ToolSpec
from pointsman.core.decision import PromptCount, PromptFeatures
from pointsman.routing.features import features_of
from pointsman.routing.token_weights import KINDS
from pointsman.routing.tokens import (
    BLOCK,
    HEAD,
    STRIDE,
    WEIGHTS,
    Family,
    estimated_tokens,
    family_of,
    signs_of,
    weigh,
)

FAMILIES = st.sampled_from(Family)


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini", Family.O200K),
        ("gpt-4.1", Family.O200K),
        ("gpt-5.2-codex", Family.O200K),
        ("o3-mini", Family.O200K),
        ("openai/gpt-oss-120b", Family.O200K),
        ("phi4-mini:3.8b", Family.O200K),
        ("gpt-4-turbo", Family.CL100K),
        ("gpt-35-turbo", Family.CL100K),
        ("text-embedding-3-small", Family.CL100K),
        ("phi4:14b", Family.CL100K),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", Family.CLAUDE),
        ("gemini-2.5-flash", Family.GEMINI),
        ("gemma3:4b", Family.GEMINI),
        ("llama3.1:8b", Family.LLAMA3),
        ("meta-llama/Llama-4-Scout", Family.LLAMA3),
        ("llama2:7b", Family.LLAMA2),
        ("codellama:13b", Family.LLAMA2),
        ("mistral:7b", Family.LLAMA2),
        ("mixtral:8x7b", Family.LLAMA2),
        ("Qwen2.5-Coder-32B-Instruct", Family.QWEN),
        ("qwq:32b", Family.QWEN),
        ("deepseek-r1:14b", Family.QWEN),
        ("deepseek-r1:70b", Family.LLAMA3),
        ("deepseek-r1-distill-llama-70b", Family.LLAMA3),
        ("deepseek-chat", Family.DEEPSEEK),
        ("mistral-large-latest", Family.TEKKEN),
        ("ministral-8b", Family.TEKKEN),
        ("devstral-small", Family.TEKKEN),
        ("command-r-plus", Family.UNKNOWN),
        ("", Family.UNKNOWN),
    ],
)
def test_the_family_is_told_by_the_name(model: str, family: Family) -> None:
    """A distilled model has the tokenizer of what it was made from."""
    assert family_of(model) is family


def test_every_family_has_a_weight_for_every_kind_of_sign() -> None:
    """None is zero: no text is for nothing."""
    for family in Family:
        assert len(WEIGHTS[family].signs) == len(KINDS)
        assert min(WEIGHTS[family].signs) > 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", {}),
        ("Hello there!", {"letter": 9, "blank": 1, "sign": 2}),
        ("a  b    c", {"letter": 3, "blank": 3}),
        ("x\n\ty\r", {"letter": 2, "line": 3}),
        ("2026-11-21", {"digit": 8, "sign": 2}),
        ("é\u0141", {"latin": 2}),
        ("ệ", {"vietnamese": 1}),
        ("λ", {"greek": 1}),
        ("мир мой", {"cyrillic": 6, "blank": 1}),
        ("שա", {"hebrew": 2}),
        ("سلام", {"arabic": 4}),
        ("हি", {"devanagari": 2}),
        ("ก", {"thai": 1}),
        ("த ქ ᠠ ꦲ", {"script": 4, "blank": 3}),
        ("→…", {"symbol": 2}),
        ("かカ。", {"kana": 3}),
        ("你好㐀", {"han": 3}),
        ("한", {"hangul": 1}),
        ("Ａ", {"wide": 1}),
        ("🙂", {"astral": 2}),
        ("\ud800", {"astral": 1}),
    ],
)
def test_signs_are_counted_by_kind(text: str, found: dict[str, int]) -> None:
    """Every character is of one kind; of a run of blanks every second counts."""
    signs = signs_of(text)
    assert {kind: count for kind, count in zip(KINDS, signs, strict=False) if count} == found


def test_of_a_long_text_a_part_is_counted_for_the_whole() -> None:
    """The beginning as it is, then the middle of every stretch, eight times."""
    before, after = (STRIDE - BLOCK) // 2, STRIDE - BLOCK - (STRIDE - BLOCK) // 2
    assert signs_of("a" * (HEAD + 10 * STRIDE))[0] == HEAD + 10 * STRIDE
    assert signs_of("a" * (HEAD + before) + "1" * BLOCK + "a" * after)[:2] == (HEAD, STRIDE)
    assert signs_of("é" * HEAD + "a" * STRIDE)[0] == STRIDE


@pytest.mark.parametrize("length", [HEAD, HEAD + 1, HEAD + STRIDE - 1, 4_000, 30_001])
def test_no_length_is_favoured(length: int) -> None:
    """Half a stretch too much or too little is the most."""
    assert abs(signs_of("a" * length)[0] - length) <= STRIDE // 2


@pytest.mark.parametrize(
    ("text", "family", "tokens"),
    [
        ("Hello there!", Family.O200K, 3),
        ("Hello there!", Family.CLAUDE, 4),
        ("0123456789" * 10, Family.O200K, 86),
        ("0123456789" * 10, Family.QWEN, 142),
        ("привет мир " * 10, Family.O200K, 33),
        ("привет мир " * 10, Family.CLAUDE, 72),
        ("你好世界" * 10, Family.QWEN, 36),
        ("你好世界" * 10, Family.LLAMA2, 51),
    ],
)
def test_the_same_text_is_dearer_for_one_model_than_for_another(text: str, family: Family, tokens: int) -> None:
    """What an alphabet or a digit costs depends on the tokenizer."""
    assert weigh(signs_of(text), family) == tokens


def test_messages_tools_and_images_are_added() -> None:
    """What is said about tools in general is said once."""
    alone = weigh((), Family.CLAUDE)
    assert (alone, weigh((), Family.CLAUDE, messages=2)) == (0, 10)
    assert weigh((), Family.CLAUDE, tools=3) == 3 * 8 + 346
    assert weigh((), Family.O200K, images=2) == 2 * 765


def test_a_short_prompt_is_not_counted() -> None:
    """It fits any window: the rough figure will do."""
    short = features_of(ChatRequest(messages=(Message(role=Role.USER, parts=(Text(text="x" * 2_000),)),)))
    assert short.count is None
    assert estimated_tokens(short, Family.QWEN) == short.estimated_input_tokens == 504


def test_a_long_prompt_is_counted_with_all_that_is_in_it() -> None:
    """Text of every message, tools, results, and images wherever they are."""
    picture = Media(kind="image", data_base64="AAAA", media_type="image/png")
    request = ChatRequest(
        messages=(
            Message(role=Role.USER, parts=(Text(text="a" * 2_000), picture)),
            Message(role=Role.TOOL, parts=(ToolResult(call_id="1", content=(Text(text="11"), picture)),)),
        ),
        tools=(ToolSpec(name="f", description="", parameters={}),),
    )
    features = features_of(request)
    assert features.count == PromptCount(signs=(2_001, 2, 0, 0, 0), messages=2, images=2)
    assert estimated_tokens(features, Family.QWEN) == 283 + 2 * 5 + 8 + 120 + 2 * 1_369


def test_a_picture_alone_is_worth_counting() -> None:
    """It may be larger than a small window."""
    picture = Media(kind="image", data_base64="AAAA", media_type="image/png")
    features = features_of(ChatRequest(messages=(Message(role=Role.USER, parts=(picture,)),)))
    assert estimated_tokens(features, Family.TEKKEN) == 4_160 + 5


def test_what_was_counted_makes_no_other_features() -> None:
    """Features are compared by what they say about a request; the count is said by the figure."""
    count = PromptCount(signs=(1,), messages=1)
    assert PromptFeatures(ask="", estimated_input_tokens=1, count=count) == PromptFeatures(
        ask="", estimated_input_tokens=1
    )


@given(st.text(), st.text(), FAMILIES)
def test_more_text_is_never_fewer_tokens(text: str, more: str, family: Family) -> None:
    """For every family."""
    assert 0 <= weigh(signs_of(text), family) <= weigh(signs_of(text + more), family)


@given(st.text(min_size=1, max_size=3), st.integers(0, 4 * STRIDE), st.integers(1, 2 * STRIDE), FAMILIES)
def test_nor_where_only_a_part_is_counted(unit: str, length: int, more: int, family: Family) -> None:
    """A block that grows, or begins, only adds."""
    text = (unit * (HEAD + length + more))[: HEAD + length + more]
    assert weigh(signs_of(text[: HEAD + length]), family) <= weigh(signs_of(text), family)


@given(st.text(alphabet=st.characters(), max_size=200))
def test_every_character_is_counted_once(text: str) -> None:
    """But for the halves of runs of blanks, and characters that are two halves themselves."""
    astral = sum(ord(character) > 0xFFFF for character in text)
    assert sum(signs_of(text)) == len(text) - text.count("  ") + astral


@pytest.mark.parametrize("unit", ["a", " ", "é", "你", "🙂", "word 1\n"])
def test_a_megabyte_takes_milliseconds(unit: str) -> None:
    """Linear, and an eighth of it is looked at."""
    text = unit * (1_000_000 // len(unit))
    began = time.process_time()
    signs_of(text)
    assert time.process_time() - began < 0.25
