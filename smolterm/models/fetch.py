"""Getting a model's file: gigabytes, so a broken line goes on where it broke.

What came so far is kept in a file of its own, whatever happens, and moved to its place once its
size and SHA-256 are right. `huggingface_hub` is asked for what a name means (see `hub.py`); it
cannot fetch the bytes: its downloads begin at zero after an interruption.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urljoin, urlsplit

import msgspec

from smolterm.errors import DownloadFailed, FileDamaged, NoSpace, UsageError
from smolterm.models.catalogue import Entry
from smolterm.models.library import (
    SUFFIX,
    About,
    Tell,
    about,
    make_folder,
    remember,
    sha256_of,
    size,
)
from smolterm.models.machine import free_disk
from smolterm.models.providers import is_loopback
from smolterm.printable import printable

HUB = "https://huggingface.co"
MOST_REDIRECTS = 5
PIECE = 1 << 20
"""Bytes written and hashed at once, in a thread."""
RESERVE = 256 << 20
"""Bytes of the disk that stay free."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a repository, pinned."""

    repository: str
    revision: str
    file: str
    bytes: int
    sha256: str = ""
    """Empty: nobody says what it is, and it is not compared."""

    @property
    def name(self) -> str:
        """The file's name without folders."""
        return self.file.rpartition("/")[2]


def pin_of(entry: Entry) -> Wanted:
    """Return the pin of a catalogue's entry."""
    return Wanted(
        repository=entry.repository, revision=entry.revision, file=entry.file,
        bytes=entry.bytes, sha256=entry.sha256,
    )  # fmt: skip


class FetchLimits(msgspec.Struct, frozen=True, kw_only=True):
    """How long to go on."""

    connect_seconds: float = 15.0
    idle_seconds: float = 30.0
    """Without a byte from the server."""
    tries: int = 6
    """In a row that bring nothing new."""
    first_wait: float = 0.5
    """Seconds before the second try; they double with each."""


class _Cut(Exception):
    """The line broke, or the server failed for now."""


def checked(repository: str, file: str, revision: str) -> None:
    """Refuse names that are none before they become addresses and paths.

    Raises:
        UsageError: says which.
    """
    if not re.fullmatch(r"[\w.-]{1,96}/[\w.-]{1,96}", repository, re.A) or ".." in repository:
        raise UsageError(f"{printable(repository)!r} is no repository.", next="Write OWNER/NAME.")
    parts = file.split("/")
    if not file.lower().endswith(SUFFIX) or not all(
        re.fullmatch(r"[\w+=@ -][\w.+=@ -]{0,200}", part, re.A) for part in parts
    ):
        raise UsageError(f"{printable(file)!r} is no GGUF file.", next="Name a file in .gguf.")
    if re.search(r"-\d{5}-of-\d{5}\.gguf$", file, re.I):
        raise UsageError(
            f"{file} is one part of a split model.", next="Choose a file that is whole."
        )
    if not re.fullmatch(r"[\w][\w./-]{0,99}", revision, re.A) or ".." in revision:
        raise UsageError(f"{printable(revision)!r} is no revision.")


async def fetch_model(
    wanted: Wanted,
    folder: Path,
    tell: Tell,
    *,
    endpoint: str = "",
    token: str = "",
    limits: FetchLimits | None = None,
) -> Path:
    """Bring a file into the folder and return its path; at once when it is there already.

    Args:
        tell: called often; what is here may fall back to 0 when a server cannot go on.
        endpoint: the hub's address; `HF_ENDPOINT`, or the public one, by default.
        token: sent to the endpoint alone.

    Raises:
        UsageError: a name that is none, or another file has this name.
        NoSpace: said before anything is fetched, wherever possible.
        LibraryError: the folder cannot be written.
        DownloadFailed: what came is kept, and the next call goes on from there.
        FileDamaged: what came is not what was pinned; it is not kept.
    """
    checked(wanted.repository, wanted.file, wanted.revision)
    target = folder / wanted.name
    if await asyncio.to_thread(_is_there, target, wanted):
        return target
    endpoint = endpoint or hub_address()
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise DownloadFailed(
            f"{wanted.name} is not here, and HF_HUB_OFFLINE forbids to fetch it.",
            next="Copy the file here: smolterm models get PATH.",
        )
    # A partial file belongs to one file of one revision.
    pin = hashlib.sha256(f"{wanted.repository}@{wanted.revision}/{wanted.file}".encode())
    part = folder / f".{wanted.name}.{pin.hexdigest()[:12]}.part"
    with _locked(part, wanted) as file:
        transfer = _Transfer(wanted, file, part, tell, limits or FetchLimits())
        await transfer.run(_address(endpoint, wanted), token)
        await asyncio.to_thread(os.fsync, file.fileno())
        remember(target, _about(wanted, transfer.sha256))
        part.replace(target)
    return target


def partial_bytes(wanted: Wanted, folder: Path) -> int:
    """Return how much of a file an earlier attempt left."""
    pattern = f".{wanted.name}.*.part"
    return max((path.stat().st_size for path in folder.glob(pattern)), default=0)


class _Transfer:
    """One file on its way: what is here, its hash so far, and how often the line broke."""

    def __init__(
        self, wanted: Wanted, file: IO[bytes], part: Path, tell: Tell, limits: FetchLimits
    ) -> None:
        self._wanted, self._file, self._part = wanted, file, part
        self._tell, self._limits = tell, limits
        self._here = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def run(self, url: str, token: str) -> None:
        """Fetch what is missing, and compare the whole."""
        await asyncio.to_thread(self._take_up)
        self._check_space()
        failed = 0
        while self._here < self._wanted.bytes:
            before = self._here
            try:
                await self._go_on(url, token)
            except _Cut as cut:
                failed = 0 if self._here > before else failed + 1
                if failed >= self._limits.tries:
                    raise self._failed(str(cut)) from None
                await asyncio.sleep(min(self._limits.first_wait * 2 ** max(failed - 1, 0), 10))
        if self._wanted.sha256 and self.sha256 != self._wanted.sha256:
            raise self._damaged("its SHA-256 is not the one that is pinned")

    def _take_up(self) -> None:
        """Hash what an earlier attempt left."""
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() > self._wanted.bytes:
            self._file.truncate(0)
        self._file.seek(0)
        while piece := self._file.read(PIECE):
            self._digest.update(piece)
            self._here += len(piece)
        self._tell(self._here, self._wanted.bytes)

    def _check_space(self) -> None:
        missing = self._wanted.bytes - self._here
        free = free_disk(self._part.parent)
        if missing and missing + RESERVE > free:
            raise self._no_space(f"{size(missing)} more are needed and {size(free)} are free")

    async def _go_on(self, url: str, token: str) -> None:
        import httpx

        buffer = bytearray()
        try:
            async with _opened(url, self._here, token, self._limits) as response:
                self._begin(response)
                async for piece in response.aiter_raw():
                    buffer += piece
                    if self._here + len(buffer) > self._wanted.bytes:
                        raise self._damaged("it is longer than announced")
                    if len(buffer) >= PIECE:
                        await self._write(buffer)
        except httpx.TimeoutException:
            raise _Cut(f"the server was silent for {self._limits.idle_seconds:g} s") from None
        except httpx.TransportError as error:
            raise _Cut(_plain(error)) from None
        finally:
            if self._here + len(buffer) <= self._wanted.bytes:
                self._keep(bytes(buffer))
        if self._here < self._wanted.bytes:
            raise _Cut(f"it ended after {size(self._here)} of {size(self._wanted.bytes)}")

    def _begin(self, response: Any) -> None:
        """Compare what the server is about to send with what was asked for."""
        status = response.status_code
        if response.headers.get("content-encoding", "identity") != "identity":
            raise self._failed("the server changed its encoding")
        if status == 416:
            self._start_over()
            raise _Cut("the server has no such part of it")
        if status == 206:
            found = re.fullmatch(
                r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", "")
            )
            if not found or int(found[1]) != self._here:
                self._start_over()
                raise _Cut("the server sent another part than was asked for")
            total = found[2]
        elif status == 200:
            if self._here:
                self._start_over()
            total = response.headers.get("content-length", "*")
        else:
            raise self._refused(status)
        if total.isdigit() and int(total) != self._wanted.bytes:
            raise self._damaged(
                f"the server has {int(total):,} bytes instead of {self._wanted.bytes:,}"
            )

    async def _write(self, buffer: bytearray) -> None:
        piece = bytes(buffer)
        buffer.clear()
        writing = asyncio.ensure_future(asyncio.to_thread(self._keep, piece))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            # What the thread is writing stands before all that comes after it.
            await writing
            raise

    def _keep(self, piece: bytes) -> None:
        view = memoryview(piece)
        try:
            while view:
                written = self._file.write(view)
                self._digest.update(view[:written])
                self._here += written
                view = view[written:]
        except OSError as error:
            if error.errno not in _FULL:
                raise self._failed(f"it cannot be written: {error.strerror}") from None
            raise self._no_space("there is no more room") from None
        if piece:
            self._tell(self._here, self._wanted.bytes)

    def _start_over(self) -> None:
        self._file.seek(0)
        self._file.truncate(0)
        self._digest, self._here = hashlib.sha256(), 0
        self._tell(0, self._wanted.bytes)

    def _failed(self, why: str) -> DownloadFailed:
        return DownloadFailed(
            f"{self._wanted.name} could not be fetched: {why}.",
            kept=f"{size(self._here)} of it are kept." if self._here else "",
            next="Try again: the same command goes on from there.",
        )

    def _refused(self, status: int) -> Exception:
        if status >= 500 or status in (408, 425, 429):
            return _Cut(f"the server failed with status {status}")
        if status in (401, 403):
            return self._failed(
                f"the server wants a token that may read {self._wanted.repository} (status "
                f"{status}); accept its terms there and set HF_TOKEN"
            )
        if status in (404, 410):
            return self._failed(f"{self._wanted.repository} has no such file at that revision")
        return self._failed(f"the server answered with status {status}")

    def _damaged(self, why: str) -> FileDamaged:
        self._part.unlink(missing_ok=True)
        return FileDamaged(
            f"{self._wanted.name} is not what was asked for: {why}.",
            kept="It was not kept.",
            next="Try again. If it stays so, the server is wrong.",
        )

    def _no_space(self, why: str) -> NoSpace:
        return NoSpace(
            f"{self._part.parent} cannot hold {self._wanted.name}: {why}.",
            kept=f"{size(self._here)} of it are kept." if self._here else "Nothing was fetched.",
            next="Free space and try again, or let SMOLTERM_DATA name a larger disk's folder.",
        )


@asynccontextmanager
async def _opened(url: str, offset: int, token: str, limits: FetchLimits) -> AsyncIterator[Any]:
    """Open a response, following redirects; the token stays with the first server."""
    import httpx

    timeout = httpx.Timeout(limits.idle_seconds, connect=limits.connect_seconds)
    origin = urlsplit(url)
    async with httpx.AsyncClient(timeout=timeout, trust_env=not is_loopback(url)) as client:
        for _ in range(MOST_REDIRECTS + 1):
            headers = {"Accept-Encoding": "identity", "User-Agent": "smolterm"}
            if offset:
                headers["Range"] = f"bytes={offset}-"
            here = urlsplit(url)
            if token and (here.scheme, here.netloc) == (origin.scheme, origin.netloc):
                headers["Authorization"] = f"Bearer {token}"
            request = client.build_request("GET", url, headers=headers)
            response = await client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                url = urljoin(url, response.headers["location"])
            finally:
                await response.aclose()
            if urlsplit(url).scheme not in ("https", origin.scheme):
                raise _Cut("it was sent to an address without encryption")
    raise _Cut("it was sent round in circles")


@contextmanager
def _locked(part: Path, wanted: Wanted) -> Iterator[IO[bytes]]:
    """Open the partial file for one process alone; an empty one is not left behind."""
    with part.open("ab", buffering=0) as made, part.open("r+b", buffering=0) as file:
        try:
            fcntl.flock(made, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"{wanted.name} is being fetched by another process.", next="Wait for that one."
            ) from None
        try:
            yield file
        finally:
            if part.exists() and not part.stat().st_size:
                part.unlink()


def _is_there(target: Path, wanted: Wanted) -> bool:
    """Whether the very file is there already; makes the folder where nothing is."""
    if not target.exists():
        make_folder(target.parent)
        return False
    known = about(target)
    if target.stat().st_size != wanted.bytes or (
        known.sha256 and wanted.sha256 not in ("", known.sha256)
    ):
        raise UsageError(
            f"{target} is there already and is another file.",
            next=f"Remove it first: smolterm models remove {target.stem}",
        )
    if not known.sha256 and wanted.sha256:
        if sha256_of(target) != wanted.sha256:
            raise FileDamaged(
                f"{target} is there already, and its SHA-256 is not the one that is pinned.",
                kept="It was not changed.",
                next=f"Remove it and get it again: smolterm models remove {target.stem}",
            )
        remember(target, _about(wanted, wanted.sha256))
    return True


def _about(wanted: Wanted, sha256: str) -> About:
    return About(repository=wanted.repository, revision=wanted.revision, sha256=sha256)


def hub_address() -> str:
    """Return where models are fetched from: `HF_ENDPOINT`, or the public hub."""
    return os.environ.get("HF_ENDPOINT", "") or HUB


def _address(endpoint: str, wanted: Wanted) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"HF_ENDPOINT={endpoint!r} is no address of a server.")
    path = f"{wanted.repository}/resolve/{quote(wanted.revision, safe='')}/{quote(wanted.file)}"
    return f"{endpoint.rstrip('/')}/{path}"


def _plain(error: Exception) -> str:
    said = printable(str(error)).replace("\n", " ")[:200]
    return f"the connection broke ({said or type(error).__name__})"
