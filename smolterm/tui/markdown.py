"""The Markdown that models write, to styled lines. Pure.

Line by line on purpose: the text stays where the model put it, so it can be selected and copied as
it reads, nothing is fetched or opened, and half a reply looks like half a reply.
"""

from __future__ import annotations

import re
from functools import lru_cache

from msgspec.structs import replace

from smolterm.printable import printable
from smolterm.tui.cells import cells
from smolterm.tui.lines import TAB, Line, Span

_FENCE = re.compile(r"\s{0,3}(```+|~~~+)\s*([\w+-]*)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*?)\s*#*$")
_BULLET = re.compile(r"(\s*)[-*+]\s+(?:\[([ xX])\]\s+)?(.*)$")
_NUMBER = re.compile(r"(\s*)([0-9]{1,9}[.)])\s+(.*)$")
_QUOTE = re.compile(r"\s{0,3}>\s?(.*)$")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$")
_BAR = re.compile(r"(?<!\\)\|")
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


DEEPEST = 24
"""Cells of indentation that are kept."""


@lru_cache(maxsize=128)
def markdown_lines(text: str, *, style: str = "") -> list[Line]:
    """Return the lines of `text`, formatted; `style` lies under everything."""
    lines: list[Line] = []
    fence = ""
    raws = printable(text).expandtabs(TAB).strip("\n").split("\n")
    at = 0
    while at < len(raws):
        raw = raws[at]
        at += 1
        opened = _FENCE.match(raw)
        if fence:
            if opened and opened[1].startswith(fence) and not opened[2]:
                fence = ""
                continue
            lines.append(_whole(raw, "mono", lead="  "))
        elif opened:
            fence = opened[1]
        elif "|" in raw and at < len(raws) and "|" in raws[at] and _TABLE_RULE.match(raws[at]):
            end = next((n for n in range(at + 1, len(raws)) if "|" not in raws[n]), len(raws))
            lines += _table(raw, raws[at], raws[at + 1 : end], style)
            at = end
        else:
            lines.append(_line(raw, style))
    return lines


def _table(head: str, rule: str, rows: list[str], style: str) -> list[Line]:
    """Return a table with its columns under each other, aligned as its rule says."""
    aligned = [(cell[:1] == ":", cell[-1:] == ":") for cell in _cells(rule)]
    count = len(aligned)
    body = [[_inline(cell, style) for cell in _cells(row)[:count]] for row in rows]
    table = [[_inline(cell, "table_head") for cell in _cells(head)[:count]], *body]
    rooms = [
        max((cells(row[n].text) for row in table if n < len(row)), default=0) for n in range(count)
    ]
    drawn = [_row(row, rooms, aligned) for row in table]
    width = sum(rooms) + 2 * (count - 1)
    return [drawn[0], _whole("─" * width, "rule"), *drawn[1:]]


def _cells(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _BAR.split(row.strip().strip("|"))]


def _row(row: list[Line], rooms: list[int], aligned: list[tuple[bool, bool]]) -> Line:
    text, spans = "", []
    for line, room, (left, right) in zip(row, rooms, aligned, strict=False):
        pad = room - cells(line.text)
        before = 0 if not right else pad // 2 if left else pad
        text += ("  " if text else "") + " " * before
        spans += [Span(len(text) + start, len(text) + end, name) for start, end, name in line.spans]
        text += line.text + " " * (pad - before)
    return Line(text.rstrip(), tuple(spans))


def _whole(text: str, style: str, lead: str = "") -> Line:
    spans = (Span(0, len(text), style),) if style and text else ()
    return Line(text, spans, lead, " " * len(lead))


def _line(raw: str, style: str) -> Line:
    if found := _HEADING.match(raw):
        return _inline(found[1], "heading")
    if _RULE.match(raw):
        return _whole("───", "quiet")
    if found := _BULLET.match(raw):
        lead = found[1][:DEEPEST] + (_DONE[found[2]] if found[2] else "• ")
        return _inline(found[3], style, lead, " " * len(lead))
    if found := _NUMBER.match(raw):
        lead = f"{found[1][:DEEPEST]}{found[2]} "
        return _inline(found[3], style, lead, " " * len(lead))
    if found := _QUOTE.match(raw):
        inner = _line(found[1], "quote")
        return replace(inner, lead="▏ " + inner.lead, rest="▏ " + inner.rest, lead_style="quiet")
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
