"""The Markdown that models write, to styled lines. Pure.

Line by line on purpose: the text stays where the model put it, so it can be selected and copied as
it reads, nothing is fetched or opened, and half a reply looks like half a reply.
"""

from __future__ import annotations

import re
from functools import lru_cache

from smolterm.printable import printable
from smolterm.tui.lines import TAB, Line, Span

_FENCE = re.compile(r"\s{0,3}(```+|~~~+)\s*([\w+-]*)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"(\s*)[-*+]\s+(?:\[([ xX])\]\s+)?(.*)$")
_NUMBER = re.compile(r"(\s*)(\d{1,9}[.)])\s+(.*)$")
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)$")
_RULE = re.compile(r"\s{0,3}([-*_])(?:\s*\1){2,}\s*$")
_INLINE = re.compile(
    r"(?P<code>`+)(?P<code_text>[^`\n]+)(?P=code)"
    r"|\*\*(?P<bold>(?=\S)[^*\n]+)\*\*"
    r"|(?<![\w*])\*(?P<italic>(?=\S)[^*\n]+)\*(?![\w*])"
    r"|(?<!\w)_(?P<italic_>(?=\S)[^_\n]+)_(?!\w)"
    r"|~~(?P<strike>[^~\n]+)~~"
    r"|!?\[(?P<label>[^\]\n]*)\]\((?P<address>[^()\s]*)\)"
)
_DONE = {" ": "☐ ", "x": "☑ ", "X": "☑ "}


@lru_cache(maxsize=128)
def markdown_lines(text: str, *, style: str = "") -> list[Line]:
    """Return the lines of `text`, formatted; `style` lies under everything."""
    lines: list[Line] = []
    fence = ""
    for raw in printable(text).expandtabs(TAB).strip("\n").split("\n"):
        opened = _FENCE.match(raw)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2]:
                fence = ""
                continue
            lines.append(_whole(raw, "mono", lead="  "))
        elif opened:
            fence = opened[1]
        else:
            lines.append(_line(raw, style))
    return lines


def _whole(text: str, style: str, lead: str = "") -> Line:
    spans = (Span(0, len(text), style),) if style and text else ()
    return Line(text, spans, lead, " " * len(lead))


def _line(raw: str, style: str) -> Line:
    if found := _HEADING.match(raw):
        return _inline(found[1], "heading")
    if _RULE.match(raw):
        return _whole("───", "quiet")
    if found := _BULLET.match(raw):
        lead = found[1] + (_DONE[found[2]] if found[2] else "• ")
        return _inline(found[3], style, lead, " " * len(lead))
    if found := _NUMBER.match(raw):
        lead = f"{found[1]}{found[2]} "
        return _inline(found[3], style, lead, " " * len(lead))
    if found := _QUOTE.match(raw):
        return _inline(found[1], "quote", "▏ ", "▏ ")
    indent = len(raw) - len(raw.lstrip(" "))
    lead = raw[: min(indent, 8)]
    return _inline(raw[len(lead) :], style, lead, lead)


def _inline(text: str, style: str, lead: str = "", rest: str = "") -> Line:
    parts: list[str] = []
    spans: list[Span] = []
    length = 0

    def add(piece: str, name: str) -> None:
        nonlocal length
        if piece and name:
            spans.append(Span(length, length + len(piece), name))
        parts.append(piece)
        length += len(piece)

    at = 0
    for found in _INLINE.finditer(text):
        add(text[at : found.start()], style)
        at = found.end()
        if found["code"]:
            add(found["code_text"], "mono")
        elif found["bold"]:
            add(found["bold"].replace("`", ""), "bold")
        elif found["italic"] or found["italic_"]:
            add(found["italic"] or found["italic_"], "italic")
        elif found["strike"]:
            add(found["strike"], "strike")
        else:
            add(found["label"], "link")
            if found["address"] and found["address"] != found["label"]:
                add(f" ({found['address']})", "quiet")
    add(text[at:], style)
    return Line("".join(parts), tuple(spans), lead, rest, "quiet" if lead.strip() else "")
