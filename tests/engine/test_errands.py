"""Errands of programs: how they are told, and that nothing is loaded for them."""

from __future__ import annotations

import pytest

from pointsman.core.catalog import Tier
from pointsman.core.chat import ChatRequest, Message, Role, Sampling, Text, ask
from pointsman.core.decision import Pick
from pointsman.engine.swap import SwapAware
from pointsman.routing.features import features_of
from pointsman.routing.select import Selection, Selector
from pointsman.testing import a_catalog
from tests.engine.rig import a_model
from tests.engine.test_swap import ASK, CARDS, memory


@pytest.mark.parametrize(
    "said",
    [
        "### Task:\nGenerate 1-3 broad tags",
        "Provide a concise, 5-word-or-less title for the conversation",
        "Write a concise title for this conversation in the given language.",
        "Generate a concise 3-7 word title for this conversation, omitting punctuation.",
        "Generate a title for this conversation:\nhello",
        "Please write a 5-10 word title for the following conversation:",
        "[SUGGESTION MODE: say what comes next]",
        "Analyze *only* the content and structure of your immediately preceding response",
        "Progressively summarize the lines of conversation provided, adding to the summary",
    ],
)
def test_an_errand_is_told_by_how_it_begins(said: str) -> None:
    """Of Open WebUI, LibreChat, Zed, opencode, Claude Code, gemini-cli, LangChain; not when a person quotes it."""
    assert features_of(ask(said)).is_housekeeping
    assert not features_of(ask(f"Why does it say: {said}")).is_housekeeping


@pytest.mark.parametrize(
    "system",
    [
        ("You are a title generator. You output ONLY a thread title.",),
        (
            "x-anthropic-billing-header: v",
            "You are Claude Code.",
            "Analyze if this message indicates a new conversation topic.",
        ),
        ("You are an expert software engineer that generates concise, one-line Git commit messages based on",),
    ],
)
def test_an_errand_is_told_by_its_system_prompt(system: tuple[str, ...]) -> None:
    """Alone, or behind who asks."""
    told = Message(role=Role.SYSTEM, parts=tuple(Text(text=text) for text in system))
    asked = Message(role=Role.USER, parts=(Text(text="fix the login"),))
    assert features_of(ChatRequest(messages=(told, asked))).is_housekeeping
    assert not features_of(ChatRequest(messages=(asked, told))).is_housekeeping
    other = Message(role=Role.SYSTEM, parts=(Text(text="You are helpful."), Text(text="Be brief.")))
    assert not features_of(ChatRequest(messages=(other, asked))).is_housekeeping


def test_a_probe_is_an_errand() -> None:
    """Claude Code's, for one token; a person may say the word."""
    assert features_of(
        ChatRequest(messages=ask("quota").messages, sampling=Sampling(max_output_tokens=1))
    ).is_housekeeping
    assert not features_of(ask("quota")).is_housekeeping


def errand(aware: SwapAware, *candidates: str) -> Selection:
    """What becomes of the selection for an errand."""
    return aware.for_errand(Selection(candidates=candidates, model=candidates[0], tier=Tier.SIMPLE), CARDS, ASK)


def test_nothing_is_loaded_for_an_errand() -> None:
    """Who is in memory does it, however much slower; the cloud does not, where the simple model is of this machine."""
    found = errand(memory(["32b"]), "3b", "7b", "cloud", "32b")
    assert found.candidates == ("32b", "3b", "7b", "cloud")
    assert [note.detail for note in found.notes] == ["32b is in memory, and 3b is not loaded for an errand"]


def test_the_simple_model_does_it_where_it_is_there() -> None:
    """In memory, or in the cloud; and where nobody is there it is loaded."""
    assert errand(memory(["3b", "7b"]), "3b", "7b").candidates == ("3b", "7b")
    assert errand(memory([]), "cloud", "3b").candidates == ("cloud", "3b")
    assert errand(memory([]), "3b", "7b").candidates == ("3b", "7b")


def test_of_one_tier_a_pinned_model_goes_first() -> None:
    """It is always in memory; a larger one does not go before a smaller for that."""
    cards = (
        a_model("a"),
        a_model("b", is_pinned=True),
        a_model("c", is_pinned=True),
    )
    catalog = a_catalog(*cards, tiers={Tier.SIMPLE: ["a", "b"], Tier.MEDIUM: ["c"]}, fallbacks={"a": ("c",)})
    pick = Pick(reason="", tier=Tier.SIMPLE, is_utility=True)
    found = Selector(catalog=catalog, draw=lambda: 0.0).select(pick, catalog.by_id, ())
    assert found.candidates == ("b", "a", "c")
