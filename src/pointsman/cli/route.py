"""`pointsman route`: which model a prompt would go to, and why; nobody is called but the local judge."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

import click

from pointsman.cli.options import config_option, json_option, model_option, private_option, tier_option
from pointsman.cli.output import print_json, say

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Coroutine, Iterator

    from pointsman.config.load import Loaded
    from pointsman.core.chat import ChatRequest
    from pointsman.core.decision import Decision
    from pointsman.core.jsontypes import JsonObject
    from pointsman.engine.router import Router

Returned = TypeVar("Returned")

_TOP_RANK = 3
_NOBODYS = "default"

EXAMPLES = """\b
Examples:
  pointsman route "write a haiku about rain"
  git diff | pointsman route --json -
  pointsman route --data prompts.jsonl --json > decisions.jsonl
"""


@click.command(short_help="Decide which model a prompt goes to, and why.", epilog=EXAMPLES)
@click.argument("prompt", nargs=-1)
@click.option(
    "--data",
    type=click.Path(),
    metavar="F.jsonl",
    help="Decide for every line: an object with `prompt` or `messages`, and perhaps `id`, `tools`, `n_tools`. May be "
    "packed with gzip.",
)
@model_option
@tier_option
@click.option("--agent", metavar="NAME", help="Decide as for this agent: its rule, or the tier you accepted for it.")
@private_option
@json_option
@config_option
def route(
    prompt: tuple[str, ...],
    data: str | None,
    model: str | None,
    tier: str | None,
    agent: str | None,
    *,
    private: bool,
    as_json: bool,
    config: str | None,
) -> int:
    """Decide which model a prompt goes to, and explain; no model is called but a local judge, if you have one.

    PROMPT is the text, or - for standard input; `@name` before it picks a model, as in a chat. Without a configured
    model the shipped catalog is used.
    """
    from pointsman.cli.asking import asked_model, caller_of
    from pointsman.core.chat import ask
    from pointsman.routing.agents.recognition import cleaned

    if data is not None and prompt:
        raise click.UsageError("Give PROMPT or --data, not both.", click.get_current_context())
    begins_with_a_name = bool(prompt) and prompt[0].startswith("@")
    text = None if data is not None or begins_with_a_name else _required_text(prompt)
    loaded, catalog_name = catalog_to_decide(config)
    picked = None
    if begins_with_a_name:
        picked, rest = _picked_inline(" ".join(prompt), loaded)
        text = _required_text((rest,))
    asked, said_by = (picked, f"@{picked}") if picked is not None else asked_model(model, loaded)
    caller = replace(caller_of(private=private, tier=tier), agent=cleaned(agent))
    with deciding(loaded) as (router, run):

        def decide(request: ChatRequest) -> Decision:
            return run(router.decide(request, caller))

        if data is not None:
            from pointsman.cli.route_data import route_lines

            return route_lines(decide, data, asked=asked, catalog_name=catalog_name, as_json=as_json)
        request = ask(text or "", model=asked)
        decision = decide(request)
        if as_json:
            print_json(decision_json(decision, catalog_name) | {"asked_by": said_by})
        else:
            from pointsman.cli.explanation import print_decision

            print_decision(router, request, decision, said_by=said_by)
    return 0


def _picked_inline(text: str, loaded: Loaded) -> tuple[str | None, str]:
    """The model that `@name text` picks, as in `pointsman chat`, and the text; of what is no name here, nobody."""
    from pointsman.cli.conversation import inline_model
    from pointsman.cli.names import is_known

    name, rest = inline_model(text)
    return (name, rest) if name is not None and is_known(name, loaded.catalog) else (None, text)


class Run(Protocol):
    """Runs coroutines to their end, on the loop that the router lives on."""

    def __call__(self, coroutine: Coroutine[None, None, Returned], /) -> Returned:
        """What *coroutine* returns."""


@contextmanager
def deciding(loaded: Loaded) -> Iterator[tuple[Router, Run]]:
    """A router that decides, with the local judge at hand where there is one, and what runs its coroutines."""
    import asyncio

    from pointsman.bootstrap import decide_only, embedded_models, judge_alone, open_decider
    from pointsman.experience import make_ready

    make_ready(loaded)  # as a gateway is: what a decision is said to have taken is its own time
    if not loaded.settings.classifier.enabled:
        with asyncio.Runner() as runner:
            yield decide_only(loaded), _run_on(runner)
        return
    with embedded_models(judge_alone(loaded), say) as embedded, asyncio.Runner() as runner:
        run = _run_on(runner)
        opened = open_decider(loaded, embedded=embedded)
        router = run(opened.__aenter__())
        try:
            yield router, run
        finally:
            run(opened.__aexit__(None, None, None))


def _run_on(runner: asyncio.Runner) -> Run:
    """`Runner.run` costs ten times as much as this, for its signal handler."""
    return runner.get_loop().run_until_complete


def decision_json(decision: Decision, catalog_name: str) -> JsonObject:
    """The contract's object, and which catalog was decided over: `configured` or `default`.

    A decision that no scorer made has the place of its tier as its score (0, 1/3, 2/3, 1), and a confidence of 1 where
    a rule or the caller decided, of 0 where nobody did: whoever reads many of them finds numbers in each.
    """
    from pointsman.engine.explain import as_json

    found = as_json(decision) | {"catalog": catalog_name}
    if decision.tier is not None and decision.score is None:
        found["score"] = round(decision.tier.rank / _TOP_RANK, 5)
    if decision.confidence is None:
        found["confidence"] = 0.0 if decision.strategy == _NOBODYS else 1.0
    return found


def _required_text(prompt: tuple[str, ...]) -> str:
    from pointsman.cli.prompt_input import prompt_text

    text = prompt_text(prompt)
    if text is None:
        raise click.UsageError("PROMPT is missing.", click.get_current_context())
    return text


def catalog_to_decide(config: str | None) -> tuple[Loaded, str]:
    """The configuration and what its catalog is called; the shipped one when it names no model."""
    from pointsman.cli.setup import configuration
    from pointsman.config.load import load_default_catalog

    loaded = configuration(config)
    if loaded.catalog.models:
        return loaded, "configured"
    say("note: no model is configured, so this decides over the shipped default catalog")
    return load_default_catalog(), "default"
