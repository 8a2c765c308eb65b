"""Downloads: each of known hash, bounded in size and time, into the cache or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, TypeVar
from urllib.parse import unquote, urljoin, urlsplit

import msgspec

from smolterm.errors import FetchFailed, PackageDamaged, PackageError, PackageMissing
from smolterm.packages import Item, megabytes
from smolterm.packages.cache import Cache, settle
from smolterm.packages.pip import PipSettings
from smolterm.packages.resolve import Located
from smolterm.packages.unpack import BadWheel, import_names, members

T = TypeVar("T")

PIECE = 1 << 16
MOST_REDIRECTS = 5
TRIES = 2
"""A cut line is worth another try; a wrong hash is not."""


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one download may take."""

    most_bytes: int = 512 << 20
    connect_seconds: float = 15.0
    idle_seconds: float = 30.0
    """Without a byte from the server."""
    seconds: float = 900.0
    """In all."""


class _Cut(Exception):
    """The line broke or the server failed for now."""


class Fetcher:
    """Connections that follow the user's pip configuration: certificates, proxy, credentials.

    Args:
        settings: see `pip_settings`.
        limits: for each file.
    """

    def __init__(self, settings: PipSettings, limits: FetchLimits) -> None:
        self._settings = settings
        self._limits = limits
        self._clients: dict[bool, Any] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Fetcher:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def size(self, located: Located) -> int | None:
        """Return the size of a file in bytes without fetching it; None when nobody says.

        Raises:
            PackageMissing: it is not there.
            FetchFailed: the server cannot be reached, or refuses.
        """
        if (path := local_path(located.url)) is not None:
            try:
                return path.stat().st_size
            except OSError:
                raise _absent(located) from None
        try:
            async with self._open("HEAD", located) as response:
                return _length(response)
        except _Cut as cut:
            raise FetchFailed(
                f"{server_of(located.url)} could not be reached: {cut}.",
                kept="Nothing was downloaded.",
            ) from None

    async def fetch(
        self, located: Located, cache: Cache, size: int | None, on_bytes: Callable[[int], None]
    ) -> Item:
        """Bring a file into the cache and return its item, import names filled in.

        Args:
            size: what was announced; more is refused.
            on_bytes: told how many came since it was last called; negative when starting over.

        Raises:
            PackageMissing: it is not there.
            FetchFailed: unreachable, cut, slow, sent elsewhere.
            PackageDamaged: too long, another hash, or a wheel that would write elsewhere.
            PackageError: the disk is full.
        """
        item = located.item
        for left in reversed(range(TRIES)):
            came = 0
            with cache.writing() as (file, path):
                digest = hashlib.sha256()
                try:
                    async with asyncio.timeout(self._limits.seconds):
                        async for piece in self._pieces(located):
                            came += len(piece)
                            on_bytes(len(piece))
                            self._check_length(item, came, size)
                            digest.update(piece)
                            file.write(piece)
                except _Cut as cut:
                    on_bytes(-came)
                    if left:
                        continue
                    raise _failed(located, str(cut)) from None
                except TimeoutError:
                    why = f"it took longer than {self._limits.seconds:g} s"
                    raise _failed(located, why) from None
                if digest.hexdigest() != item.sha256:
                    raise _damaged(item, "its SHA-256 is not the one that was promised")
                file.flush()
                item = await asyncio.to_thread(judged, item, file)
                await asyncio.to_thread(settle, file, path, cache.wheel(item))
            return item
        raise AssertionError  # the last try returns or raises

    def _check_length(self, item: Item, came: int, size: int | None) -> None:
        if size is not None and came > size:
            raise _damaged(item, f"it is longer than the {megabytes(size)} that were announced")
        if came > self._limits.most_bytes:
            raise _damaged(item, f"it is larger than {megabytes(self._limits.most_bytes)}")

    async def _pieces(self, located: Located) -> AsyncIterator[bytes]:
        if (path := local_path(located.url)) is not None:
            try:
                with path.open("rb") as source:
                    while piece := await asyncio.to_thread(source.read, 1 << 20):
                        yield piece
            except OSError:
                raise _absent(located) from None
            return
        import httpx

        try:
            async with self._open("GET", located) as response:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise _failed(located, "the server changed its encoding")
                length = _length(response)
                self._check_length(located.item, length or 0, None)
                came = 0
                async for piece in response.aiter_raw(PIECE):
                    came += len(piece)
                    yield piece
                if length is not None and came < length:
                    raise _Cut(f"it ended after {came} of {length} bytes")
        except httpx.TimeoutException:
            raise _Cut(f"the server was silent for {self._limits.idle_seconds:g} s") from None
        except httpx.TransportError as error:
            raise _Cut(f"the connection broke ({type(error).__name__})") from None

    @asynccontextmanager
    async def _open(self, method: str, located: Located) -> AsyncIterator[Any]:
        """Open a response with status 200, following redirects within the same server alone."""
        import httpx

        url = located.url
        for _ in range(MOST_REDIRECTS):
            client = await self._client(url)
            request = client.build_request(method, url, headers={"Accept-Encoding": "identity"})
            try:
                response = await client.send(request, stream=True, auth=self._credentials(url))
            except httpx.ConnectTimeout:
                raise _Cut("the server did not answer") from None
            except httpx.TimeoutException:
                raise _Cut(f"the server was silent for {self._limits.idle_seconds:g} s") from None
            except httpx.TransportError as error:
                raise _Cut(_plain(error)) from None
            try:
                if response.status_code == 200:
                    yield response
                    return
                if not response.has_redirect_location:
                    raise _refused(located, response.status_code)
                target = urljoin(url, response.headers["location"])
                if server_of(target) != server_of(url):
                    # The index named this server and no other.
                    raise _failed(located, f"it was sent elsewhere, to {server_of(target)}")
                url = target
            finally:
                await response.aclose()
        raise _failed(located, "it was sent round in circles")

    async def _client(self, url: str) -> Any:
        trusted = urlsplit(url).hostname in self._settings.trusted_hosts
        if trusted not in self._clients:
            import ssl

            import httpx

            values = self._settings.values
            verify: Any = not trusted
            if not trusted and "cert" in values:
                verify = await asyncio.to_thread(ssl.create_default_context, cafile=values["cert"])
            client = httpx.AsyncClient(
                verify=verify,
                proxy=values.get("proxy") or None,
                timeout=httpx.Timeout(
                    self._limits.idle_seconds, connect=self._limits.connect_seconds
                ),
                headers={"User-Agent": "smolterm"},
            )
            self._clients[trusted] = await self._stack.enter_async_context(client)
        return self._clients[trusted]

    def _credentials(self, url: str) -> Any:
        """Return what the user configured for this server; nothing is sent to any other."""
        for index in self._settings.indexes:
            parts = urlsplit(index)
            if parts.username and server_of(index) == server_of(url):
                return unquote(parts.username), unquote(parts.password or "")
        import netrc

        try:
            found = netrc.netrc().authenticators(urlsplit(url).hostname or "")
        except (OSError, netrc.NetrcParseError):
            return None
        return (found[0], found[2] or "") if found and urlsplit(url).scheme == "https" else None


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run side by side; the first failure ends the others and is raised alone."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def local_path(url: str) -> Path | None:
    """Return the path of a `file:` address, None for any other."""
    from urllib.request import url2pathname

    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def server_of(url: str) -> str:
    """Return scheme, host and port, without credentials; the folder for a `file:` address."""
    if (path := local_path(url)) is not None:
        return str(path.parent)
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"


def judged(item: Item, file: IO[bytes] | Path) -> Item:
    """Look at a wheel's list of files before it is let in; nothing of it is run."""
    try:
        with zipfile.ZipFile(file) as archive:
            found = members(archive, item.kind)
    except (BadWheel, zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError) as error:
        raise PackageDamaged(
            f"{item.filename} is not a wheel to unpack: {error}.",
            kept="It was not kept, and nothing of it was run.",
            next="Report this to whoever publishes the package.",
        ) from None
    if item.imports or item.kind == "shared_library":
        return item
    names = import_names(path for _, scheme, path in found if scheme == "site")
    return msgspec.structs.replace(item, imports=tuple(names))


def _length(response: Any) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _plain(error: Exception) -> str:
    said = str(error) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in said)[:200]


def _failed(located: Located, why: str) -> FetchFailed:
    item = located.item
    return FetchFailed(
        f"{item.filename} could not be fetched from {server_of(located.url)}: {why}.",
        kept="Nothing half-finished was kept.",
        next=f"Try again: smolterm packages add {item.name}.",
    )


def _absent(located: Located) -> PackageMissing:
    return PackageMissing(
        f"{server_of(located.url)} has no {located.item.filename}.",
        kept="Nothing half-finished was kept.",
    )


def _refused(located: Located, status: int) -> Exception:
    if status >= 500 or status == 429:
        return _Cut(f"the server failed with status {status}")
    if status in (404, 410):
        return _absent(located)
    if status in (401, 403, 407):
        return _failed(located, f"the server wants credentials (status {status})")
    return _failed(located, f"the server answered with status {status}")


def _damaged(item: Item, why: str) -> PackageError:
    return PackageDamaged(
        f"{item.filename} is not what was asked for: {why}.",
        kept="It was not kept.",
        next=f"Try again: smolterm packages add {item.name}. If it stays so, the server is wrong.",
    )
