"""Turns messages into the text a model was trained on, by the template in the model's file.

The template is somebody else's program: it runs in Jinja's sandbox, within limits of time and size.
What messages say never passes through it. Marks stand for the texts while it runs, so that no
observation can write a turn of its own, and so that a template that trims texts or drops reasoning
cannot change what the model already has in its cache.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import FrameType
from typing import Any

import msgspec

from smolterm.models import Message
from smolterm.models.thinking import PAIRS

SECONDS = 1.0
"""Of processor time; a real template takes a thousandth of it."""
LARGEST = 1024 * 1024
"""Characters of what a template writes, and of a text that it multiplies."""

MARK = "\ue000{}\ue001"
"""Stands for a message's text; of Unicode's private area, where no template has letters."""

CHATML = """\
{% for m in messages %}<|im_start|>{{ m['role'] }}
{{ m['content'] }}<|im_end|>
{% endfor %}<|im_start|>assistant{{ "\\n" }}"""
CHATML_END = "<|im_end|>"


class TemplateError(Exception):
    """A template failed, or lost a message."""


class Wasteful(TemplateError):
    """A template ran too long or wrote too much."""


class Piece(msgspec.Struct, frozen=True):
    """A part of the prompt."""

    text: str
    message: int | None = None
    """Whose text it is; None: the template's own, in which control tokens count."""


class Rendered(msgspec.Struct, frozen=True):
    """A whole prompt."""

    pieces: tuple[Piece, ...]
    stop: str = ""
    """A text that ends the reply besides the model's own tokens."""

    @property
    def opened(self) -> str:
        """The tag at its end that lets the model begin to reason; empty without one."""
        last = self.pieces[-1].text.rstrip() if self.pieces else ""
        return next((tag + "\n" for tag in PAIRS if last.endswith(tag)), "")


class Template:
    """A model's chat template; made once for a model.

    Args:
        source: Jinja; empty: ChatML.
        begin: the text of the model's token for the beginning of a text.
        end: that for the end of one.
    """

    def __init__(self, source: str, begin: str = "", end: str = "") -> None:
        self._names = {"bos_token": begin, "eos_token": end}
        self._own = None
        self._takes_system = True
        self.broken = ""
        """Why the model's own template cannot be used."""
        if source:
            try:
                self._own = _compiled(source)
            except Exception as error:  # noqa: BLE001 - the compiler meets a stranger's text
                self.broken = f"{type(error).__name__}: {error}"
        self._chatml = _compiled(CHATML)

    def render(
        self,
        messages: Sequence[Message],
        *,
        thinking: bool | None = None,
        tools: Sequence[dict[str, Any]] = (),
    ) -> Rendered:
        """Return the prompt for the next reply.

        A template that refuses a system message gets it in the first message of the user; one that
        fails even then is replaced by ChatML.
        """
        turns = alternating(messages)
        names: dict[str, Any] = dict(self._names)
        if thinking is not None:
            names["enable_thinking"] = thinking
        if tools:
            names["tools"] = list(tools)
        while self._own is not None:
            shape = turns if self._takes_system else without_system(turns)
            try:
                return Rendered(_render(self._own, shape, messages, names))
            except TemplateError as error:
                self._refused(error)
        return Rendered(_render(self._chatml, turns, messages, names), CHATML_END)

    def _refused(self, error: TemplateError) -> None:
        """Ask for less from now on: prompts that change their form begin with nothing known."""
        self.broken = str(error)
        if isinstance(error, Wasteful) or not self._takes_system:
            self._own = None
        self._takes_system = False


Turn = tuple[str, tuple[int, ...]]
"""A role, and the numbers of the messages whose texts it joins."""


def alternating(messages: Sequence[Message]) -> list[Turn]:
    """Join neighbours of one role and leave out replies that say nothing, as every template wants.

    A reply at the very beginning is left out too, and one message of the user is always there.
    """
    turns: list[Turn] = []
    for number, message in enumerate(messages):
        role = "user" if message.role == "system" and turns else message.role
        if role == "assistant" and (
            not message.content.strip() or not any(turn[0] == "user" for turn in turns)
        ):
            continue
        if turns and turns[-1][0] == role:
            turns[-1] = (role, (*turns[-1][1], number))
        else:
            turns.append((role, (number,)))
    return turns


def without_system(turns: Sequence[Turn]) -> list[Turn]:
    """Move the system message into the first message of the user."""
    if not turns or turns[0][0] != "system":
        return list(turns)
    first = turns[1][1] if len(turns) > 1 else ()
    return [("user", (*turns[0][1], *first)), *turns[2:]]


def _render(
    template: Any, turns: Sequence[Turn], messages: Sequence[Message], names: dict[str, Any]
) -> tuple[Piece, ...]:
    marked = [
        {"role": role, "content": "\n\n".join(MARK.format(number) for number in numbers)}
        for role, numbers in turns
    ]
    text = _run(template, {**names, "messages": marked, "add_generation_prompt": True})
    pieces: list[Piece] = []
    for number in (number for _, numbers in turns for number in numbers):
        before, found, text = text.partition(MARK.format(number))
        if not found:
            raise TemplateError(f"the template leaves out message {number + 1}")
        pieces += [Piece(before), Piece(messages[number].content, number)]
    if MARK[0] in text or any(MARK[0] in piece.text for piece in pieces if piece.message is None):
        raise TemplateError("the template writes a message twice")
    return tuple(piece for piece in (*pieces, Piece(text)) if piece.text)


def _run(template: Any, names: dict[str, Any]) -> str:
    """Run a template; every line of it looks at the clock.

    Raises:
        TemplateError: for whatever it does.
    """
    deadline = time.thread_time() + SECONDS

    def watch(frame: FrameType, event: str, argument: object) -> Any:
        if time.thread_time() > deadline:
            raise Wasteful(f"the template runs for more than {SECONDS:g} s")
        return watch

    written: list[str] = []
    size = 0
    before = sys.gettrace()
    sys.settrace(watch)
    try:
        for part in template.generate(**names):
            size += len(part)
            if size > LARGEST:
                raise Wasteful(f"the template writes more than {LARGEST} characters")
            written.append(part)
    except TemplateError:
        raise
    except Exception as error:  # noqa: BLE001 - it is a stranger's program
        said = str(error)[:200]
        raise TemplateError(f"the template fails: {type(error).__name__}: {said}") from None
    finally:
        sys.settrace(before)
    return "".join(written)


def _compiled(source: str) -> Any:
    import jinja2
    import jinja2.exceptions
    import jinja2.ext
    import jinja2.sandbox

    class Sandbox(jinja2.sandbox.ImmutableSandboxedEnvironment):
        # The sandbox bounds `range` and nothing else that grows.
        intercepted_binops = frozenset({"*", "**", "%"})

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            if not _is_small(operator, left, right):
                raise jinja2.exceptions.SecurityError(f"{operator} makes something too large")
            return super().call_binop(context, operator, left, right)

        def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
            # `ljust`, `center`, `zfill` and the like make a text as long as they are told.
            if any(isinstance(arg, int) and abs(arg) > LARGEST for arg in args):
                raise jinja2.exceptions.SecurityError("a number is too large")
            return super().call(context, called, *args, **kwargs)

    def refuse(message: object = "") -> None:
        raise jinja2.TemplateError(str(message))

    def as_json(value: object, indent: int | None = None, **_: object) -> str:
        import json

        return json.dumps(value, ensure_ascii=False, indent=min(indent or 0, 8) or None)

    environment = Sandbox(
        trim_blocks=True, lstrip_blocks=True, extensions=[jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = as_json
    environment.globals["raise_exception"] = refuse
    # One day for the whole process: a prompt that changes is a prompt that is evaluated again.
    today = time.localtime()
    environment.globals["strftime_now"] = lambda form: time.strftime(str(form)[:100], today)
    return environment.from_string(source)


def _is_small(operator: str, left: Any, right: Any) -> bool:
    if operator == "%" and isinstance(left, str):
        # A width in a format makes a text as long as it says.
        return len(left) < 1000 and not any(part.isdigit() for part in left)
    numbers = [side for side in (left, right) if isinstance(side, int | float)]
    if operator == "**":
        return all(abs(number) <= 64 for number in numbers)
    sizes = [len(side) for side in (left, right) if isinstance(side, str | list | tuple)]
    return all(abs(n) * max(sizes, default=1) <= LARGEST or not sizes for n in numbers) and (
        bool(sizes) or all(abs(number) < 1 << 64 for number in numbers)
    )
