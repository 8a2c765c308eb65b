"""What running code waits for besides tools: standard input, a staged file, a package."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from smolterm.errors import SmoltermError
from smolterm.packages import Wheel
from smolterm.packages.unpack import libraries, members
from smolterm.sandbox.running import Question
from smolterm.threads import in_daemon_thread

MOST_STDIN = 1 << 20


class FileSource(Protocol):
    """Answers questions for staged files; implemented by `StagedFiles`."""

    def answer(self, request: str) -> bytes: ...


class PackageSource(Protocol):
    """Gives packages; implemented by `Packages`."""

    async def provide(self, module: str) -> list[Wheel]:
        """Return what an import of this module needs."""
        ...

    async def resolve(self, requirements: Sequence[str]) -> list[Wheel]:
        """Return what these requirements need."""
        ...


class Questions:
    """Answers them for one sandbox.

    Args:
        installed: what the sandbox has; what cells import is added.
    """

    def __init__(
        self, files: FileSource | None, packages: PackageSource | None, installed: list[Wheel]
    ) -> None:
        self._files = files
        self._packages = packages
        self._installed = installed

    async def answer(self, question: Question, read_stdin: Callable[[int], bytes] | None) -> bytes:
        """Return the answer; what cannot be had is an answer too: without one, code waits on."""
        try:
            return await self._answer(question, read_stdin)
        except Exception as error:  # noqa: BLE001  a source is foreign code; this is its boundary
            why = f"{type(error).__name__}: {error}"
            return {"file": b"\1EIO", "package": _no(why)}.get(question.kind, b"")

    async def _answer(self, question: Question, read_stdin: Callable[[int], bytes] | None) -> bytes:
        if question.kind == "stdin" and read_stdin is not None:
            most = max(0, min(int(question.request), MOST_STDIN))
            return await in_daemon_thread(read_stdin, most)
        if question.kind == "file" and self._files is not None:
            return await in_daemon_thread(self._files.answer, question.request)
        if question.kind == "package":
            return await self._package(question.request)
        return b""

    async def resolve(self, requirements: Sequence[str]) -> list[Wheel]:
        """Return what is still to be installed of what these requirements need.

        Raises:
            PackageError: it cannot be had.
            SmoltermError: this sandbox has no packages.
        """
        if self._packages is None:
            raise SmoltermError(
                "This sandbox was made without packages.", next="Give it packages=Packages()."
            )
        return self._new(await self._packages.resolve(requirements))

    def at_hand(self, wheels: Sequence[Wheel]) -> list[Wheel]:
        """Return those that lie where packages are kept; what a file names may lie nowhere else."""
        folder: Path | None = getattr(self._packages, "folder", None)
        if folder is None:
            return []
        kept = folder.resolve()
        return [wheel for wheel in wheels if wheel.path.resolve().is_relative_to(kept)]

    async def _package(self, request: str) -> bytes:
        try:
            module = msgspec.json.decode(request, type=_Wanted).module
        except (msgspec.DecodeError, RecursionError):
            return _no("There is no such module.")
        if self._packages is None:
            return _no(f"No module named {module!r}")
        try:
            wheels = self._new(await self._packages.provide(module))
            head, raw = await pack(wheels)
        except SmoltermError as error:
            return _no(f"No module named {module!r}. {error}")
        self._installed += wheels
        return json.dumps(head).encode() + b"\n" + raw

    def _new(self, wheels: Sequence[Wheel]) -> list[Wheel]:
        have = {wheel.sha256 for wheel in self._installed}
        return [wheel for wheel in wheels if wheel.sha256 not in have]


async def pack(wheels: Sequence[Wheel]) -> tuple[dict[str, Any], bytes]:
    """Return what the driver is told of packages, and their bytes one after the other.

    Raises:
        PackageDamaged: a file changed on disk.
    """
    data = [await in_daemon_thread(wheel.read) for wheel in wheels]
    native: list[str] = []
    for wheel, one in zip(wheels, data, strict=True):
        native += await in_daemon_thread(_native, one, wheel.kind)
    head = {
        "sizes": [len(one) for one in data],
        "kinds": [wheel.kind for wheel in wheels],
        # The only compiled code that the sandbox will load.
        "native": native,
    }
    return head, b"".join(data)


def _native(data: bytes, kind: str) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        placed = [(info, path) for info, _, path in members(archive, kind)]
        wanted = set(libraries(path for _, path in placed))
        return [
            hashlib.sha256(archive.read(info)).hexdigest()
            for info, path in placed
            if path in wanted
        ]


def _no(message: str) -> bytes:
    return json.dumps({"error": "ModuleNotFoundError", "message": message}).encode() + b"\n"


class _Wanted(msgspec.Struct):
    module: str
