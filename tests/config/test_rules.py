"""`rules` in a configuration: what is refused, with its line."""

from __future__ import annotations

import pytest

from tests.config.conftest import LoadText, Refusal

MODELS = "models: [{name: small, model: ollama/x}]\n"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{keywords: a}", "rules[0]: needs one of `tier` and `model`."),
        ("{keywords: a, tier: simple, model: small}", "rules[0]: needs one of `tier` and `model`."),
        (
            "{tier: simple}",
            (
                "rules[0]: needs a condition: one of keywords, pattern, agent, client, metadata, kind, "
                "min_tokens, max_tokens, images, tools."
            ),
        ),
        (
            "{min_tokens: 9, max_tokens: 5, tier: simple}",
            "rules[0]: `min_tokens` is more than `max_tokens`, so it never holds.",
        ),
        ("{keywords: a, model: smal}", "rules[0].model: no model is called 'smal'; did you mean 'small'?"),
        ("{kind: codin, tier: simple}", "rules[0].kind: no kind of task is called 'codin'; did you mean 'coding'?"),
        ("{keyword: a, tier: simple}", "rules[0].keyword: unknown key; did you mean 'keywords'?"),
        (
            "{keywords: a, tier: tiny}",
            "rules[0].tier: should be simple, medium, complex or reasoning (or small, large, frontier).",
        ),
    ],
)
def test_a_wrong_rule_is_named(refusal: Refusal, rule: str, message: str) -> None:
    """One that can never hold, or leads nowhere."""
    assert refusal(f"{MODELS}rules:\n  - {rule}\n") == f"pointsman.yaml:3: {message}"


def test_a_rule_may_be_short(load_text: LoadText) -> None:
    """A word where a list may stand, and False as a condition."""
    rules = load_text(f"{MODELS}rules: [{{agent: a, tier: large}}, {{tools: false, model: small}}]\n").settings.rules
    assert [(rule.agent, rule.tools) for rule in rules] == [(["a"], None), ([], False)]
