"""A pack's values on disk: one small file each, in the person's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import ToolError

LONGEST_KEY = 1_000
LARGEST = 1_000_000
"""Bytes of one value as JSON."""
MOST = 10_000_000
"""Bytes of all values of a pack."""
MOST_VALUES = 2_000
LONGEST_SECONDS = 366 * 24 * 3600.0


class _Kept(msgspec.Struct, frozen=True):
    key: str
    expires: float
    value: Any = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Kept).decode


class Cache:
    """One pack's cache; whatever is wrong with it on disk, a value is merely not there.

    Args:
        folder: this pack's own; made at the first `put`.
        now: the time in seconds since 1970.
    """

    def __init__(self, folder: Path, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now

    def get(self, key: str) -> Any:
        """Return a value that was put and is not too old, or None."""
        path = self._path(key)
        try:
            if path.stat().st_size > 2 * LARGEST:
                return None
            kept = _decode(path.read_bytes())
        except (OSError, msgspec.MsgspecError, UnicodeError, RecursionError):
            return None
        if kept.key != key or not kept.expires > self._now():
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return kept.value

    def put(self, key: str, value: Any, seconds: float) -> None:
        """Keep a JSON value for some time.

        Raises:
            ToolError: it is too large, or the disk refuses.
        """
        if not 0 <= seconds <= LONGEST_SECONDS:
            raise ToolError("`seconds` is between 0 and a year.")
        path = self._path(key)
        raw = _encode(_Kept(key, self._now() + seconds, value))
        if len(raw) > LARGEST + 6 * LONGEST_KEY:
            raise ToolError(f"The value has {len(raw)} bytes; {LARGEST} can be kept.")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_room(len(raw), path)
            self._write(path, raw)
        except OSError as error:
            said = (error.strerror or "it failed").lower()
            raise ToolError(f"The value cannot be kept: {said}.") from None

    def _path(self, key: str) -> Path:
        if len(key) > LONGEST_KEY:
            raise ToolError(f"The key is longer than {LONGEST_KEY} characters.")
        # A key may hold anything; a file name may not.
        name = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
        return self._folder / f"{name}.json"

    def _make_room(self, size: int, path: Path) -> None:
        """Remove the oldest values until `size` more bytes fit."""
        found: list[tuple[float, int, str]] = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((status.st_mtime, status.st_size, entry.path))
        found = [each for each in found if each[2] != str(path)]
        found.sort()
        total = sum(each[1] for each in found)
        left = len(found)
        for _, bytes_, name in found:
            if total + size <= MOST and left < MOST_VALUES:
                break
            with contextlib.suppress(OSError):
                Path(name).unlink()
            total -= bytes_
            left -= 1

    def _write(self, path: Path, raw: bytes) -> None:
        temporary = path.with_name(f"{secrets.token_hex(8)}.new")
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(raw)
            temporary.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
