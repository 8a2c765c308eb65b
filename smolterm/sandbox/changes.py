"""What the sandbox changed in staged files: collected from its process, shown, chosen from.

The process is hostile: it says which paths, and gives the bytes. What stands there now is read by
the host itself, so a diff is always one against the real file.
"""

from __future__ import annotations

import errno
import unicodedata
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol

import msgspec

from smolterm.errors import SandboxError, UsageError
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.hunks import Hunk, apply_hunks, find_hunks
from smolterm.threads import in_daemon_thread

PIECE = 4 * 1024 * 1024
"""Bytes fetched at once."""
MOST_BYTES = 512 * 1024 * 1024
"""Of all changed files together."""
MOST_SHOWN = 64 * 1024 * 1024
"""Bytes of an original that is read to be compared."""


class Ask(Protocol):
    """Asks the sandbox's process between cells; `Interpreter.ask` does."""

    async def __call__(
        self, op: str, args: dict[str, Any], raw: bytes = b"", /
    ) -> tuple[dict[str, Any], bytes]: ...


_Path = Annotated[str, msgspec.Meta(max_length=16_384)]


class Change(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One file that is not as the original is."""

    path: str
    """Inside the sandbox: `/files/data/report.csv`."""
    kind: Literal["created", "changed", "deleted"]
    before: bytes | None
    """The original's bytes; None where there is none, or it is too large to be compared."""
    after: bytes | None
    """None for a deleted file, and where `refused` says why there is nothing to write."""
    executable: bool = False
    """Of a created file."""
    version: str = ""
    """Of the original that `before` was read from."""
    refused: str = ""
    """Why it cannot be committed; empty when it can."""

    @cached_property
    def hunks(self) -> tuple[Hunk, ...]:
        """The changes in groups of lines, numbered from 1; each can be committed by itself."""
        return find_hunks(self.before or b"", self.after or b"")

    def diff(self) -> str:
        """Return a unified diff; a front end filters it like everything from the sandbox."""
        before = "/dev/null" if self.kind == "created" else self.path
        after = "/dev/null" if self.kind == "deleted" else self.path
        return f"--- {before}\n+++ {after}\n" + "".join(hunk.text for hunk in self.hunks)

    def with_hunks(self, numbers: Collection[int]) -> Change:
        """Return the change that only these hunks make.

        Raises:
            UsageError: there is no such hunk.
        """
        known = {hunk.number for hunk in self.hunks}
        if unknown := sorted(set(numbers) - known):
            raise UsageError(f"{self.path} has no hunk {unknown[0]}.")
        if set(numbers) == known:
            return self
        if self.kind == "deleted":
            raise UsageError(f"{self.path} is deleted as a whole or not at all.")
        after = apply_hunks(self.before or b"", self.after or b"", self.hunks, numbers)
        return msgspec.structs.replace(self, after=after)


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the code left in `/out`."""

    name: str
    """Below `/out`, with slashes."""
    data: bytes


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was moved inside without being read: its bytes are only in the original."""

    path: str
    origin: str
    data: bytes | None
    """None where there are too many, or they are no more."""


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """All that differs, by path."""

    files: tuple[Change, ...] = ()
    folders: tuple[str, ...] = ()
    """Deleted ones, the deepest first; they go when they are empty."""
    results: tuple[Result, ...] = ()
    moved: tuple[Moved, ...] = ()

    def choose(
        self,
        paths: Collection[str] | None = None,
        hunks: Mapping[str, Collection[int]] | None = None,
    ) -> Changes:
        """Return only what was accepted: whole files, hunks of others, all when neither is given.

        Raises:
            UsageError: a path did not change, or has no such hunk.
        """
        if paths is None and hunks is None:
            return self
        by_path = {change.path: change for change in self.files}
        chosen = dict.fromkeys(paths or ()) | dict(hunks or {})
        if unknown := [path for path in chosen if path not in by_path and path not in self.folders]:
            raise UsageError(f"{unknown[0]} did not change.")
        files = [
            by_path[path] if numbers is None else by_path[path].with_hunks(numbers)
            for path, numbers in sorted(chosen.items())
            if path in by_path
            and (numbers is None or numbers)
            # The file can come once the folder of that name is gone.
            and not (by_path[path].refused and path in self.folders)
        ]
        gone = {change.path for change in files if change.kind == "deleted"}
        folders = [
            one
            for one in self.folders
            if one in chosen or any(path.startswith(one + "/") for path in gone)
        ]
        return Changes(files=tuple(files), folders=tuple(folders))


class _Told(msgspec.Struct, frozen=True):
    """One change as the process tells it; see `Changed` in changes.ts."""

    path: _Path
    kind: Literal["created", "changed", "deleted", "folder"]
    mode: int = 0
    base: Annotated[str, msgspec.Meta(max_length=64)] = ""
    origin: _Path = ""
    version: Annotated[str, msgspec.Meta(max_length=64)] = ""
    link: str | None = None

    @property
    def folder(self) -> bool:
        return self.kind == "folder" or (self.kind == "deleted" and not self.base)


class _Listing(msgspec.Struct, frozen=True):
    changes: Annotated[list[_Told], msgspec.Meta(max_length=200_000)]


async def collect(files: StagedFiles, ask: Ask) -> Changes:
    """Ask the process what changed, and compare it with the originals.

    Raises:
        SandboxError: the process says nothing usable, or has more than can be compared.
    """
    said, _ = await ask("changes", {})
    try:
        listing = msgspec.convert(said, type=_Listing)
    except msgspec.ValidationError as error:
        raise SandboxError(f"The sandbox's list of changes cannot be read: {error}") from None
    told = {one.path: one for one in listing.changes if not one.folder}
    gone = [one.path for one in listing.changes if one.folder and one.kind == "deleted"]
    data: dict[str, bytes] = {}
    left = MOST_BYTES
    for path, one in told.items():
        if one.kind != "deleted" and one.link is None and not one.origin and _known(files, path):
            data[path] = await _fetch(ask, path, left)
            left -= len(data[path])
    changes = await in_daemon_thread(_compare, files, told, data)
    folders = sorted(
        (path for path in set(gone) if _place(files, path)),
        key=lambda path: (-path.count("/"), path),
    )
    return msgspec.structs.replace(changes, folders=tuple(folders))


async def _fetch(ask: Ask, path: str, most: int) -> bytes:
    pieces: list[bytes] = []
    while True:
        offset = sum(map(len, pieces))
        _, piece = await ask("fetch", {"path": path, "offset": offset, "length": PIECE})
        pieces.append(piece)
        if offset + len(piece) > most:
            raise SandboxError("The changed files are too large to be compared.")
        if len(piece) < PIECE:
            return b"".join(pieces)


def _known(files: StagedFiles, path: str) -> bool:
    return bool(_result_name(path)) or _place(files, path)


def _result_name(path: str) -> str:
    if not path.startswith("/out/") or "\0" in path:
        return ""
    names = path[5:].split("/")
    return "" if any(name in ("", ".", "..") for name in names) else path[5:]


def _place(files: StagedFiles, path: str) -> bool:
    """Tell whether a path lies in a mount, or is one that is a file."""
    try:
        mount, names = files.find(path)
    except OSError:
        return False
    return bool(names) or mount.name is not None


def _compare(files: StagedFiles, told: Mapping[str, _Told], data: Mapping[str, bytes]) -> Changes:
    found: list[Change] = []
    results: list[Result] = []
    moved: list[Moved] = []
    for path in sorted(told):
        one = told[path]
        if name := _result_name(path):
            if path in data:
                results.append(Result(name=name, data=data[path]))
        elif not _place(files, path):
            continue
        else:
            after, why = data.get(path), ""
            if one.origin and one.link is None:
                after, why = _moved(files, one)
                moved.append(Moved(path=path, origin=one.origin, data=after))
            if change := _change(files, one, after, why):
                found.append(change)
    return Changes(files=tuple(found), results=tuple(results), moved=tuple(moved))


def _change(files: StagedFiles, one: _Told, after: bytes | None, why: str) -> Change | None:
    """Build one change from what is told and what stands there; None when nothing differs."""
    refused = forbidden(files, one.path) or why
    if one.link is not None:
        refused = refused or "it is a symbolic link"
    try:
        original = files.original(one.path, MOST_SHOWN)
    except OSError as error:
        why = {
            errno.EACCES: "it is no regular file",
            errno.EISDIR: "there is a folder of that name",
            errno.ENOTDIR: "a file, or a link, stands where its folder would be",
        }.get(error.errno or 0, error.strerror or str(error))
        return Change(path=one.path, kind="changed", before=None, after=after, refused=why)
    if original is None:
        if one.kind == "deleted":
            return None
        if one.kind == "changed":
            refused = refused or "the original is gone"
        return Change(
            path=one.path, kind="created", before=None, after=after, refused=refused,
            executable=bool(one.mode & 0o100),
        )  # fmt: skip
    if one.kind != "deleted" and after is not None and after == original.data:
        return None
    ours = files.written.get(one.path) == original.version
    if one.base != original.version and not ours:
        refused = refused or (
            "the original changed meanwhile" if one.base else "there is such a file by now"
        )
    return Change(
        path=one.path,
        kind="deleted" if one.kind == "deleted" else "changed",
        before=original.data,
        after=after,
        version=original.version,
        refused=refused,
    )


def _moved(files: StagedFiles, one: _Told) -> tuple[bytes | None, str]:
    """Read the bytes of a file that was moved without being opened; or why there are none."""
    if not _place(files, one.origin):
        return None, "its bytes are nowhere"
    try:
        original = files.original(one.origin, MOST_SHOWN)
    except OSError:
        original = None
    if original is None or original.version != one.version:
        return None, f"{one.origin}, which it was, changed meanwhile"
    if original.data is None:
        return None, "it is too large"
    return original.data, ""


def forbidden(files: StagedFiles, path: str) -> str:
    """Return why nothing may be written to a path, whatever it holds; empty when it may."""
    mount, names = files.find(path)
    if not mount.writable:
        return f"{mount.at} is mounted to be read only"
    if any(_is_git(name) for name in (*mount.source.parts, *names)):
        return "it belongs to git"
    return ""


def _is_git(name: str) -> bool:
    """Also as file systems read it that ignore case and invisible characters."""
    seen = "".join(
        c for c in unicodedata.normalize("NFKC", name) if unicodedata.category(c) != "Cf"
    )
    return seen.casefold().rstrip(". ") == ".git" or seen.casefold() == "git~1"
