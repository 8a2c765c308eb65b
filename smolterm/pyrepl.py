"""`smolterm py` on a terminal: a prompt for Python that runs in the sandbox."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smolterm import __version__
from smolterm.errors import ExitCode, SmoltermError, UsageError
from smolterm.keyboard import Keyboard
from smolterm.printable import printable
from smolterm.process import report
from smolterm.pyoptions import PyOptions, mounted, names, new_folder
from smolterm.pyplace import Place, say
from smolterm.pyrun import run_cell
from smolterm.sandbox import CellDone, Printed
from smolterm.threads import in_daemon_thread

if TYPE_CHECKING:
    from smolterm.pyprompt import Prompt
    from smolterm.sandbox.states import Rewound

COMMANDS = {
    "help": ("", "this list"),
    "rewind": ("N", "go back to before cell N: variables and files"),
    "save": ("FILE", "write variables, functions and files to a file"),
    "restore": ("FILE", "take over what a file holds, in place of what is here"),
    "mount": ("SRC[:DST][:rw]", "let the code see a file or folder, under /files by default"),
    "changes": ("", "show what the code changed in mounted files"),
    "commit": ("[PATH ...]", "write these changes to the disk, or all in mounts with :rw"),
    "undo": ("", "bring back what the last :commit overwrote"),
    "out": ("DIR", "put what is in /out into a new folder"),
    "packages": ("NAME ...", "have packages ready, such as pandas or 'rich>=13'"),
}
"""What a line that begins with a colon may say; no line of Python begins so."""

KEYS = """\
Tab completes, Ctrl-C interrupts or clears the line, Ctrl-D leaves.
A block ends with an empty line; Ctrl-O begins a new line, Alt-Enter runs what is there.
`_` is the last value."""

WAYS = {
    "memory": "in place",
    "process": "by a new process that took the state over",
    "replay": "by running the cells again",
}


async def run_repl(options: PyOptions) -> int:
    """Read cells and run them until the person leaves; returns the exit status."""
    repl = Repl(options)
    try:
        return await repl.run()
    finally:
        await repl.close()


class Repl:
    """One sitting."""

    def __init__(self, options: PyOptions) -> None:
        self._place = Place(
            options, self._tell, checkpoints=True, files=True, around=self._with_terminal
        )
        self._prompt: Prompt | None = None
        self._starting: asyncio.Task[None] | None = None
        self._work: asyncio.Task[int | None] | None = None
        self._interrupts = 0
        self._asked: set[asyncio.Task[None]] = set()
        self._at_start_of_line = True
        self._drawn = False

    async def run(self) -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, self._interrupt)
        self._start()
        print(f"smolterm {__version__}: Python in a sandbox. :help says more, Ctrl-D leaves.")
        from smolterm.pyprompt import Prompt

        # While it loads the sandbox starts.
        await in_daemon_thread(Prompt.load)
        self._prompt = Prompt(self._complete, COMMANDS)
        status = None
        while status is None:
            try:
                text = await self._prompt.read(self._place.sandbox.step)
            except KeyboardInterrupt:
                continue
            except EOFError:
                status = int(ExitCode.OK)
                break
            self._prompt.note("")
            if text.strip():
                status = await self._attend(self._do(text))
        return await self._attend(self._leave(status)) or status

    async def _leave(self, status: int) -> int:
        return await (self._place.leave(status) if status else self._place.keep(asked=True))

    async def close(self) -> None:
        for task in (self._work, self._starting):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        await self._place.close()

    def _start(self) -> None:
        self._starting = asyncio.get_running_loop().create_task(self._place.start())
        self._starting.add_done_callback(self._tell_failure)

    def _tell_failure(self, start: asyncio.Task[None]) -> None:
        error = None if start.cancelled() else start.exception()
        if not isinstance(error, SmoltermError) or self._work is not None:
            return  # Whoever waits for the start is told.
        if self._prompt is not None and self._prompt.reading:
            self._prompt.above(lambda: report(error))
        else:
            report(error)

    async def _started(self) -> None:
        """Wait for the start that is under way; one that failed is tried again."""
        sandbox = self._place.sandbox
        task = self._starting
        if task is None or (task.done() and not sandbox.alive) or _failed(task):
            if sandbox.step > 1:
                say("The sandbox's process is gone.")
                back = await self._undisturbed(sandbox.rewind(sandbox.step))
                say(f"Variables and files are back, {WAYS[back.way]}.")
                return
            self._start()
        assert self._starting is not None
        await asyncio.shield(self._starting)

    async def _attend(self, work: Coroutine[Any, Any, int | None]) -> int | None:
        """Wait for work that Ctrl-C can end; returns the exit status when it asks to leave."""
        self._interrupts = 0
        self._work = asyncio.get_running_loop().create_task(work)
        await asyncio.wait([self._work])
        task, self._work = self._work, None
        self._fresh_line()
        if task.cancelled():
            print("KeyboardInterrupt", file=sys.stderr)
            return None
        error = task.exception()
        if isinstance(error, SmoltermError):
            report(error)
            return None
        return task.result()

    def _interrupt(self) -> None:
        """Ctrl-C, which the terminal sends while no prompt reads it, or a signal from elsewhere."""
        self._interrupts += 1
        # The terminal shows it as ^C.
        self._at_start_of_line = self._work is None
        if self._prompt is not None and self._prompt.reading:
            self._prompt.interrupt()
        elif self._place.sandbox.busy:
            task = asyncio.get_running_loop().create_task(self._place.sandbox.interrupt())
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
        elif self._work is not None and self._interrupts != 2:
            # At the second one the state is likely being brought back after the first.
            self._work.cancel()

    async def _do(self, text: str) -> int | None:
        if text.startswith(":"):
            await self._command(text[1:])
            return None
        if text.strip() in ("exit", "quit") and text.strip() not in self._place.sandbox.names:
            return ExitCode.OK
        await self._started()
        with Keyboard() as keyboard:

            def read(most: int) -> bytes:
                data = keyboard.read(most)
                # The terminal has shown it, with the end of its line.
                self._at_start_of_line = data.endswith(b"\n")
                return data

            done = await run_cell(self._place, text, self._show, read_stdin=read, echo=True)
        return self._finish(done)

    def _finish(self, done: CellDone) -> int | None:
        self._fresh_line()
        if done.status is not None:
            return done.status & 0xFF
        if done.error is not None:
            print(printable(done.error.traceback), file=sys.stderr)
        elif done.answered:
            print(printable(done.answer))
        elif done.value is not None and (done.value != "None" or done.value_data is not None):
            print(printable(done.value))
        return None

    def _show(self, part: Printed) -> None:
        text = printable(part.text)
        if text:
            stream = sys.stdout if part.stream == "stdout" else sys.stderr
            stream.write(text)
            stream.flush()
            self._at_start_of_line = text.endswith("\n")

    def _fresh_line(self) -> None:
        if not self._at_start_of_line:
            print(flush=True)
            self._at_start_of_line = True

    async def _command(self, line: str) -> None:
        try:
            word, *arguments = shlex.split(line) or ["help"]
        except ValueError as error:
            raise UsageError(f"That cannot be read: {error}.") from None
        if word not in COMMANDS:
            raise UsageError(f"There is no command :{printable(word)}.", next="Try :help.")
        needs = COMMANDS[word][0]
        if bool(arguments) is not bool(needs) and not needs.startswith("["):
            raise UsageError(f"It is :{word} {needs}".strip() + ".")
        if word == "help":
            print(help_text())
            return
        await self._started()
        commands: dict[str, Callable[[Sequence[str]], Awaitable[None]]] = {
            "rewind": self._rewind, "save": self._save, "restore": self._restore,
            "mount": self._mount, "changes": self._changes, "commit": self._commit,
            "undo": self._undo, "out": self._out, "packages": self._packages,
        }  # fmt: skip
        await commands[word](arguments)

    async def _rewind(self, arguments: Sequence[str]) -> None:
        if not arguments[0].isdecimal():
            raise UsageError(f"{arguments[0]} is no number of a cell.")
        self._tell_rewound(await self._undisturbed(self._place.sandbox.rewind(int(arguments[0]))))

    async def _save(self, arguments: Sequence[str]) -> None:
        path = _path(arguments[0])
        await self._place.sandbox.save(path)
        print(f"Saved to {path}.")

    async def _restore(self, arguments: Sequence[str]) -> None:
        path = _path(arguments[0])
        self._tell_rewound(await self._undisturbed(self._place.sandbox.restore(path)))

    async def _undisturbed(self, work: Coroutine[Any, Any, Rewound]) -> Rewound:
        """Bring a state back; interrupted half-way, there is no state but an empty one."""
        try:
            return await work
        except asyncio.CancelledError:
            await self._place.sandbox.close()
            self._place.sandbox.names = ()
            say("The sandbox is empty now.")
            raise

    def _tell_rewound(self, rewound: Rewound) -> None:
        kept = ", ".join(printable(name) for name in rewound.names) or "none"
        print(f"Before cell {rewound.step}, {WAYS[rewound.way]}. Variables: {kept}.")

    async def _mount(self, arguments: Sequence[str]) -> None:
        one = mounted(arguments[0])
        at = await self._place.sandbox.mount(one.source, one.at, writable=one.writable)
        print(printable(f"The code sees it as {at}."))

    async def _out(self, arguments: Sequence[str]) -> None:
        folder = new_folder(arguments[0])
        await self._place.copy_out(await self._place.sandbox.changes(), folder)

    async def _changes(self, arguments: Sequence[str]) -> None:
        changes = await self._place.sandbox.changes()
        for change in changes.files:
            why = f" (cannot be committed: {change.refused})" if change.refused else ""
            print(printable(f"{change.kind} {change.path}{why}\n{change.diff()}").rstrip("\n"))
        for result in changes.results:
            print(printable(f"result /out/{result.name}, {len(result.data)} bytes"))
        if not changes.files and not changes.results:
            print("Nothing has changed.")

    async def _commit(self, arguments: Sequence[str]) -> None:
        changes = await self._place.sandbox.changes()
        if not await self._place.commit(changes, arguments or None):
            raise UsageError("Nothing has changed in a mount with :rw.")

    async def _undo(self, arguments: Sequence[str]) -> None:
        for path in await self._place.undo():
            print(printable(f"brought back {path}"))

    async def _packages(self, arguments: Sequence[str]) -> None:
        await self._place.sandbox.install(names(arguments))
        print("Ready.")

    async def _complete(self, text: str) -> list[str]:
        sandbox = self._place.sandbox
        return await sandbox.complete(text) if sandbox.alive else []

    def _tell(self, text: str, fraction: float | None) -> None:
        """Show how a set-up or a download goes, below the prompt or on a line of its own."""
        if self._prompt is not None and self._prompt.reading:
            done = "" if fraction is None else f" {fraction:.0%}"
            self._prompt.note("" if fraction == 1.0 else f"{text}{done}")
        elif self._work is not None:
            from smolterm.progress import bar

            if not self._drawn:
                self._bar = bar()
            self._bar(text, fraction)
            self._drawn = fraction != 1.0

    async def _with_terminal(self, asking: Awaitable[bool]) -> bool:
        if self._prompt is not None and self._prompt.reading:
            return await self._prompt.aside(asking)
        return await asking


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _failed(task: asyncio.Task[None]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def help_text() -> str:
    """Return what :help says."""
    width = max(len(f":{word} {needs}") for word, (needs, _) in COMMANDS.items())
    lines = [
        f"  {f':{word} {needs}'.strip():<{width}}  {words}"
        for word, (needs, words) in COMMANDS.items()
    ]
    return "\n".join(["Type Python, or:", *lines, KEYS])
