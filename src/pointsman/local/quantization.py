"""How many bytes a tensor takes in each of GGUF's types, and which type each tensor gets in each quantization.

A type packs `block_elements` numbers into `block_bytes`. Source of the sizes: the GGUF format; of the mixes: what
llama.cpp's quantizer does, checked against its own dry run (docs/reference/vram.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorType:
    """One of GGUF's types. `number` is its number in a file."""

    name: str
    number: int
    block_elements: int
    block_bytes: int

    @property
    def bits_per_weight(self) -> float:
        """Q4_K: 144 · 8 / 256 = 4.5."""
        return self.block_bytes * 8 / self.block_elements

    def size_bytes(self, elements: int) -> int:
        """Bytes of *elements* numbers: whole blocks."""
        return -(-elements // self.block_elements) * self.block_bytes


def _types(*rows: tuple[str, int, int, int]) -> dict[str, TensorType]:
    return {
        name: TensorType(name=name, number=number, block_elements=elements, block_bytes=size)
        for name, number, elements, size in rows
    }


TYPES = _types(
    ("F32", 0, 1, 4),
    ("F16", 1, 1, 2),
    ("Q4_0", 2, 32, 18),
    ("Q4_1", 3, 32, 20),
    ("Q5_0", 6, 32, 22),
    ("Q5_1", 7, 32, 24),
    ("Q8_0", 8, 32, 34),
    ("Q2_K", 10, 256, 84),
    ("Q3_K", 11, 256, 110),
    ("Q4_K", 12, 256, 144),
    ("Q5_K", 13, 256, 176),
    ("Q6_K", 14, 256, 210),
    ("Q8_K", 15, 256, 292),
    ("IQ2_XXS", 16, 256, 66),
    ("IQ2_XS", 17, 256, 74),
    ("IQ3_XXS", 18, 256, 98),
    ("IQ1_S", 19, 256, 50),
    ("IQ4_NL", 20, 32, 18),
    ("IQ3_S", 21, 256, 110),
    ("IQ2_S", 22, 256, 82),
    ("IQ4_XS", 23, 256, 136),
    ("I8", 24, 1, 1),
    ("I16", 25, 1, 2),
    ("I32", 26, 1, 4),
    ("I64", 27, 1, 8),
    ("F64", 28, 1, 8),
    ("IQ1_M", 29, 256, 56),
    ("BF16", 30, 1, 2),
    ("TQ1_0", 34, 256, 54),
    ("TQ2_0", 35, 256, 66),
    ("MXFP4", 39, 32, 17),
)
BY_NUMBER = {found.number: found for found in TYPES.values()}
_INSTEAD = {  # where a row is no multiple of the block: why Gemma 3 1B in "Q4_K_M" has 6.4 bits a weight
    "Q2_K": "Q4_0",
    "Q3_K": "Q4_0",
    "Q4_K": "Q5_0",
    "Q5_K": "Q5_1",
    "Q6_K": "Q8_0",
    "IQ4_XS": "IQ4_NL",
}


class Role(StrEnum):
    """What a matrix is for, as far as the mixes tell them apart."""

    EMBEDDING = "embedding"
    OUTPUT = "output"
    QUERY = "query"
    KEY = "key"
    VALUE = "value"
    FUSED_QKV = "fused_qkv"
    ATTENTION_OUTPUT = "attention_output"
    GATE_OR_UP = "gate_or_up"
    DOWN = "down"


_BASE = {
    "Q2_K": "Q2_K",
    "Q3_K_M": "Q3_K",
    "Q4_0": "Q4_0",
    "Q4_K_S": "Q4_K",
    "Q4_K_M": "Q4_K",
    "Q5_K_M": "Q5_K",
    "Q6_K": "Q6_K",
    "Q8_0": "Q8_0",
    "F16": "F16",
    "BF16": "BF16",
}
QUANTIZATIONS = tuple(_BASE)


def type_of(
    quantization: str, role: Role, *, row: int, layer: int = 0, layers: int = 1, sharing: int = 1
) -> TensorType:
    """The type a matrix gets in *quantization*.

    `row` is its row length, `layer` of `layers` where it is, `sharing` how many query heads share one key head.
    KeyError for a quantization that is not in QUANTIZATIONS.
    """
    base = _BASE[quantization]
    name = _mixed(quantization, role, base, layer, layers, sharing)
    if row % TYPES[name].block_elements:
        name = _INSTEAD.get(name, "F16")
    return TYPES[name]


def _mixed(quantization: str, role: Role, base: str, layer: int, layers: int, sharing: int) -> str:
    if base in {"F16", "BF16", "Q8_0"}:
        return base
    if role is Role.OUTPUT:
        return "Q6_K"
    mix = _MIXES.get(quantization)
    return mix(role, base, layer, layers, sharing) if mix is not None else base


def _k_m(role: Role, base: str, layer: int, layers: int, _sharing: int) -> str:
    """Q4_K_M and Q5_K_M: values and down projections of the outer eighths, and every third layer between, in Q6_K."""
    if role in {Role.VALUE, Role.DOWN} and _is_precious(layer, layers):
        return "Q6_K"
    if role is Role.FUSED_QKV:
        return "Q5_K" if base == "Q4_K" else "Q6_K"
    return base


def _q4_k_s(role: Role, base: str, layer: int, layers: int, _sharing: int) -> str:
    is_early_value = role is Role.VALUE and layer < _FIRST_VALUES
    return "Q5_K" if is_early_value or (role is Role.DOWN and layer < layers // 8) else base


def _q3_k_m(role: Role, base: str, layer: int, layers: int, _sharing: int) -> str:
    if role is Role.VALUE:
        return "Q5_K" if layer < _FIRST_VALUES // 2 else "Q4_K"
    if role is Role.DOWN:
        return "Q5_K" if layer < layers // 16 else "Q4_K"
    return "Q4_K" if role in {Role.ATTENTION_OUTPUT, Role.FUSED_QKV} else base


def _q2_k(role: Role, base: str, _layer: int, _layers: int, sharing: int) -> str:
    if role is Role.VALUE:
        return "Q4_K" if sharing >= _WIDELY_SHARED else "Q3_K"
    return "Q3_K" if role in {Role.DOWN, Role.ATTENTION_OUTPUT} else base


_FIRST_VALUES = 4
_WIDELY_SHARED = 4
_MIXES = {"Q4_K_M": _k_m, "Q5_K_M": _k_m, "Q4_K_S": _q4_k_s, "Q3_K_M": _q3_k_m, "Q2_K": _q2_k}


def _is_precious(layer: int, layers: int) -> bool:
    eighth = layers // 8
    return layer < eighth or layer >= 7 * layers // 8 or (layer - eighth) % 3 == 2
