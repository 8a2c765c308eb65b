"""What the three panes of a step say, as styled lines. Pure."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from smolterm.printable import printable
from smolterm.tui.halves import half_lines
from smolterm.tui.highlight import code_lines
from smolterm.tui.items import Piece, Step
from smolterm.tui.lines import TAB, Line, Span, left_out, styled
from smolterm.tui.links import frames
from smolterm.tui.markdown import markdown_lines
from smolterm.tui.tables import table_lines

Limits: TypeAlias = tuple[int, int] | None
"""Characters kept of a text's start and end; None: all of it."""

NAMES = ("reasoning", "code", "output")

SOME = (4_000, 8_000)
"""Characters kept of a text's start and end while its pane is folded."""
MORE = (60_000, 60_000)
"""The same while an unfolded pane still grows."""
MOST = (200_000, 200_000)
"""The same of an unfolded pane: what is longer is for a pager."""
FORMATTED = 100_000
"""Characters; longer reasoning is shown as it was written."""
UNFOLDS = "Enter shows all"
PIECES = (20, 40)
"""Pieces kept of the output's start and end while its pane is folded."""


class Room(NamedTuple):
    """What is there for things that are drawn rather than written; text is wrapped later."""

    width: int = 10_000
    """Cells; by itself as many as a table takes that is copied rather than looked at."""
    tallest: int = 0
    """Rows of a picture; 0 where the terminal shows no colours to draw it with."""


def pane_lines(step: Step, pane: int, room: Room, *, full: bool) -> list[Line]:
    """Return one pane's lines; without `full`, a long text keeps its start and its end only."""
    if pane == 0:
        return reasoning_lines(step, full=full)
    return code_of(step) if pane == 1 else output_lines(step, room, full=full)


def reasoning_lines(step: Step, *, full: bool) -> list[Line]:
    """Provider reasoning first and apart, then the model's own text."""
    thinking, (text, _) = str(step.thinking).strip(), step.shown_reply()
    lines: list[Line] = []
    if thinking:
        limits = MOST if full and step.whole else SOME
        lines += _excerpt(thinking, "thinking", limits)
    if thinking and text.strip():
        lines.append(Line(""))
    if step.answered_below:
        lines += styled("answered below", "quiet")
    elif step.whole and len(text) < FORMATTED:
        lines += markdown_lines(text) if text.strip() else []
    elif step.whole and full:
        lines += _excerpt(text.strip("\n"), "", MOST)
    elif text.strip():
        lines += _excerpt(text.strip("\n"), "", SOME)
    return lines


def code_of(step: Step) -> list[Line]:
    _, code = step.shown_reply()
    if not code:
        return []
    if step.code is None:
        return [*code_lines(code[-SOME[1] :], colour=False)]
    return [*code_lines(code)]


def output_lines(step: Step, room: Room, *, full: bool) -> list[Line]:
    pieces, (head, tail) = step.pieces, PIECES
    limits = (MOST if step.phase == "done" else MORE) if full else SOME

    def lines_of(some: list[Piece]) -> list[Line]:
        return [line for piece in some for line in _piece(piece, limits, room)]

    if full or len(pieces) <= head + tail:
        return lines_of(pieces)
    gap = left_out(len(pieces) - head - tail, 0, UNFOLDS)
    return [*lines_of(pieces[:head]), gap, *lines_of(pieces[-tail:])]


def _piece(piece: Piece, limits: Limits, room: Room) -> list[Line]:
    match piece.kind:
        case "stdout" | "stderr":
            text = str(piece.text)
            return _excerpt(text, "stderr" if piece.kind == "stderr" else "", limits)
        case "tool":
            return _tool(piece)
        case "value":
            return _excerpt(str(piece.text), "value", limits, lead="→ ")
        case "error":
            return _error(str(piece.text), piece.lines)
        case "answer":
            first, *more = markdown_lines(str(piece.text).strip())
            text = first.text + (" …" if more else "")
            return styled(text, "answer", lead="● ", lead_style="answer")
        case "mistake":
            return styled(printable(str(piece.text)), "warning", lead="! ", lead_style="warning")
        case "outside":
            text = printable(str(piece.text))
            return styled(text, "quiet", lead="⚠ ", lead_style="warning")
        case "denied":
            text = f"denied: {printable(str(piece.text))}"
            return styled(text, "error", lead="⚠ ", lead_style="error")
        case "note":
            return styled(printable(str(piece.text)), "quiet")
        case "table":
            assert piece.table is not None
            return table_lines(piece.table, str(piece.text), room.width)
        case "image":
            return _image(piece, room)


def _image(piece: Piece, room: Room) -> list[Line]:
    """What it is in words and its size, then the picture, or why there is none."""
    said, picture = " ".join(printable(str(piece.text)).split()) or "image", piece.picture
    if picture is None:
        return styled(said, "quiet", lead="▣ ", lead_style="tool")
    if picture.failure:
        text = f"{said}: not shown, {picture.failure}"
        return styled(printable(text), "warning", lead="▣ ", lead_style="warning")
    text = f"{said}, {picture.kind} {picture.width} × {picture.height}"
    head = styled(
        text + (", i shows it" if room.tallest else ""), "quiet", lead="▣ ", lead_style="tool"
    )
    return [*head, *half_lines(picture, room.width, room.tallest)] if room.tallest else head


def _excerpt(text: str, style: str, limits: Limits, lead: str = "") -> list[Line]:
    if limits is None or len(text) <= sum(limits) + 1_000:
        return _text(text, style, lead)
    head, tail = limits
    first_end = text.rfind("\n", 0, head) + 1 or head
    last_start = text.find("\n", len(text) - tail) + 1 or len(text) - tail
    missing = max(text.count("\n", first_end, last_start), 1)
    how = UNFOLDS if limits == SOME else "v shows all in $PAGER"
    return [
        *_text(text[:first_end], style, lead),
        left_out(missing, last_start - first_end, how),
        *_text(text[last_start:], style, " " * len(lead)),
    ]


def _text(text: str, style: str, lead: str) -> list[Line]:
    shown = printable(text)
    shown = shown[:-1] if shown.endswith("\n") else shown
    return styled(shown, style, lead=lead, lead_style=style)


def _tool(piece: Piece) -> list[Line]:
    name = printable(str(piece.text)).expandtabs(TAB)
    text = f"{name}({printable(piece.arguments)})".replace("\n", " ").expandtabs(TAB)
    code = piece.lines[-1] if piece.lines else 0
    spans = (Span(0, len(name), "tool"), Span(len(name), len(text), "quiet"))
    call = Line(text, spans, "⚙ ", "  ", "tool", code=code)
    result, lead, look, style = printable(piece.result), "  ✗ ", "error", "error"
    match piece.status:
        case "asking":
            result, lead, look, style = "needs you", "  ", "", "asking"
        case "ok":
            lead, look, style = "  → ", "quiet", ""
        case "declined":
            result = f"declined: {result}" if result else "declined"
            look = style = "warning"
        case "calling" if result:
            lead, look, style = "  ⋯ ", "quiet", "quiet"
        case "" | "calling":
            return [call]
    if piece.outside and piece.status in ("ok", "failed"):
        lead, look = f"{lead}outside ", "warning"
    return [call, *styled(result, style, lead=lead, lead_style=look, code=code)]


def _error(text: str, causes: tuple[int, ...]) -> list[Line]:
    shown = printable(text).rstrip()
    lines = styled(shown, "error")
    last = lines[-1]
    bold = Span(0, len(last.text), "error_last")
    lines[-1] = Line(last.text, (bold,) if last.text else ())
    codes = frames(shown, causes)
    return [replace(line, code=code) for line, code in zip(lines, codes, strict=True)]


def pane_text(step: Step, pane: int) -> str:
    """Return a pane as clean text to copy: the code as it is, the rest without controls."""
    if pane == 1:
        return step.shown_reply()[1]
    if pane == 0:
        return printable(step.shown_reply()[0]).strip()
    return "\n".join(text for piece in step.pieces for text in _plain(piece))


def _plain(piece: Piece) -> list[str]:
    if piece.kind in ("stdout", "stderr"):
        return [printable(str(piece.text)).removesuffix("\n")]
    lines = _piece(piece, None, Room())
    leads = [line.lead.replace("●", "").strip() for line in lines]
    pairs = zip(leads, lines, strict=True)
    return [f"{lead} {line.text}" if lead else line.text for lead, line in pairs]
