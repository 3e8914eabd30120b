"""`pointsman models pull` and `rm`: models come to this machine's disk, and go."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option, json_option
from pointsman.cli.output import print_json, say, say_as_it_is
from pointsman.cli.progress import DownloadBar
from pointsman.core.errors import NoModelAvailable

if TYPE_CHECKING:
    from pointsman.adapters.runtimes.hub import HubFile
    from pointsman.adapters.runtimes.model_store import ModelStore, Pulled
    from pointsman.config.load import Loaded

PULL_EXAMPLES = """\b
Examples:
  pointsman models pull qwen2.5-3b
  pointsman models pull Qwen/Qwen3-4B-GGUF -q Q8_0 --accept-terms
  pointsman models pull ollama:qwen2.5:7b
"""
RM_EXAMPLES = """\b
Examples:
  pointsman models rm qwen2.5-3b
  pointsman models rm ollama:qwen2.5:7b
"""
OLLAMA = "ollama:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A GGUF file that somebody wants, and what it is to be called here."""

    name: str
    repository: str
    quantization: str
    path: str | None = None


@click.command(short_help="Download a model.", epilog=PULL_EXAMPLES)
@click.argument("name")
@click.option("-q", "--quantization", metavar="KIND", help="Such as Q4_K_M (the default) or Q8_0.")
@click.option("--as", "called", metavar="NAME", help="What to call it here.")
@click.option("--accept-terms", is_flag=True, help="Accept the model's licence without being asked.")
@json_option
@config_option
def pull(
    name: str, quantization: str | None, called: str | None, *, accept_terms: bool, as_json: bool, config: str | None
) -> None:
    """Download the model NAME to this machine.

    NAME is one that `models recommend` shows, OWNER/REPOSITORY[/FILE] of Hugging Face, or ollama:NAME. A download that
    broke off goes on where it stopped; the file is checked. Its licence is shown, and asked for once. HF_TOKEN is the
    key for gated models, HF_ENDPOINT names a mirror.
    """
    from pointsman.cli.setup import configuration

    loaded = configuration(config)
    at_ollama = _name_at_ollama(name, loaded)
    if at_ollama is not None:
        pull_from_ollama(at_ollama, loaded)
        if as_json:
            print_json({"name": at_ollama, "source": "ollama"})
        else:
            click.echo(f"{at_ollama} is in Ollama.")
        return
    pulled = pull_file(meant(name, quantization, called), loaded, accept_terms=accept_terms)
    if as_json:
        print_json({**_json(pulled)})
        return
    click.echo(f"{pulled.name} is here: {pulled.path}")
    say(f"Use it as `gguf: {pulled.name}` of a model in pointsman.yaml; without a configuration it is found.")


@click.command("rm", short_help="Delete a downloaded model.", epilog=RM_EXAMPLES)
@click.argument("name")
@json_option
@config_option
def remove(name: str, *, as_json: bool, config: str | None) -> None:
    """Delete the downloaded model NAME, or ollama:NAME from Ollama."""
    from pointsman.cli.figures import size
    from pointsman.cli.setup import configuration
    from pointsman.inventory import model_store

    loaded = configuration(config)
    if name.startswith(OLLAMA):
        _remove_from_ollama(name.removeprefix(OLLAMA), loaded)
        freed = None
    else:
        store = model_store(loaded)
        freed = store.remove(name)
        if not freed:
            names = ", ".join(model.name for model in store.models())
            hint = f"There are {names}." if names else "`pointsman models pull` downloads one."
            raise NoModelAvailable(f"No downloaded model is called {name[:200]!r}.", hint=hint)
    if as_json:
        print_json({"removed": name, "freed_bytes": freed})
    else:
        click.echo(f"{name} is deleted" + (f", {size(freed)} are free" if freed is not None else "") + ".")


def meant(name: str, quantization: str | None = None, called: str | None = None) -> Wanted:
    """The file that *name* means; a usage error when it means none."""
    from pointsman.adapters.runtimes.model_store import require_name
    from pointsman.config.cheat_sheet import sources
    from pointsman.local.recommend import split

    base, kind = split(name)
    kind = (quantization or kind).upper()
    owner, _, rest = base.removeprefix("hf:").partition("/")
    repository, _, path = rest.partition("/")
    if owner and repository:
        plain = repository.lower().removesuffix("-gguf")
        return Wanted(
            name=require_name(called or _called(plain, kind)),
            repository=f"{owner}/{repository}",
            quantization=kind,
            path=path or None,
        )
    source = sources().get(base.lower())
    if source is None:
        import difflib

        near = difflib.get_close_matches(base.lower(), sources(), n=3, cutoff=0.5)
        advice = f"did you mean {' or '.join(near)}?" if near else "give OWNER/REPOSITORY, or ollama:NAME."
        raise click.UsageError(f"no model to download is called {name[:200]!r}; {advice}")
    if quantization is None and kind == "Q4_K_M" and "embedding" in source.name:
        kind = "Q8_0"  # its makers give no smaller one
    return Wanted(name=require_name(called or _called(source.name, kind)), repository=source.hub, quantization=kind)


def _called(base: str, quantization: str) -> str:
    from pointsman.local.memory import DEFAULT_QUANTIZATION

    return base if quantization == DEFAULT_QUANTIZATION else f"{base}-{quantization.lower()}"


def pull_file(wanted: Wanted, loaded: Loaded, *, accept_terms: bool) -> Pulled:
    """Have *wanted* among the downloaded models; what was said of terms and progress is on stderr."""
    from pointsman.adapters.runtimes.hub import Hub
    from pointsman.adapters.runtimes.model_store import Pulled
    from pointsman.inventory import model_store

    store, hub = model_store(loaded), Hub()
    file = hub.look_up(wanted.repository, quantization=wanted.quantization, path=wanted.path)
    present = store.find(wanted.name)
    if present is not None and present.sha256 == file.sha256:
        say(f"{wanted.name} is here already.")
        return present
    ask_for_terms(file, store, accepted=accept_terms)
    part = store.part_of(wanted.name, file.sha256)
    with DownloadBar(wanted.name) as bar:
        hub.download(file, part, bar.show)
    model = Pulled(
        name=wanted.name,
        path=store.path_of(wanted.name),
        size_bytes=file.size_bytes,
        source=file.source,
        revision=file.revision,
        sha256=file.sha256,
        licence=file.licence,
    )
    return store.admit(model, part)


def ask_for_terms(file: HubFile, store: ModelStore, *, accepted: bool) -> None:
    """Show *file* and its licence; return when the user accepts it, or has done so before. Ends the command if not."""
    from pointsman.cli.figures import size

    say_as_it_is(f"{file.source}, {size(file.size_bytes)}")
    licence = file.licence or "not told"
    say_as_it_is(f"licence: {licence}, {file.licence_url}")
    known = file.licence if file.licence not in {"", "other"} else f"{licence}:{file.repository}"
    if store.has_accepted(known):
        return
    if not accepted:
        if not sys.stdin.isatty():
            raise click.UsageError("the licence has to be accepted: give --accept-terms, or run it in a terminal.")
        if not click.confirm("Do you accept the licence?", default=False, err=True):
            say("Nothing was downloaded.")
            raise click.exceptions.Exit(1)
    store.accept(known)


def pull_from_ollama(name: str, loaded: Loaded) -> None:
    """Have Ollama download *name*."""
    import asyncio

    from pointsman.household import open_ollama

    async def pulled() -> None:
        with DownloadBar(name) as bar:
            async with open_ollama(loaded) as library:
                async for progress in library.pull(name):
                    bar.show(progress)

    asyncio.run(pulled())


def _remove_from_ollama(name: str, loaded: Loaded) -> None:
    import asyncio

    from pointsman.household import open_ollama

    async def removed() -> None:
        async with open_ollama(loaded) as library:
            await library.remove(name)

    asyncio.run(removed())


def _name_at_ollama(name: str, loaded: Loaded) -> str | None:
    """What Ollama calls *name*: as said, or as configured; None when it is no model of Ollama's."""
    if name.startswith(OLLAMA):
        return name.removeprefix(OLLAMA)
    cards = loaded.catalog.pools.get(loaded.catalog.resolve(name), ())
    served = (card.upstream_model for card in cards if card.is_local and card.endpoint.dialect == "ollama")
    return next(served, None)


def _json(pulled: Pulled) -> dict[str, str | int]:
    return {
        "name": pulled.name,
        "path": str(pulled.path),
        "size_bytes": pulled.size_bytes,
        "source": pulled.source,
        "revision": pulled.revision,
        "sha256": pulled.sha256,
        "licence": pulled.licence,
    }
