"""gemini-cli's settings.json is recognised and its routing settings are taken over."""

from __future__ import annotations

from pointsman.config import requested_model
from pointsman.config.schema import ClassifierSettings
from tests.config.conftest import LoadText


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
        "settings.json:9: not used yet: the local classifier comes later; the built-in scorer decides",
    ]


def test_a_file_that_says_little_gives_the_defaults(load_text: LoadText) -> None:
    """No model, no router: nothing is changed."""
    loaded = load_text('{"general": {"useModelRouter": true}, "experimental": {"gemmaModelRouter": {}}, "model": {}}')
    assert loaded.settings.routing.enabled is True
    assert loaded.settings.classifier == ClassifierSettings()
    assert load_text('{"ui": {}}', name="settings.json").warnings == ()
