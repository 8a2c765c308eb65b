"""Reads the stream of a reply under the OpenAI chat protocol: events, chunks, usage (pure)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from smolterm.errors import BadReply, ModelError, StreamCut
from smolterm.events import Usage
from smolterm.models import Delta, Done
from smolterm.models.failures import clean, from_status, words_in
from smolterm.models.native import CallWriter
from smolterm.models.providers import Route
from smolterm.models.thinking import ThinkSplitter

LONGEST_EVENT = 8 * 1024 * 1024
"""Bytes of one event of a stream."""


class _Text(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: Any = None


class _Choice(msgspec.Struct):
    delta: _Text | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | msgspec.UnsetType = msgspec.UNSET
    usage: Any = None
    error: Any = None


class _CachedTokens(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    prompt_tokens_details: _CachedTokens | None = None
    prompt_cache_hit_tokens: int | None = None
    cost: float | None = None


_read_chunk = msgspec.json.Decoder(_Chunk).decode


class Answer:
    """Folds the chunks of one reply."""

    def __init__(self, route: Route, secrets: tuple[str, ...]) -> None:
        self._route = route
        self._secrets = secrets
        self._split = ThinkSplitter()
        self._calls = CallWriter()
        self._stop = ""
        self._usage = Usage(cost=0.0 if route.is_local else None)
        self._chunks = 0
        self.complete = False
        """The provider said that the reply ends here."""

    def read(self, data: bytes) -> Iterator[Delta]:
        """Take one event and yield its text.

        Raises:
            BadReply: it is no chunk of a chat completion.
            ModelError: it carries the provider's error.
        """
        try:
            chunk = _read_chunk(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise self._bad(data.decode(errors="replace")) from None
        if chunk.error:
            raise self._error(chunk.error)
        if isinstance(chunk.choices, msgspec.UnsetType):
            raise self._bad(data.decode(errors="replace"))
        self._chunks += 1
        if chunk.usage is not None:
            self._usage = usage_of(chunk.usage, self._route)
        for choice in chunk.choices[:1]:
            if choice.delta is not None:
                yield from self._texts(choice.delta)
            if choice.finish_reason:
                self._stop = clean(choice.finish_reason)
                self.complete = True

    def rest(self) -> Iterator[Delta]:
        yield from self._split.finish()
        yield from self._calls.finish()

    def done(self, kind: str) -> Done:
        """Return the last part.

        Args:
            kind: the response's content type.

        Raises:
            StreamCut: the stream ended before the reply did.
            BadReply: it was no stream of events at all.
        """
        if self.complete:
            return Done(usage=self._usage, stop=self._stop or "stop")
        if not self._chunks and not kind.startswith("text/event-stream"):
            raise BadReply(
                f"{self._route.provider} answered with {clean(kind) or 'something'} "
                "instead of a stream of events.",
                next="Check the server's address.",
            )
        raise cut(self._route)

    def _texts(self, delta: _Text) -> Iterator[Delta]:
        if thought := delta.reasoning_content or delta.reasoning:
            yield Delta(channel="reasoning", text=thought)
        if isinstance(delta.tool_calls, list):
            if isinstance(delta.content, str):
                self._calls.heard(delta.content)
                yield from self._split.feed(delta.content)
            yield from self._split.finish()
            yield from self._calls.feed(delta.tool_calls)
            return
        if isinstance(delta.content, str):
            self._calls.heard(delta.content)
            yield from self._split.feed(delta.content)
            return
        # Mistral's reasoning models send a list of typed pieces.
        for piece in delta.content or ():
            if piece.get("type") == "thinking":
                for inner in _dicts(piece.get("thinking")):
                    yield Delta(channel="reasoning", text=str(inner.get("text") or ""))
            else:
                yield from self._split.feed(str(piece.get("text") or ""))

    def _error(self, error: Any) -> ModelError:
        code, words = words_in({"error": error})
        words = clean(words, self._secrets)
        if code.isdecimal() and 400 <= int(code[:4]) < 600:
            return from_status(int(code[:4]), "", words, self._route)
        status = (
            429 if "rate_limit" in code else 400 if "invalid" in code or "context" in code else 500
        )
        return from_status(status, code, words, self._route)

    def _bad(self, text: str) -> BadReply:
        return BadReply(
            f"{self._route.provider} sent something that is no part of a reply: "
            f"{clean(text, self._secrets)}",
            next="Check the server's address.",
        )


async def events(chunks: AsyncIterator[bytes], who: str) -> AsyncIterator[bytes]:
    """Yield the data of each server-sent event.

    Lines end at line feeds only: text inside JSON may hold any other separator.
    """
    held = b""
    async for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:") and (data := line[5:].strip()):
                yield data
        if len(held) > LONGEST_EVENT:
            raise BadReply(f"{who} sent an event that is too long.")
    if held.startswith(b"data:") and (data := held[5:].strip()):
        yield data


def usage_of(found: Any, route: Route) -> Usage:
    """Return the usage a provider reports; zeros where it reports nonsense."""
    try:
        raw = msgspec.convert(found, _Usage)
    except msgspec.ValidationError:
        raw = _Usage()
    cached = raw.prompt_cache_hit_tokens or 0
    if raw.prompt_tokens_details is not None:
        cached = raw.prompt_tokens_details.cached_tokens or 0
    return Usage(
        prompt_tokens=raw.prompt_tokens,
        cached_tokens=cached,
        completion_tokens=raw.completion_tokens,
        cost=0.0 if route.is_local else raw.cost,
    )


def cut(route: Route, why: str = "") -> StreamCut:
    """Return the error for a stream that ended before the reply did."""
    said = f": {why}" if why else "."
    return StreamCut(f"{route.provider} broke the reply off{said}", next="Try again.")


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
