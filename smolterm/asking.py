"""Questions put to a person line by line, for a prompt and for commands in pipes.

Everything that answers one ends with Enter, an empty line is no answer, and what was typed before
the question stood there does not count: nothing runs by accident.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from smolterm import outside
from smolterm.events import ApprovalRequested, FileChange, FilesRequested, Touch
from smolterm.policy import (
    AcceptFiles,
    Approve,
    Decision,
    Edit,
    FilesDecision,
    RefuseFiles,
    Reject,
    Stop,
)
from smolterm.printable import reveal, revealed

MOST_TOUCHES = 12
MOST_LINES = 60
"""Of the differences that are shown unasked."""


class Asker(Protocol):
    """A terminal as far as questions need it."""

    def say(self, text: str, style: str = "") -> None:
        """Write lines; the style is one of `telling.Look`."""
        ...

    async def read(self, question: str) -> str:
        """Read a line; EOFError when there are no more."""
        ...

    async def edit(self, code: str) -> str | None:
        """Let code be changed in place; None when that was given up."""
        ...

    async def edit_outside(self, code: str) -> str | None:
        """Let code be changed in $EDITOR; None when that was given up or failed, which it says."""
        ...

    async def copy(self, text: str) -> None:
        """Put a text on the clipboard and say so."""
        ...

    async def page(self, text: str) -> None:
        """Show a long text."""
        ...


CHOICES = {
    "a": "approve",
    "e": "edit",
    "g": "$EDITOR",
    "r": "reject",
    "p": "rule",
    "s": "stop",
    "c": "copy",
    "v": "view",
}
ONLY_CODE = "eg"
"""Choices that make no sense over a single call."""


async def ask(request: ApprovalRequested, asker: Asker) -> Decision:
    """Put one question until it is answered."""
    for text, style in told(request):
        asker.say(text, style)
    offered = [
        letter for letter in CHOICES
        if not (letter in ONLY_CODE and request.tool is not None)
        and not (letter == "p" and not request.rules)
    ]  # fmt: skip
    line = ", ".join(f"{letter} {CHOICES[letter]}" for letter in offered)
    while True:
        asker.say(line)
        said = (await asker.read(f"Step {request.step}, run it? > ")).strip().lower()
        letter = next((one for one in offered if said in (one, CHOICES[one])), "")
        decision = await _decided(letter, request, asker)
        if decision is not None:
            return decision


async def _decided(letter: str, request: ApprovalRequested, asker: Asker) -> Decision | None:
    match letter:
        case "a":
            return Approve()
        case "s":
            return Stop()
        case "r":
            return Reject((await asker.read("Why (may be empty) > ")).strip())
        case "e" | "g":
            changed = await (asker.edit if letter == "e" else asker.edit_outside)(request.code)
            return None if changed is None else Edit(changed)
        case "p":
            return await _by_rule(request, asker)
        case "c":
            await asker.copy(request.code if request.tool is None else request.arguments)
        case "v":
            await asker.page(revealed(request.code))
    return None


async def _by_rule(request: ApprovalRequested, asker: Asker) -> Decision | None:
    """Show every rule in full before one can be chosen."""
    for number, words in enumerate(request.rules, 1):
        asker.say(f"{number}. {revealed(words)}")
    if request.step_rules:
        asker.say("The first is for the rest of this step, whatever you add to its number.")
    asker.say("A number allows it for this session, a number and `always` from now on.")
    place, _, more = (await asker.read("Which (empty: none) > ")).strip().lower().partition(" ")
    known = place.isdecimal() and 1 <= int(place) <= len(request.rules)
    if not known or more.strip() not in ("", "always"):
        return None
    return Approve(rule=int(place) - 1, always=bool(more.strip()))


def told(request: ApprovalRequested) -> Iterator[tuple[str, str]]:
    """Yield the lines of a question and how they look; the code stands above them already."""
    if request.tool is not None:
        at = f", called in line {request.line}" if request.line else ""
        yield f"{revealed(request.tool)}({revealed(request.arguments)})", "cyan"
        yield f"effect: {revealed(request.effect)}{at}", "yellow"
    hidden = len(reveal(request.code)[1]) if request.tool is None else 0
    if hidden:
        yield f"{hidden} hidden characters are written as <U+....> above.", "yellow"
    for line in touch_lines(request.touches):
        yield line, "dim"
    for line in outside.lines(request.outside, request.outside_count):
        yield line if line == outside.UNREAD else f"  {line}", "yellow"
    if request.why:
        yield revealed(request.why), "yellow"


def touch_lines(touches: Iterable[Touch]) -> Iterator[str]:
    """Yield in words what code would reach."""
    every = list(touches)
    for touch in every[:MOST_TOUCHES]:
        what = revealed(touch.what) or "something that the code works out"
        effect = f" ({revealed(touch.effect)})" if touch.effect else ""
        verb = {
            "tool": "call", "read": "read", "write": "write", "delete": "delete",
            "network": "try the network:", "package": "import the package",
        }[touch.kind]  # fmt: skip
        line = f", line {touch.line}" if touch.line else ""
        yield f"{'may' if touch.may else 'will'} {verb} {what}{effect}{line}"
    if len(every) > MOST_TOUCHES:
        yield f"and {len(every) - MOST_TOUCHES} things more"


async def ask_files(request: FilesRequested, asker: Asker) -> FilesDecision:
    """Ask which staged changes are written."""
    possible = [file for file in request.files if not file.refused]
    count = len(request.files)
    asker.say(f"The code changed {count} file{'s' * (count != 1)}; none is written yet.", "bold")
    for line in outside.lines(request.outside, request.outside_count):
        asker.say(line if line == outside.UNREAD else f"  {line}", "yellow")
    room = MOST_LINES
    for file in request.files:
        asker.say(file_line(file), "yellow" if file.refused else "")
        lines = [line for hunk in file.hunks for line in hunk.rstrip("\n").split("\n")]
        if 0 < len(lines) <= room:
            _say_diff(lines, asker)
            room -= len(lines)
    while True:
        asker.say("a write all, f file by file, h hunk by hunk, r refuse, v view")
        said = (await asker.read("Write them? > ")).strip().lower()
        if said in ("a", "write all", "write") and possible:
            unseen = not all(file.shown_whole for file in possible)
            if unseen and not await _yes(asker, "Some could not be shown whole. Write them too?"):
                continue
            return AcceptFiles(paths=tuple(file.path for file in possible))
        if said in ("f", "file by file", "h", "hunk by hunk") and possible:
            return await _one_by_one(possible, asker, hunks=said.startswith("h"))
        if said in ("r", "refuse"):
            return RefuseFiles((await asker.read("Why (may be empty) > ")).strip())
        if said in ("v", "view"):
            await asker.page("\n".join(map(_whole, request.files)))


async def _one_by_one(files: list[FileChange], asker: Asker, *, hunks: bool) -> FilesDecision:
    whole: list[str] = []
    parts: dict[str, tuple[int, ...]] = {}
    for file in files:
        # Hunks that cannot be seen whole are not chosen from.
        if not hunks or file.binary or not file.shown_whole or len(file.hunks) < 2:
            asker.say(file_line(file))
            if await _yes(asker, "Write this file?"):
                whole.append(file.path)
            continue
        chosen = []
        for number, hunk in enumerate(file.hunks, 1):
            asker.say(f"{revealed(file.path)}, hunk {number} of {len(file.hunks)}")
            _say_diff(hunk.rstrip("\n").split("\n"), asker)
            if await _yes(asker, "Write this hunk?"):
                chosen.append(number)
        if chosen:
            parts[file.path] = tuple(chosen)
    left_out = len(whole) + len(parts) < len(files) or any(
        len(parts.get(file.path, file.hunks)) < len(file.hunks) for file in files
    )
    reason = ""
    if left_out:
        reason = (await asker.read("Why not the rest (may be empty) > ")).strip()
    if not whole and not parts:
        return RefuseFiles(reason)
    return AcceptFiles(paths=tuple(whole), hunks=parts, reason=reason)


async def _yes(asker: Asker, question: str) -> bool:
    while True:
        said = (await asker.read(f"{question} [y/n] > ")).strip().lower()
        if said in ("y", "yes", "n", "no"):
            return said[0] == "y"


def file_line(file: FileChange) -> str:
    """Return a changed file in one line."""
    counts = f" +{file.added} -{file.removed}" if not file.binary else " (binary)"
    size = "" if file.size is None else f", {file.size:,} bytes"
    refused = f"; it cannot be written: {revealed(file.refused)}" if file.refused else ""
    cut = "" if file.shown_whole else "; too long to be shown whole here"
    return f"{file.kind} {revealed(file.path)}{counts}{size}{refused}{cut}"


def _whole(file: FileChange) -> str:
    return f"{file_line(file)}\n{revealed(''.join(file.hunks))}"


def _say_diff(lines: list[str], asker: Asker) -> None:
    for line in lines:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        asker.say(f"  {revealed(line)}", style)
