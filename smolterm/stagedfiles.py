"""The part of a session that shows a person's files to the code, and writes what they accept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from smolterm.errors import UsageError
from smolterm.events import Event, FileChange
from smolterm.policy import FilesDecision
from smolterm.sessionbase import SessionBase


class FilesOfSession(SessionBase):
    """Staged files."""

    _mounted: list[str]

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
