"""Models that run on this machine already: Ollama, LM Studio, llama-server, vLLM and their like.

Asked on the loopback interface alone, all at once, and without a key. Whatever listens there may
be anybody's program: its answers are bounded in size and time, its redirects are not followed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlsplit

import msgspec

from smolterm.errors import ConfigError
from smolterm.models.providers import PROVIDERS, address_of, is_loopback

Kind: TypeAlias = Literal["ollama", "lmstudio", "llama-server", "vllm"]
T = TypeVar("T")

CONNECT_SECONDS = 0.3
SECONDS = 2.0
"""For all questions to one server together."""
MOST_BYTES = 2_000_000
"""Of one answer."""
MOST_MODELS = 200
LONGEST_NAME = 200
"""Characters."""


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """One model that a server offers."""

    name: str
    bytes: int | None = None
    context: int | None = None
    """Tokens, where the server says."""
    loaded: bool = False


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server that answered."""

    kind: Kind
    title: str
    base_url: str
    loading: bool = False
    """It is there and not ready."""
    models: tuple[Served, ...] = ()

    def choice(self, model: Served) -> str:
        """Return the name that `--model` takes."""
        return f"{self.kind}/{model.name}"


def places(environ: Mapping[str, str] = os.environ) -> dict[Kind, str]:
    """Return the address of each server; one that was moved off this machine is left out."""
    found: dict[Kind, str] = {}
    kinds: tuple[Kind, ...] = ("ollama", "lmstudio", "llama-server", "vllm")
    for kind in kinds:
        with suppress(ConfigError):
            base = address_of(kind, environ)
            if is_loopback(base):
                found[kind] = base
    return found


async def find_servers(
    addresses: Mapping[Kind, str] | None = None, *, seconds: float = SECONDS
) -> list[Server]:
    """Return the servers that answer; a few milliseconds where none listens.

    Args:
        addresses: base URLs with `/v1`, of this machine; `places()` by default.
        seconds: for each server.
    """
    wanted = places() if addresses is None else addresses
    asked = (_ask(kind, base, seconds) for kind, base in wanted.items() if is_loopback(base))
    return [server for server in await asyncio.gather(*asked) if server is not None]


async def _ask(kind: Kind, base: str, seconds: float) -> Server | None:
    if not await _listens(base):
        return None
    import httpx

    root = base.removesuffix("/v1")
    timeout = httpx.Timeout(seconds)
    try:
        # No proxy: it could not reach this machine's own servers, and would learn of them.
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                timeout=timeout,
                trust_env=False,
                follow_redirects=False,
                verify=False,  # noqa: S501
            ) as client,
        ):
            found = await _PROBES[kind](client, root)
    except (TimeoutError, httpx.HTTPError, _Odd):
        return None
    if found is None:
        return None
    loading, models = found
    return Server(
        kind=kind, title=PROVIDERS[kind].title, base_url=base, loading=loading,
        models=tuple(models[:MOST_MODELS]),
    )  # fmt: skip


async def _listens(base: str) -> bool:
    parts = urlsplit(base)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            _, writer = await asyncio.open_connection(parts.hostname, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True


class _Odd(Exception):
    """The answer is not what such a server says."""


_Found: TypeAlias = tuple[bool, list[Served]] | None


class _Tag(msgspec.Struct):
    name: str
    size: int | None = None


class _Tags(msgspec.Struct):
    models: list[_Tag]


class _Running(msgspec.Struct):
    name: str
    context_length: int | None = None


class _Process(msgspec.Struct):
    models: list[_Running]


async def _ollama(client: Any, root: str) -> _Found:
    tags = await _get(client, f"{root}/api/tags", _Tags)
    running: dict[str, _Running] = {}
    with suppress(_Odd):
        told = await _get(client, f"{root}/api/ps", _Process)
        running = {each.name: each for each in told.models}
    return False, [
        Served(name=tag.name, bytes=_count(tag.size), loaded=tag.name in running,
               context=_count(running[tag.name].context_length) if tag.name in running else None)
        for tag in tags.models if _sound(tag.name)
    ]  # fmt: skip


class _Settings(msgspec.Struct):
    context_length: int | None = None


class _Instance(msgspec.Struct):
    config: _Settings | None = None


class _Studio(msgspec.Struct):
    key: str = ""
    id: str = ""
    type: str = "llm"
    size_bytes: int | None = None
    max_context_length: int | None = None
    loaded_context_length: int | None = None
    loaded_instances: list[_Instance] = []
    state: str = ""


class _StudioModels(msgspec.Struct):
    models: list[_Studio]


class _StudioOlder(msgspec.Struct):
    data: list[_Studio]


async def _lmstudio(client: Any, root: str) -> _Found:
    try:
        listed = (await _get(client, f"{root}/api/v1/models", _StudioModels)).models
    except _Odd:
        listed = (await _get(client, f"{root}/api/v0/models", _StudioOlder)).data
    models = []
    for each in listed:
        name, loaded = each.key or each.id, bool(each.loaded_instances) or each.state == "loaded"
        context = each.loaded_context_length or each.max_context_length
        if each.loaded_instances and each.loaded_instances[0].config is not None:
            context = each.loaded_instances[0].config.context_length or context
        if each.type in ("llm", "vlm") and _sound(name):
            models.append(Served(name=name, bytes=_count(each.size_bytes),
                                 context=_count(context), loaded=loaded))  # fmt: skip
    return False, models


class _Meta(msgspec.Struct):
    size: int | None = None
    n_ctx_train: int | None = None


class _Card(msgspec.Struct):
    id: str
    max_model_len: int | None = None
    meta: _Meta | None = None


class _Cards(msgspec.Struct):
    data: list[_Card]


class _Health(msgspec.Struct):
    status: str = ""
    error: Any = None


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class _Props(msgspec.Struct):
    default_generation_settings: _Generation


async def _llama_server(client: Any, root: str) -> _Found:
    health = await _get(client, f"{root}/health", _Health, also=(503,))
    if health.status != "ok":
        return (True, []) if health.error is not None else None
    cards = await _get(client, f"{root}/v1/models", _Cards)
    context = None
    with suppress(_Odd):
        props = await _get(client, f"{root}/props", _Props)
        context = _count(props.default_generation_settings.n_ctx)
    return False, [
        Served(name=card.id, loaded=True, context=context,
               bytes=_count(card.meta.size) if card.meta else None)
        for card in cards.data if _sound(card.id)
    ]  # fmt: skip


async def _openai_like(client: Any, root: str) -> _Found:
    cards = await _get(client, f"{root}/v1/models", _Cards)
    return False, [
        Served(name=card.id, loaded=True, context=_count(card.max_model_len))
        for card in cards.data
        if _sound(card.id)
    ]


_PROBES: Mapping[Kind, Callable[[Any, str], Awaitable[_Found]]] = {
    "ollama": _ollama,
    "lmstudio": _lmstudio,
    "llama-server": _llama_server,
    "vllm": _openai_like,
}


async def _get(client: Any, url: str, kind: type[T], also: tuple[int, ...] = ()) -> T:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as response:
        if response.status_code != 200 and response.status_code not in also:
            raise _Odd
        if response.headers.get("content-encoding", "identity") != "identity":
            raise _Odd
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > MOST_BYTES:
                raise _Odd
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _Odd from None


def _sound(name: str) -> bool:
    """Whether a name can be shown and typed: it will stand on a terminal and in a command."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and " " not in name


def _count(number: int | None) -> int | None:
    return number if number is not None and 0 < number < 1 << 60 else None
