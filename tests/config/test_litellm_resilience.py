"""What a LiteLLM file says about retries and cooldowns is honoured; what has no counterpart is named."""

# ruff: noqa: ISC004 - whole messages read best unbroken
from __future__ import annotations

from pointsman.core.failure import FailureKind
from pointsman.core.policy import Mark
from tests.config.conftest import LoadText, Refusal

FILE = "litellm_config.yaml"
TWO = """\
model_list:
- {model_name: a, litellm_params: {model: openai/x, api_key: k}}
- {model_name: b, litellm_params: {model: openai/y, api_key: k, timeout: 30}}
"""


def test_a_litellm_file_means_litellms_preset(load_text: LoadText) -> None:
    """Everything is silent, two retries first, five seconds of cooling after the fourth failure in a minute."""
    loaded = load_text(TWO, name=FILE)
    resilience = loaded.settings.resilience
    assert (resilience.preset, resilience.num_retries, resilience.allowed_fails) == ("litellm", 2, 3)
    assert (resilience.cooldown_s, resilience.max_cooldown_s) == (5, 5)
    assert loaded.catalog.policy_of("a").rule(FailureKind.TRANSIENT).attempts == 3
    assert loaded.warnings == ()


def test_retries_cooldowns_and_streams_find_their_place(load_text: LoadText) -> None:
    """By kind, for all and for one group; router_settings wins."""
    text = (
        TWO
        + """\
litellm_settings: {allowed_fails: 9, stream_timeout: 7, num_retries: 5}
router_settings:
  allowed_fails: 2
  cooldown_time: 60
  enable_mid_stream_fallback_continuation: true
  retry_policy: {TimeoutErrorRetries: 3, AuthenticationErrorRetries: 1, DefaultRetries: 4}
  model_group_retry_policy: {b: {RateLimitErrorRetries: 20}, c: {}}
"""
    )
    loaded = load_text(text, name=FILE)
    resilience = loaded.settings.resilience
    assert (resilience.allowed_fails, resilience.cooldown_s, resilience.max_cooldown_s) == (2, 60, 60)
    assert resilience.continue_streams is True
    kinds = (FailureKind.TRANSIENT, FailureKind.AUTH, FailureKind.UNKNOWN, FailureKind.NOT_FOUND)
    attempts = {name: [loaded.catalog.policy_of(name).rule(kind).attempts for kind in kinds] for name in ("a", "b")}
    assert attempts == {"a": [4, 2, 5, 1], "b": [10, 2, 5, 1]}
    waits = [
        (card.endpoint.whole_timeout_s, card.endpoint.first_byte_timeout_s, card.endpoint.idle_timeout_s)
        for card in loaded.catalog.models
    ]
    assert waits == [(7, 7, 7), (30, 7, 7)]
    assert [str(warning) for warning in loaded.warnings] == [
        f"{FILE}:10: router_settings.model_group_retry_policy.c: no model is called 'c'; its retry policy is left out",
    ]


def test_errors_of_one_kind_share_a_number_aloud(load_text: LoadText) -> None:
    """Three of LiteLLM's errors are one kind here; a wrong request is never repeated."""
    text = (
        TWO
        + """\
router_settings:
  allowed_fails_policy: {TimeoutErrorAllowedFails: 12, BadGatewayErrorAllowedFails: 20, BadRequestErrorAllowedFails: 1}
  retry_policy: {TimeoutErrorRetries: 1, RateLimitErrorRetries: 2, BadRequestErrorRetries: 3}
"""
    )
    loaded = load_text(text, name=FILE)
    assert loaded.settings.resilience.allowed_fails == 12
    assert loaded.catalog.policy_of("a").rule(FailureKind.TRANSIENT).attempts == 3
    assert [str(warning).removeprefix(f"{FILE}:") for warning in loaded.warnings] == [
        "5: router_settings.allowed_fails_policy.BadRequestErrorAllowedFails: this key is not used",
        "5: router_settings.allowed_fails_policy.BadGatewayErrorAllowedFails: such failures share one number here: "
        "the smallest, 12",
        "6: router_settings.retry_policy.TimeoutErrorRetries: such failures share one number here: the largest, 2",
        "6: router_settings.retry_policy.BadRequestErrorRetries: this key is not used",
    ]


def test_cooling_may_be_switched_off(load_text: LoadText) -> None:
    """By its own key, or by a time of none."""
    for line in ("disable_cooldowns: true", "cooldown_time: 0"):
        policy = load_text(
            f"{TWO}router_settings: {{{line}, allowed_fails_policy: {{}}}}\n", name=FILE
        ).catalog.policy_of("a")
        assert {rule.mark for rule in policy.rules.values()} == {Mark.NONE}


def test_a_number_that_is_none_is_refused(refusal: Refusal) -> None:
    """With its place."""
    assert refusal(f"{TWO}router_settings: {{allowed_fails: many}}\n", name=FILE) == (
        f"{FILE}:4: router_settings.allowed_fails: should be a whole number from 0, not text."
    )
