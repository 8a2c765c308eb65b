"""What the engine needs of a model: messages in, a stream of parts out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from smolterm.events import Channel, Usage


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of the prompt. One system message first, then user and assistant in turn."""

    role: Literal["system", "user", "assistant"]
    content: str


class Delta(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Text as it arrives."""

    channel: Channel
    text: str


class Waiting(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A try failed in a way that may pass; the next comes after `seconds`.

    Every delta before this part is void.
    """

    why: str
    seconds: float
    attempt: int


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How far a model on this machine has come before its first word."""

    what: Literal["loading", "reading"]
    """Its file, or the prompt."""
    fraction: float
    """0 to 1."""


class Done(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The reply is complete."""

    usage: Usage = Usage()
    stop: str = "stop"
    """Why the provider stopped: `stop`, `length`, ..."""


ModelPart: TypeAlias = Delta | Waiting | Progress | Done


class Format(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What form a reply should have. A model heeds what it can and passes over the rest."""

    grammar: str = ""
    """GBNF with a rule `root`; heeded by models on this machine."""
    stop: tuple[str, ...] = ()
    """Texts that end the reply and are no part of it."""
    temperature: float | None = None
    max_tokens: int | None = None
    thinking: bool | None = None
    """Whether to reason first, where the model's template knows a switch."""
    tools: tuple[dict[str, Any], ...] = ()
    """Functions that may be called, as OpenAI describes them."""
    block: Literal["", "fence", "tags"] = ""
    """What stands around the reply's code; the reply ends where the first block closes."""


class Model(Protocol):
    """What continues text. Implemented by `HostedModel`; a fake is one generator."""

    name: str

    def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        """Stream the reply; the last part is `Done`.

        Closing the iterator cancels the request.

        Raises:
            ModelError: the provider failed and trying again did not help.
            NoKey, MissingExtra: something must be set up first.
        """
        ...

    async def close(self) -> None:
        """Release what the model holds; safe to call twice."""
        ...
