"""The compiled code of packs, kept beside their caches: compiling takes longer than importing.

It is compiled inside an instance, by the very Python that runs it, and runs nowhere else. What a
pack hands out here comes back to the same sources in the same image alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

FOLDER = ".code"
"""Below the packs' caches; no pack's name begins so."""
LARGEST = 64 * 1024 * 1024
MOST = 100
"""Packs, with each of their versions; the one that was used longest ago goes first."""

Code = dict[str, str]
"""By path of the source; base64."""


class Kept:
    """The code of one pack.

    Args:
        caches: the folder with the packs' caches.
        image: the image that it is compiled by.
        files: the pack's sources.
    """

    def __init__(self, caches: Path, image: Path, files: Mapping[str, bytes]) -> None:
        digest = hashlib.sha256(f"{image.parent.name}\0".encode())
        for name in sorted(files):
            digest.update(f"{name}\0{len(files[name])}\0".encode())
            digest.update(files[name])
        self._path = caches / FOLDER / digest.hexdigest()[:32]

    def read(self) -> Code:
        """Return what was kept, or nothing where it is not there or not what was written."""
        try:
            if self._path.stat().st_size > LARGEST:
                return {}
            digest, _, raw = self._path.read_bytes().partition(b"\n")
            if digest.decode() != hashlib.sha256(raw).hexdigest():
                return {}
            os.utime(self._path)
            return msgspec.json.decode(raw, type=Code)
        except (OSError, UnicodeDecodeError, msgspec.MsgspecError):
            return {}

    def write(self, told: object) -> None:
        """Keep what an instance told, if that is what it should be; a full disk keeps nothing."""
        with contextlib.suppress(msgspec.MsgspecError, OSError):
            raw = msgspec.json.encode(msgspec.convert(told, Code))
            if raw == b"{}" or len(raw) > LARGEST:
                return
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd, name = tempfile.mkstemp(dir=self._path.parent)
            try:
                with os.fdopen(fd, "wb") as file:
                    file.write(hashlib.sha256(raw).hexdigest().encode() + b"\n" + raw)
                Path(name).replace(self._path)
            except OSError:
                Path(name).unlink(missing_ok=True)
                raise
            self._make_room()

    def _make_room(self) -> None:
        kept = sorted(self._path.parent.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[:-MOST]:
            path.unlink(missing_ok=True)
