"""The transcript as chat messages. Pure and append-only, so that a model's cache stays valid.

One system message, then user and assistant strictly in turn, none of them empty: the rules that
every chat template keeps. Nothing in the system message changes while a session lives.
"""

from __future__ import annotations

from collections.abc import Sequence

from smolterm.events import (
    ActionProposed,
    Event,
    MistakeFound,
    ObservationMade,
    ReplyFinished,
    TaskStarted,
)
from smolterm.models import Message
from smolterm.tools import ToolSpec, stub

SYSTEM = """\
You solve tasks for a person by writing Python. Each reply is a short thought, then one block:

```python
code
```

The person reads the code, may change or decline it, and it runs. You then see what it printed, \
the value of its last expression, or its traceback, and reply again. Variables, imports and \
functions stay from one block to the next.
The code runs in a sandbox: Python 3.14, {libraries}, no network, no processes; it can touch \
only its own memory{reach}.
Take small steps and look at real data before you rely on it. Never write output yourself.
When you know the answer, call final_answer(answer) in a block: it ends the task. If no code is \
needed, reply with the answer as plain text and no block."""

TOOLS = """

These functions can be called from your code and need no import:

{stubs}"""


def system_message(tools: Sequence[ToolSpec] = (), *, packages: bool = False) -> str:
    """Return the system message for a set of tools.

    Args:
        packages: other packages than the standard library can be imported.
    """
    text = SYSTEM.format(
        libraries="standard library" + (" (other packages: just import them)" if packages else ""),
        reach=" and what the functions below reach" if tools else "",
    )
    if tools:
        text += TOOLS.format(stubs="\n\n".join(stub(spec) for spec in tools))
    return text


class Prompt:
    """The messages so far; grows with each event and never changes what it has said."""

    def __init__(self, tools: Sequence[ToolSpec] = (), *, packages: bool = False) -> None:
        content = system_message(tools, packages=packages)
        self._messages = [Message(role="system", content=content)]

    @property
    def messages(self) -> list[Message]:
        return list(self._messages)

    def apply(self, event: Event) -> None:
        """Take one more event in."""
        match event:
            case TaskStarted():
                self._add("user", _task(event))
            case ReplyFinished():
                self._add("assistant", event.text.strip() or "(no reply)")
            case ActionProposed():
                # What followed the block, an imagined observation say, is not worth repeating.
                self._messages.pop()
                self._add("assistant", f"{event.reasoning}\n```python\n{event.code}\n```".strip())
            case ObservationMade() | MistakeFound():
                self._add("user", event.text)
            case _:
                pass

    def _add(self, role: str, content: str) -> None:
        last = self._messages[-1]
        if last.role == role == "user":
            self._messages[-1] = Message(role="user", content=f"{last.content}\n\n{content}")
        elif role == "user":
            self._messages.append(Message(role="user", content=content))
        else:
            self._messages.append(Message(role="assistant", content=content))


def _task(event: TaskStarted) -> str:
    text = f"Task: {event.task}"
    if event.files:
        text += "\n\nFiles that came with it, to be opened by your code: " + ", ".join(event.files)
    return text
