"""Drives a real engine in tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from smolterm.models import Delta, Message, Progress
from smolterm.models.engine import Asked, Ended
from smolterm.models.llama import LlamaEngine
from smolterm.models.loading import Loading

SYSTEM = "You are an agent who writes Python. " * 20


class Talk:
    """One conversation with an engine, as a session would have it."""

    def __init__(self, path: Path, system: str = SYSTEM, **loading: Any) -> None:
        settings = {"context": 4096, "seed": 1, "states": "", "threads": 1} | loading
        self.engine = LlamaEngine(path, Loading(**settings))
        self.engine.load(lambda progress: None)
        self.messages = [Message(role="system", content=system)] if system else []

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.close()

    def say(
        self, text: str, hear: Callable[[Delta | Progress], None] | None = None, **asked: Any
    ) -> tuple[str, Ended]:
        """Ask, and return the reply, which the conversation goes on from."""
        self.messages.append(Message(role="user", content=text))
        said: list[str] = []

        def take(part: Delta | Progress) -> None:
            if isinstance(part, Delta):
                said.append(part.text)
            if hear is not None:
                hear(part)

        ended = self.engine.reply(Asked(messages=tuple(self.messages), **asked), take)
        self.messages.append(Message(role="assistant", content="".join(said)))
        return "".join(said), ended


def once(path: Path, text: str = "Hi", **asked: Any) -> tuple[str, Ended]:
    """Ask a model one thing."""
    with Talk(path, "") as talk:
        return talk.say(text, **asked)


def kept_in(talk: Talk) -> Sequence[int]:
    """Return the tokens whose state is in memory."""
    loaded = talk.engine._loaded
    assert loaded is not None
    return loaded.kept
