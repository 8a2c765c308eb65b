"""The part of the app that runs the person's own commands, those after a `!`.

They are the person's, not the model's: in their shell, their folder and their environment, and
what they print is read by nobody else, unless two `!` say that the next task comes with it.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

from smolterm.mentions import place_for
from smolterm.shell import Output, Running, missed_terminal, needs_terminal, user_shell
from smolterm.tui.base import Base
from smolterm.tui.items import Note

FRAME = 1 / 30
FIRST_LINES, LAST_LINES = 10, 20
"""Of the output that are shown."""
TOLD_LINES = 20_000
"""Of the output that the model gets, half of the beginning and half of the end."""

# What waits is for the person to read what was printed before the screen comes back.
_ON_TERMINAL = """trap : INT
"$1" -c "$2"
code=$?
if [ "$3" = wait ] || [ $code -ne 0 ]; then
    printf '\\n[exit code %s] Enter goes back ' $code
    read -r _
fi
exit $code"""


class Told(NamedTuple):
    """What the next task comes with."""

    command: str
    code: int
    output: str


class Shelling(Base):
    """Runs commands beside whatever else goes on."""

    def __init__(self) -> None:
        super().__init__()
        self._commands: list[Running] = []
        self._told: list[Told] = []
        self.terminal = asyncio.Lock()
        """Held by whoever has the terminal instead of the app."""

    def shell(self, text: str) -> bool:
        """Run what stands behind `!`; False when nothing does.

        `!command` catches the output, `!!command` gives it to the next task too, and `! command`
        hands the terminal over, as is done for programs known to need one.
        """
        tell = text.startswith("!!")
        rest = text.lstrip("!")
        command = rest.strip()
        if not command:
            self.say("!command runs in your shell, ! command has the terminal, !!command tells")
            return False
        alone = rest.startswith(" ") or needs_terminal(command)
        if alone and not tell:
            self.run_worker(self._on_terminal(command), group="terminal")
        else:
            self.run_worker(self._caught(command, tell=tell), group="shell")
        return True

    @property
    def commands_running(self) -> bool:
        return bool([each for each in self._commands if not each.done])

    def interrupt_commands(self) -> bool:
        """Do what ctrl+c does to those that run; False when none does."""
        running = [each for each in self._commands if not each.done]
        for command in running:
            command.interrupt()
        return bool(running)

    def end_commands(self) -> None:
        """Leave nothing running."""
        for command in self._commands:
            command.end()
        self._commands = []

    def tell_all(self, text: str, files: dict[str, bytes]) -> tuple[str, dict[str, bytes]]:
        """Return a task together with what it was to be told."""
        told, self._told = self._told, []
        files = dict(files)
        for each in told:
            place = place_for("output.txt", files)
            files[place] = each.output.encode("utf-8", "replace")
            text += f"\n\nI ran `{each.command}` (exit code {each.code}); its output is in {place}."
        return text, files

    async def _caught(self, command: str, *, tell: bool) -> None:
        note = Note(f"$ {command}")
        self.view.add(note)
        self.redraw()
        try:
            running = Running(command)
        except (OSError, ValueError) as error:
            self._say_of(note, f"$ {command}\n{error}")
            return
        self._commands.append(running)
        shown = Output(FIRST_LINES, LAST_LINES)
        whole = Output(TOLD_LINES // 2, TOLD_LINES // 2) if tell else None
        drawn = 0.0

        def take(data: bytes) -> None:
            nonlocal drawn
            shown.add(data)
            if whole is not None:
                whole.add(data)
            if time.monotonic() > drawn + FRAME:
                drawn = time.monotonic()
                self._say_of(note, f"$ {command}\n{shown}")

        try:
            code = await running.read(take)
        except BaseException:
            running.end()
            raise
        if not running.lingers:
            self._commands.remove(running)
        shown.add(b"", final=True)
        said = "\n".join(filter(None, [f"$ {command}", str(shown), _ending(code, str(shown))]))
        self._say_of(note, said)
        if whole is not None:
            whole.add(b"", final=True)
            self._told.append(Told(command, code, f"{whole}\n"))
            self.say("the next task comes with its output")

    def _say_of(self, note: Note, text: str) -> None:
        """Change what a note says, if it is still on the screen."""
        index = next((i for i, item in enumerate(self.view.items) if item is note), None)
        if index is not None:
            note.text = text
            note.version += 1
            self.view.dirty.add(index)
            self.redraw()

    async def _on_terminal(self, command: str) -> None:
        from smolterm.tui.external import run_on_terminal

        after = "back" if needs_terminal(command) else "wait"
        argv = ["/bin/sh", "-c", _ON_TERMINAL, "sh", user_shell(), command, after]
        async with self.terminal:
            problem = await run_on_terminal(self, argv)
        said = f"$ {command}" + (f"\n{problem}" if problem else "")
        self.view.add(Note(said, "warning" if problem else "info"))
        self.redraw()


def _ending(code: int, output: str) -> str:
    if not code:
        return ""
    hint = "  `! command`, with a space, gives it the terminal" if missed_terminal(output) else ""
    return f"[exit code {code}]{hint}"
