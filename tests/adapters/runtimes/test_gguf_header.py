"""Files that are no model are told apart, in words a person can act on."""

import struct
from pathlib import Path

import numpy as np
import pytest

from pointsman.adapters.runtimes.demo.gguf import Tensor, encode_gguf, string, uint32
from pointsman.adapters.runtimes.gguf_header import read_gguf_header
from pointsman.core.errors import ConfigError

WHOLE = encode_gguf(
    [string("general.architecture", "llama"), uint32("llama.block_count", 1)],
    [Tensor(name="token_embd.weight", array=np.zeros((100, 8), np.float16))],
)


def head(*, version: int = 3, tensors: int = 0, keys: int = 0) -> bytes:
    """The first 24 bytes of a GGUF file."""
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 a zip", "it does not start with the letters GGUF"),
        (b"GGUF", "it is cut short inside its header, at byte 4"),
        (head(version=1), r"version 1 is not known \(known: 2, 3\)"),
        (head(tensors=2**60), "its header claims 1,152,921,504,606,846,976 tensors"),
        (head(keys=2**60), "its header claims 1,152,921,504,606,846,976 keys"),
        (head(), "it holds no model"),
        (head(keys=1) + struct.pack("<Q", 2**62), "its header claims 4,611,686,018,427,387,904 bytes of text"),
        (head(keys=1) + struct.pack("<Q", 1) + b"k" + struct.pack("<I", 99), "a value of unknown type 99"),
        (head(keys=1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 9, 1), "an array of unknown type 9"),
        (WHOLE[:40], "it is cut short inside its header, at byte 40"),
        (WHOLE[:-700], "it is cut short: .* bytes, but token_embd.weight ends at or after byte"),
        (WHOLE.replace(b"\x02\x00\x00\x00\x08\x00", b"\x09\x00\x00\x00\x08\x00"), "claims 9 dimensions"),
    ],
)
def test_a_broken_file_is_told_from_its_header(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Whatever is wrong is said; nothing is allocated on the word of a broken header."""
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"model\.gguf is not a usable GGUF file: .*{complaint}"):
        read_gguf_header(path)


@pytest.mark.parametrize("place", [".", "none.gguf"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, place: str) -> None:
    """A folder, or nothing at all, where the model should be."""
    with pytest.raises(ConfigError, match=r"The model file .* cannot be read: .*\. Check the model's path\."):
        read_gguf_header(tmp_path / place)
