"""The staged files of a session: mounted, looked at after each step, asked about, written.

What the code does to them stays in the sandbox until the task has an answer. Then a person, or the
policy for them, says what is written; what is written is what was shown, for the bytes are held
from the question on, and an original that changed meanwhile is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal, Protocol

from smolterm import events as e
from smolterm.clock import Clock
from smolterm.errors import SmoltermError, UsageError
from smolterm.filechanges import MOST_FILES, describe, described
from smolterm.gate import Gate
from smolterm.outside import Unread
from smolterm.policy import AcceptFiles, FilesDecision, RefuseFiles, Verdict
from smolterm.sandbox.changes import Change, Changes
from smolterm.sandbox.commit import Committed
from smolterm.sandbox.entries import is_plain
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.undo import recover, sha, undo
from smolterm.threads import in_daemon_thread


class Keeper(Protocol):
    """What is needed of the sandbox; `Sandbox` is one."""

    step: int

    @property
    def alive(self) -> bool: ...

    async def changes(self) -> Changes: ...

    async def commit(
        self,
        changes: Changes,
        undo_folder: Path,
        *,
        paths: Sequence[str] | None = None,
        hunks: dict[str, tuple[int, ...]] | None = None,
    ) -> Committed: ...


class Pending:
    """A question about staged changes that waits for its decision."""

    def __init__(
        self, step: int, changes: Changes, asked: tuple[e.FileChange, ...], unread: Unread
    ) -> None:
        self.step = step
        self.changes = changes
        self.asked = asked
        self.unread = unread
        self.decision: asyncio.Future[FilesDecision] = asyncio.get_running_loop().create_future()

    def request(self) -> e.FilesRequested:
        """Return the question as the person hears it."""
        return e.FilesRequested(
            step=self.step, files=self.asked, outside=self.unread.sources,
            outside_count=self.unread.total,
        )  # fmt: skip


class Staging:
    """Staged files as a session needs them; a `Review` of its agent.

    Args:
        sandbox: made with these `files`.
        gate: what is in force now.
        undo_folder: where what is overwritten is kept.
    """

    def __init__(
        self,
        sandbox: Keeper,
        files: StagedFiles,
        *,
        gate: Callable[[], Gate],
        undo_folder: Path,
    ) -> None:
        self.files = files
        self.folder = ""
        """Where the person's folder lies inside; empty where none was granted."""
        self.commits: list[str] = []
        """What can be undone, by name, the newest last."""
        self._sandbox = sandbox
        self._gate = gate
        self._undo_folder = undo_folder
        self._undone: set[str] = set()
        self._writable = False
        self._told: tuple[object, ...] = ()
        self._noticed = 0
        self._newest = Changes()
        self._pending: Pending | None = None
        self._reviewing: asyncio.Task[None] | None = None

    def mount(self, source: Path, at: str | None = None, *, writable: bool = False) -> str:
        """Show a file or folder to the code; returns where it lies inside.

        Raises:
            UsageError: there is no such file or folder, or the place inside is taken.
        """
        mounted = self.files.mount(source, at, writable)
        self._writable = self._writable or writable
        return mounted.at

    def mount_folder(self, folder: Path, *, writable: bool) -> None:
        """Show the person's folder as `/files/<name>`."""
        name = folder.resolve().name
        # Its name goes into the system message, and may be whatever somebody packed.
        plain = name if is_plain(name) and name.isprintable() and len(name) <= 100 else ""
        at = f"/files/{plain or 'folder'}"
        self.folder = self.mount(folder, at, writable=writable)

    def words(self) -> str:
        """Return what the system message says of the folder."""
        if not self.folder:
            return ""
        after = (
            "what you change there is written once the person accepts it"
            if self._writable
            else "it cannot be changed"
        )
        return f"The person's folder is {self.folder}, for open() and os; {after}."

    async def recover(self) -> None:
        """Take back what another process was killed in the middle of writing."""
        if self._writable:
            await in_daemon_thread(recover, self.files, self._undo_folder)

    async def after_step(self, step: int) -> AsyncGenerator[e.Event, None]:
        """Tell the pending changes where they are others than before."""
        if not self._writable:
            return
        try:
            pending = self._newest = await self._collect()
        except SmoltermError as error:
            text = f"The staged changes cannot be listed: {error}"
            yield e.Notice(text=text, level="warning")
            return
        told = tuple(
            (one.path, one.kind, one.refused, sha(one.after or b"")) for one in pending.files
        )
        if told != self._told:
            self._told = told
            files = await in_daemon_thread(described, pending.files)
            yield e.FilesChanged(step=step, files=files)

    async def at_answer(
        self, step: int, finished: e.Finished, clock: Clock, repairs_left: int
    ) -> AsyncGenerator[e.Event, None]:
        """Ask what is to be written, write it, and let the model hear why something is not."""
        async for event in self.after_step(step):
            yield event
        if (notice := await self._in_vain()) is not None:
            yield notice
        verdict = self._gate().judge_files().verdict
        if verdict is Verdict.DENY or not any(not one.refused for one in self._newest.files):
            return
        pending = await self._asked(step)
        decision: FilesDecision = AcceptFiles()
        try:
            if verdict is Verdict.ASK:
                yield pending.request()
                async with clock.waiting(counts=False):
                    decision = await pending.decision
        finally:
            self.withdraw()
        decided = await self._settle(pending, decision, by_person=verdict is Verdict.ASK)
        yield decided
        if decision.reason and not decided.error:
            yield e.ObservationMade(step=step, text=_told(decided))

    def decide(self, step: int, decision: FilesDecision) -> bool:
        """Answer the open question; False when there is none, or it was answered already."""
        pending = self._pending
        if pending is None or pending.step != step or pending.decision.done():
            return False
        pending.decision.set_result(decision)
        return True

    def withdraw(self) -> None:
        """Take the open question back: nothing of it is written any more."""
        pending, self._pending = self._pending, None
        if pending is not None and not pending.decision.done():
            pending.decision.cancel()

    async def review(self, step: int, emit: Callable[[e.Event], None]) -> None:
        """Ask outside of a task, where there is something to ask about; `emit` hears the end too.

        Raises:
            SandboxError: the changes cannot be listed.
        """
        self.withdraw()
        self._newest = await self._collect()
        if self._newest.files:
            pending = await self._asked(step)
            emit(pending.request())
            self._reviewing = asyncio.create_task(self._reviewed(pending, emit))

    async def _reviewed(self, pending: Pending, emit: Callable[[e.Event], None]) -> None:
        cell = self._sandbox.step
        try:
            decision = await pending.decision
        finally:
            if self._pending is pending:
                self._pending = None
        if self._sandbox.step != cell:
            decision = RefuseFiles("Code has run since.")
        emit(await self._settle(pending, decision, by_person=True))

    async def whole(self, path: str) -> e.FileChange:
        """Return one of the changes with all of its diff, as it stands in the open question.

        Raises:
            UsageError: nothing changed there.
        """
        changes = self._pending.changes if self._pending is not None else self._newest
        for change in changes.files:
            if change.path == path:
                return await in_daemon_thread(describe, change)
        raise UsageError(f"{path} did not change.")

    async def undo(self, past: Iterable[e.Event] = ()) -> e.FilesUndone | None:
        """Take back what was written last; None when nothing was.

        Args:
            past: what happened in the session before this process, which can be undone too.

        Raises:
            CommitRefused: a file changed since, or is mounted elsewhere.
        """
        if not self.commits:
            self.commits = _undoable(past, without=self._undone)
        if not self.commits:
            return None
        name = self.commits[-1]
        paths = await in_daemon_thread(undo, self.files, self._undo_folder / name)
        self.commits.pop()
        self._undone.add(name)
        return e.FilesUndone(undo=name, paths=paths)

    def close(self) -> None:
        """Let go of what is mounted and asked."""
        self.withdraw()
        self.files.close()

    async def results(self) -> Changes:
        """Return what the code left in `/out`, and whatever else differs.

        Raises:
            SandboxError: it cannot be listed.
        """
        return await self._sandbox.changes() if self._sandbox.alive else Changes()

    async def _collect(self) -> Changes:
        """Return what a person granted to be written and the code changed."""
        if not self._sandbox.alive:
            return Changes()
        changes = await self._sandbox.changes()
        files = tuple(one for one in changes.files if self._is_granted(one))
        return Changes(files=files, folders=changes.folders, moved=changes.moved)

    async def _in_vain(self) -> e.Notice | None:
        """Say what was changed in a folder that was granted for reading."""
        if not self.folder or self._writable or not self._sandbox.alive:
            return None
        try:
            changes = await self._sandbox.changes()
        except SmoltermError:
            return None
        count = sum(one.path.startswith(self.folder + "/") for one in changes.files)
        if count in (0, self._noticed):
            return None
        self._noticed = count
        files = "1 file was" if count == 1 else f"{count} files were"
        text = f"{files} changed in the sandbox alone: with --write they can be written."
        return e.Notice(text=text, level="warning")

    def _is_granted(self, change: Change) -> bool:
        return self.files.find(change.path)[0].writable

    async def _asked(self, step: int) -> Pending:
        # What can be written comes first, should there be more than can be told.
        files = sorted(self._newest.files, key=lambda one: (bool(one.refused), one.path))
        asked = await in_daemon_thread(described, files[:MOST_FILES])
        self._pending = Pending(step, self._newest, asked, self._gate().unread())
        return self._pending

    async def _settle(
        self, pending: Pending, decision: FilesDecision, *, by_person: bool
    ) -> e.FilesDecided:
        """Write what was accepted, all of it or nothing."""
        by: Literal["person", "policy"] = "person" if by_person else "policy"
        listed = [one.path for one in pending.asked]
        if isinstance(decision, RefuseFiles):
            return e.FilesDecided(
                step=pending.step, refused=tuple(listed), reason=decision.reason, by=by
            )
        paths, hunks = decision.paths, decision.hunks
        if paths is None:
            # With hunks of some, only those; by itself all that can be written.
            can = [one.path for one in pending.asked if not one.refused]
            paths = () if hunks else tuple(can)
        if not paths and not any(hunks.values()):
            return e.FilesDecided(
                step=pending.step, refused=tuple(listed), reason=decision.reason, by=by
            )
        try:
            if unknown := [path for path in (*paths, *hunks) if path not in listed]:
                raise UsageError(f"{unknown[0]} was not asked about.")
            done = await self._sandbox.commit(
                pending.changes, self._undo_folder, paths=paths, hunks=hunks
            )
        except (SmoltermError, OSError) as error:
            return e.FilesDecided(
                step=pending.step, refused=tuple(listed), by=by, error=str(error),
                reason=decision.reason,
            )  # fmt: skip
        self.commits.append(done.folder.name)
        self._told = ()
        rest = tuple(path for path in listed if path not in done.paths)
        whole = {one.path: len(one.hunks) for one in pending.changes.files}
        partly = tuple(path for path, some in hunks.items() if 0 < len(some) < whole[path])
        return e.FilesDecided(
            step=pending.step, written=done.paths, partly=partly, refused=rest,
            reason=decision.reason, by=by, undo=done.folder.name,
            read=pending.unread.to if by_person else 0,
        )  # fmt: skip


def _told(decided: e.FilesDecided) -> str:
    """Return what the model reads where not all was accepted."""
    lines = []
    if decided.refused:
        refused = ", ".join(decided.refused[:20])
        more = f" and {len(decided.refused) - 20} more" if len(decided.refused) > 20 else ""
        lines.append(f"The person declined to have these written: {refused}{more}.")
    if decided.partly:
        lines.append(f"Only some of the changes were written in {', '.join(decided.partly[:20])}.")
    if decided.written:
        lines.append(f"Written were: {', '.join(decided.written[:20])}.")
    lines.append(f"They said: {decided.reason}")
    lines.append("What you changed is still in your folder. Do what they ask, then answer again.")
    return "\n".join(lines)


def _undoable(past: Iterable[e.Event], *, without: Collection[str]) -> list[str]:
    """Return the names of what was written and not taken back, the newest last."""
    names: list[str] = []
    for event in past:
        if isinstance(event, e.FilesDecided) and event.undo:
            names.append(event.undo)
        elif isinstance(event, e.FilesUndone) and event.undo in names:
            names.remove(event.undo)
    return [name for name in names if name not in without]
