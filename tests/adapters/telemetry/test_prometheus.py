"""What is counted of a request's events, and how a scrape says it."""

from __future__ import annotations

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from pointsman.adapters.telemetry.prometheus import Metrics
from pointsman.core.chat import Usage
from pointsman.core.events import AttemptEnded, AttemptStarted, Finished, FinishReason, HealthChanged, Rejected
from pointsman.core.failure import Failure, FailureKind
from pointsman.core.health import Cause, Health, HealthState

FINISHED = Finished(
    decision_id="d1",
    at_s=1.0,
    reason=FinishReason.OK,
    status=200,
    served="small",
    upstream_model="up",
    attempts=2,
    fallbacks=1,
    usage=Usage(input_tokens=30, output_tokens=5),
    cost_usd=0.25,
    saved_usd=0.5,
    baseline="big",
    duration_ms=40.0,
    first_byte_ms=3.0,
    overhead_ms=0.4,
)


def values(
    metrics: Metrics, *, healths: tuple[Health, ...] = ()
) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """A scrape as a program reads it."""
    text = metrics.text(healths, [("local", 2, 3, 4)]).decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_request_is_counted_by_who_answered() -> None:
    """Outcome, tokens, cost, times; each bucket holds those below it."""
    metrics = Metrics()
    metrics(AttemptStarted(decision_id="d1", at_s=0.0, model="big", endpoint="e", number=1))
    failure = Failure(kind=FailureKind.TRANSIENT, model="big", endpoint="e", message="busy")
    metrics(AttemptEnded(decision_id="d1", at_s=0.0, number=1, failure=failure))
    metrics(FINISHED)
    metrics(replace(FINISHED, served=None, reason=FinishReason.FAILED, usage=None, cost_usd=None, first_byte_ms=None))
    found = values(metrics)
    model = ("model", "small")
    assert found["pointsman_requests_total", (model, ("outcome", "ok"))] == 1
    assert found["pointsman_requests_total", (("model", "none"), ("outcome", "failed"))] == 1
    assert found["pointsman_attempts_total", (("model", "big"),)] == 1
    assert found["pointsman_attempt_failures_total", (("kind", "transient"), ("model", "big"))] == 1
    assert found["pointsman_fallbacks_total", ()] == 2
    assert found["pointsman_tokens_total", (("direction", "input"), model)] == 30
    assert found["pointsman_cost_usd_total", (model,)] == 0.25
    assert found["pointsman_saved_usd", ()] == 1.0
    bucket = "pointsman_request_duration_seconds_bucket"
    assert [found[bucket, (("le", bound), model)] for bound in ("0.025", "0.05", "+Inf")] == [0, 1, 1]
    assert found["pointsman_first_byte_seconds_sum", (model,)] == 0.003
    assert found["pointsman_overhead_seconds_count", ()] == 2


def test_what_got_no_model_is_counted_too() -> None:
    """By the surface and the error's code."""
    metrics = Metrics()
    metrics(Rejected(at_s=0.0, decision_id="d", surface="gemini", status=400, code="invalid_request", message="m"))
    found = values(metrics)
    assert found["pointsman_rejections_total", (("code", "invalid_request"), ("surface", "gemini"))] == 1


def test_who_is_unwell_is_there_while_it_is() -> None:
    """A 1 for each, with its state and cause; changes are counted; how full endpoints are."""
    metrics = Metrics()
    well = Health(subject="pro")
    unwell = Health(subject="pro", state=HealthState.COOLING, cause=Cause.QUOTA)
    metrics(HealthChanged(at_s=0.0, old=well, new=unwell))
    found = values(metrics, healths=(unwell, Health(subject="e", is_endpoint=True)))
    labels = (("cause", "quota"), ("kind", "model"), ("state", "cooling"), ("subject", "pro"))
    assert {name: value for name, value in found.items() if name[0] == "pointsman_unwell"} == {
        ("pointsman_unwell", labels): 1
    }
    assert found["pointsman_health_changes_total", (("state", "cooling"), ("subject", "pro"))] == 1
    endpoint = (("endpoint", "local"),)
    names = ("under_way", "waiting", "limit")
    assert [found[f"pointsman_endpoint_{name}", endpoint] for name in names] == [2, 3, 4]
