"""Evaluated prompts on disk: the second start of a model evaluates none of the system prompt.

A state is as large as the cache of keys and values, some 100 kB a token, so few are kept.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from smolterm.models.modelfile import ModelFile

MOST = 8
"""States in the folder."""
MOST_BYTES = 2 * 1024**3
"""Of all of them."""
LEAST_TOKENS = 32
"""A shorter prompt is evaluated as fast as it is read."""


class _Note(msgspec.Struct, frozen=True):
    """What lies beside a state, written after it: without it there is none."""

    size: int
    digest: str


class States:
    """The states of one loaded model.

    Args:
        folder: made when something is kept.
        about: what makes a state good for this process alone: versions, and how the model is
            loaded.
    """

    def __init__(self, folder: Path, file: ModelFile, about: str) -> None:
        self._folder = folder
        stat = file.path.stat()
        named = f"{file.path.name}\0{stat.st_size}\0{stat.st_mtime_ns}\0{file.digest}\0{about}"
        self._model = named.encode(errors="replace")

    def find(self, tokens: Sequence[int], restore: Callable[[str], bool]) -> bool:
        """Restore the state of these tokens; False when there is none that is whole.

        Args:
            restore: takes the file's path; False when it is not what it should be.
        """
        path = self._path(tokens)
        note = path.with_suffix(".json")
        try:
            known = msgspec.json.decode(note.read_bytes(), type=_Note)
            whole = path.stat().st_size == known.size and _digest(path) == known.digest
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return False
        if whole and restore(str(path)):
            with contextlib.suppress(OSError):
                os.utime(note)
            return True
        self._drop(note)
        return False

    def keep(self, tokens: Sequence[int], save: Callable[[str], bool]) -> bool:
        """Keep the state of these tokens, and drop those that were not used for the longest time.

        A disk that is full or read-only keeps none; nobody needs to know.

        Args:
            save: writes a file at a path.
        """
        path = self._path(tokens)
        part = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not save(str(part)):
                return False
            size = part.stat().st_size
            if size > MOST_BYTES or shutil.disk_usage(self._folder).free < size:
                return False
            note = _Note(size, _digest(part))
            path.with_suffix(".json").unlink(missing_ok=True)
            part.replace(path)
            written = path.with_suffix(f".{secrets.token_hex(4)}.note")
            written.write_bytes(msgspec.json.encode(note))
            written.replace(path.with_suffix(".json"))
            self._tidy()
        except OSError:
            return False
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return True

    def _path(self, tokens: Sequence[int]) -> Path:
        digest = hashlib.blake2b(self._model, digest_size=16)
        digest.update(array("i", tokens).tobytes())
        return self._folder / f"{digest.hexdigest()}.state"

    def _tidy(self) -> None:
        notes = sorted(self._folder.glob("*.json"), key=_used, reverse=True)
        known = {note.with_suffix(".state").name for note in notes}
        total = 0
        for number, note in enumerate(notes):
            with contextlib.suppress(OSError):
                total += note.with_suffix(".state").stat().st_size
            if number >= MOST or total > MOST_BYTES:
                self._drop(note)
        for state in self._folder.glob("*.state"):
            if state.name not in known:
                state.unlink(missing_ok=True)

    def _drop(self, note: Path) -> None:
        with contextlib.suppress(OSError):
            note.unlink(missing_ok=True)
            note.with_suffix(".state").unlink(missing_ok=True)


def _used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
