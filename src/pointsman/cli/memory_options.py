"""Options about models' memory: sizes, contexts, quantizations, and models as a person names them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.core.units import parse_bytes
from pointsman.local.known_models import KNOWN, known_name, named_quantization
from pointsman.local.memory import CACHE_TYPES, DEFAULT_CONTEXT_TOKENS, DEFAULT_QUANTIZATION, Options
from pointsman.local.quantization import QUANTIZATIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pointsman.local.budget import Wish

_TOKENS = re.compile(r"(\d+)\s*(k?)", re.IGNORECASE)


class Size(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """`24GiB`, `24GB` (billions), `24` (GiB), `512MiB`; gives bytes. `0` is one where nothing is a size too."""

    name = "size"

    def __init__(self, *, may_be_nothing: bool = False) -> None:
        """Take `0` too, where *may_be_nothing*."""
        self.may_be_nothing = may_be_nothing

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        if self.may_be_nothing and str(value).strip() == "0":
            return 0
        found = parse_bytes(str(value))
        if found is None:
            self.fail(f"{value!r} is no size; write it as 24GiB, 24GB or 512MiB.", param, ctx)
        return found


class Tokens(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on only
    """`4096`, or `32K` (1,024 each)."""

    name = "tokens"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        found = _TOKENS.fullmatch(str(value).strip())
        if found is None or not int(found[1]):
            self.fail(f"{value!r} is no number of tokens; write it as 4096 or 32K.", param, ctx)
        return int(found[1]) * (1024 if found[2] else 1)


def run_options(command: Callable[..., object]) -> Callable[..., object]:
    """How models are run: `--quantization`, `--context`, `--parallel`, `--cache`."""
    for option in (
        click.option(
            "--cache", type=click.Choice(CACHE_TYPES), default="f16", show_default=True, help="Type of the KV cache."
        ),
        click.option(
            "--parallel",
            type=click.IntRange(1, 256),
            default=1,
            show_default=True,
            help="Requests at once, a slot each.",
        ),
        click.option(
            "--context",
            type=Tokens(),
            default=DEFAULT_CONTEXT_TOKENS,
            show_default=True,
            help="Tokens of one slot, such as 8192 or 32K.",
        ),
        click.option(
            "-q",
            "--quantization",
            type=click.Choice(QUANTIZATIONS, case_sensitive=False),
            help=f"Of models whose name tells none; {DEFAULT_QUANTIZATION} if not given.",
        ),
    ):
        command = option(command)
    return command


def wishes(
    names: Sequence[str], *, quantization: str | None, options: Options, pinned: Sequence[str] = ()
) -> list[Wish]:
    """*names* as models to run: known names, or paths of GGUF files. A usage error names what is not known."""
    unknown = [name for name in pinned if name not in names]
    if unknown:
        raise click.UsageError(f"--pin {unknown[0]}: not among the models; name it there too.")
    return [_wish(name, quantization, options, is_pinned=name in pinned) for name in names]


def _wish(name: str, quantization: str | None, options: Options, *, is_pinned: bool) -> Wish:
    from pointsman.local.budget import Wish

    if name.lower().endswith(".gguf"):
        return _from_file(Path(name), options, is_pinned=is_pinned)
    found = known_name(name)
    if found is None:
        import difflib

        near = difflib.get_close_matches(name.lower(), KNOWN, n=3, cutoff=0.5)
        advice = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(sorted(KNOWN)[:8])}, …"
        raise click.UsageError(f"no model of known shape is called {name[:200]!r}; {advice} A .gguf file works too.")
    kind = quantization or named_quantization(name) or DEFAULT_QUANTIZATION
    if kind not in QUANTIZATIONS:
        raise click.UsageError(f"{name}: {kind} is not known; give one of {', '.join(QUANTIZATIONS)} with -q.")
    return Wish(name=name, architecture=KNOWN[found], options=options, quantization=kind.upper(), is_pinned=is_pinned)


def _from_file(path: Path, options: Options, *, is_pinned: bool) -> Wish:
    from pointsman.adapters.runtimes.footprints import file_shape
    from pointsman.local.budget import Wish
    from pointsman.local.readers import UnreadableShape

    try:
        found = file_shape(path)
    except UnreadableShape as error:
        raise click.UsageError(f"{path} is no model that can be reckoned: {error}.") from error
    return Wish(
        name=path.stem,
        architecture=found.architecture,
        options=options,
        quantization=named_quantization(path.name) or "file",
        weights=found.weights_bytes,
        is_pinned=is_pinned,
    )
