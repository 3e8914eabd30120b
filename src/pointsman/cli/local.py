"""`pointsman local`: the small model on this machine that judges requests, served in the background."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pointsman.cli.figures import size
from pointsman.cli.output import print_json, say
from pointsman.core.errors import NoModelAvailable

if TYPE_CHECKING:
    from pointsman.adapters.runtimes.daemon import Daemon
    from pointsman.core.jsontypes import JsonObject

JUDGE = "gemma3-1b-gpu-custom"
"""What gemini-cli calls its judge, whatever the model behind it."""
PORT = 9379
CONTEXT_TOKENS = 8192
DEFAULT_MODEL = "gemma3-1b"
LITERT_SUFFIX = ".litertlm"
LAST_PORT = 65535
FIRST_LINES = 20
EXAMPLES = """\b
Examples:
  pointsman local setup
  pointsman local status
"""
STOP_EXAMPLES = """\b
Example:
  pointsman local stop
"""
SETUP_EXAMPLES = """\b
Examples:
  pointsman local setup
  pointsman local setup --model qwen2.5-1.5b --accept-terms
  pointsman local setup --model ./model.gguf --no-start
  pointsman local setup --runtime litert --model ./gemma3-1b-it-int4.litertlm
"""
START_EXAMPLES = """\b
Examples:
  pointsman local start
  pointsman local start --port 9380
"""
STATUS_EXAMPLES = """\b
Examples:
  pointsman local status
  pointsman local status --json | jq .answers
"""
LOGS_EXAMPLES = """\b
Examples:
  pointsman local logs -n 100
  pointsman local logs -f
"""

port_option = click.option("--port", type=click.IntRange(1, 65535), metavar="N", help=f"Port.  [default: {PORT}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What `pointsman local setup` has settled."""

    model: str
    path: Path
    port: int
    is_litert: bool = False

    @property
    def is_here(self) -> bool:
        """Whether its file is."""
        return self.path.is_file()


@click.group(short_help="Run the small model that judges requests.", epilog=EXAMPLES)
def local() -> None:
    """Run the small local model that judges how hard requests are, in the background on port 9379.

    It speaks the API that gemini-cli's model router asks, among others: `classifier: {enabled: true}` in pointsman.yaml
    uses it, and gemini-cli too.
    """


@local.command(epilog=SETUP_EXAMPLES)
@click.option("--model", "wanted", metavar="NAME", help="A model to download, one that is here, or a GGUF file.")
@click.option(
    "--runtime",
    type=click.Choice(["llama.cpp", "litert"]),
    help="What serves it; by the file's name if not given. LiteRT-LM takes a .litertlm file.",
)
@port_option
@click.option("--accept-terms", is_flag=True, help="Accept the model's licence without being asked.")
@click.option("--no-start", is_flag=True, help="Do not start it.")
def setup(wanted: str | None, runtime: str | None, port: int | None, *, accept_terms: bool, no_start: bool) -> None:
    """Choose a model, download it, and start it."""
    if runtime == "litert" or (runtime is None and wanted is not None and wanted.endswith(LITERT_SUFFIX)):
        chosen = set_up_litert(wanted, port)
    else:
        chosen = set_up(wanted or _asked_model(), port, accept_terms=accept_terms)
    click.echo(f"set up: {chosen.model}, {size(chosen.path.stat().st_size)}, port {chosen.port}")
    if no_start:
        say("`pointsman local start` starts it.")
        return
    _start(chosen, None)
    say("To have it judge requests, put this into pointsman.yaml:  classifier: {enabled: true}")


@local.command(epilog=START_EXAMPLES)
@port_option
def start(port: int | None) -> None:
    """Start it in the background; returns when it answers."""
    _start(_required(), port)


@local.command(epilog=STOP_EXAMPLES)
def stop() -> None:
    """Stop it, if it is ours: a process that only has its number is left alone."""
    found = daemon().stop()
    click.echo("not running" if found is None else f"stopped (process {found.pid}, port {found.port})")


@local.command(epilog=STATUS_EXAMPLES)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> int:
    """Show whether it is set up, runs and answers; ends with 0 when it answers, else with 1."""
    chosen, background = read(), daemon()
    running = background.running()
    port = running.port if running is not None else chosen.port if chosen is not None else PORT
    answers = background.answers(port)
    if as_json:
        print_json(
            {
                "model": chosen.model if chosen is not None else None,
                "path": str(chosen.path) if chosen is not None else None,
                "runtime": ("litert" if chosen.is_litert else "llama.cpp") if chosen is not None else None,
                "is_here": chosen is not None and chosen.is_here,
                "pid": running.pid if running is not None else None,
                "port": port,
                "answers": answers,
                "log": str(background.log),
            }
        )
    else:
        lines = {
            "model": _model_line(chosen),
            "process": f"{running.pid}, port {running.port}" if running is not None else "not running",
            "answers": _answers_line(port, answers=answers, is_ours=running is not None),
            "log": str(background.log),
        }
        for name, line in lines.items():
            click.echo(f"{name:<8} {line}")
    return 0 if answers else 1


@local.command(epilog=LOGS_EXAMPLES)
@click.option(
    "-n", "--lines", type=click.IntRange(0, 100_000), default=FIRST_LINES, show_default=True, help="How many."
)
@click.option("-f", "--follow", is_flag=True, help="Go on until Ctrl-C.")
def logs(lines: int, *, follow: bool) -> None:
    """Show the last lines that it said."""
    background = daemon()
    if not background.log.is_file():
        raise NoModelAvailable("Nothing has been logged yet.", hint="`pointsman local start` starts it.")
    for line in background.tail(lines):
        click.echo(line)
    if follow:
        _follow(background.log)


def set_up(wanted: str, port: int | None, *, accept_terms: bool) -> Chosen:
    """Have the model *wanted* here, and remember it as the one to serve."""
    from pointsman.cli.pull import meant, pull_file
    from pointsman.cli.setup import configuration
    from pointsman.inventory import model_store

    loaded, before = configuration(None), read()
    path = Path(wanted).expanduser()
    here = model_store(loaded).find(wanted)
    if path.suffix == ".gguf" and path.is_file():
        from pointsman.adapters.runtimes.gguf_header import read_gguf_header

        read_gguf_header(path)
        name, file = path.stem, path.resolve()
    elif here is not None:
        name, file = here.name, here.path
    else:
        pulled = pull_file(meant(wanted), loaded, accept_terms=accept_terms)
        name, file = pulled.name, pulled.path
    chosen = Chosen(model=name, path=file, port=port or (before.port if before is not None else PORT))
    _write(chosen, {"gguf": {"path": str(file), "context_tokens": CONTEXT_TOKENS}})
    return chosen


def set_up_litert(wanted: str | None, port: int | None) -> Chosen:
    """Remember the `.litertlm` file *wanted* as the one to serve; a name means what `litert-lm import` has put by."""
    from pointsman.adapters.runtimes.litert_child import check_litert_file, find_litert
    from pointsman.bootstrap import environ

    if wanted is None:
        hint = "Give it a file: --model ./model.litertlm, or the name of one that `litert-lm list` shows."
        raise NoModelAvailable("LiteRT-LM's models are not downloaded here.", hint=hint)
    imported = Path.home() / ".litert-lm" / "models" / wanted / "model.litertlm"
    path = imported if imported.is_file() else Path(wanted).expanduser()
    check_litert_file(path)
    find_litert(environ())
    before = read()
    name = wanted if path is imported else path.stem
    chosen = Chosen(
        model=name, path=path.resolve(), port=port or (before.port if before is not None else PORT), is_litert=True
    )
    inner = chosen.port + 1 if chosen.port < LAST_PORT else chosen.port - 1
    server: JsonObject = {
        "base_url": f"http://127.0.0.1:{inner}/v1beta",
        "dialect": "gemini",
        "local": True,
        "model": JUDGE,
    }
    _write(
        chosen,
        {**server, "concurrency": {"slots": 1}},
        {"local": {"litert": {"path": str(chosen.path), "model": JUDGE, "port": inner}}},
    )
    return chosen


def _write(chosen: Chosen, served: JsonObject, others: JsonObject | None = None) -> None:
    """Write what is to be served: *chosen*, by the fields *served* of its entry, and *others* sections."""
    import yaml

    from pointsman.inventory import local_runtime_file

    aliases = [chosen.model] if chosen.model != JUDGE else []
    settings = {
        "models": [{"name": JUDGE, "aliases": aliases, "tier": "simple", **served}],
        "server": {"port": chosen.port, "unknown_models": "refuse", "drain_timeout_s": 5},
        "ledger": {"enabled": False},
        **(others or {}),
    }
    target = local_runtime_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    head = "# Written by `pointsman local setup`: what `pointsman local start` serves.\n"
    target.write_text(head + yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def start_for_judging(port: int) -> None:
    """Start it on *port* for a gateway that wants its judgement, unless somebody answers there; say what cannot be."""
    from pointsman.core.errors import PointsmanError

    background = daemon()
    if background.answers(port):
        return
    running = background.running()
    if running is not None:
        say(f"warning: the local judge runs on port {running.port}, not {port}: `pointsman local stop` ends it.")
        return
    try:
        _required()
        found = background.start(port)
    except PointsmanError as error:
        say(f"warning: the local judge was not started: {error}")
        return
    say(f"started the local judge (process {found.pid}, port {found.port})")


def read() -> Chosen | None:
    """What was set up; None when nothing was, or its file is broken."""
    from pointsman.bootstrap import load_config
    from pointsman.core.errors import ConfigError
    from pointsman.inventory import local_runtime_file

    file = local_runtime_file()
    if not file.is_file():
        return None
    try:
        settings = load_config(str(file)).settings
    except ConfigError as error:
        say(f"warning: {error}")
        return None
    litert = settings.local.litert
    for model in settings.models:
        path = model.gguf.path if model.gguf is not None else litert.path if litert is not None else None
        if path is not None:
            name = model.aliases[0] if model.aliases else model.name
            return Chosen(model=name, path=Path(path), port=settings.server.port, is_litert=model.gguf is None)
    return None


def daemon() -> Daemon:
    """The server in the background."""
    from pointsman.adapters.runtimes.daemon import Daemon
    from pointsman.stores import state_folder

    return Daemon(folder=state_folder(), command=_program(), probe=f"/v1beta/models/{JUDGE}:generateContent")


def _program() -> list[str]:
    """This program: by its path, so that gemini-cli knows it again."""
    called = Path(sys.argv[0])
    if called.name.startswith("pointsman") and called.is_file():
        return [str(called.absolute())]
    return [sys.executable, "-m", "pointsman"]


def _required() -> Chosen:
    chosen = read()
    if chosen is None:
        raise NoModelAvailable("No local model is set up.", hint="`pointsman local setup` downloads one.")
    if not chosen.is_here:
        raise NoModelAvailable(f"The file {chosen.path} is gone.", hint="`pointsman local setup` downloads it again.")
    return chosen


def _start(chosen: Chosen, port: int | None) -> None:
    background = daemon()
    running = background.running()
    if running is not None:
        click.echo(f"runs already (process {running.pid}, port {running.port})")
        return
    found = background.start(port or chosen.port)
    click.echo(f"started (process {found.pid}, port {found.port})")
    say(f"log: {background.log}")


def _asked_model() -> str:
    """The model that a person chooses of those that are made for it; without a terminal the usual one."""
    if not sys.stdin.isatty():
        return DEFAULT_MODEL
    from pointsman.config.cheat_sheet import sources, tasks
    from pointsman.local.recommend import fittings

    task = next(task for task in tasks({}) if task.name == "classification")
    for one in fittings(task.local, CONTEXT_TOKENS, sys.maxsize):
        takes = size(one.footprint.total_bytes) if one.footprint is not None else ""
        click.echo(f"  {one.model:<14} takes {takes}, licence {sources()[one.model].licence}", err=True)
    return str(
        click.prompt("Which model?", default=DEFAULT_MODEL, type=click.Choice(task.local), show_choices=False, err=True)
    )


def _model_line(chosen: Chosen | None) -> str:
    if chosen is None:
        return "none: `pointsman local setup` downloads one"
    if not chosen.is_here:
        return f"{chosen.model}, file is gone"
    return f"{chosen.model}, {size(chosen.path.stat().st_size)}{', by LiteRT-LM' if chosen.is_litert else ''}"


def _answers_line(port: int, *, answers: bool, is_ours: bool) -> str:
    if not answers:
        return "no"
    return f"http://127.0.0.1:{port}" + ("" if is_ours else " (somebody else started it)")


def _follow(log: Path) -> None:
    """Print what is added to *log* until the user has seen enough."""
    import threading

    tick = threading.Event()
    with log.open(encoding="utf-8", errors="replace") as stream:
        stream.seek(0, 2)
        while True:
            text = stream.read()
            if text:
                click.echo(text, nl=False)
            else:
                tick.wait(0.2)
