"""Copies what the code left in `/out` to a folder of the host."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from smolterm.sandbox.changes import Change, Changes, Result
from smolterm.sandbox.commit import commit
from smolterm.sandbox.files import StagedFiles


def copy_out(results: Iterable[Result], folder: Path) -> tuple[Path, ...]:
    """Write results into a folder, all of them or none; nothing there is overwritten.

    Raises:
        UsageError: there is no such folder.
        CommitRefused: one of that name is there, or cannot be written.
    """
    staged = StagedFiles()
    names = {result.name: result.data for result in results}
    try:
        mount = staged.mount(folder, "/files/out", writable=True)
        created = [
            Change(path=f"{mount.at}/{name}", kind="created", before=None, after=data)
            for name, data in sorted(names.items())
        ]
        with tempfile.TemporaryDirectory(prefix="smolterm-") as undo:
            commit(staged, Changes(files=tuple(created)), Path(undo))
    finally:
        staged.close()
    return tuple(folder / name for name in sorted(names))
