"""What happens in a session, told in plain lines as it happens: for pipes, scripts and prompts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TextIO

from smolterm import events as e
from smolterm.answers import NO_FIT
from smolterm.outside import words
from smolterm.printable import printable, revealed

MOST_SHOWN = 20_000
"""Characters of one step's output; the rest is counted."""

WIDEST_CELL = 40
"""Characters of one cell of a table."""

FENCES = ("```", "<code")


class Look:
    """How stderr looks: colours on a terminal, none elsewhere or under NO_COLOR."""

    def __init__(self, coloured: bool) -> None:
        self.coloured = coloured

    def __call__(self, text: str, style: str) -> str:
        codes = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
        if not self.coloured or not text:
            return text
        return f"\x1b[{codes[style]}m{text}\x1b[0m"


class Report:
    """Writes what happens, as it happens.

    Args:
        out: where to; standard error when None.
        quiet: nothing but notices.
    """

    def __init__(self, look: Look, *, quiet: bool = False, out: TextIO | None = None) -> None:
        self._look = look
        self._quiet = quiet
        self._given = out
        self._open = ""
        self._ended = True
        self._shown = 0
        self._reply = ""
        self._told = 0
        self._passing = Passing()

    @property
    def _out(self) -> TextIO:
        return self._given if self._given is not None else sys.stderr

    def show(self, event: e.Event) -> None:
        """Write one event."""
        if self._quiet and not isinstance(event, e.Notice | e.PackDenied):
            return
        match event:
            case e.StepStarted():
                self._shown = 0
            case e.ReplyDelta():
                self._delta(event)
            case e.ReplyDropped():
                self._reply, self._told = "", 0
                self._line("(the reply broke off and is asked for again)", "yellow")
            case e.ReplyFinished():
                if _fence(self._reply) < 0:
                    self._tell_reply(len(self._reply))
                self._reply, self._told = "", 0
                self._end_stream()
            case e.ModelWaiting():
                self._line(f"waiting {event.seconds:.0f} s: {event.why}", "yellow")
            case e.MistakeFound() if event.text.startswith(NO_FIT):
                self._line(printable(event.text), "yellow")
            case e.MistakeFound():
                self._line("The reply holds no code that can run; asking again.", "yellow")
            case e.ActionProposed():
                self._code(event)
            case e.DecisionMade():
                self._decision(event)
            case e.OutputAdded():
                self._output(event)
            case e.ToolCalled():
                self._line(f"→ {event.tool}({printable(event.arguments)})", "cyan")
            case e.ToolReturned():
                mark = "←" if event.ok else "✗"
                outside = "(text from outside) " if self._passing.is_outside(event) else ""
                text = f"{mark} {outside}{printable(event.result)}"
                self._line(text, "cyan" if event.ok else "red")
            case e.OutsideArrived() | e.PackDenied() | e.ToolProgress():
                for text in self._passing.told(event):
                    style = {e.ToolProgress: "dim", e.PackDenied: "red"}.get(type(event), "yellow")
                    self._line(text, style)
            case e.CellFinished():
                self._cell(event)
            case e.SandboxChanged():
                self._sandbox(event)
            case e.Displayed() if event.table is not None:
                self._line(table_text(event.table), "")
            case e.Displayed():
                self._line(f"(an image: {printable(event.alt)})", "dim")
            case e.FilesChanged() | e.FilesDecided() | e.FilesUndone() | e.ModeChanged():
                for text in told(event):
                    self._line(text, "yellow")
            case e.MessageAdded() | e.Rewound() | e.SessionResumed():
                for text in told(event):
                    self._line(text, "dim")
            case e.Notice():
                self._line(event.text, "yellow")
            case e.ContextShortened():
                self._line(printable(shown(event)), "yellow")
            case e.Finished():
                self._end_stream()
            case _:
                pass

    def _delta(self, event: e.ReplyDelta) -> None:
        if event.channel == "reasoning":
            self._stream("reasoning", event.text, "dim")
            return
        self._reply += event.text
        fence = _fence(self._reply)
        self._tell_reply(fence if fence >= 0 else len(self._reply) - _held_back(self._reply))

    def _tell_reply(self, end: int) -> None:
        """Stream the text before the code; the code itself is shown when it is whole."""
        if end > self._told:
            self._stream("reply", self._reply[self._told : end], "dim")
            self._told = end

    def _sandbox(self, event: e.SandboxChanged) -> None:
        if event.state == "died":
            lost = f" Lost: {', '.join(event.lost)}." if event.lost else ""
            self._line(f"{event.detail}{lost} It is started anew.", "red")
        elif event.state == "preparing":
            gauge = "" if event.fraction is None else f" {event.fraction:.0%}"
            self._line(f"{event.detail}{gauge}", "dim")

    def _code(self, event: e.ActionProposed) -> None:
        self._line(f"─── step {event.step}: this code would run ", "bold")
        for number, line in enumerate(revealed(event.code).split("\n"), 1):
            print(f"{self._look(f'{number:>4} ', 'dim')}{line}", file=self._out)
        self._line("─── ", "bold")

    def _decision(self, event: e.DecisionMade) -> None:
        if event.by == "person":
            words = {
                "approve": "approved",
                "edit": "edited",
                "reject": "declined",
                "stop": "stopped",
            }
            self._line(f"({words[event.decision]})", "dim")

    def _output(self, event: e.OutputAdded) -> None:
        room = MOST_SHOWN - self._shown
        self._shown += len(event.text)
        if room > 0:
            style = "red" if event.stream == "stderr" else ""
            self._stream(event.stream, event.text[:room], style)

    def _cell(self, event: e.CellFinished) -> None:
        self._end_stream()
        if self._shown > MOST_SHOWN:
            self._line(f"({self._shown - MOST_SHOWN} more characters were printed)", "dim")
        if event.dropped:
            self._line(f"({event.dropped} bytes past the limit were dropped)", "yellow")
        if event.error is not None:
            self._line(printable(event.error.traceback), "red")
        elif event.value is not None and event.value != "None":
            self._line(f"= {printable(event.value)[:2000]}", "green")
        if event.outside and (self._shown or puts_out(event)):
            self._line(f"({words(event.outside)})", "dim")

    def _stream(self, name: str, text: str, style: str) -> None:
        if self._open != name:
            self._end_stream()
            self._open = name
        shown = printable(text)
        self._out.write(self._look(shown, style) if style else shown)
        self._out.flush()
        self._ended = text.endswith("\n")

    def _end_stream(self) -> None:
        if self._open:
            if not self._ended:
                self._out.write("\n")
            self._open = ""

    def _line(self, text: str, style: str) -> None:
        self._end_stream()
        print(self._look(text, style), file=self._out, flush=True)


class Passing:
    """What is told of text from outside, of packs, and of how far a call is."""

    def __init__(self) -> None:
        self._arrived: tuple[int, int | None] = (0, None)
        self._progress = 0.0

    def is_outside(self, event: e.ToolReturned) -> bool:
        """Say whether a result holds text from outside."""
        return self._arrived == (event.step, event.call)

    def told(self, event: e.OutsideArrived | e.PackDenied | e.ToolProgress) -> Iterator[str]:
        """Yield what a person should know; of progress not more than a line a second."""
        match event:
            case e.OutsideArrived(source=e.Source(kind="file", what=path)):
                yield f"⚠ text from outside: the file {printable(path)}"
            case e.OutsideArrived():
                self._arrived = event.step, event.call
            case e.PackDenied():
                yield f"⚠ denied: {printable(event.text)}"
            case e.ToolProgress() if event.at - self._progress >= 1:
                self._progress = event.at
                yield f"{printable(event.tool)}: {progress(event)}"


def puts_out(event: e.CellFinished) -> bool:
    """Say whether a cell has anything to show besides what it printed."""
    return bool(event.error or event.answer or event.value not in (None, "None"))


def progress(event: e.ToolProgress) -> str:
    """Return how far a call is, in words."""
    done, total = event.done, event.total
    share = ""
    if done is not None and total == 1:
        share = f"{done:.0%}"
    elif done is not None:
        of = f" of {total:,.10g}" if total is not None else ""
        share = f"{done:,.10g}{of}"
    text = printable(event.text).replace("\n", " ")
    return ", ".join(part for part in (share, text) if part) or "at work"


def _fence(text: str) -> int:
    """Where the code begins, or -1."""
    return min((at for mark in FENCES if (at := text.find(mark)) >= 0), default=-1)


def _held_back(text: str) -> int:
    """How many characters at the end may be the first of a fence that comes in pieces."""
    sizes = range(max(map(len, FENCES)) - 1, 0, -1)
    return next((n for n in sizes if any(mark.startswith(text[-n:]) for mark in FENCES)), 0)


def told(event: e.Event) -> Iterator[str]:
    """Yield what a person should know of an event that changes more than the transcript."""
    match event:
        case e.FilesChanged():
            count = len(event.files)
            if count:
                yield f"{count} staged file{'s' * (count != 1)} changed; nothing is written yet."
        case e.FilesDecided():
            if event.written:
                yield f"Written: {_paths(event.written)}."
            if event.partly:
                yield f"Only some hunks of {_paths(event.partly)}."
            if event.refused:
                yield f"Not written: {_paths(event.refused)}."
            if event.error:
                yield printable(event.error)
        case e.FilesUndone():
            yield f"As before again: {_paths(event.paths)}."
        case e.ModeChanged():
            yield f"The mode is {event.mode} now."
        case e.MessageAdded():
            yield f"The model reads this next: {printable(event.text)}"
        case e.Rewound():
            yield (
                f"Back to before step {event.step}. What came after is kept as branch "
                f"{event.branch}."
            )
        case e.SessionResumed():
            yield f"Session {event.session} goes on. {printable(event.detail)}".rstrip()
            if event.lost:
                yield f"Gone: {printable(', '.join(event.lost))}."
        case _:
            pass


def shown(event: e.ContextShortened) -> str:
    """Return the words that tell a person what happened."""
    sizes = f"about {event.tokens_before:,} tokens to {event.tokens_after:,}"
    one = event.first == event.last
    steps = f"step {event.first}" if one else f"steps {event.first} to {event.last}"
    if event.level == "undone":
        return f"{steps.capitalize()} {'is' if one else 'are'} sent in full again: {sizes}."
    if event.level == "observations":
        return f"The context runs short: old outputs are sent shortened, {sizes}."
    return f"The context runs short: {steps} are sent as a summary, {sizes}.\n{event.text}"


def _paths(paths: tuple[str, ...]) -> str:
    return printable(", ".join(paths)).replace("\n", " ")


def table_text(table: e.Table) -> str:
    """Return a table as lines of text, its columns one below the other."""
    rows = [[_cell(text) for text in row] for row in (table.columns, *table.rows)]
    widths = [max((len(row[n]) for row in rows if n < len(row)), default=0)
              for n in range(len(table.columns))]  # fmt: skip
    lines = [
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=False)).rstrip()
        for row in rows
    ]
    more = table.total - table.first - len(table.rows)
    if more > 0:
        lines.append(f"... {more:,} rows more")
    if table.left_out:
        lines.append(f"... {table.left_out:,} columns more")
    return "\n".join(lines)


def _cell(text: str) -> str:
    shown = printable(text).replace("\n", " ").replace("\t", " ")
    return shown if len(shown) <= WIDEST_CELL else shown[: WIDEST_CELL - 1] + "…"
