"""What the demo models can say, followed on the table itself."""

import pytest

from pointsman.adapters.runtimes.demo.language import CLOSING, LABELS, TOOL_CALL, TURN_END, VOICES, habits


@pytest.mark.parametrize("size", VOICES)
def test_the_likeliest_answer_names_the_model_and_ends(size: str) -> None:
    """From the start of the turn, the likeliest next word leads to the end in fewer than 60 tokens."""
    follows = habits(VOICES[size])
    said = ["\n"]
    while said[-1] != TURN_END and len(said) < 60:
        after = follows[said[-1]]
        said.append(max(after, key=lambda word: after[word]))
    assert said[-1] == TURN_END
    assert "".join(said[1:-1]).startswith(f"This is the {size} demo model. It ")


@pytest.mark.parametrize("size", VOICES)
def test_a_tool_call_is_the_second_choice_at_the_end(size: str) -> None:
    """So that a required call is made, and a plain answer does not call."""
    assert sorted(habits(VOICES[size])[CLOSING].items(), key=lambda item: -item[1]) == [
        (TURN_END, 1),
        (TOOL_CALL, 0.02),
    ]


def test_labels_lean_one_way_or_the_other() -> None:
    """Hard ones up, easy ones down, one in the middle."""
    leanings = {label.text: label.leaning for label in LABELS}
    assert (leanings["pro"], leanings["flash"], leanings["medium"]) == (1, -1, 0)
