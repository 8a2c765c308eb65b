"""A sandbox of `smolterm py` with what it was given, and what becomes of the files in it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import CommitRefused, ExitCode, SmoltermError
from smolterm.keyboard import confirm
from smolterm.printable import printable
from smolterm.process import report
from smolterm.pyoptions import PyOptions, make_folder
from smolterm.sandbox.assets import Progress
from smolterm.sandbox.deno import Sandbox
from smolterm.store import data_folder
from smolterm.threads import in_daemon_thread

if TYPE_CHECKING:
    from smolterm.packages import Consent, Plan, Wheel
    from smolterm.packages.provide import Packages
    from smolterm.sandbox.changes import Changes
    from smolterm.sandbox.files import StagedFiles


class Place:
    """A sandbox made as the options say.

    Args:
        progress: told how set-ups and downloads go.
        checkpoints: keep the states of cells, see `Sandbox`.
        files: there are staged files even if nothing is mounted yet.
        around: what asking on the terminal is done in, when something else is drawn there.
    """

    def __init__(
        self,
        options: PyOptions,
        progress: Progress,
        *,
        checkpoints: bool,
        files: bool = False,
        around: Callable[[Awaitable[bool]], Awaitable[bool]] | None = None,
    ) -> None:
        self.options = options
        self.files: StagedFiles | None = None
        if files or options.mounts or options.out is not None:
            from smolterm.sandbox.files import StagedFiles

            self.files = StagedFiles()
            for one in options.mounts:
                self.files.mount(one.source, one.at, one.writable)

        async def consent(plan: Plan) -> bool:
            asking = _agree(plan, yes=options.yes)
            return await (asking if around is None else around(asking))

        self.sandbox = Sandbox(
            progress=progress,
            checkpoints=checkpoints,
            caps=options.caps,
            seed=options.seed,
            clock=options.clock,
            files=self.files,
            packages=_OnDemand(options, progress, consent),
        )
        self._equipped = False
        self._commits: list[Path] = []

    async def start(self) -> None:
        """Start the sandbox where it is not running; the first time with its packages.

        Raises:
            SandboxError, PackageError.
        """
        await self.sandbox.start()
        if not self._equipped:
            # What could not be had, or was not allowed, is not asked for again and again.
            self._equipped = True
            if self.options.packages:
                await self.sandbox.install(self.options.packages)

    async def keep(self, *, asked: bool = False) -> int:
        """Bring out what the code made, after a good end; returns the exit status.

        Args:
            asked: a person sits here and is asked before mounts with :rw are written to.
        """
        if self.files is None or not self.sandbox.alive:
            return ExitCode.OK
        changes = await self.sandbox.changes()
        try:
            if self.options.out is not None:
                await self.copy_out(changes, self.options.out)
            going = [change for change in changes.files if self._writable(change.path)]
            lines = "\n".join(f"{one.kind} {self.outside(one.path)}" for one in going)
            if not going or not asked or await confirm(printable(lines), "Write these?"):
                await self.commit(changes)
            else:
                say(f"{_count(len(going))} not written.")
        except SmoltermError as error:
            report(error)
            return error.exit_code
        inside = sum(not self._writable(change.path) for change in changes.files)
        if inside:
            say(f"{_count(inside)} changed in the sandbox alone: mounts with :rw are written to.")
        if changes.results and self.options.out is None:
            say(f"{_count(len(changes.results))} in /out not kept: name a folder with --out.")
        return ExitCode.OK

    async def leave(self, status: int) -> int:
        """Say what is lost after a bad end; returns the exit status given."""
        if self.files is not None and self.sandbox.alive:
            changes = await self.sandbox.changes()
            count = len(changes.results) if self.options.out is not None else 0
            count += sum(self._writable(change.path) for change in changes.files)
            if count:
                say(f"{_count(count)} not written, because the program failed.")
        return status

    async def commit(self, changes: Changes, paths: Sequence[str] | None = None) -> bool:
        """Write changes of writable mounts to the disk, all or none; says each.

        Args:
            paths: only these, inside the sandbox.

        Returns:
            whether there was anything to write.

        Raises:
            CommitRefused: an original changed meanwhile, or one cannot be written.
            UsageError: nothing changed at a path.
        """
        if paths is None:
            paths = [change.path for change in changes.files if self._writable(change.path)]
        if not paths:
            return False
        undo_folder = data_folder() / "undo"
        done = await self.sandbox.commit(changes, undo_folder, paths=paths)
        self._commits.append(done.folder)
        kinds = {change.path: change.kind for change in changes.files}
        for path in done.paths:
            say(f"{kinds[path]} {self.outside(path)}")
        if any(kinds[path] != "created" for path in done.paths):
            say(f"what was there before is in {done.folder}")
        return True

    async def undo(self) -> tuple[str, ...]:
        """Bring back what the last commit overwrote; returns the paths.

        Raises:
            CommitRefused: there is none, or a file changed since.
        """
        from smolterm.sandbox.undo import undo

        if self.files is None or not self._commits:
            raise CommitRefused("Nothing was committed.")
        paths = await in_daemon_thread(undo, self.files, self._commits[-1])
        self._commits.pop()
        return tuple(str(self.outside(path)) for path in paths)

    async def copy_out(self, changes: Changes, folder: Path) -> None:
        """Put what lies in /out into a folder that is new or empty.

        Raises:
            UsageError: it is neither.
            CommitRefused: a file cannot be written; none was.
        """
        from smolterm.sandbox.results import copy_out

        if changes.results:
            await in_daemon_thread(make_folder, folder)
            for path in await in_daemon_thread(copy_out, changes.results, folder):
                say(f"created {path}")

    def outside(self, path: str) -> Path:
        """Return the file of this machine that a path inside is."""
        assert self.files is not None
        mount, names = self.files.find(path)
        return mount.source.joinpath(*names)

    async def close(self) -> None:
        """End the sandbox."""
        await self.sandbox.close()
        if self.files is not None:
            self.files.close()

    def _writable(self, path: str) -> bool:
        assert self.files is not None
        return self.files.find(path)[0].writable


class _OnDemand:
    """Packages, loaded when the first one is wanted: a program that needs none starts faster."""

    def __init__(self, options: PyOptions, progress: Progress, consent: Consent) -> None:
        self._options = options
        self._progress = progress
        self._consent = consent
        self._loaded: Packages | None = None

    async def provide(self, module: str) -> list[Wheel]:
        return await self._packages().provide(module)

    async def resolve(self, requirements: Sequence[str]) -> list[Wheel]:
        return await self._packages().resolve(requirements)

    def _packages(self) -> Packages:
        if self._loaded is None:
            from smolterm.packages.provide import Packages

            self._loaded = Packages(
                consent=self._consent, progress=self._progress, offline=self._options.offline
            )
        return self._loaded


async def _agree(plan: Plan, *, yes: bool) -> bool:
    lines = printable("\n".join(plan.lines()))
    if yes:
        print(lines, file=sys.stderr)
        return True
    question = "Download?" if plan.downloads else "Look it up?"
    # Who sends our words elsewhere would not see what became of the answer.
    answer = await confirm(lines, question) if sys.stderr.isatty() else None
    if answer is None:
        print(f"{lines}\nThere is no terminal to ask on; say yes with --yes.", file=sys.stderr)
    return bool(answer)


def say(text: str) -> None:
    """Tell the person something that is no output of the program."""
    print(f"smolterm: {printable(text)}", file=sys.stderr)


def _count(files: int) -> str:
    return "1 file" if files == 1 else f"{files} files"
