"""Asks any server that speaks the OpenAI chat protocol, through the openai SDK."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from smolterm.errors import BadReply, ModelError, ModelTimeout, Unreachable, WrongKey
from smolterm.models import Format, Message, ModelPart
from smolterm.models.blocks import READ_ON, BlockCutter
from smolterm.models.chunks import Answer, cut, events
from smolterm.models.failures import clean, from_status, unreachable, words_in
from smolterm.models.native import in_text, plain, to_native
from smolterm.models.providers import Route
from smolterm.models.retry import retry_after
from smolterm.models.stops import StopCutter
from smolterm.models.wire import Options

if TYPE_CHECKING:
    import openai

CONNECT_SECONDS = 10.0
REMOTE_SECONDS = 120.0
LOCAL_SECONDS = 600.0

# A server may refuse each of these; the request works without it, or under the other name.
_RENAMED = {"stream_options": None, "stop": None, "temperature": None, "tools": None,
            "max_tokens": "max_completion_tokens", "max_completion_tokens": None}  # fmt: skip


class CompatibleModel:
    """One provider's model behind the OpenAI protocol.

    Construction imports the SDK, which takes about 0.4 s.
    """

    context_window: int | None = None

    def __init__(self, route: Route, options: Options, environ: Mapping[str, str]) -> None:
        self.name = route.model
        self._route = route
        self._options = options
        key = environ.get(route.key_env, "").strip() if route.key_env else ""
        if not (key.isascii() and key.isprintable()):
            raise WrongKey(f"{route.key_env} holds characters that no key has.")
        self._secrets = (key,) if key else ()
        self._client = _client(route, options, key)
        self._refused: dict[str, str | None] = {}

    async def warm_up(self) -> None:
        """Load what the first request would load; opens no connection."""
        import anyio.lowlevel

        await anyio.lowlevel.checkpoint()
        self._client.platform_headers()

    async def reply(
        self, messages: Sequence[Message], *, format: Format | None = None
    ) -> AsyncGenerator[ModelPart, None]:
        """Ask once and stream the reply. See `Model.reply`; trying again is the host's business."""
        import httpx

        format = format or Format()
        options = self._options.with_format(format)
        stream = await self._open(messages, options, format)
        answer = Answer(self._route, self._secrets)
        cutter, block, behind = StopCutter(options.stop), BlockCutter(format.block), 0
        try:
            async for data in events(stream.response.aiter_bytes(), self._route.provider):
                if data == b"[DONE]":
                    answer.complete = True
                    break
                for delta in block.cut(cutter.cut(answer.read(data))):
                    yield delta
                behind += block.closed
                if cutter.hit or behind > READ_ON:
                    answer.complete = True
                    break
        except httpx.TimeoutException:
            if not answer.complete:
                raise _silence(self._route, self._options) from None
        except httpx.HTTPError as error:
            if not answer.complete:
                raise cut(self._route, clean(str(error), self._secrets)) from None
        finally:
            await stream.close()
        for delta in block.cut((*cutter.cut(answer.rest()), *cutter.rest())):
            yield delta
        yield answer.done(stream.response.headers.get("content-type", ""))

    async def close(self) -> None:
        await self._client.close()

    async def _open(
        self, messages: Sequence[Message], asked: Options, format: Format
    ) -> openai.AsyncStream[object]:
        """Send the request; once more without each optional field that the server refuses."""
        import openai

        body = self._body(messages, asked, format)
        options: openai.RequestOptions = {"follow_redirects": False}
        if not self._secrets:
            options["headers"] = {"Authorization": openai.Omit()}
        while True:
            try:
                # The path itself rather than `client.chat`: that imports every resource of the
                # SDK, which takes another 0.2 s.
                return await self._client.post(
                    "/chat/completions",
                    cast_to=object,
                    body=body,
                    options=options,
                    stream=True,
                    stream_cls=openai.AsyncStream[object],
                )
            except openai.APIStatusError as error:
                field = _field_refused(error, body)
                if field is None:
                    raise _failure(error, self._route, self._options, self._secrets) from None
                self._refused[field] = _RENAMED[field]
                body = self._body(messages, asked, format)
            except openai.OpenAIError as error:
                raise _failure(error, self._route, self._options, self._secrets) from None

    def _body(self, messages: Sequence[Message], asked: Options, format: Format) -> dict[str, Any]:
        native = bool(format.tools) and "tools" not in self._refused
        if not native:
            messages = in_text(messages, format.tools)
        body: dict[str, Any] = {
            "model": self._route.model,
            "messages": to_native(messages) if native else plain(messages),
            "tools": list(format.tools) or None,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": asked.temperature,
            "max_tokens": asked.max_tokens,
            "stop": list(asked.stop) or None,
        }
        for field, other in self._refused.items():
            value = body.pop(field, None)
            if other is not None:
                body[other] = value
        return {field: value for field, value in body.items() if value is not None}


def seconds_of_silence(route: Route, options: Options) -> float:
    """Return the seconds without a byte after which a reply is given up."""
    return options.timeout or (LOCAL_SECONDS if route.is_local else REMOTE_SECONDS)


def _client(route: Route, options: Options, key: str) -> openai.AsyncOpenAI:
    # Where click is installed httpx imports its own command line too, with rich: 30 ms. None says
    # that a module is missing, which httpx is made for.
    absent = "click" not in sys.modules
    if absent:
        sys.modules["click"] = None  # type: ignore[assignment]
    try:
        import httpx
        import openai
    finally:
        if absent:
            del sys.modules["click"]

    silence = seconds_of_silence(route, options)
    timeout = httpx.Timeout(silence, connect=min(CONNECT_SECONDS, silence))
    secure = route.base_url.startswith("https:")
    http = openai.DefaultAsyncHttpxClient(
        base_url=route.base_url,
        timeout=timeout,
        follow_redirects=False,
        # Certificates take 20 ms to load, and plain http needs none.
        verify=secure,
        # A proxy cannot reach this machine's own servers.
        trust_env=not route.is_local,
    )
    return openai.AsyncOpenAI(
        api_key=key or "none",
        base_url=route.base_url,
        timeout=timeout,
        max_retries=0,
        http_client=http,
    )


def _field_refused(error: openai.APIStatusError, body: Mapping[str, Any]) -> str | None:
    """Return the optional field of the request that the server names in its refusal."""
    if error.status_code not in (400, 422):
        return None
    _, words = words_in(error.body)
    named = str(getattr(error, "param", None) or "")
    for field in _RENAMED:
        if field in body and (named == field or re.search(rf"\b{field}\b", words)):
            return field
    return None


def _failure(
    error: openai.OpenAIError, route: Route, options: Options, secrets: tuple[str, ...]
) -> ModelError:
    """Return our error for one of the SDK's."""
    import httpx
    import openai

    if isinstance(error, openai.APIStatusError):
        code, words = words_in(error.body or error.response.text)
        wait = retry_after(error.response.headers, time.time())
        return from_status(error.status_code, code, clean(words, secrets), route, wait)
    cause = error.__cause__
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout):
        return unreachable(route, clean(str(cause), secrets))
    if isinstance(error, openai.APITimeoutError):
        return _silence(route, options)
    if isinstance(cause, httpx.UnsupportedProtocol | httpx.InvalidURL | httpx.ProxyError):
        return Unreachable(f"{route.base_url} cannot be asked: {clean(str(cause), secrets)}.")
    if isinstance(error, openai.APIConnectionError):
        return cut(route, clean(str(cause or error), secrets))
    return BadReply(f"{route.provider} answered with nonsense: {clean(str(error), secrets)}")


def _silence(route: Route, options: Options) -> ModelTimeout:
    seconds = seconds_of_silence(route, options)
    return ModelTimeout(f"{route.provider} was silent for {seconds:g} s.", next="Try again later.")
