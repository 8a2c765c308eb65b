"""Questions aside: answered from what the model was told so far, and forgotten.

Nothing of one reaches the prompt, the transcript, the session's file, or the budget.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from smolterm.errors import ModelError, UsageError
from smolterm.manner import THINKING_TOKENS, Manner
from smolterm.models import Delta, Done, Format, Message, Model, Waiting
from smolterm.models.thinking import ThinkSplitter

MOST_TOKENS = 1_000
NOTE = """\
(The person asks something aside. Answer it in a few sentences from what you know so far. Write no \
code and call nothing. It is no part of the task; the task goes on as if it had not been asked.)"""


class Asides:
    """The questions that are being answered beside one session."""

    def __init__(self) -> None:
        self._open = 0

    async def ask(
        self,
        model: Model,
        messages: Sequence[Message],
        question: str,
        *,
        manner: Manner,
        busy: bool = False,
    ) -> AsyncGenerator[str, None]:
        """Yield the answer as it comes; closing the iterator cancels the request.

        Args:
            messages: what the model was told so far; left as it is.
            busy: the model is at work for the task. A provider serves both; a model in a process
                of ours does one thing at a time.

        Raises:
            UsageError: the question is empty, or the model cannot be asked now, or ever.
            ModelError: the provider failed.
        """
        _refuse(model, question, busy=busy or self._open > 0)
        format = Format(
            temperature=manner.format.temperature,
            thinking=manner.format.thinking,
            max_tokens=MOST_TOKENS + (THINKING_TOKENS if manner.profile.thinking else 0),
        )
        split = ThinkSplitter()
        said = False
        self._open += 1
        try:
            async with aclosing(
                model.reply(with_question(messages, question), format=format)
            ) as parts:
                async for part in parts:
                    deltas: Sequence[Delta] = ()
                    match part:
                        case Delta(channel="reply", text=text):
                            deltas = tuple(split.feed(text))
                        case Waiting() if said:
                            raise ModelError("The answer broke off.", next="Ask again.")
                        case Waiting():
                            split = ThinkSplitter()
                        case Done():
                            deltas = tuple(split.finish())
                    for delta in deltas:
                        if delta.channel == "reply" and delta.text:
                            said = True
                            yield delta.text
        finally:
            self._open -= 1


def with_question(messages: Sequence[Message], question: str) -> list[Message]:
    """Return the messages and the question, so that what the model has read stays as it was."""
    text = f"{NOTE}\n\n{question.encode('utf-8', 'replace').decode()}"
    *before, last = messages
    if last.role == "user":
        last = msgspec.structs.replace(last, content=f"{last.content}\n\n{text}")
        return [*before, last]
    return [*messages, Message(role="user", content=text)]


def _refuse(model: Model, question: str, *, busy: bool) -> None:
    if not question.strip():
        raise UsageError("There is no question.")
    kind = getattr(getattr(model, "route", None), "kind", "")
    if kind == "replay":
        raise UsageError("A recording answers nothing that it does not hold.")
    if kind == "local" and busy:
        raise UsageError(
            f"{model.name} is at work, and a model on this machine does one thing at a time.",
            next="Ask when it has replied: at the next question, or when the task is over.",
        )
