"""What can be seen in a request: what the person last asked, and a few figures about the rest.

Knows no model and no strategy. Everything takes time linear in the request, nearly all of it in string searches.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from pointsman.core.catalog import Capability
from pointsman.core.chat import EmbeddingRequest, Media, Message, Reasoning, Refusal, Role, Text, ToolCall, ToolResult
from pointsman.core.decision import PromptCount, PromptFeatures
from pointsman.routing.tokens import WORTH_COUNTING, signs_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pointsman.core.chat import ChatRequest, Part, ToolSpec

MAX_ASK_CHARS = 65_536
"""A longer ask keeps its first and last halves of this: where a question stands, before or after what is pasted."""

TOKENS_PER_MESSAGE = 4
"""Role markers and separators around each message, and around each tool."""

# What agent harnesses write into a person's turn, as pairs of begin and end.
_INJECTED_BLOCKS = (
    ("<system-reminder>", "</system-reminder>"),  # Claude Code
    ("<environment_context>", "</environment_context>"),  # Codex, as are the following
    ("<environments_instructions>", "</environments_instructions>"),
    ("<permissions instructions>", "</permissions instructions>"),
    ("<recommended_plugins>", "</recommended_plugins>"),
    ("<skills_instructions>", "</skills_instructions>"),
    ("<user_instructions>", "</user_instructions>"),
    ("# AGENTS.md instructions for ", "</INSTRUCTIONS>"),
    ("<session_context>", "</session_context>"),  # gemini-cli
    ("### Task:\nRespond to the user query using the provided context", "</context>"),  # Open WebUI: documents
)
_NOT_A_PERSON = "[SYSTEM NOTIFICATION - NOT USER INPUT]"
_UNCLOSED_REMINDER = "<system-reminder>"
_CREW_TASK = "Current Task:"
_CREW_CRITERIA = "This is the expected criteria for your final answer:"

_SUFFIX = "suffix"  # what the dialects make of one

# How prompts begin that a user interface or a framework sends on its own account.
_HOUSEKEEPING_OPENINGS = (
    "### Task:\n",  # Open WebUI: titles, tags, follow-ups, search queries; a person may begin so too
    "You are in a role play game. The following roles are available:",  # AutoGen: who speaks next
    "Provide a concise, 5-word-or-less title",  # LibreChat, as are the following two
    "Write a concise title for this conversation",
    "Please generate a concise, 5-word-or-less title",
    "Generate a concise 3-7 word title for this conversation",  # Zed
    "Generate a title for this conversation:",  # opencode
    "Please write a 5-10 word title",  # Claude Code, as is the following
    "[SUGGESTION MODE:",
    "Analyze *only* the content and structure of your immediately preceding response",  # gemini-cli: who speaks next
    "Progressively summarize the lines of conversation provided",  # LangChain's memory
    "Based on the chat history, give this conversation a name",  # Chatbox
    "You need to summarize the user's conversation into a title",  # DeepChat
)
_OPEN_WEBUI_TASK = "### Task:\n"
_OPEN_WEBUI_CHARS = 400
_OPEN_WEBUI_WORDS = (  # one of them is in the first lines of each of its errands
    *("title", "tags", "follow-up", "follow up", "search quer", "chat", "conversation", "autocompletion", "emoji"),
    "image generation",
)
# How system prompts begin of such errands.
_ERRAND_PROMPTS = (
    "Analyze if this message indicates a new conversation topic",  # Claude Code, as is the following
    "Summarize this coding conversation in under 50 characters",
    "You are a title generator. You output ONLY",  # opencode
    "You are an AI conversation titles assistant",  # big-AGI
    "You are an assistant skilled in conversation. You need to summarize",  # Cherry Studio
    "You need to summarize the user's conversation into a title",  # DeepChat
    "You are an expert software engineer that generates concise, one-line Git commit messages",  # aider
)
_SYSTEM_PARTS = 3  # the first of a system prompt; Claude Code's begins with who pays and who it is
_PROBE = "quota"  # Claude Code asks so, for an answer of one token, whether there is any left


def features_of(request: ChatRequest | EmbeddingRequest) -> PromptFeatures:
    """What constraints and strategies may know about *request*. In texts to embed nothing is asked."""
    if isinstance(request, EmbeddingRequest):
        return PromptFeatures(ask="", estimated_input_tokens=_longest_input_tokens(request))
    messages = request.messages
    ask, asked_at = _last_ask(messages)
    now, before = _images_in(messages)
    tokens, needs = estimated_input_tokens(request), _needs(request, has_image=now)
    return PromptFeatures(
        ask=_bounded(ask),
        estimated_input_tokens=tokens,
        turns=sum([_has_content_of_a_person(message) for message in messages]),
        needs=needs,
        n_tools=len(request.tools),
        in_tool_loop=asked_at != len(messages) - 1 and in_tool_loop(messages),
        is_housekeeping=is_housekeeping(ask) or _is_completion(messages) or _is_told_an_errand(messages, ask, request),
        max_output_tokens=request.sampling.max_output_tokens,
        has_earlier_images=before,
        count=_count(request) if tokens >= WORTH_COUNTING or now or before else None,
    )


def _longest_input_tokens(request: EmbeddingRequest) -> int:
    """Each input has the window to itself, so the longest counts: token ids as they are, text as estimated."""
    return max((len(one) if isinstance(one, tuple) else -(-_eighths(one) // 8) for one in request.inputs), default=0)


def _count(request: ChatRequest) -> PromptCount:
    """Earlier thoughts are left out: templates and APIs do not show them to the model again."""
    parts = (part for message in request.messages for part in message.parts if type(part) is not Reasoning)
    texts = list(_texts(parts))
    texts += [text for tool in request.tools for text in _tool_texts(tool)]
    return PromptCount(
        signs=signs_of("".join(texts)),
        messages=len(request.messages),
        images=sum([_n_images(message.parts) for message in request.messages]),
    )


def last_ask(messages: Sequence[Message]) -> str:
    """What the person last asked, or an empty text when nobody asked anything.

    The newest user turn that says something of a person's own: system and developer messages, tools' results, blocks
    that a harness injected and its notices are skipped. Pieces around a removed block, and a turn's several text
    parts, are joined by a line break. At most MAX_ASK_CHARS (and one) characters.
    """
    return _bounded(_last_ask(messages)[0])


def without_injected_blocks(text: str) -> str:
    """*text* without the complete blocks that harnesses inject; an unclosed one stays, it may be a quotation."""
    if "</" not in text:  # every block ends so
        return text.strip()
    spans = sorted(span for begin, end in _INJECTED_BLOCKS for span in _block_spans(text, begin, end))
    if not spans:
        return text.strip()
    # Blocks can overlap: what is kept resumes after the furthest end so far.
    resume_at = [0, *accumulate((end for _, end in spans), max)]
    pause_at = [*(begin for begin, _ in spans), len(text)]
    pieces = (text[begin:end].strip() for begin, end in zip(resume_at, pause_at, strict=True))
    return "\n".join(piece for piece in pieces if piece)


def is_housekeeping(ask: str) -> bool:
    """Whether *ask* is a user interface's or framework's own small errand, such as a title for the conversation."""
    if not ask.startswith(_HOUSEKEEPING_OPENINGS):  # as nearly always
        return False
    if not ask.startswith(_OPEN_WEBUI_TASK):
        return True
    about = ask[:_OPEN_WEBUI_CHARS].lower()
    return any(word in about for word in _OPEN_WEBUI_WORDS)


def _is_told_an_errand(messages: Sequence[Message], ask: str, request: ChatRequest) -> bool:
    """Whether the system prompt is that of an errand, or the request only a probe."""
    if ask == _PROBE and request.sampling.max_output_tokens == 1:
        return True
    if not messages or messages[0].role is not Role.SYSTEM:
        return False
    parts = messages[0].parts
    if len(parts) == 1:
        return type(parts[0]) is Text and parts[0].text.startswith(_ERRAND_PROMPTS)
    return any(type(part) is Text and part.text.startswith(_ERRAND_PROMPTS) for part in parts[:_SYSTEM_PARTS])


def _is_completion(messages: Sequence[Message]) -> bool:
    """Whether an editor wants the text between a prompt and a suffix."""
    last = messages[-1].parts[-1] if messages and messages[-1].parts else None
    return type(last) is Media and last.kind == _SUFFIX


def in_tool_loop(messages: Sequence[Message]) -> bool:
    """Whether the newest turn is a tool's result, rather than a person's word.

    System messages and turns of nothing but injected text may follow the result.
    """
    for message in reversed(messages):
        if message.role in {Role.SYSTEM, Role.DEVELOPER}:
            continue
        if message.role is Role.TOOL:
            return True
        if message.role is Role.ASSISTANT or own_words(message) or _has_media(message):
            return False
        if any(isinstance(part, ToolResult) for part in message.parts):
            return True
    return False


def estimated_input_tokens(request: ChatRequest) -> int:
    """About how many tokens the text and tools of *request* are; images and sounds are not counted.

    (3 · UTF-8 bytes - characters) / 8 for each text, so that plain English is a token per 4 characters, accented and
    Cyrillic letters 0.6, Chinese, Japanese and Korean signs 1, emoji 1.4; and TOKENS_PER_MESSAGE around each message
    and tool. "Hello there!" in one message: (3·12 - 12) / 8 + 4 = 7.
    """
    eighths = 0
    for message in request.messages:
        for part in message.parts:
            eighths += _eighths(part.text) if type(part) is Text else sum(map(_eighths, _texts((part,))))
    if request.tools:
        eighths += sum(_eighths(text) for tool in request.tools for text in _tool_texts(tool))
    return -(-eighths // 8) + TOKENS_PER_MESSAGE * (len(request.messages) + len(request.tools))


def _last_ask(messages: Sequence[Message]) -> tuple[str, int]:
    """The ask and the number of its message; nothing and -1 when there is none."""
    for number in range(len(messages) - 1, -1, -1):
        if messages[number].role is Role.USER:
            own = own_words(messages[number])
            if own:
                return _crew_task(own), number
    return "", -1


def own_words(message: Message) -> str:
    """What a user turn says once injected blocks and notices are gone; may be nothing."""
    own = without_injected_blocks("\n".join([part.text for part in message.parts if isinstance(part, Text)]))
    if _NOT_A_PERSON in own and own.removeprefix(_UNCLOSED_REMINDER).lstrip().startswith(_NOT_A_PERSON):
        return ""
    return own


def _crew_task(ask: str) -> str:
    """The task itself, when *ask* is CrewAI's frame around one."""
    if not ask.startswith(_CREW_TASK):
        return ask
    task, _, _ = ask.removeprefix(_CREW_TASK).partition(_CREW_CRITERIA)
    return task.strip() or ask


def _bounded(ask: str) -> str:
    if len(ask) <= MAX_ASK_CHARS:
        return ask
    half = MAX_ASK_CHARS // 2
    return f"{ask[:half]}\n{ask[-half:]}"


def _block_spans(text: str, begin: str, end: str) -> Iterator[tuple[int, int]]:
    """Where each complete block lies, left to right; the search only moves forward."""
    start = text.find(begin)
    while start != -1:
        stop = text.find(end, start + len(begin))
        if stop == -1:
            return
        stop += len(end)
        yield start, stop
        start = text.find(begin, stop)


def _images_in(messages: Sequence[Message]) -> tuple[bool, bool]:
    """Whether there are images in the turn that is to be answered, and whether there are some before it.

    The turn begins behind the last answer that asked for no tool: what a tool showed in it is part of it.
    """
    at = [number for number, message in enumerate(messages) if _has_image(message.parts)]
    if not at:
        return False, False
    answers = (
        number
        for number in range(len(messages) - 1, -1, -1)
        if messages[number].role is Role.ASSISTANT
        and not any(isinstance(part, ToolCall) for part in messages[number].parts)
    )
    begin = next(answers, -1)
    return at[-1] > begin, at[0] < begin


def _needs(request: ChatRequest, *, has_image: bool) -> frozenset[Capability]:
    wants_schema = request.response_format is not None and request.response_format.kind == "json_schema"
    return _NEEDS[bool(request.tools), has_image, wants_schema]


_NEEDS = {
    (tools, image, schema): frozenset(
        (
            Capability.CHAT,
            *((Capability.TOOLS,) if tools else ()),
            *((Capability.IMAGES,) if image else ()),
            *((Capability.JSON_SCHEMA,) if schema else ()),
        )
    )
    for tools in (False, True)
    for image in (False, True)
    for schema in (False, True)
}


def _has_content_of_a_person(message: Message) -> bool:
    return message.role is Role.USER and any(isinstance(part, (Text, Media)) for part in message.parts)


def _has_media(message: Message) -> bool:
    return any(isinstance(part, Media) for part in message.parts)


def _has_image(parts: Sequence[Part]) -> bool:
    for part in parts:
        if isinstance(part, Media):
            if part.kind == "image":
                return True
        elif isinstance(part, ToolResult) and _has_image(part.content):
            return True
    return False


def _n_images(parts: Sequence[Part]) -> int:
    return sum(
        _n_images(part.content) if isinstance(part, ToolResult) else isinstance(part, Media) and part.kind == "image"
        for part in parts
    )


def _texts(parts: Iterable[Part]) -> Iterator[str]:
    for part in parts:
        if isinstance(part, (Text, Reasoning, Refusal)):
            yield part.text
        elif isinstance(part, ToolCall):
            yield part.name
            yield part.arguments
        elif isinstance(part, ToolResult):
            yield from _texts(part.content)


def _tool_texts(tool: ToolSpec) -> Iterator[str]:
    yield tool.name
    yield tool.description or ""
    yield str(tool.parameters or "")  # as long as its JSON, and quicker


def _eighths(text: str) -> int:
    """Eighths of a token."""
    if text.isascii():
        return 2 * len(text)
    return 3 * len(text.encode("utf-8", "surrogatepass")) - len(text)
