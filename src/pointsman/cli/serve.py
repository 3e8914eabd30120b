"""`pointsman serve`: the gateway and the page, and what they say when they start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option
from pointsman.cli.output import say

if TYPE_CHECKING:
    from pointsman.cli.setup import Ready
    from pointsman.config.load import Loaded
    from pointsman.core.jsontypes import Json

EXAMPLES = """\b
Examples:
  pointsman serve
  pointsman serve --config litellm_config.yaml --port 4001
  pointsman serve --demo
"""


@click.command(short_help="Start the gateway and the page.", epilog=EXAMPLES)
@config_option
@click.option("--host", help="Address to listen on; anything wider than loopback needs a key.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="Port; 0 takes a free one.  [default: 4000]")
@click.option("--workers", type=click.IntRange(1, 256), metavar="N", help="Processes that serve.  [default: 1]")
@click.option("--demo", is_flag=True, help="Serve three tiny built-in models: a demonstration, they know nothing.")
@click.option("--verbose", is_flag=True, hidden=True, help="Serve what `pointsman local setup` has chosen.")
def serve(
    config: str | None, host: str | None, port: int | None, workers: int | None, *, demo: bool, verbose: bool
) -> None:
    """Start the gateway: the OpenAI API on http://127.0.0.1:4000/v1, and a page for the browser.

    Without a configuration it looks for Ollama, LM Studio, llama.cpp, vLLM and LiteRT-LM on this machine and for keys
    in the environment. When there is nothing, the demo starts. Ctrl-C stops it, SIGHUP reads the configuration again.
    """
    from pointsman.bootstrap import embedded_models, environ
    from pointsman.cli.banner import print_banner
    from pointsman.cli.setup import ready, tell_warnings
    from pointsman.household import litert_model
    from pointsman.inventory import check_household
    from pointsman.server.drain import Drain
    from pointsman.server.gateway import OpenGateway
    from pointsman.server.logs import start_logging
    from pointsman.server.patience import Patience
    from pointsman.server.run import bind, require_key_for_wide_bind
    from pointsman.server.run import serve as serve_on

    start_logging()
    if verbose and config is None and not demo:  # so gemini-cli, and `pointsman local start`, start the local runtime
        config = _local_runtime()
    start = ready(config, _flags(host, port, workers), demo=demo)
    is_fallen = not start.has_models
    if is_fallen:
        start = _demo_if_possible(start)
    if not verbose:
        _start_judge(start.loaded)
    server = start.loaded.settings.server
    for line in check_household(start.loaded):
        say(f"warning: {line}")
    require_key_for_wide_bind(server.host, has_keys=bool(server.master_key or server.keys))
    with (
        bind(server.host, server.port) as listener,
        litert_model(start.loaded, environ()),
        embedded_models(start.loaded, say) as addresses,
    ):
        tell_warnings(start.loaded)
        print_banner(start, port=listener.getsockname()[1], is_fallen=is_fallen)
        drain = Drain(timeout_s=server.drain_timeout_s, delay_s=server.drain_delay_s)
        patience = Patience(
            read_timeout_s=server.read_timeout_s, max_connections_per_address=server.max_connections_per_address
        )
        gateway = OpenGateway(start.loaded, addresses)
        serve_on(gateway, listener, workers=server.workers, drain=drain, patience=patience)


def _flags(host: str | None, port: int | None, workers: int | None) -> dict[str, Json]:
    given: dict[str, Json | None] = {"server.host": host, "server.port": port, "server.workers": workers}
    return {name: value for name, value in given.items() if value is not None}


def _start_judge(loaded: Loaded) -> None:
    """Start the local judge where the configuration wants that, and it is to be on this machine."""
    from urllib.parse import urlsplit

    from pointsman.config.classifier import DEFAULT_HOST, NAME, judge_card
    from pointsman.config.locality import is_loopback

    classifier = loaded.settings.classifier
    card = judge_card(classifier, loaded.catalog) if classifier.auto_start else None
    host = classifier.host or DEFAULT_HOST
    if card is None or card.endpoint.name != NAME or not is_loopback(host):
        return
    from pointsman.cli.local import PORT, start_for_judging

    start_for_judging(urlsplit(host).port or PORT)


def _local_runtime() -> str:
    """The configuration of the local runtime; NoModelAvailable when none is set up."""
    from pointsman.core.errors import NoModelAvailable
    from pointsman.inventory import local_runtime_file

    file = local_runtime_file()
    if not file.is_file():
        raise NoModelAvailable("No local model is set up.", hint="`pointsman local setup` downloads one.")
    return str(file)


def _demo_if_possible(start: Ready) -> Ready:
    """The demo in place of nothing; *start* as it is when the built-in llama.cpp is not installed."""
    from pointsman.cli.setup import can_embed, demonstration

    return demonstration(start.loaded) if can_embed() else start
