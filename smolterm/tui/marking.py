"""Which staged changes a person marked to be written, and the decision that this makes. Pure."""

from __future__ import annotations

from smolterm.events import FileChange
from smolterm.policy import AcceptFiles


class Marks:
    """Starts with all that was shown whole and can be written."""

    def __init__(self, files: tuple[FileChange, ...]) -> None:
        self.files = files
        self._whole: set[str] = set()
        self._hunks: dict[str, set[int]] = {}
        self.mark_all()

    def mark_all(self) -> None:
        """Mark what was shown whole; what was not is marked by itself, by whoever looked at it."""
        self._hunks.clear()
        self._whole = {each.path for each in self.files if not each.refused and each.shown_whole}

    def mark_none(self) -> None:
        self._hunks.clear()
        self._whole.clear()

    def toggle(self, file: FileChange, hunk: int | None = None) -> None:
        """Mark a file, or one of its hunks from 1; or no longer."""
        if file.refused:
            return
        if hunk is None or not is_divisible(file):
            marked = file.path in self._whole or bool(self._hunks.pop(file.path, None))
            (self._whole.discard if marked else self._whole.add)(file.path)
            return
        everything = set(range(1, len(file.hunks) + 1))
        chosen = everything if file.path in self._whole else self._hunks.get(file.path, set())
        chosen = chosen ^ {hunk}
        self._whole.discard(file.path)
        self._hunks.pop(file.path, None)
        if chosen == everything and file.shown_whole:
            self._whole.add(file.path)
        elif chosen:
            self._hunks[file.path] = chosen

    def has(self, file: FileChange, hunk: int) -> bool:
        return file.path in self._whole or hunk in self._hunks.get(file.path, ())

    def sign(self, file: FileChange) -> str:
        """Return a box that says how much of a file is marked."""
        if file.refused:
            return " ! "
        if file.path in self._whole:
            return "[x]"
        return "[~]" if self._hunks.get(file.path) else "[ ]"

    @property
    def count(self) -> int:
        """How many files something would be written of."""
        return len(self._whole) + len(self._hunks)

    def decision(self) -> AcceptFiles | None:
        """Return what is marked, by name; None when nothing is."""
        if not self.count:
            return None
        paths = tuple(each.path for each in self.files if each.path in self._whole)
        hunks = {path: tuple(sorted(chosen)) for path, chosen in self._hunks.items()}
        return AcceptFiles(paths=paths, hunks=hunks)


def is_divisible(file: FileChange) -> bool:
    """Say whether hunks of it can be written without the others."""
    return len(file.hunks) > 1 and file.kind != "deleted" and not file.binary
