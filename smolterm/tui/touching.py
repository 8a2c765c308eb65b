"""What a question says besides the code: what it would touch, where a call stands. Pure.

Every string here was written by a model or a tool's author, so each is revealed, and cut only where
the text says how much is missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from smolterm.events import ApprovalRequested, Source, Touch
from smolterm.outside import UNREAD, told
from smolterm.printable import reveal
from smolterm.tui.highlight import code_lines
from smolterm.tui.lines import Line
from smolterm.tui.palette import style

LONGEST = 60
"""Characters shown of one name while the list is folded."""
FEW, MANY = 3, 200
"""Names of one kind shown while the list is folded, and at most."""
AROUND = 1
"""Lines of code shown on each side of the one that calls."""
HEAD, TAIL = 3_000, 1_000
"""Characters kept of the start and the end of arguments that are longer than both."""

_VERBS = {
    "tool": ("calls", "may call"),
    "read": ("reads", "may read"),
    "write": ("writes", "may write"),
    "delete": ("deletes", "may delete"),
    "network": ("reaches", "may reach"),
    "package": ("installs", "may install"),
}
_UNNAMED = {
    "tool": "tools that it does not name",
    "network": "hosts that it does not name",
    "package": "packages that it does not name",
}
_LOOKS = {"delete": "error", "write": "warning", "network": "warning"}
_GRAVE = {"spend": "error", "danger": "error", "write": "warning", "network": "warning"}


def marked(text: str, look: str, dark: bool) -> Text:
    """Return a text in one style, hidden characters spelled out and standing out."""
    shown, marks = reveal(text)
    found = Text(shown, style(look, dark), end="")
    for start, end in marks:
        found.stylize(style("hidden", dark), start, end)
    return found


def hidden_words(text: str, where: str) -> str:
    """Return a warning that counts the characters that cannot be seen; empty without any."""
    count = len(reveal(text)[1])
    return f"⚠ {count:,} hidden character{'s' * (count != 1)}, marked {where}" if count else ""


def touched(touches: Sequence[Touch], dark: bool, *, whole: bool) -> Text:
    """Return a line for each kind of thing that code would touch.

    Args:
        whole: name all of them, in full.
    """
    if not touches:
        words = "touches no tool, file or host that can be told from reading it"
        return Text(words, style("quiet", dark), end="")
    kinds = [(kind, may) for may in (False, True) for kind in _VERBS]
    lines = []
    for kind, may in kinds:
        group = [each for each in touches if (each.kind, each.may) == (kind, may)]
        if group:
            lines.append(_line(kind, may, group, dark, whole))
    return Text("\n", end="").join(lines)


def is_folded(touches: Sequence[Touch]) -> bool:
    """Say whether the folded list leaves something out."""
    names: dict[tuple[str, bool], set[tuple[str, str]]] = {}
    for each in touches:
        names.setdefault((each.kind, each.may), set()).add((each.what, each.effect))
    long = any(len(each.what) > LONGEST for each in touches)
    return long or any(len(group) > FEW for group in names.values())


def _line(kind: str, may: bool, group: Iterable[Touch], dark: bool, whole: bool) -> Text:
    places: dict[tuple[str, str], list[int]] = {}
    for each in group:
        lines = places.setdefault((each.what, each.effect), [])
        if each.line and each.line not in lines:
            lines.append(each.line)
    most = MANY if whole else FEW
    parts = [
        _thing(kind, what, effect, lines, dark, whole)
        for (what, effect), lines in list(places.items())[:most]
    ]
    if len(places) > most:
        parts.append(Text(f"and {len(places) - most:,} more", style("fold", dark), end=""))
    line = Text(end="").append(f"{_VERBS[kind][may]} ", style("asking" if may else "bold", dark))
    return line.append_text(Text(", ", end="").join(parts))


def _thing(kind: str, what: str, effect: str, lines: list[int], dark: bool, whole: bool) -> Text:
    if what:
        cut = what if whole else what[:LONGEST]
        look = "tool" if kind == "tool" else _LOOKS.get(kind, "base")
        text = marked(cut, look, dark)
        if len(cut) < len(what):
            text.append(f"… {len(what) - len(cut):,} characters more", style("fold", dark))
    else:
        text = Text(_UNNAMED.get(kind, "files that it does not name"), style("base", dark), end="")
    if effect:
        text.append(" (", style("quiet", dark))
        text.append_text(marked(effect, _GRAVE.get(effect, "quiet"), dark))
        text.append(")", style("quiet", dark))
    if lines:
        numbers = ", ".join(map(str, lines[: FEW if not whole else MANY]))
        numbers += "…" if not whole and len(lines) > FEW else ""
        text.append(f" line{'s' * (len(lines) > 1)} {numbers}", style("quiet", dark))
    return text


def outside_text(sources: Sequence[Source], total: int, dark: bool, *, whole: bool) -> Text:
    """Return where unread text from outside came from, the newest first; empty where none is.

    Args:
        total: of all unread sources.
        whole: name all that are here.
    """
    shown = sources if whole else sources[:FEW]
    text = Text(end="")
    if shown:
        text.append(f"⚠ {UNREAD.rstrip(':').lower()}", style("warning", dark))
    for source in shown:
        text.append("\n  ").append_text(marked(told(source), "base", dark))
    if shown and total > len(shown):
        text.append(f"\n  and {total - len(shown):,} before", style("fold", dark))
    return text


def call_text(request: ApprovalRequested, dark: bool, *, whole: bool) -> Text:
    """Return a call as it would be made, and the lines of code around it."""
    text = Text(end="").append_text(marked(request.tool or "", "tool", dark))
    text.append("(", style("base", dark))
    arguments = request.arguments
    if whole or len(arguments) <= HEAD + TAIL:
        text.append_text(marked(arguments, "base", dark))
    else:
        missing = len(arguments) - HEAD - TAIL
        text.append_text(marked(arguments[:HEAD], "base", dark))
        text.append(f" … {missing:,} characters more, t shows them … ", style("fold", dark))
        text.append_text(marked(arguments[-TAIL:], "base", dark))
    text.append(")", style("base", dark))
    for line in calling_lines(request):
        here = line.lead.strip() == str(request.line)
        text.append(
            f"\n{'▸' if here else ' '} {line.lead}", style("asking" if here else "gutter", dark)
        )
        text.append_text(text_of(line, dark))
    return text


def calling_lines(request: ApprovalRequested) -> list[Line]:
    """Return the line of code that makes a call, and those around it."""
    if request.line is None or not request.code:
        return []
    lines = code_lines(request.code)
    if not 1 <= request.line <= len(lines):
        return []
    return lines[max(request.line - 1 - AROUND, 0) : request.line + AROUND]


def text_of(line: Line, dark: bool) -> Text:
    """Return a styled line without what stands before it."""
    text = Text(line.text[:HEAD], style("base", dark), end="")
    for start, end, look in line.spans:
        text.stylize(style(look, dark), start, end)
    if len(line.text) > HEAD:
        text.append(f" … {len(line.text) - HEAD:,} characters more", style("fold", dark))
    return text
