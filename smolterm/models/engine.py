"""What a local model's process needs of a library that runs GGUF files.

Two libraries can serve: llama-cpp-python, compiled on this machine, and xllamacpp from a wheel.
`LocalModel` drives either through this.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from smolterm.events import Usage
from smolterm.models import Delta, Message, Progress
from smolterm.models.modelfile import ModelFile

Stopped: TypeAlias = Literal["stop", "length", "cancelled"]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One request, every choice made."""

    messages: tuple[Message, ...]
    grammar: str = ""
    """GBNF with a rule `root`; empty: anything may be said."""
    max_tokens: int = 2048
    temperature: float | None = None
    """None: the library's own."""
    stop: tuple[str, ...] = ()
    """Texts that end the reply and are no part of it."""
    thinking: bool | None = None
    """Whether the model should reason first; None: as its template has it."""
    tools: tuple[dict[str, Any], ...] = ()
    """Functions as OpenAI describes them."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a reply ended, and what it took."""

    usage: Usage
    """`cached_tokens` are those whose state was there already."""
    stop: Stopped
    evaluated: int
    """Tokens of the prompt that were evaluated for this reply."""
    seconds_reading: float
    """Evaluating the prompt."""
    seconds_writing: float
    """Sampling the reply."""


class Engine(Protocol):
    """A library with one model. Everything blocks, all on one thread, except `stop`."""

    window: int | None
    """Tokens of context, once loaded."""
    file: ModelFile | None
    """What the model is, once loaded."""

    def load(self, report: Callable[[Progress], None]) -> None:
        """Load the file.

        Raises:
            ModelFileError: it is damaged, or no model that can chat.
            ModelError: it does not fit into memory, or the library refuses it.
            MissingExtra: the library is not installed.
        """
        ...

    def reply(self, asked: Asked, emit: Callable[[Delta | Progress], None]) -> Ended:
        """Continue the conversation; text is emitted on the channel `reply`, unsplit.

        Raises:
            GrammarError: the grammar is none.
            ContextTooLong: the prompt leaves no room for a reply.
            ModelError: the library failed.
        """
        ...

    def stop(self) -> None:
        """End `load` or `reply` within 100 ms; from any thread, and harmless when neither runs.

        Both report before they do anything else, so whoever was too early can stop them then.
        """
        ...

    def close(self) -> None:
        """Release the memory; safe to call twice."""
        ...
