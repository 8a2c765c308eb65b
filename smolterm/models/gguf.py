"""Reads the head of a GGUF file: what the model is, how large, and whether the file is whole.

The file is somebody else's. Everything in it is checked before llama.cpp, which may crash on it,
gets to see it; nothing here is larger than the file itself.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, NoReturn, TypeAlias

import msgspec

from smolterm.errors import ModelFileError
from smolterm.models.tensors import Tensor, checked_tensor

MAGIC = b"GGUF"
VERSIONS = (2, 3)
LARGEST_HEAD = 256 * 1024 * 1024
"""Bytes; a vocabulary of 262,144 tokens with its merges takes about 16 MiB."""
MOST_FACTS = 65_536
MOST_TENSORS = 262_144
LONGEST_KEY = 65_535
"""Bytes, as the format has it."""
LONGEST_TEXT = 1024 * 1024
"""Bytes of one text that is kept, a chat template for example; a longer one is passed over."""
KEPT_ITEMS = 4096
"""Numbers of an array that is kept; of a longer one only its length is."""

STRING, ARRAY, BOOL = 8, 9, 7
NUMBERS: Mapping[int, struct.Struct] = {
    kind: struct.Struct("<" + code)
    for kind, code in {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?",
                       10: "Q", 11: "q", 12: "d"}.items()
}  # fmt: skip
_U32, _U64 = NUMBERS[4], NUMBERS[10]

Value: TypeAlias = "int | float | bool | str | Array"


class Array(msgspec.Struct, frozen=True):
    """A list in the file's metadata."""

    kind: int
    """The format's number for the type of an item."""
    count: int
    items: tuple[int | float | bool, ...] = ()
    """Numbers, where they are few."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """All that stands before the weights."""

    path: Path
    size: int
    """Bytes of the file."""
    version: int
    facts: dict[str, Value]
    """The metadata by its keys."""
    tensors: tuple[Tensor, ...]
    start: int
    """Where the weights begin."""
    digest: str
    """SHA-256 of all that comes before the weights, in hexadecimal."""


def read_head(path: Path) -> Head:
    """Read and check everything before the weights, in about 0.2 s for a large vocabulary.

    Raises:
        ModelFileError: naming file and reason.
    """
    try:
        if not path.is_file():
            other = "is no file" if path.exists() else "does not exist"
            reason = "is a folder" if path.is_dir() else other
            raise ModelFileError(f"{path} {reason}.", next="Check the path.")
        with path.open("rb") as file:
            return _Reader(path, file).read()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ModelFileError(f"{str(path)!r} is no path.") from None


class _Reader:
    """Walks through the file; holds as much of it as was asked for."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file
        self._size = path.stat().st_size
        self._held = bytearray()
        self._at = 0

    def read(self) -> Head:
        version = self._opening()
        tensor_count, fact_count = self._number(_U64), self._number(_U64)
        # The smallest fact takes 13 bytes, the smallest tensor 32.
        self._check_count("facts", fact_count, 13, MOST_FACTS)
        self._check_count("tensors", tensor_count, 32, MOST_TENSORS)
        facts: dict[str, Value] = {}
        for _ in range(fact_count):
            key = self._text(LONGEST_KEY, "a key")
            if key in facts:
                self._damaged(f"{key!r} stands in it twice")
            facts[key] = self._value(key, self._number(_U32))
        alignment = facts.get("general.alignment", 32)
        if (
            type(alignment) is not int
            or not 1 <= alignment <= 65_536
            or alignment & (alignment - 1)
        ):
            self._damaged(f"its alignment is {str(alignment)[:40]}")
        tensors = self._tensors(tensor_count, alignment)
        head, start = bytes(self._held[: self._at]), _padded(self._at, alignment)
        last = tensors[-1] if tensors else None
        if last is not None and start + last.offset + last.size > self._size:
            missing = start + last.offset + last.size - self._size
            self._damaged(
                f"{missing:,} of its bytes are missing at the end; it was not copied whole"
            )
        return Head(
            path=self._path,
            size=self._size,
            version=version,
            facts=facts,
            tensors=tensors,
            start=start,
            digest=hashlib.sha256(head).hexdigest(),
        )

    def _opening(self) -> int:
        if self._size < 24:
            self._damaged(f"it holds {self._size} bytes")
        if self._take(4) != MAGIC:
            raise ModelFileError(
                f"{self._path} is no GGUF file.", next="Choose a file that ends in .gguf."
            )
        version = self._number(_U32)
        if version not in VERSIONS:
            if version and not version & 0xFFFF:
                self._damaged("it is in big-endian order, which this machine cannot read")
            self._damaged(f"it has version {version} of the format; 2 and 3 can be read")
        return version

    def _tensors(self, count: int, alignment: int) -> tuple[Tensor, ...]:
        tensors: dict[str, Tensor] = {}
        expected = 0
        for _ in range(count):
            name = self._text(LONGEST_KEY, "a tensor's name")
            dimensions = self._number(_U32)
            if not 1 <= dimensions <= 4:
                self._damaged(f"tensor {name[:60]!r} has {dimensions} dimensions")
            shape = tuple(self._number(_U64) for _ in range(dimensions))
            kind, offset = self._number(_U32), self._number(_U64)
            try:
                tensor = checked_tensor(name, shape, kind, offset)
            except ValueError as error:
                self._damaged(str(error))
            if name in tensors:
                self._damaged(f"tensor {name!r} stands in it twice")
            # llama.cpp wants them one behind the other; anything else overlaps or leaves holes.
            if offset != expected:
                self._damaged(f"tensor {name!r} lies at {offset}, not at {expected}")
            tensors[name] = tensor
            expected = _padded(offset + tensor.size, alignment)
        return tuple(tensors.values())

    def _value(self, key: str, kind: int) -> Value:
        if kind == STRING:
            return self._text(None, f"the text of {key[:60]!r}")
        if kind != ARRAY:
            return self._plain(key, kind)
        inner, count = self._number(_U32), self._number(_U64)
        if inner == ARRAY:
            self._damaged(f"{key[:60]!r} is a list of lists")
        if inner == STRING:
            self._check_count(f"texts of {key[:60]!r}", count, 8, LARGEST_HEAD)
            self._skip_texts(count)
            return Array(inner, count)
        if (number := NUMBERS.get(inner)) is None:
            self._damaged(f"{key[:60]!r} is a list of type {inner}, which is none")
        self._check_count(f"numbers of {key[:60]!r}", count, number.size, LARGEST_HEAD)
        raw = self._take(count * number.size)
        if count > KEPT_ITEMS:
            return Array(inner, count)
        return Array(inner, count, tuple(item for (item,) in number.iter_unpack(raw)))

    def _plain(self, key: str, kind: int) -> int | float | bool:
        if (number := NUMBERS.get(kind)) is None:
            self._damaged(f"{key[:60]!r} has type {kind}, which is none")
        return self._number(number)

    def _skip_texts(self, count: int) -> None:
        """Walk over so many texts; there may be half a million."""
        at, unpack = self._at, _U64.unpack_from
        for _ in range(count):
            if at + 8 > len(self._held):
                self._fill(at + 8)
            at += 8 + unpack(self._held, at)[0]
            if at > self._size:
                self._fill(at)
        if at > len(self._held):
            self._fill(at)
        self._at = at

    def _text(self, most: int | None, what: str) -> str:
        size = self._number(_U64)
        if most is not None and size > most:
            self._damaged(f"{what} is {size} bytes long")
        raw = self._take(size)
        return raw.decode(errors="replace") if len(raw) <= LONGEST_TEXT else ""

    def _number(self, number: struct.Struct) -> int:
        # Floats come this way too; whoever uses a fact as a number checks which it is.
        value: int = number.unpack(self._take(number.size))[0]
        return value

    def _take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._held):
            self._fill(end)
        taken = bytes(self._held[self._at : end])
        self._at = end
        return taken

    def _fill(self, end: int) -> None:
        """Read on until `end` bytes are held."""
        if end > self._size:
            self._damaged("it ends in the middle of its description; it was not copied whole")
        if end > LARGEST_HEAD:
            self._damaged(f"its description takes more than {LARGEST_HEAD >> 20} MiB")
        wanted = max(end, 2 * len(self._held), 1 << 20)
        self._held += self._file.read(wanted - len(self._held))
        if len(self._held) < end:
            self._damaged("it became shorter while it was read")

    def _check_count(self, what: str, count: int, smallest: int, most: int) -> None:
        if count > most or count * smallest > self._size - self._at:
            self._damaged(f"it says that it holds {count} {what}")

    def _damaged(self, why: str) -> NoReturn:
        raise ModelFileError(
            f"{self._path} is damaged or no model: {why}.", next="Fetch or copy the file again."
        )


def _padded(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
