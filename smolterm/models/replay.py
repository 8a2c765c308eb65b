"""Plays recorded replies from a file: for tests, demonstrations and benchmarks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from pathlib import Path

import msgspec

from smolterm.errors import BadReply, ConfigError
from smolterm.events import Channel, Usage
from smolterm.models import Delta, Done, Format, Message, ModelPart

PACE = 0.004
"""Seconds between two chunks where the file names none."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file. Fields that a later version may add are passed over."""

    reply: str | None = None
    """Only the first line may lack it; it then holds what counts for all."""
    reasoning: str = ""
    usage: Usage = Usage()
    stop: str = "stop"
    pace: float | None = None
    """Seconds between two chunks."""


class ReplayModel:
    """Plays reply k of a file at the session's k-th request.

    Args:
        path: JSON lines, see `Recorded`.
        asked: replies the session asked for before.

    Raises:
        ConfigError: the file cannot be read, or one of its lines is no reply.
    """

    context_window: int | None = None

    def __init__(self, path: str, asked: int = 0) -> None:
        self.name = f"replay:{path}"
        self._path = path
        self._asked = asked
        self._pace, self._replies = read_replies(path)

    async def warm_up(self) -> None:
        pass

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        self._asked += 1
        if self._asked > len(self._replies):
            raise BadReply(
                f"{self._path} holds {len(self._replies)} replies and this is "
                f"request {self._asked}.",
                next="Record more replies, or choose another model.",
            )
        recorded = self._replies[self._asked - 1]
        pace = self._pace if recorded.pace is None else recorded.pace
        for channel, chunk in chunks_of(recorded):
            yield Delta(channel=channel, text=chunk)
            await asyncio.sleep(pace)
        yield Done(usage=recorded.usage, stop=recorded.stop)

    async def close(self) -> None:
        pass


def read_replies(path: str) -> tuple[float, list[Recorded]]:
    """Return the pace and the replies of a file.

    Raises:
        ConfigError: naming file and line.
    """
    try:
        lines = Path(path).read_bytes().splitlines()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    replies: list[Recorded] = []
    pace = PACE
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            recorded = msgspec.json.decode(line, type=Recorded)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"Line {number} of {path} is no reply: {error}.") from None
        if recorded.pace is not None and not 0 <= recorded.pace <= 60:
            raise ConfigError(f"Line {number} of {path} has a pace outside 0 to 60 seconds.")
        if recorded.reply is not None:
            replies.append(recorded)
        elif number == 1 and recorded.pace is not None:
            pace = recorded.pace
        else:
            raise ConfigError(f'Line {number} of {path} has no "reply".')
    return pace, replies


def chunks_of(recorded: Recorded) -> Iterator[tuple[Channel, str]]:
    """Yield the text in pieces about as small as a model's tokens."""
    texts: tuple[tuple[Channel, str], ...] = (
        ("reasoning", recorded.reasoning),
        ("reply", recorded.reply or ""),
    )
    for channel, text in texts:
        for chunk in re.findall(r"\s*\S{1,8}|\s+", text):
            yield channel, chunk
