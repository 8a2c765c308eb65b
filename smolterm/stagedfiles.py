"""The part of a session that shows a person's files to the code, and writes what they accept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from smolterm.errors import UsageError
from smolterm.events import Event, FileChange, OutsideArrived, Source
from smolterm.policy import FilesDecision
from smolterm.printable import revealed
from smolterm.sessionbase import SessionBase

MOST_NAMED_FILES = 6
"""Told of one step: a name each, and the last stands for all that follow."""
LONGEST_PATH = 200


class FilesOfSession(SessionBase):
    """Staged files."""

    _mounted: list[str]
    _loop: asyncio.AbstractEventLoop | None
    _files_read: tuple[int, int] = (0, 0)
    """The step that read last, and how many files it read."""

    @property
    def past(self) -> Sequence[Event]:
        raise NotImplementedError

    def mount(self, source: Path, at: str | None = None, *, writable: bool = False) -> str:
        """Show a file or folder to the code, and its place to the model with the next task.

        Raises:
            UsageError: there is no such file, the place is taken, or the sandbox is not our own.
        """
        if self.staging is None:
            raise UsageError("Files can be mounted in a sandbox of the session's own alone.")
        self._mounted.append(self.staging.mount(source, at, writable=writable))
        return self._mounted[-1]

    def _hear_file(self, path: str) -> None:
        """Note that code opens a file, before it gets anything of it; called from a thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._file_read, path)

    def _file_read(self, path: str) -> None:
        step = len(self.transcript.steps)
        count = self._files_read[1] + 1 if self._files_read[0] == step else 1
        self._files_read = step, count
        if count <= MOST_NAMED_FILES:
            self._tell_file(step, path if count < MOST_NAMED_FILES else "other files")

    def _tell_file(self, step: int, path: str, *, at: int | None = None) -> None:
        shown = revealed(path)
        cut = shown[:LONGEST_PATH] + "…" * (len(shown) > LONGEST_PATH)
        source = Source(kind="file", what=cut, step=step if at is None else at)
        self._emit(OutsideArrived(step=step, source=source))

    def decide_files(self, step: int, decision: FilesDecision) -> bool:
        """Answer a `FilesRequested`; False when nothing waits for it any more."""
        return self.staging is not None and self.staging.decide(step, decision)

    async def review_files(self) -> None:
        """Ask about staged changes now: `FilesRequested` follows where there are any.

        Raises:
            UsageError: a task is running.
        """
        self._refuse_while_busy()
        if self.staging is not None:
            await self.staging.review(len(self.transcript.steps), self._emit)

    async def file_change(self, path: str) -> FileChange:
        """Return a staged change with all of its diff, where its event had to cut it.

        Raises:
            UsageError: nothing changed at that path.
        """
        if self.staging is None:
            raise UsageError("This session has no staged files.")
        return await self.staging.whole(path)

    async def undo_files(self) -> tuple[str, ...]:
        """Take back what was written last; the paths, none when nothing was.

        Raises:
            UsageError: a task is running.
            CommitRefused: a file changed since; nothing was taken back.
        """
        self._refuse_while_busy()
        event = await self.staging.undo(self.past) if self.staging is not None else None
        if event is None:
            return ()
        self._emit(event)
        return event.paths
