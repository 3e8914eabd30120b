"""Whatever a server answers, its answer is read without a traceback."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.runtimes.gpu import from_meminfo, from_smi, from_sysctl
from pointsman.adapters.runtimes.identify import by_models
from pointsman.adapters.runtimes.local_api import Answer, rows_of
from pointsman.adapters.runtimes.ollama_library import Download, shown
from pointsman.core.jsontypes import Json

NAMES = (
    "error", "message", "status", "digest", "total", "completed", "models", "data", "tensors", "model_info", "shape",
    "type", "name", "capabilities", "general.architecture", "qwen2.block_count", "qwen2.embedding_length", "owned_by",
    "remote_host",
)  # fmt: skip
FIGURES = (
    "block_count", "embedding_length", "attention.head_count", "attention.head_count_kv", "feed_forward_length",
    "context_length",
)  # fmt: skip
WORDS = st.sampled_from(("qwen2", "Q4_K", "success", "token_embd.weight", "vllm")) | st.text(max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-4, 1 << 40) | st.floats() | WORDS
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=24,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8)


@given(value=VALUES, status=st.sampled_from((200, 404, 501)))
def test_any_json_is_an_answer(value: Json, status: int) -> None:
    """Its complaint is some short text, its rows are objects, and it is some server's list or nobody's."""
    answer = Answer(status=status, value=value, text=json.dumps(value))
    assert len(answer.complaint) <= 300
    assert all(isinstance(row, dict) for row in rows_of(answer, "models", "data"))
    by_models(answer)


NUMBERS = st.none() | st.integers(-4, 1 << 62) | st.just(10**400) | st.floats() | WORDS
LINES = st.fixed_dictionaries(
    {}, optional={"status": WORDS, "digest": WORDS, "total": NUMBERS, "completed": NUMBERS, "error": WORDS}
)
SHAPES = st.fixed_dictionaries(
    {"general.architecture": st.just("qwen2")},
    optional={f"qwen2.{name}": NUMBERS | st.lists(NUMBERS, max_size=3) for name in FIGURES},
)
TENSORS = st.lists(
    st.fixed_dictionaries({}, optional={"name": WORDS, "type": WORDS, "shape": st.lists(NUMBERS, max_size=3)}),
    max_size=4,
)
MODELS = st.fixed_dictionaries({}, optional={"model_info": SHAPES, "tensors": TENSORS, "remote_host": WORDS})


@given(told=OBJECTS | MODELS)
def test_anything_ollama_may_say_of_a_model_is_read(told: dict[str, Json]) -> None:
    """What cannot be understood is not known."""
    found = shown("m", told)
    assert found.weights_bytes is None or found.weights_bytes > 0


@given(lines=st.lists(OBJECTS | LINES, max_size=8))
def test_a_download_never_shrinks_below_nothing(lines: list[dict[str, Json]]) -> None:
    """Whatever its lines say."""
    download = Download()
    for line in lines:
        progress = download.take(line)
        assert progress.done_bytes >= 0
        assert progress.total_bytes is None or progress.total_bytes > 0


@given(text=st.text(alphabet="abc, 0159[N/A]:\n-", max_size=80))
def test_anything_a_program_may_print_is_read(text: str) -> None:
    """A figure or None, never an error."""
    from_smi(text)
    from_sysctl(text)
    from_meminfo(text)
