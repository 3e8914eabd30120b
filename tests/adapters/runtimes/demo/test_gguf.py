"""The GGUF writer, read back by the reader that checks real model files."""

from pathlib import Path

import numpy as np

from pointsman.adapters.runtimes.demo.gguf import (
    ALIGNMENT,
    Key,
    Tensor,
    ValueType,
    encode_gguf,
    float32,
    string,
    uint32,
)
from pointsman.adapters.runtimes.gguf_header import GgufTensor, read_gguf_header

KEYS = [
    string("general.architecture", "llama"),
    uint32("llama.block_count", 3),
    float32("llama.rope.freq_base", 0.5),
    Key(name="tokenizer.ggml.add_bos_token", type=ValueType.BOOL, value=False),
    Key(name="tokenizer.ggml.tokens", type=ValueType.STRING, value=["a", "é", ""]),
    Key(name="tokenizer.ggml.token_type", type=ValueType.INT32, value=[1, -1]),
]
TENSORS = [
    Tensor(name="wide", array=np.zeros((2, 3), np.float16)),
    Tensor(name="norm", array=np.ones(5, np.float32)),
]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """Every key and tensor record survives; shapes are stored fastest-running first and data starts aligned."""
    path = tmp_path / "model.gguf"
    path.write_bytes(encode_gguf(KEYS, TENSORS))

    header = read_gguf_header(path)

    assert header.metadata == {
        "general.architecture": "llama",
        "llama.block_count": 3,
        "llama.rope.freq_base": 0.5,
        "tokenizer.ggml.add_bos_token": False,
        "general.alignment": ALIGNMENT,
    }
    assert header.array_lengths == {"tokenizer.ggml.tokens": 3, "tokenizer.ggml.token_type": 2}
    assert header.tensors == (
        GgufTensor(name="wide", shape=(3, 2), type=1, offset=0),
        GgufTensor(name="norm", shape=(5,), type=0, offset=ALIGNMENT),
    )
    assert header.data_start % ALIGNMENT == 0
    assert path.stat().st_size == header.data_start + 2 * ALIGNMENT
    assert path.read_bytes()[header.data_start + ALIGNMENT :][:20] == np.ones(5, np.float32).tobytes()
