"""The shape of a model, and the tensors it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pointsman.local.quantization import TYPES, Role, TensorType, type_of

GLOBAL_EVERY = {"gemma2": 2, "gemma3": 6, "gpt-oss": 2, "cohere2": 4}  # of so many layers one sees the whole context
_BIASED = frozenset(("qwen2",))
_NORMED_HEADS = frozenset(("qwen3", "gemma3"))
_POST_NORMED = frozenset(("gemma2", "gemma3"))
_FUSED = frozenset(("phi3",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A decoder's shape. `kv_heads` has one figure for each layer; a `window` bounds what its local layers keep.

    `global_every` n: every n-th layer keeps the whole context, the others the window; 1: all do.
    """

    family: str  # GGUF's `general.architecture`
    layers: int
    embedding: int
    heads: int
    kv_heads: tuple[int, ...]
    key_length: int
    value_length: int
    feed_forward: int
    vocabulary: int
    is_tied: bool = False  # the output matrix is the embedding
    context_tokens: int | None = None  # what it was trained on
    window: int | None = None
    global_every: int = 1

    def is_global(self, layer: int) -> bool:
        """Whether *layer* keeps the whole context."""
        return self.window is None or layer % self.global_every == self.global_every - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """One tensor. `shape` is fastest-running first, as in a GGUF file."""

    name: str
    shape: tuple[int, ...]
    type: TensorType

    @property
    def elements(self) -> int:
        """How many numbers."""
        product = 1
        for length in self.shape:
            product *= length
        return product

    @property
    def size_bytes(self) -> int:
        """Bytes in the file and in memory."""
        return self.type.size_bytes(self.elements)


def tensors(model: Architecture, quantization: str) -> Iterator[Tensor]:
    """The tensors of *model* in *quantization*; vectors stay in F32."""
    wide = model.embedding
    outer = Role.OUTPUT if model.is_tied else Role.EMBEDDING
    yield _matrix("token_embd.weight", (wide, model.vocabulary), quantization, outer)
    yield _vector("output_norm.weight", wide)
    if not model.is_tied:
        yield _matrix("output.weight", (wide, model.vocabulary), quantization, Role.OUTPUT)
    for layer in range(model.layers):
        yield from _layer(model, quantization, layer)


def _layer(model: Architecture, quantization: str, layer: int) -> Iterator[Tensor]:
    prefix = f"blk.{layer}."
    kv_heads = model.kv_heads[layer]
    queries = model.heads * model.key_length
    keys, values = kv_heads * model.key_length, kv_heads * model.value_length
    sharing = model.heads // kv_heads if kv_heads else 1

    def matrix(name: str, shape: tuple[int, int], role: Role) -> Tensor:
        return _matrix(prefix + name, shape, quantization, role, layer=layer, layers=model.layers, sharing=sharing)

    yield _vector(f"{prefix}attn_norm.weight", model.embedding)
    if model.family in _FUSED:
        yield matrix("attn_qkv.weight", (model.embedding, queries + keys + values), Role.FUSED_QKV)
    else:
        yield matrix("attn_q.weight", (model.embedding, queries), Role.QUERY)
        yield matrix("attn_k.weight", (model.embedding, keys), Role.KEY)
        yield matrix("attn_v.weight", (model.embedding, values), Role.VALUE)
    if model.family in _BIASED:
        for name, length in (("q", queries), ("k", keys), ("v", values)):
            yield _vector(f"{prefix}attn_{name}.bias", length)
    if model.family in _NORMED_HEADS:
        yield _vector(f"{prefix}attn_q_norm.weight", model.key_length)
        yield _vector(f"{prefix}attn_k_norm.weight", model.key_length)
    yield matrix("attn_output.weight", (model.heads * model.value_length, model.embedding), Role.ATTENTION_OUTPUT)
    yield _vector(f"{prefix}ffn_norm.weight", model.embedding)
    if model.family in _POST_NORMED:
        yield _vector(f"{prefix}post_attention_norm.weight", model.embedding)
        yield _vector(f"{prefix}post_ffw_norm.weight", model.embedding)
    if model.family in _FUSED:
        yield matrix("ffn_up.weight", (model.embedding, 2 * model.feed_forward), Role.GATE_OR_UP)
    else:
        yield matrix("ffn_gate.weight", (model.embedding, model.feed_forward), Role.GATE_OR_UP)
        yield matrix("ffn_up.weight", (model.embedding, model.feed_forward), Role.GATE_OR_UP)
    yield matrix("ffn_down.weight", (model.feed_forward, model.embedding), Role.DOWN)


def _matrix(
    name: str,
    shape: tuple[int, int],
    quantization: str,
    role: Role,
    *,
    layer: int = 0,
    layers: int = 1,
    sharing: int = 1,
) -> Tensor:
    kind = type_of(quantization, role, row=shape[0], layer=layer, layers=layers, sharing=sharing)
    return Tensor(name=name, shape=shape, type=kind)


def _vector(name: str, length: int) -> Tensor:
    return Tensor(name=name, shape=(length,), type=TYPES["F32"])
