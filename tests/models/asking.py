"""Asks a hosted model in tests: the real host process, one line to do it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from smolterm.models import Delta, Format, Message, ModelPart, Waiting
from smolterm.models.hosted import HostedModel
from smolterm.models.retry import Patience
from smolterm.models.wire import Options

T = TypeVar("T")

HASTY = Patience(first=0.01)
ONCE = Patience(attempts=1)
MESSAGES = [Message(role="system", content="Be brief."), Message(role="user", content="Hi")]


def with_model(
    name: str,
    use: Callable[[HostedModel], Awaitable[T]],
    *,
    api_base: str | None = None,
    options: Options | None = None,
    **environ: str,
) -> T:
    """Return what `use` returns for a started model, which is closed afterwards."""

    async def main() -> T:
        plain = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
        model = HostedModel(
            name,
            api_base=api_base,
            environ=plain | environ,
            options=options or Options(patience=HASTY),
        )
        try:
            return await use(model)
        finally:
            await model.close()

    return asyncio.run(asyncio.wait_for(main(), 50))


async def parts_of(model: HostedModel, format: Format | None = None) -> list[ModelPart]:
    async with aclosing(model.reply(MESSAGES, format=format)) as parts:
        return [part async for part in parts]


def text_of(parts: list[ModelPart], channel: str = "reply") -> str:
    """Return a channel's text as the engine would: what came before a `Waiting` is void."""
    text = ""
    for part in parts:
        if isinstance(part, Waiting):
            text = ""
        elif isinstance(part, Delta) and part.channel == channel:
            text += part.text
    return text
