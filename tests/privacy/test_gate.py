"""The gate: text reaches an endpoint only with leave for that endpoint, and private text only a local one."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.core.decision import Caller, Privacy, PrivacyClass
from pointsman.core.errors import Refused
from pointsman.core.ports import UpstreamCall
from pointsman.privacy.gate import EgressGate, MintedEgress, require
from pointsman.privacy.policy import PrivacyMode, PrivacyPolicy
from pointsman.testing import Answers, FakeProvider, a_card, an_endpoint

HOME, CLOUD = a_card("home"), a_card("cloud", is_local=False)
PUBLIC, PRIVATE = Privacy(), Privacy(privacy_class=PrivacyClass.PRIVATE)
CALL = UpstreamCall(model="m", path="/chat", body=b"{}", stream=False)


def test_leave_is_for_one_request_and_one_endpoint() -> None:
    """It says both, and the endpoint it names lets it through."""
    egress = EgressGate().grant(decision_id="d1", privacy=PUBLIC, card=CLOUD)
    assert (egress.endpoint, egress.decision_id) == ("cloud", "d1")
    require(egress, CLOUD.endpoint)
    require(egress, replace(CLOUD.endpoint))


def test_private_text_may_stay_at_home() -> None:
    """A local endpoint gets leave for any request."""
    require(EgressGate().grant(decision_id="d1", privacy=PRIVATE, card=HOME), HOME.endpoint)


def test_private_text_gets_no_leave_to_go_out() -> None:
    """The refusal says where it may not go and what to do."""
    with pytest.raises(Refused) as refused:
        EgressGate().grant(decision_id="d1", privacy=PRIVATE, card=CLOUD)
    assert str(refused.value) == (
        "Private text may not go to 'cloud', which is not local. "
        "Choose a local model, or declare the endpoint `local: true` if it is."
    )


def test_leave_for_one_server_is_no_leave_for_another_of_the_same_name() -> None:
    """A local server's leave does not open a cloud that happens to be called the same."""
    egress = EgressGate().grant(decision_id="d1", privacy=PRIVATE, card=HOME)
    with pytest.raises(Refused):
        require(egress, an_endpoint("home", is_local=False))


class Lookalike:
    """Says the right words, but nobody granted it."""

    endpoint = "cloud"
    decision_id = "d1"


@pytest.mark.parametrize("forged", [None, "cloud", Lookalike()], ids=["nothing", "a name", "a lookalike"])
def test_what_the_gate_did_not_mint_is_worth_nothing(forged: object) -> None:
    """Whatever it looks like."""
    with pytest.raises(Refused, match="No leave to send to 'cloud'"):
        require(forged, CLOUD.endpoint)


def test_an_egress_cannot_be_made_outside_the_gate() -> None:
    """Nor by inheriting from it and leaving out the check."""
    with pytest.raises(TypeError, match="only the privacy gate"):
        MintedEgress(object(), CLOUD.endpoint, "d1")

    class Forged(MintedEgress):  # type: ignore[misc]  # that is the point
        __slots__ = ()

        def __init__(self) -> None:
            self._endpoint = CLOUD.endpoint
            self._decision_id = "d1"

    with pytest.raises(Refused):
        require(Forged(), CLOUD.endpoint)


async def test_a_provider_does_not_send_without_leave() -> None:
    """The fake demands it as the real one does; nothing has been sent."""
    provider = FakeProvider(CLOUD.endpoint, (Answers(),))
    with pytest.raises(Refused):
        await provider.send(Lookalike(), CALL)
    assert provider.calls == []


@given(
    mode=st.sampled_from([*PrivacyMode, cast("PrivacyMode", "paranoid")]),
    label=st.none() | st.sampled_from(PrivacyClass) | st.text(max_size=8).map(lambda text: cast("PrivacyClass", text)),
    is_local=st.booleans(),
)
def test_nothing_but_public_text_ever_gets_leave_to_go_out(
    mode: PrivacyMode, label: PrivacyClass | None, *, is_local: bool
) -> None:
    """For every mode and every label, known or not."""
    privacy = PrivacyPolicy(mode).privacy_of(Caller(privacy=label))
    said_public = label == "public" and mode != PrivacyMode.LOCAL_ONLY
    unsaid_public = label is None and mode == PrivacyMode.DEFAULT_CLOUD
    try:
        EgressGate().grant(decision_id="d", privacy=privacy, card=a_card("m", is_local=is_local))
        granted = True
    except Refused:
        granted = False
    assert granted is (is_local or said_public or unsaid_public)
