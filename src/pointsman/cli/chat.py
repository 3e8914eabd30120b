"""`pointsman chat`: one answer, or a conversation."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pointsman.cli.options import config_option, json_option, model_option, private_option, tier_option
from pointsman.cli.output import print_json
from pointsman.core.errors import NoModelAvailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.cli.session import LoopThread
    from pointsman.config.load import Loaded
    from pointsman.engine.router import Router

EXAMPLES = """\b
Examples:
  pointsman chat "why is the sky blue?"
  git diff | pointsman chat "review this"
  pointsman chat "@heavy prove it"       one message to the model heavy
  pointsman chat                         a conversation; /help lists what it understands
"""


@click.command(short_help="Ask one question, or talk.", epilog=EXAMPLES)
@click.argument("prompt", nargs=-1)
@model_option
@click.option("--preset", metavar="NAME", help="A preset, such as quick-assistant or deep-work; as --model auto:NAME.")
@click.option("-s", "--system", metavar="TEXT", help="System prompt.")
@tier_option
@private_option
@click.option("--no-stream", is_flag=True, help="Print the answer when it is complete.")
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    envvar="POINTSMAN_YES",
    help="Let another model answer without asking when one does not.",
)
@click.option(
    "--no-fallback",
    is_flag=True,
    envvar="POINTSMAN_NO_FALLBACK",
    help="Let no other model answer: its error is the end.",
)
@click.option("--demo", is_flag=True, help="Use the three tiny built-in models: a demonstration, they know nothing.")
@json_option
@config_option
def chat(  # noqa: PLR0913  an argument for each option
    prompt: tuple[str, ...],
    model: str | None,
    preset: str | None,
    system: str | None,
    tier: str | None,
    *,
    private: bool,
    no_stream: bool,
    yes: bool,
    no_fallback: bool,
    demo: bool,
    as_json: bool,
    config: str | None,
) -> None:
    """Ask PROMPT, or talk.

    What is piped in goes before PROMPT. The answer alone goes to stdout. Without PROMPT and without a pipe a
    conversation begins.

    When a model does not answer and another could, a person at a terminal is asked. In a pipe, and with --json, it goes
    by `resilience.unattended` of the configuration.
    """
    if yes and no_fallback:
        raise click.UsageError("--yes and --no-fallback exclude each other.", click.get_current_context())
    if preset is not None and model is not None:
        raise click.UsageError("--preset and --model exclude each other.", click.get_current_context())
    from pointsman.cli.asking import asked_model
    from pointsman.cli.consent import ALONE, manner_of
    from pointsman.cli.conversation import Conversation, inline_model
    from pointsman.cli.names import require_known
    from pointsman.cli.prompt_input import prompt_text
    from pointsman.cli.session import router_session
    from pointsman.cli.setup import HOW_TO_ADD, ready, tell_warnings
    from pointsman.cli.turn import take_turn
    from pointsman.core.preset import PREFIX

    inline, rest = inline_model(" ".join(prompt))
    text = prompt_text((rest,) if rest else ())
    if text is None and as_json:
        raise click.UsageError("--json needs PROMPT or a pipe.", click.get_current_context())
    start = ready(config, ALONE if no_fallback else None, demo=demo)
    if not start.has_models:
        hint = " ".join((*HOW_TO_ADD, "Or see it work: pointsman chat --demo."))
        raise NoModelAvailable("No model is configured, and none was found on this machine.", hint=hint)
    loaded = start.loaded
    if inline is not None:
        require_known(inline, loaded.catalog, said_by=f"@{inline}")
    if preset is not None:
        model = f"{PREFIX}{preset.removeprefix(PREFIX)}"
        require_known(model, loaded.catalog, said_by="--preset")
    asked, _ = asked_model(model, loaded)
    manner = manner_of(yes=yes, no_fallback=no_fallback, is_for_program=as_json)
    conversation = Conversation(model=asked, is_private=private, tier=tier, system=system, manner=manner)
    if text is None:
        from pointsman.cli.repl import talk
        from pointsman.experience import critics

        tell_warnings(loaded)
        with _starting(loaded) as session:
            talk(session, conversation, critics(loaded))
        return
    with router_session(loaded, _nothing) as session:
        heard = take_turn(session, conversation, text, model=inline, stream=not (no_stream or as_json), quiet=as_json)
        if as_json:
            print_json(heard.to_json())


@contextmanager
def _starting(loaded: Loaded) -> Iterator[LoopThread[Router]]:
    """A session; while its models are loaded, a person sees which."""
    from pointsman.cli.output import talk_console
    from pointsman.cli.session import router_session

    status = talk_console().status("starting")
    status.start()
    try:
        with router_session(loaded, lambda text: status.update(f"[dim]{text}[/dim]")) as session:
            status.stop()
            yield session
    finally:
        status.stop()


def _nothing(_text: str) -> None:
    """One-shot answers come without talk."""
