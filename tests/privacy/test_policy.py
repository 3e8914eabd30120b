"""Mode and label give the class; the class strikes out what is not local."""

from __future__ import annotations

from typing import cast

import pytest

from pointsman.core.catalog import Operation
from pointsman.core.decision import Caller, Privacy, PrivacyClass, PromptFeatures, RoutingContext, Struck
from pointsman.privacy.policy import PrivacyConstraint, PrivacyMode, PrivacyPolicy
from pointsman.testing import a_card

PUBLIC, PRIVATE = PrivacyClass.PUBLIC, PrivacyClass.PRIVATE
CLOUD, LOCAL, ONLY = PrivacyMode.DEFAULT_CLOUD, PrivacyMode.DEFAULT_LOCAL, PrivacyMode.LOCAL_ONLY


@pytest.mark.parametrize(
    ("mode", "label", "privacy_class", "source"),
    [
        (CLOUD, None, PUBLIC, None),
        (CLOUD, PRIVATE, PRIVATE, "caller"),
        (CLOUD, PUBLIC, PUBLIC, "caller"),
        (LOCAL, None, PRIVATE, "mode default-local"),
        (LOCAL, PRIVATE, PRIVATE, "caller"),
        (LOCAL, PUBLIC, PUBLIC, "caller"),
        (ONLY, None, PRIVATE, "mode local-only"),
        (ONLY, PRIVATE, PRIVATE, "mode local-only"),
        (ONLY, PUBLIC, PRIVATE, "mode local-only"),
    ],
)
def test_the_table_of_modes_and_labels(
    mode: PrivacyMode, label: PrivacyClass | None, privacy_class: PrivacyClass, source: str | None
) -> None:
    """A label lifts `default-local`, never `local-only`; the module's docstring draws the same table."""
    privacy = PrivacyPolicy(mode).privacy_of(Caller(privacy=label))
    assert privacy == Privacy(privacy_class=privacy_class, source=source)


def test_the_source_of_a_label_is_kept() -> None:
    """A header, a flag, a key: the trail says which."""
    assert PrivacyPolicy().privacy_of(Caller(privacy=PRIVATE, privacy_source="header")).source == "header"


@pytest.mark.parametrize("label", ["private", "Private", "confidential", ""])
def test_a_label_nobody_knows_is_private(label: str) -> None:
    """A typing slip in a program that uses the library must not open the door."""
    caller = Caller(privacy=cast("PrivacyClass", label))
    assert PrivacyPolicy().privacy_of(caller).privacy_class is PRIVATE


def test_a_mode_nobody_knows_is_local_by_default() -> None:
    """As `default-local`: the safe one that a label can still lift."""
    policy = PrivacyPolicy(cast("PrivacyMode", "paranoid"))
    assert policy.privacy_of(Caller()) == Privacy(privacy_class=PRIVATE, source="mode paranoid")
    assert policy.privacy_of(Caller(privacy=PUBLIC)).privacy_class is PUBLIC


def context(privacy: Privacy) -> RoutingContext:
    """A request of this privacy."""
    return RoutingContext(
        requested_model=None,
        operation=Operation.CHAT,
        features=PromptFeatures(ask="", estimated_input_tokens=1),
        caller=Caller(),
        privacy=privacy,
    )


def test_a_private_request_strikes_out_all_that_is_not_local() -> None:
    """Each with a reason a person understands; a public one strikes out nobody."""
    cards = (a_card("home"), a_card("gpt", is_local=False), a_card("claude", is_local=False))
    reason = "the request is private (header) and this model is not local"
    assert PrivacyConstraint().strike(context(Privacy(privacy_class=PRIVATE, source="header")), cards) == [
        Struck(model="gpt", by="privacy", reason=reason),
        Struck(model="claude", by="privacy", reason=reason),
    ]
    assert PrivacyConstraint().strike(context(Privacy()), cards) == ()


def test_without_a_source_it_was_detected() -> None:
    """Detectors leave no label."""
    struck = PrivacyConstraint().strike(context(Privacy(privacy_class=PRIVATE)), [a_card("gpt", is_local=False)])
    assert [one.reason for one in struck] == ["the request is private (detected) and this model is not local"]
