"""Standard input and output as lines: no drawing, no colour, no cursor; for screen readers, slow
lines and scripts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TextIO

from smolterm import events as e
from smolterm.keyboard import Keyboard
from smolterm.outside import words
from smolterm.printable import printable, revealed
from smolterm.telling import Passing, puts_out, shown, table_text, told
from smolterm.threads import in_daemon_thread

MOST_LINE = 1_000_000
"""Characters of one line."""
MOST_PRINTED = 400
"""Lines of one step's output; the rest is counted."""


class PlainTerminal:
    """Reads lines, writes lines.

    Args:
        fd: where lines come from.
    """

    styled = False

    def __init__(self, fd: int = 0) -> None:
        self._fd = fd
        self._keyboard = Keyboard(fd)
        self._data = b""
        self._ended = False

    def say(self, text: str, style: str = "") -> None:
        sys.stdout.write(f"{printable(text)}\n")
        sys.stdout.flush()

    async def read(self, question: str) -> str:
        """Ask a question that counts: what was typed before it is forgotten."""
        self.forget()
        return await self._line(question)

    async def task(self, prompt: str) -> str:
        """Read what to do next; a line that ends in a backslash goes on in the next one."""
        lines = [await self._line(prompt)]
        while lines[-1].endswith("\\"):
            lines[-1] = lines[-1][:-1]
            lines.append(await self._line("... "))
        return "\n".join(lines)

    async def edit(self, code: str) -> str | None:
        """Take new code line by line."""
        self.say("Write the code anew; a line with a single dot ends it, nothing at all gives up.")
        lines: list[str] = []
        while (line := await self._line("")) != ".":
            lines.append(line)
        return "\n".join(lines) if any(map(str.strip, lines)) else None

    async def page(self, text: str) -> None:
        """Say it all: a pager draws."""
        self.say(text)

    def forget(self) -> None:
        """Drop what was typed ahead on a terminal; a script's lines are meant as they come."""
        if os.isatty(self._fd):
            import termios

            self._data = b""
            termios.tcflush(self._fd, termios.TCIFLUSH)

    async def _line(self, prompt: str) -> str:
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while b"\n" not in self._data and not self._ended and len(self._data) < MOST_LINE:
            data = await self._next()
            self._ended = not data
            self._data += data
        if not self._data:
            raise EOFError
        line, _, self._data = self._data.partition(b"\n")
        return line.decode("utf-8", "replace").rstrip("\r")

    async def _next(self) -> bytes:
        """Wait for input; a wait that was given up takes nothing that comes later."""
        try:
            return await in_daemon_thread(self._keyboard.read, 65_536)
        except asyncio.CancelledError:
            self._keyboard.__exit__()
            self._keyboard = Keyboard(self._fd)
            raise

    def close(self) -> None:
        self._keyboard.__exit__()


class PlainReport:
    """Says every change in whole lines, each beginning with what it is about."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._open = {"stdout": "", "stderr": ""}
        self._lines = 0
        self._passing = Passing()

    def show(self, event: e.Event) -> None:
        """Write one event."""
        match event:
            case e.StepStarted():
                self._lines = 0
                self._say(f"Step {event.step}. The model thinks.")
            case e.ModelWaiting():
                self._say(f"Waiting {event.seconds:.0f} seconds: {event.why}")
            case e.ActionProposed():
                self._say_all("Reasoning: ", event.reasoning.strip())
                self._say(f"Code of step {event.step}:")
                for number, line in enumerate(revealed(event.code).split("\n"), 1):
                    self._say(f"{number}: {line}")
                self._say("End of the code.")
            case e.MistakeFound():
                self._say("The reply holds no code that can run; the model is asked again.")
            case e.DecisionMade():
                self._say(f"Decided: {_DECIDED[event.decision]}.")
            case e.CellStarted():
                self._say("The code runs.")
            case e.OutputAdded():
                self._output(event)
            case e.ToolCalled():
                self._say(f"Tool called: {event.tool}({event.arguments})")
            case e.ToolReturned():
                outside = " text from outside" if self._passing.is_outside(event) else ""
                self._say(f"Tool {'returned' if event.ok else 'failed'}{outside}: {event.result}")
            case e.OutsideArrived() | e.PackDenied() | e.ToolProgress():
                for text in self._passing.told(event):
                    said = text.removeprefix("⚠ ")
                    self._say(f"{said[:1].upper()}{said[1:]}")
            case e.CellFinished():
                self._cell(event)
            case e.SandboxChanged():
                if event.state in ("died", "closed"):
                    lost = f" Lost: {', '.join(event.lost)}." if event.lost else ""
                    self._say(f"Sandbox: {event.detail}{lost}")
            case e.Displayed() if event.table is not None:
                self._say_all("Table: ", table_text(event.table))
            case e.Displayed():
                self._say(f"An image: {event.alt}")
            case e.ContextShortened():
                self._say(shown(event))
            case e.Notice():
                self._say(event.text)
            case _:
                for text in told(event):
                    self._say(text)

    def _output(self, event: e.OutputAdded) -> None:
        *whole, rest = (self._open[event.stream] + event.text).split("\n")
        for line in whole:
            self._printed(line, event.stream)
        self._open[event.stream] = rest[-MOST_LINE:]

    def _printed(self, line: str, stream: str) -> None:
        self._lines += 1
        if self._lines <= MOST_PRINTED:
            self._say(f"{'Printed' if stream == 'stdout' else 'Error output'}: {line}")

    def _cell(self, event: e.CellFinished) -> None:
        for stream, rest in self._open.items():
            if rest:
                self._printed(rest, stream)
        self._open = {"stdout": "", "stderr": ""}
        if self._lines > MOST_PRINTED:
            self._say(f"{self._lines - MOST_PRINTED} more lines were printed.")
        if event.dropped:
            self._say(f"{event.dropped} bytes past the limit were dropped.")
        if event.error is not None:
            self._say_all("Error: ", event.error.traceback or event.error.type)
        elif event.value is not None and event.value != "None":
            self._say_all("Value: ", event.value[:2000])
        if event.outside and (self._lines or puts_out(event)):
            self._say(f"This output {words(event.outside)}.")
        self._say(f"The code ended after {event.seconds:.1f} seconds.")

    def _say_all(self, lead: str, text: str) -> None:
        for line in text.split("\n") if text else ():
            self._say(f"{lead}{line}")

    def _say(self, text: str) -> None:
        self._out.write(printable(text).replace("\n", " ") + "\n")
        self._out.flush()


_DECIDED = {"approve": "approved", "edit": "edited", "reject": "declined", "stop": "stopped"}
