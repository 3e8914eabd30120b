"""gemini-cli's settings.json is recognised and its routing settings are taken over."""

from __future__ import annotations

from pointsman.config import requested_model
from pointsman.config.schema import ClassifierSettings
from pointsman.core.failure import FailureKind
from pointsman.core.policy import Action, Mark, Rule
from tests.config.conftest import LoadText, Refusal


def test_model_router_and_classifier_are_read(load_text: LoadText) -> None:
    """Comments, tabs and variables as gemini-cli takes them; other settings are left alone."""
    text = """{
\t// the model
\t"model": {"name": "${MODEL:-gemini-2.5-pro}"},
\t"ui": {"theme": "http://not-a-comment"}, /* two
\tlines */
\t"experimental": {
\t\t"useModelRouter": false,
\t\t"gemmaModelRouter": {
\t\t\t"enabled": true, "autoStartServer": true, "binaryPath": "$HOME_DIR/lit", "odd": 1,
\t\t\t"classifier": {"host": "http://localhost:$PORT", "model": "${UNSET}x", "more": 2}
\t\t}
\t}
}
"""
    loaded = load_text(text, {"HOME_DIR": "/home/me", "PORT": "9380"}, name="settings.json")
    assert requested_model(None, {}, loaded) == ("gemini-2.5-pro", "file settings.json:3")
    assert loaded.settings.routing.enabled is False
    assert loaded.settings.classifier == ClassifierSettings(
        enabled=True, host="http://localhost:9380", model="${UNSET}x", auto_start=True, binary_path="/home/me/lit"
    )
    assert [str(warning) for warning in loaded.warnings] == [
        "settings.json:9: experimental.gemmaModelRouter.odd: this key is not used",
        "settings.json:10: experimental.gemmaModelRouter.classifier.more: this key is not used",
        "settings.json:9: not used: what `pointsman local setup` has chosen is started, not another program",
    ]


def test_a_file_that_says_little_gives_the_defaults(load_text: LoadText) -> None:
    """No model, no router: nothing is changed."""
    loaded = load_text('{"general": {"useModelRouter": true}, "experimental": {"gemmaModelRouter": {}}, "model": {}}')
    assert loaded.settings.routing.enabled is True
    assert loaded.settings.classifier == ClassifierSettings()
    assert load_text('{"ui": {}}', name="settings.json").warnings == ()


def test_its_chains_and_attempts_are_taken_over(load_text: LoadText) -> None:
    """The preset, `maxAttempts` up to ten, and whether a passing failure is asked about."""
    text = """{
"general": {"maxAttempts": 25},
"ui": {"errorVerbosity": "full"},
"billing": {"overageStrategy": "always"}
}"""
    loaded = load_text(text, name="settings.json")
    resilience = loaded.settings.resilience
    assert (resilience.preset, resilience.cooldown_s) == ("gemini-cli", 30)
    assert loaded.catalog.policy_of("any").rule(FailureKind.TRANSIENT) == Rule(
        action=Action.ASK, mark=Mark.COOL, attempts=10
    )
    assert loaded.catalog.policy_of("any").rule(FailureKind.UNKNOWN).attempts == 10
    assert [str(warning) for warning in loaded.warnings] == [
        "settings.json:4: billing.overageStrategy: not used: Pointsman buys no credits"
    ]


def test_what_is_no_number_and_no_word_of_it_is_refused(refusal: Refusal) -> None:
    """The message names the place."""
    assert refusal('{"general": {"maxAttempts": "many"}}', name="settings.json") == (
        "settings.json:1: general.maxAttempts: should be a whole number from 1, not text."
    )
    assert refusal('{"ui": {"errorVerbosity": "loud"}}', name="settings.json") == (
        "settings.json:1: ui.errorVerbosity: should be `low` or `full`, not text."
    )
