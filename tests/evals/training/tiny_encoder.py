"""A sentence encoder of the real one's shape, small and with random arrays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ("hello", "what", "is", "prove", "design", "a", "theorem", "system", "city", "please")
SIZE, INNER = 12, 16


def write_encoder(tmp_path: Path) -> None:
    """Its two files into a folder."""
    chance = np.random.default_rng(3)
    pieces = ["[PAD]", *(f"[unused{n}]" for n in range(995)), "[CLS]", "[SEP]", "[MASK]", *WORDS, "##s", "##ly"]
    shapes = {
        "embeddings.word_embeddings.weight": (len(pieces), SIZE),
        "embeddings.position_embeddings.weight": (8, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
    }
    for layer in range(6):
        at = f"encoder.layer.{layer}"
        for name in ("query", "key", "value"):
            shapes[f"{at}.attention.self.{name}.weight"] = (SIZE, SIZE)
            shapes[f"{at}.attention.self.{name}.bias"] = (SIZE,)
        for name, out, into in (
            ("attention.output.dense", SIZE, SIZE),
            ("intermediate.dense", INNER, SIZE),
            ("output.dense", SIZE, INNER),
        ):
            shapes[f"{at}.{name}.weight"], shapes[f"{at}.{name}.bias"] = (out, into), (out,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes[f"{at}.{name}.weight"] = shapes[f"{at}.{name}.bias"] = (SIZE,)
    head: dict[str, object] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, shape in shapes.items():
        array = chance.normal(size=shape).astype(np.float32).tobytes()
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(array)]}
        data += array
    text = json.dumps(head).encode()
    (tmp_path / "model.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    (tmp_path / "vocab.txt").write_text("\n".join(pieces), "utf-8")
