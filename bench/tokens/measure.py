"""How far the estimate of tokens is from real tokenizers: the tables of docs/concepts/context.md.

Needs texts and tokenizers of your own; neither is shipped. See bench/README.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pointsman.routing.tokens import MARGIN, Family, signs_of, weigh

Count = Callable[[str], int]
N_PROMPTS = 12  # of each kind
N_MIXED = 600
LEAST_TOKENS = 2_000
MIXED = "mixed"
_WORDS = r"[^\r\n\p{L}\p{N}]?"
_ENDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
PATTERNS = {
    Family.CL100K: r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    Family.O200K: _WORDS + r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + _ENDS + "|" + _WORDS
    + r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + _ENDS
    + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
}  # fmt: skip
PATTERNS[Family.QWEN] = PATTERNS[Family.CL100K].replace(r"\p{N}{1,3}+", r"\p{N}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One text and what kind it is of."""

    kind: str
    text: str


def main() -> int:
    """Print a line for each tokenizer and kind."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True, help='lines of {"kind": ..., "text": ...}')
    parser.add_argument(
        "--tokenizer", action="append", required=True, metavar="FAMILY=FILE", help="a family of routing/tokens.py"
    )
    parser.add_argument("--mix", default="prose,code,json", help="kinds that prompts of agents are made of")
    wanted = parser.parse_args()
    rows = map(json.loads, wanted.texts.read_text(encoding="utf-8").splitlines())
    pieces = [Piece(kind=row["kind"], text=row["text"]) for row in rows]
    prompts = list(prompts_of(pieces, wanted.mix.split(","), random.Random(11)))
    for choice in wanted.tokenizer:
        name, _, file = choice.partition("=")
        family = Family(name)
        report(family, prompts, counter(family, Path(file)))
    return 0


def prompts_of(pieces: Sequence[Piece], mix: Sequence[str], draw: random.Random) -> Iterator[Piece]:
    """Longer prompts of pieces of one kind, and of several."""
    by_kind: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_kind[piece.kind].append(piece)
    for kind, found in by_kind.items():
        for _ in range(N_PROMPTS):
            chosen = draw.choices(found, k=draw.randrange(10, 60))
            yield Piece(kind=kind, text="".join(piece.text for piece in chosen))
    usual = [piece for piece in pieces if piece.kind in mix]
    for _ in range(N_MIXED if usual else 0):
        chosen = draw.choices(usual, k=draw.randrange(15, 90))
        yield Piece(kind=MIXED, text="".join(piece.text for piece in chosen))


def report(family: Family, prompts: Sequence[Piece], count: Count) -> None:
    """Median and 95th percentile of the error's size, and how many are longer than the margin allows for."""
    errors: dict[str, list[float]] = defaultdict(list)
    for prompt in prompts:
        real = count(prompt.text)
        if real >= LEAST_TOKENS:
            errors[prompt.kind].append(weigh(signs_of(prompt.text), family) / real - 1)
    for kind, found in sorted(errors.items()):
        sizes = sorted(map(abs, found))
        beyond = sum(error < 1 / (1 + MARGIN) - 1 for error in found) / len(found)
        print(
            f"{family:10} {kind:16} {len(found):5}  median {statistics.median(sizes):6.1%}"
            f"  p95 {sizes[int(0.95 * (len(sizes) - 1))]:6.1%}  beyond the margin {beyond:6.1%}"
        )


def counter(family: Family, file: Path) -> Count:
    """How *family*'s real tokenizer counts, from a file of Hugging Face's, tiktoken's, Tekken's or SentencePiece's."""
    if file.name.startswith("tekken"):
        tekken: Any = import_module("mistral_common.tokens.tokenizers.tekken").Tekkenizer.from_file(str(file))
        return lambda text: len(tekken.encode(text, bos=False, eos=False))
    if file.suffix == ".json":
        tokenizer: Any = import_module("tokenizers").Tokenizer.from_file(str(file))
        return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
    if family in PATTERNS:
        ranks = (line.split() for line in file.read_bytes().splitlines() if line)
        encoding: Any = import_module("tiktoken").Encoding(
            name=file.name,
            pat_str=PATTERNS[family],
            mergeable_ranks={base64.b64decode(token): int(rank) for token, rank in ranks},
            special_tokens={},
        )
        return lambda text: len(encoding.encode_ordinary(text))
    pieces: Any = import_module("sentencepiece").SentencePieceProcessor(model_file=str(file))
    return lambda text: len(pieces.encode(text))


if __name__ == "__main__":
    sys.exit(main())
