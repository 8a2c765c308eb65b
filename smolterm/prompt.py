"""The transcript as chat messages. Pure and append-only, so that a model's cache stays valid.

One system message, then user and assistant strictly in turn, none of them empty: the rules that
every chat template keeps. Nothing in the system message changes while a session lives, and a reply
stays as it was sampled, up to the end of its block. What is shortened on the way, an event says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import msgspec

from smolterm.events import (
    ActionProposed,
    ContextShortened,
    Event,
    MessageAdded,
    MistakeFound,
    ObservationMade,
    ReplyFinished,
    SessionResumed,
    StepStarted,
    TaskStarted,
)
from smolterm.grammar import FENCES, Dialect
from smolterm.models import Message
from smolterm.models.blocks import up_to_block
from smolterm.profiles import AgentKind
from smolterm.repair import tidy
from smolterm.tools import ToolSpec, stub
from smolterm.transcript import gone_on

CODE = """\
You solve tasks for a person by writing Python. Each reply is a short thought, then one block:

{opener}
code
{closer}

The person reads it, may change or decline it, and it runs. You then see what it printed, the \
value of its last expression, or its traceback, and reply again. Variables stay.
It runs in a sandbox: Python 3.14, {libraries}, no network, no processes; it can touch only its \
own memory{reach}.
Take small steps and look at real data first. Never write output yourself.
When you know the answer, call final_answer(answer) in a block: it ends the task. If no code is \
needed, write "Final answer: " and the answer, and no block."""

TOOLS = """

These functions can be called from your code and need no import:

{stubs}"""

EXAMPLE = """

An example:

Task: How many vowels has "umbrella"?

I count them.
{opener}
sum(letter in "aeiou" for letter in "umbrella")
{closer}

Value: 3

{opener}
final_answer("It has 3 vowels.")
{closer}"""

CALLS = """\
You solve tasks for a person by calling functions. Each reply is a short thought, then one call. \
The person may decline it; then you see what it returned, and reply again.
run_python runs Python 3.14 in a sandbox with {libraries}, no network, no processes; it can touch \
only its own memory{reach}. Its variables stay. Use it to compute and to look at data.
Take small steps and look at real data first. Never write results yourself.
When you know the answer, call final_answer, which ends the task. If no function is needed, write \
"Final answer: " and the answer."""

_OPENER = re.compile(r"^[ \t]*(?:`{3,}[^`\n]*|<code>)\n", re.M)

MOST_KEPT = 4_000
"""Characters of a reply without an action; what repeats itself is not worth its tokens."""
SHORT = 300
"""Characters that stay of a shortened observation."""

Kind: TypeAlias = Literal["system", "task", "reply", "told", "words", "summary"]


class Entry(msgspec.Struct, frozen=True):
    """One thing that was said, before neighbours of the same role become one message."""

    kind: Kind
    """`told` is what code or a check said, `words` what the person said."""
    step: int
    text: str


class Prompt:
    """The messages so far; grows with each event and never changes what it has said.

    Args:
        packages: other packages than the standard library can be imported.
        folder: what is said of the person's folder; empty where none was granted.
        agent: the model writes Python, or calls functions by JSON.
        dialect: what stands around its code.
        example: whether the system message shows one.
    """

    def __init__(
        self,
        tools: Sequence[ToolSpec] = (),
        *,
        packages: bool = False,
        folder: str = "",
        agent: AgentKind = "code",
        dialect: Dialect = "fence",
        example: bool = False,
    ) -> None:
        self._tools = tuple(tools)
        self._packages = packages
        self._folder = folder
        self._entries: list[Entry] = []
        self._shortened: list[ContextShortened] = []
        self._step = 0
        self.unread: list[str] = []
        """What the person said since the model was asked; it reads that with its next prompt."""
        self.undone = False
        """The person took a shortening back, so that only what must be shortened is."""
        self._messages: list[Message] = []
        self.suit(agent, dialect, example=example)

    def suit(self, agent: AgentKind, dialect: Dialect, *, example: bool) -> None:
        """Speak to another model from now on: only the system message changes."""
        self.agent, self.dialect = agent, dialect
        content = system_message(
            self._tools, packages=self._packages, agent=agent, dialect=dialect, example=example
        )
        if self._folder:
            content += f"\n\n{self._folder}"
        self._system = Message(role="system", content=content)
        self._rebuild()

    @property
    def messages(self) -> list[Message]:
        return list(self._messages)

    @property
    def entries(self) -> list[Entry]:
        """Everything that was said, as it was said."""
        return list(self._entries)

    @property
    def sent(self) -> list[Entry]:
        """What stands in the messages, the shortened in its short form."""
        return list(_shortened(self._entries, self._shortened))

    @property
    def shortened(self) -> list[ContextShortened]:
        """What is in force of all that was shortened."""
        return list(self._shortened)

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        match event:
            case TaskStarted():
                self._hand_over()
                self._add(Entry("task", self._step, _task(event)))
            case SessionResumed():
                if text := gone_on(event):
                    self._add(Entry("told", self._step, text))
            case StepStarted():
                self._hand_over()
                self._step = event.step
            case MessageAdded():
                # A reply that is on its way was asked for without it, and stays as it is.
                self.unread.append(event.text)
            case ReplyFinished():
                self._step = event.step
                text = event.text if event.text.strip() else "(no reply)"
                self._add(Entry("reply", event.step, text[:MOST_KEPT]))
                self._sampled = text
            case ActionProposed():
                self._entries.pop()
                self._rebuild_last()
                self._add(Entry("reply", event.step, self._acted(event)))
            case ObservationMade():
                said: Kind = "words" if event.text.startswith(DECLINED) else "told"
                self._add(Entry(said, event.step, event.text))
            case MistakeFound():
                self._add(Entry("told", event.step, event.text))
            case ContextShortened(level="undone"):
                self._shortened = self._shortened[:-1]
                self.undone = True
                self._rebuild()
            case ContextShortened():
                self._shortened.append(event)
                self._rebuild()
            case _:
                pass

    def preview(self, *events: ContextShortened) -> list[Message]:
        """Return the messages as they would be after more was shortened."""
        return [self._system, *_joined(_shortened(self._entries, [*self._shortened, *events]))]

    _sampled = ""

    def _acted(self, event: ActionProposed) -> str:
        """Return the reply behind which the action stands, without what followed its block.

        As it was sampled where its form is the expected one, so that a cache of it stays valid. In
        another form it would teach the model that form.
        """
        opener, closer = FENCES[self.dialect]
        if self.agent == "tools" and "<tool_call>" in self._sampled:
            return self._sampled.rstrip()
        kept = up_to_block(self._sampled, self.dialect)
        if kept is not None and _block_in(kept, closer) == event.code:
            return kept
        return f"{event.reasoning}\n{opener}\n{event.code}\n{closer}".strip()

    def _hand_over(self) -> None:
        for text in self.unread:
            self._add(Entry("words", self._step, f"{SAYS} {text}"))
        self.unread.clear()

    def _add(self, entry: Entry) -> None:
        self._entries.append(entry)
        if self._shortened:
            self._rebuild()
        else:
            _join(self._messages, entry)

    def _rebuild(self) -> None:
        self._messages = self.preview()

    def _rebuild_last(self) -> None:
        """Take back the newest reply, which stands in a message of its own."""
        if self._messages[-1].role == "assistant":
            self._messages.pop()


def _block_in(kept: str, closer: str) -> str:
    """Return the code of the block that ends a reply."""
    head = kept.rstrip().removesuffix(closer)
    opener = list(_OPENER.finditer(head))
    return tidy(head[opener[-1].end() :]) if opener else ""


DECLINED = "The person declined"
"""How an observation begins that holds the person's own words."""
SAYS = "The person says:"


def system_message(
    tools: Sequence[ToolSpec] = (),
    *,
    packages: bool = False,
    agent: AgentKind = "code",
    dialect: Dialect = "fence",
    example: bool = False,
) -> str:
    """Return the system message for a set of tools; see `Prompt`."""
    opener, closer = FENCES[dialect]
    libraries = "standard library"
    if packages:
        libraries += " (other packages: just import them)"
    reach = ""
    if tools:
        reach = " and what the functions below reach" if agent == "code" else " and the functions"
    text = (CODE if agent == "code" else CALLS).format(
        libraries=libraries, reach=reach, opener=opener, closer=closer
    )
    if agent == "tools":
        return text
    if tools:
        text += TOOLS.format(stubs="\n\n".join(stub(spec) for spec in tools))
    return text + (EXAMPLE.format(opener=opener, closer=closer) if example else "")


def _shortened(entries: Sequence[Entry], events: Sequence[ContextShortened]) -> Iterator[Entry]:
    """Yield what is sent of the entries; tasks and the person's words always are."""
    for entry in entries:
        within = [event for event in events if event.first <= entry.step <= event.last]
        summary = next((event for event in reversed(within) if event.level == "steps"), None)
        if entry.kind in ("task", "words"):
            yield entry
        elif summary is not None:
            # The summary stands where the first of its steps was.
            if entry.step == summary.first and entry.kind == "reply":
                yield Entry("summary", entry.step, summary.text)
        elif within and entry.kind == "told":
            yield Entry("told", entry.step, cut_observation(entry.text))
        else:
            yield entry


def cut_observation(text: str) -> str:
    """Return an observation's start and end, and how much is missing between them."""
    if len(text) <= 2 * SHORT:
        return text
    half = SHORT // 2
    return f"{text[:half]}\n[... {len(text) - SHORT} characters left out ...]\n{text[-half:]}"


def _joined(entries: Iterator[Entry]) -> list[Message]:
    messages: list[Message] = []
    for entry in entries:
        _join(messages, entry)
    return messages


def _join(messages: list[Message], entry: Entry) -> None:
    """Append what was said; two neighbours of the user's become one message."""
    last = messages[-1] if messages else None
    if entry.kind == "reply":
        messages.append(Message(role="assistant", content=entry.text))
    elif last is not None and last.role == "user":
        messages[-1] = Message(role="user", content=f"{last.content}\n\n{entry.text}")
    else:
        messages.append(Message(role="user", content=entry.text))


def _task(event: TaskStarted) -> str:
    text = f"Task: {event.task}"
    if event.files:
        text += "\n\nFiles that came with it, to be opened by your code: " + ", ".join(event.files)
    return "\n\n".join([text, *event.notes])
