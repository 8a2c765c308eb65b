"""Diffs as styled lines: unified as they are, or side by side. Pure.

Both texts may be hostile, so every character is revealed.
"""

from __future__ import annotations

from itertools import zip_longest

from smolterm.printable import reveal
from smolterm.tui.cells import cells, fitting
from smolterm.tui.lines import TAB, Line, Span

LOOKS = {"+": "value", "-": "error", "@": "label", "\\": "quiet"}
SIDE_BY_SIDE = 60
"""Columns that two sides need."""


def diff_lines(diff: str) -> list[Line]:
    """Return the lines of a unified diff."""
    return [_line(line) for line in diff.split("\n")] if diff else []


def _line(line: str) -> Line:
    text, spans = _shown(line, LOOKS.get(line[:1], "base"))
    return Line(text, tuple(spans))


def _shown(line: str, look: str) -> tuple[str, list[Span]]:
    """Return a line as it can be drawn, with its colours."""
    text, marks = reveal(line.rstrip("\n").expandtabs(TAB))
    spans, at = [], 0
    for start, end in marks:
        spans += [Span(at, start, look), Span(start, end, "hidden")]
        at = end
    return text, [*(span for span in spans if span.start < span.end), Span(at, len(text), look)]


def side_by_side(diff: str, width: int) -> list[Line]:
    """Return a unified diff with what was on the left and what would be on the right."""
    if width < SIDE_BY_SIDE:
        return diff_lines(diff)
    room = (width - 3) // 2
    found: list[Line] = []
    old: list[str] = []
    new: list[str] = []
    for line in diff.split("\n"):
        if line[:1] == "-":
            old.append(line)
        elif line[:1] == "+":
            new.append(line)
        else:
            found += _pairs(old, new, room)
            old, new = [], []
            if line[:1] in ("@", "\\"):
                found.append(_line(line))
            elif line:
                found += _pairs([line], [line], room)
    return found + _pairs(old, new, room)


def _pairs(old: list[str], new: list[str], room: int) -> list[Line]:
    found = []
    for before, after in zip_longest(old, new):
        left, right = _cut(before, room), _cut(after, room)
        for one, other in zip_longest(left, right):
            found.append(_joined(one, other, room))
    return found


def _cut(line: str | None, room: int) -> list[tuple[str, list[Span]]]:
    """Cut one line into pieces that fit in a side."""
    if line is None:
        return []
    text, spans = _shown(line, LOOKS.get(line[:1], "base"))
    pieces: list[tuple[str, list[Span]]] = []
    start = 0
    while start < len(text) or not pieces:
        end = max(fitting(text, start, room), start + 1)
        inside = [
            Span(max(a, start) - start, min(b, end) - start, look)
            for a, b, look in spans
            if a < end and b > start
        ]
        pieces.append((text[start:end], inside))
        start = end
    return pieces


def _joined(
    one: tuple[str, list[Span]] | None, other: tuple[str, list[Span]] | None, room: int
) -> Line:
    left, spans = one or ("", [])
    right, more = other or ("", [])
    padded = left + " " * (room - cells(left))
    start = len(padded) + 3
    shifted = [Span(a + start, b + start, look) for a, b, look in more]
    return Line(f"{padded} │ {right}", (*spans, Span(len(padded), start, "rule"), *shifted))
