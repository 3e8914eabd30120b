"""Writes docs/reference/vram.md: the arithmetic of memory beside llama.cpp's own dry run, model by model.

python -m tools.vram_reference [FILE]      needs `pointsman[local]`; two minutes
"""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pointsman.local.known_models import KNOWN
from pointsman.local.memory import Options, footprint
from tests.local.dry_run import MIB, dry_run
from tests.local.test_dry_run import MODELS

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "vram.md"
HEAD = """\
# What models take of the memory

`pointsman vram table` reckons what a running model takes: weights + KV cache + compute buffers + the process's own.

| term | bytes | Qwen2.5 7B, Q4_K_M, 4,096 tokens |
| --- | --- | ---: |
| weights | over all tensors: elements / block · bytes of a block | 4,460 MiB |
| KV cache | over all layers: KV heads · (key + value length) · bytes of the type · cells | 224 MiB |
| compute | 4 · ubatch · (3 · feed forward + 5 · embedding) + 2 · ubatch · context of a slot | 150 MiB |
| overhead | 0.45 · 10⁹ for each process with a device context (CUDA: 0.3 to 0.6), none on a processor | 429 MiB |

Cells are the context padded to 256, times the slots; a layer with a sliding window keeps at most window + ubatch of
each slot. ubatch is 512. Grouped-query attention makes the cache of one token anything from 12 KiB (Qwen2.5 0.5B) to
512 KiB (DeepSeek-Coder 6.7B): it has to come from the model's header, no constant will do.

## Beside llama.cpp

llama.cpp's own dry run (xllamacpp {version}, processor backend, one slot, Q4_K_M) on files with each model's true
tensor table and no weights. MiB; "off" is ours against the sum llama.cpp projects.

| model | context | cache | KV | theirs | compute | theirs | sum | theirs | off |
| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
"""
FOOT = """
Written by `python -m tools.vram_reference`; checked by `pytest -m dry_run`. What a runtime reports after a load is
believed more than this, and kept for the next time. Not measured here: a graphics card's own overhead.
"""


def rows(folder: Path) -> Iterator[str]:
    """One row for each model, context and cache."""
    for name in MODELS:
        for context in (4096, 32768):
            for cache in ("f16", "q8_0"):
                said = dry_run(KNOWN[name], "Q4_K_M", context, cache, folder)
                options = Options(context_tokens=context, cache_type_k=cache, cache_type_v=cache, has_device=False)
                ours = footprint(KNOWN[name], options)
                total = ours.total_bytes / MIB
                yield (
                    f"| {name} | {context:,} | {cache} | {ours.kv_cache_bytes / MIB:,.0f} | {said.kv_cache_mib:,.0f} "
                    f"| {ours.compute_bytes / MIB:,.1f} | {said.compute_mib:,.1f} | {total:,.0f} "
                    f"| {said.projected_mib:,.0f} | {total / said.projected_mib - 1:+.2%} |"
                )


def main(arguments: list[str]) -> int:
    """Write the page."""
    version = importlib.metadata.version("xllamacpp")
    with tempfile.TemporaryDirectory() as folder:
        table = "\n".join(rows(Path(folder)))
    path = Path(arguments[0]) if arguments else PAGE
    path.write_text(HEAD.format(version=version) + table + "\n" + FOOT, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
