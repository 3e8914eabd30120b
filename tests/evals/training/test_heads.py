"""What each head is taught, and by whom."""

from __future__ import annotations

import pytest

from pointsman.evals.training.corpus import Example
from pointsman.evals.training.heads import expert_of, lessons


def taught(examples: list[Example], name: str) -> list[tuple[float, float]]:
    """What the lesson of that name wants of each example, and how much it counts."""
    (lesson,) = (one for one in lessons(examples, ()) if one.name == name)
    return [(round(float(t), 3), round(float(w), 3)) for t, w in zip(lesson.target, lesson.weight, strict=True)]


def test_a_topic_is_told_from_all_others() -> None:
    """Each source counts by the root of its size, and the topic as two thousand prompts."""
    examples = [Example(prompt="a", topic="words"), *(Example(prompt="b", source="exam") for _ in range(6))]
    assert taught(examples, "words") == [(1.0, 44.721), *[(0.0, 10.0)] * 6]
    assert taught(examples, "trace") == [(0.0, 24.495), *[(0.0, 10.0)] * 6]


def test_failures_are_brought_to_the_scale_of_the_labels_of_their_topic() -> None:
    """Labels of 25 and 75 have the mean 2 and the deviation 1, in steps of 25; so have the failures then."""
    labelled = [Example(prompt="a", topic="words", difficulty=one) for one in (25.0, 75.0)]
    failed = [Example(prompt="b", topic="words", source="sums", failure=n % 2) for n in range(100)]
    other = Example(prompt="c", difficulty=99.0)
    found = taught([*labelled, *failed, other], expert_of("words"))
    assert found[:4] == [(1.0, 1.5), (3.0, 1.5), (1.0, 1.5), (3.0, 1.5)]
    assert found[-1] == (0.0, 0.0)


@pytest.mark.parametrize("count", [0, 99])
def test_few_failures_teach_nothing_of_a_topic(count: int) -> None:
    """Nor do any where nobody has labelled it."""
    failed = [Example(prompt="b", topic="words", failure=n % 2) for n in range(count or 200)]
    labelled = [Example(prompt="a", topic="words", difficulty=50.0)] if count else []
    found = taught([*labelled, *failed], expert_of("words"))
    assert {weight for _, weight in found[len(labelled) :]} == {0.0}
