"""What the person last asked is found among all that harnesses put around it."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pointsman.core.catalog import Capability
from pointsman.core.chat import (
    ChatRequest,
    Media,
    Message,
    Part,
    Reasoning,
    Refusal,
    ResponseFormat,
    Role,
    Sampling,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from pointsman.core.decision import PromptFeatures
from pointsman.routing.features import (
    MAX_ASK_CHARS,
    estimated_input_tokens,
    features_of,
    in_tool_loop,
    is_housekeeping,
    last_ask,
    without_injected_blocks,
)

REMINDER = "<system-reminder>\nToday is Monday.\n</system-reminder>"
NOTICE = "<system-reminder>\n[SYSTEM NOTIFICATION - NOT USER INPUT]\nA task ended."
PICTURE = Media(kind="image", url="https://example.org/a.png")
RESULT = ToolResult(call_id="1", content=(Text(text="42"),))


def says(role: Role, *parts: str | Part) -> Message:
    """A message of *role*; a string is a text part."""
    return Message(role=role, parts=tuple(Text(text=part) if isinstance(part, str) else part for part in parts))


def user(*parts: str | Part) -> Message:
    """A user turn."""
    return says(Role.USER, *parts)


@pytest.mark.parametrize(
    ("messages", "ask"),
    [
        ([], ""),
        ([says(Role.SYSTEM, "You are helpful.")], ""),
        ([user("first"), says(Role.ASSISTANT, "yes?"), user(" second ")], "second"),
        ([user("ask"), says(Role.SYSTEM, "mid-conversation"), says(Role.DEVELOPER, "rules")], "ask"),
        ([user("ask"), says(Role.ASSISTANT, "calling"), says(Role.TOOL, RESULT)], "ask"),
        ([user("ask"), says(Role.ASSISTANT, "calling"), user(RESULT)], "ask"),
        ([user("ask"), user(RESULT, "and now?")], "and now?"),
        ([user(REMINDER, "ask")], "ask"),
        ([user("ask"), user(REMINDER)], "ask"),
        ([user(f"one {REMINDER} two")], "one\ntwo"),
        ([user("ask"), user(NOTICE)], "ask"),
        ([user("ask"), user(f"{NOTICE}\n</system-reminder>")], "ask"),
        ([user("ask"), user("[SYSTEM NOTIFICATION - NOT USER INPUT] done")], "ask"),
        ([user("ask"), user(" ")], "ask"),
        ([user("ask"), user(PICTURE)], "ask"),
        ([user("part one", PICTURE, "part two")], "part one\npart two"),
        ([user("what does <system-reminder> mean?")], "what does <system-reminder> mean?"),
        ([user("what does </p> end?")], "what does </p> end?"),
    ],
)
def test_the_ask_is_the_newest_word_of_a_person(messages: list[Message], ask: str) -> None:
    """System text, tools' results, reminders and notices are skipped, wherever they stand."""
    assert last_ask(messages) == ask


@pytest.mark.parametrize(
    "block",
    [
        "<environment_context><cwd>/src</cwd></environment_context>",
        "<session_context>\nThis is the Gemini CLI.\n└───a.png\n</session_context>",
        "<environments_instructions>x</environments_instructions>",
        "<permissions instructions>sandbox</permissions instructions>",
        "<recommended_plugins>x</recommended_plugins>",
        "<skills_instructions>x</skills_instructions>",
        "<user_instructions>be terse</user_instructions>",
        "# AGENTS.md instructions for /src\n\n<INSTRUCTIONS>\nuse tabs\n</INSTRUCTIONS>",
    ],
)
def test_what_a_harness_injects_is_nobodys_ask(block: str) -> None:
    """A turn of nothing else is skipped; beside an ask it disappears."""
    assert last_ask([user("ask"), user(block)]) == "ask"
    assert last_ask([user(f"{block}\nask")]) == "ask"


def test_a_question_about_documents_in_open_webui_is_the_persons() -> None:
    """Its frame begins as its errands do; the question behind the documents is what was asked, and is no errand."""
    frame = "### Task:\nRespond to the user query using the provided context, with citations.\n\n### Guidelines:\n- x\n"
    framed = user(f'{frame}<context>\n<source id="1">chat title tags</source>\n</context>\n\nIs the proof sound?')
    assert last_ask([framed]) == "Is the proof sound?"
    assert not features_of(ChatRequest(messages=(framed,))).is_housekeeping
    older = user(f"{frame}<context>\nx\n</context>\n\n<user_query>\nIs the proof sound?\n</user_query>")
    assert last_ask([older]) == "<user_query>\nIs the proof sound?\n</user_query>"


def test_overlapping_blocks_leave_nothing_behind() -> None:
    """What stands between the ends of two entangled blocks belongs to one of them."""
    tangled = "a <user_instructions> b <system-reminder> c </user_instructions> d </system-reminder> e"
    assert without_injected_blocks(tangled) == "a\ne"
    nested = "a <user_instructions> b <system-reminder> c </system-reminder> d </user_instructions> e"
    assert without_injected_blocks(nested) == "a\ne"


@pytest.mark.parametrize(
    ("text", "ask"),
    [
        (
            "\nCurrent Task: Count the cats.\n\nThis is the expected criteria for your final answer: a number",
            "Count the cats.",
        ),
        ("Current Task: Count the cats.", "Count the cats."),
        ("Current Task:", "Current Task:"),
        ("My current Task: cats", "My current Task: cats"),
    ],
)
def test_crewai_frames_a_task(text: str, ask: str) -> None:
    """The task is the ask, not the sentences around it."""
    assert last_ask([user(text)]) == ask


def test_a_very_long_ask_keeps_both_ends() -> None:
    """Whether the question stands before or after what was pasted, it is seen."""
    ask = last_ask([user("why?" + "x" * MAX_ASK_CHARS + "how?")])
    assert (ask[:4], ask[-4:], len(ask)) == ("why?", "how?", MAX_ASK_CHARS + 1)
    assert last_ask([user("x" * MAX_ASK_CHARS)]) == "x" * MAX_ASK_CHARS


@pytest.mark.parametrize(
    ("ask", "expected"),
    [
        ("### Task:\nGenerate a concise title", True),
        ("### Task:\nGenerate 1-3 broad tags categorizing the main themes", True),
        ("### Task:\nSuggest 3-5 relevant follow-up questions", True),
        ("### Task:\nAnalyze the chat history to determine the necessity of generating search queries", True),
        ("### Task:\nYou are an autocompletion system.", True),
        ("### Task:\nProve that there are infinitely many primes.\n### Rules:\nNo hand-waving.", False),
        ("You are in a role play game. The following roles are available:\nA, B", True),
        ("Explain ### Task:\nin Markdown", False),
        ("", False),
    ],
)
def test_errands_of_an_interface_are_housekeeping(ask: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    """Titles, tags and follow-ups are told by how they begin."""
    assert is_housekeeping(ask) is expected


def test_the_text_between_a_prompt_and_a_suffix_is_housekeeping() -> None:
    """An editor's completion, as the dialects decode it."""
    asked = user("def add(a, b):", "return result", Media(kind="suffix"))
    assert features_of(ChatRequest(messages=(asked,))).is_housekeeping
    assert not features_of(ChatRequest(messages=(user("def add(a, b):"),))).is_housekeeping
    assert not features_of(ChatRequest(messages=())).is_housekeeping


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([], False),
        ([user("ask")], False),
        ([user("ask"), says(Role.TOOL, RESULT)], True),
        ([user("ask"), user(RESULT)], True),
        ([user("ask"), user(RESULT, REMINDER)], True),
        ([user("ask"), user(RESULT), user(REMINDER), says(Role.SYSTEM, "mind")], True),
        ([user("ask"), user(RESULT, "stop")], False),
        ([user("ask"), user(RESULT, PICTURE)], False),
        ([user(RESULT), says(Role.ASSISTANT, "42")], False),
        ([user(REMINDER)], False),
    ],
)
def test_a_tool_loop_ends_when_a_person_speaks(messages: list[Message], expected: bool) -> None:  # noqa: FBT001
    """Reminders and system messages after a result do not end it."""
    assert in_tool_loop(messages) is expected


def test_everything_about_a_request_is_seen_at_once() -> None:
    """Needs follow from content, tools and format; turns are those of the person."""
    request = ChatRequest(
        messages=(
            says(Role.SYSTEM, "Rules."),
            user(PICTURE, "What is this?"),
            says(Role.ASSISTANT, ToolCall(id="1", name="look", arguments="{}")),
            says(Role.TOOL, RESULT),
        ),
        tools=(ToolSpec(name="look", description="Looks.", parameters={"type": "object"}),),
        response_format=ResponseFormat(kind="json_schema", schema={}),
        sampling=Sampling(max_output_tokens=100),
    )
    assert features_of(request) == PromptFeatures(
        ask="What is this?",
        estimated_input_tokens=34,
        turns=1,
        needs=frozenset({Capability.CHAT, Capability.TOOLS, Capability.IMAGES, Capability.JSON_SCHEMA}),
        n_tools=1,
        in_tool_loop=True,
        is_housekeeping=False,
        max_output_tokens=100,
    )


def test_a_plain_request_needs_chat_only() -> None:
    """JSON without a schema is no capability of its own."""
    request = ChatRequest(messages=(user("hi"),), response_format=ResponseFormat(kind="json_object"))
    assert features_of(request).needs == {Capability.CHAT}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ((PICTURE,), {Capability.CHAT, Capability.IMAGES}),
        ((Media(kind="audio", url="https://example.org/a.mp3"),), {Capability.CHAT}),
    ],
)
def test_an_image_in_a_tools_result_needs_eyes(content: tuple[Media, ...], expected: set[Capability]) -> None:
    """A screenshot that a tool took is an image as well; a sound is not."""
    request = ChatRequest(messages=(user("look"), says(Role.TOOL, ToolResult(call_id="1", content=content))))
    assert features_of(request).needs == expected


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello there!", 3),
        ("x" * 4_000, 1_000),
        ("你" * 100, 100),
        ("ж" * 100, 63),
        ("🙂" * 8, 11),
        ("\ud800", 1),
    ],
)
def test_tokens_are_estimated_by_script(text: str, tokens: int) -> None:
    """A token for four Latin letters or one Chinese sign, and four around each message."""
    assert estimated_input_tokens(ChatRequest(messages=(user(text),))) == tokens + 4


def test_all_text_counts_and_pictures_do_not() -> None:
    """Thoughts, refusals, calls and results are read by the model as well."""
    parts: tuple[Part, ...] = (
        Text(text="x" * 4),
        Reasoning(text="x" * 4),
        Refusal(text="x" * 4),
        ToolCall(id="1", name="x" * 4, arguments="x" * 4),
        ToolResult(call_id="1", content=(Text(text="x" * 4), PICTURE)),
        PICTURE,
    )
    assert estimated_input_tokens(ChatRequest(messages=(says(Role.ASSISTANT, *parts),))) == 6 + 4
    tool = ToolSpec(name="x" * 4, parameters={})
    assert estimated_input_tokens(ChatRequest(messages=(), tools=(tool,))) == 1 + 4


MARKS = st.sampled_from(
    [
        "<system-reminder>",
        "</system-reminder>",
        "<permissions",
        "<permissions instructions>",
        "instructions>",
        "</permissions instructions>",
        "# AGENTS.md instructions for ",
        "</INSTRUCTIONS>",
        "[SYSTEM NOTIFICATION - NOT USER INPUT]",
        "Current Task:",
        " ",
        "\n",
        "word",
    ]
)
MARKED = st.lists(MARKS | st.text(max_size=4), max_size=12).map("".join)


@given(MARKED)
@example("<permissions<system-reminder>x</system-reminder>instructions>y</permissions instructions>")
def test_removing_blocks_twice_is_removing_them_once(text: str) -> None:
    """The line break at a seam keeps two halves from becoming a new mark."""
    once = without_injected_blocks(text)
    assert without_injected_blocks(once) == once


@given(st.lists(st.tuples(st.sampled_from(Role), st.lists(MARKED, max_size=3)), max_size=5))
def test_the_ask_is_made_of_a_users_own_lines(turns: list[tuple[Role, list[str]]]) -> None:
    """Nothing raises, and every line of the ask stands in one user turn."""
    messages = [says(role, *texts) for role, texts in turns]
    ask = last_ask(messages)
    written = ["\n".join(texts) for role, texts in turns if role is Role.USER]
    assert not ask or any(all(line in text for line in ask.split("\n")) for text in written)
    assert features_of(ChatRequest(messages=tuple(messages))).ask == ask


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    """The estimate grows with the text."""
    shorter = ChatRequest(messages=(user(text),))
    longer = ChatRequest(messages=(user(text + more),))
    assert estimated_input_tokens(shorter) <= estimated_input_tokens(longer)


@pytest.mark.parametrize("unit", ["<system-reminder>", "<system-reminder></system-reminder>a", "</", "x "])
def test_no_turn_makes_it_slow(unit: str) -> None:
    """A megabyte of marks takes well under CPU seconds."""
    request = ChatRequest(messages=(user(unit * (1_000_000 // len(unit))),))
    begun = time.process_time()
    features_of(request)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    ("system", "ask"),
    [
        (None, "Based on the chat history, give this conversation a name.\nKeep it short."),
        (None, "You need to summarize the user's conversation into a title of no more than 10 words: hi"),
        ("You need to summarize the user's conversation into a title of no more than 10 words.", "hi"),
        ("You are an AI conversation titles assistant who is brief.", "Analyze the given short conversation"),
        ("You are an assistant skilled in conversation. You need to summarize it into a title.", "user: hi"),
    ],
)
def test_titles_of_other_interfaces_are_housekeeping(system: str | None, ask: str) -> None:
    """Chatbox, DeepChat, big-AGI, Cherry Studio."""
    told = (says(Role.SYSTEM, system),) if system is not None else ()
    assert features_of(ChatRequest(messages=(*told, user(ask)))).is_housekeeping
