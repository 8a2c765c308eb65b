"""Asks the model for the reply of a step, and keeps what it is asked within its context."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from smolterm import events as e
from smolterm.clock import Clock
from smolterm.context import Meter, Shortening, made, plan, summary, to_summarise
from smolterm.errors import ContextTooLong, ModelError
from smolterm.manner import Manner
from smolterm.models import Delta, Done, Format, Model, Progress, Waiting
from smolterm.prompt import Prompt


class Thinker:
    """One model, what it has been told, and how it is asked."""

    def __init__(self, model: Model, prompt: Prompt, manner: Manner) -> None:
        self.prompt = prompt
        self.meter = Meter()
        self.busy = False
        """The model is at work for the task."""
        self._warned = False
        self.suit(model, manner)

    def suit(self, model: Model, manner: Manner) -> None:
        """Ask another model from now on; only the system message of the prompt changes."""
        self.model, self.manner = model, manner
        self.prompt.suit(manner.agent, manner.profile.dialect, example=manner.profile.shows_example)

    async def reply(self, number: int, clock: Clock) -> AsyncGenerator[e.Event, None]:
        """Stream the reply of a step; leave something out before, where the context runs short.

        Raises:
            ContextTooLong: nothing is left that could be left out.
            ModelError: the provider failed.
            TaskOver: the task has used its tokens or its money.
        """
        for must in (False, True, True):
            async with aclosing(self._shorten(clock, must=must)) as shortening:
                shorter = False
                async for event in shortening:
                    shorter = True
                    yield event
            if must and not shorter:
                break
            try:
                async with aclosing(self._stream(number, clock)) as thinking:
                    async for event in thinking:
                        yield event
                return
            except ContextTooLong as error:
                refused = error
        raise refused

    async def _shorten(self, clock: Clock, *, must: bool) -> AsyncGenerator[e.Event, None]:
        window = getattr(self.model, "context_window", None) or self.manner.window
        for _ in range(2):
            what = plan(
                self.prompt, self.meter, window=window, reserve=self.manner.reserve, must=must
            )
            if what is None:
                return
            text, usage = "", e.Usage()
            if what.level == "steps":
                said, usage = await self._summarise(what, clock)
                text = summary(what, self.prompt, said)
            event = made(what, self.prompt, self.meter, text=text)
            yield msgspec.structs.replace(event, usage=usage)
            if must:
                return

    async def _summarise(self, what: Shortening, clock: Clock) -> tuple[str, e.Usage]:
        """Let the model say what some steps came to; empty where it cannot."""
        said: list[str] = []
        usage = e.Usage()
        asked = Format(max_tokens=600, thinking=self.manner.format.thinking)
        messages = to_summarise(what, self.prompt)
        clock.check()
        self.busy = True
        try:
            async with (
                clock.waiting(),
                aclosing(self.model.reply(messages, format=asked)) as parts,
            ):
                async for part in parts:
                    match part:
                        case Delta(channel="reply"):
                            said.append(part.text)
                        case Waiting():
                            said.clear()
                        case Done():
                            usage = part.usage
        except ModelError:
            return "", usage
        finally:
            self.busy = False
            clock.charge(usage)
        return "".join(said), usage

    async def _stream(self, number: int, clock: Clock) -> AsyncGenerator[e.Event, None]:
        """Stream one try."""
        started = time.monotonic()
        messages = self.prompt.messages
        said: dict[str, list[str]] = {"reply": [], "reasoning": []}
        done = Done()
        clock.check()
        self.busy = True
        try:
            async with (
                clock.waiting(),
                aclosing(self.model.reply(messages, format=self.manner.format)) as parts,
            ):
                async for part in parts:
                    match part:
                        case Delta():
                            said[part.channel].append(part.text)
                            yield e.ReplyDelta(step=number, channel=part.channel, text=part.text)
                        case Waiting():
                            if said["reply"] or said["reasoning"]:
                                said = {"reply": [], "reasoning": []}
                                yield e.ReplyDropped(step=number)
                            yield e.ModelWaiting(
                                step=number, why=part.why, seconds=part.seconds,
                                attempt=part.attempt,
                            )  # fmt: skip
                        case Progress():
                            # That a file is loaded is told by the model itself.
                            if part.what == "reading":
                                yield e.PromptRead(step=number, fraction=part.fraction)
                        case Done():
                            done = part
        finally:
            self.busy = False
        self.meter.learn(messages, done.usage.prompt_tokens)
        priced = clock.charge(done.usage) or getattr(self.model, "is_local", False)
        if not (priced or self._warned):
            self._warned = True
            text = f"No price is known for {self.model.name}: the limit of money cannot hold it."
            yield e.Notice(text=text, level="warning")
        yield e.ReplyFinished(
            step=number,
            text="".join(said["reply"]),
            reasoning="".join(said["reasoning"]),
            usage=done.usage,
            stop=done.stop,
            seconds=time.monotonic() - started,
        )
