"""A sandbox's state in a file: variables, functions and files of yesterday, for a process of today.

The file is read as data only. What a hostile one can do is what hostile code can do: the bytes go
into a new sandbox and nowhere else.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from smolterm.errors import SandboxError
from smolterm.packages import Kind, Wheel
from smolterm.sandbox.history import RecordedCell
from smolterm.sandbox.journal import MOST_STATE, About, State
from smolterm.wholefile import write_whole

MAGIC = b"smolterm sandbox state 1\n"
LEVEL = 1


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A package that the sandbox had, by its file on this machine."""

    name: str
    version: str
    filename: str
    sha256: str
    path: str
    path_sha256: str
    imports: tuple[str, ...]
    kind: Kind

    @classmethod
    def of(cls, wheel: Wheel) -> Installed:
        fields = {name: getattr(wheel, name) for name in cls.__struct_fields__}
        return cls(**fields | {"path": str(wheel.path)})

    def wheel(self) -> Wheel:
        """Return it as it is handed over; its bytes are verified when they are read."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return Wheel(**fields | {"path": Path(self.path)})


class Saved(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds."""

    key: str
    """Which snapshot the state builds on."""
    step: int
    names: tuple[str, ...]
    cells: list[RecordedCell]
    replayable: bool
    about: About | None
    """None: the state could not be kept, and only the cells are here."""
    raw: bytes = b""
    installed: list[Installed] = []
    """Packages, in order."""

    @property
    def state(self) -> State | None:
        return None if self.about is None else State(about=self.about, raw=self.raw)


def write(path: Path, saved: Saved) -> None:
    """Write the file whole or not at all, readable by its owner alone.

    Raises:
        SandboxError: the disk is full, the folder is not there.
    """
    head = msgspec.json.encode(msgspec.structs.replace(saved, raw=b"")) + b"\n"
    body = zlib.compress(saved.raw, LEVEL)
    try:
        write_whole(path, MAGIC + head + body, lasting=True)
    except OSError as error:
        raise SandboxError(
            f"The state could not be saved to {path}: {error.strerror or error}.",
            kept="What was there before is untouched.",
            next="Free space there or name another file.",
        ) from None


def read(path: Path) -> Saved:
    """Read a file that `write` made.

    Raises:
        SandboxError: it cannot be read, or is something else.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SandboxError(f"{path} cannot be read: {error.strerror}.") from None
    try:
        if not data.startswith(MAGIC):
            raise ValueError("it is no state of a sandbox")
        end = data.index(b"\n", len(MAGIC))
        saved = msgspec.json.decode(data[len(MAGIC) : end], type=Saved)
        unpack = zlib.decompressobj()
        raw = unpack.decompress(data[end + 1 :], MOST_STATE)
        if unpack.unconsumed_tail or not unpack.eof:
            raise ValueError("it is cut off or too large")
    except (ValueError, zlib.error, RecursionError) as error:
        raise SandboxError(
            f"{path} cannot be restored: {error}.", next="Start without it; the file is untouched."
        ) from None
    return msgspec.structs.replace(saved, raw=raw)
