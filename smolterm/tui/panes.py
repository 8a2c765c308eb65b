"""What the three panes of a step say, as styled lines. Pure."""

from __future__ import annotations

from smolterm.printable import printable
from smolterm.tui.fold import Piece, Step
from smolterm.tui.highlight import code_lines
from smolterm.tui.lines import Line, Span, left_out, styled
from smolterm.tui.markdown import markdown_lines

NAMES = ("reasoning", "code", "output")

SOME = (4_000, 8_000)
"""Characters kept of a text's start and end while its pane is folded."""
MORE = (60_000, 60_000)
"""The same while an unfolded pane still grows."""
PIECES = (20, 40)
"""Pieces kept of the output's start and end while its pane is folded."""


def pane_lines(step: Step, pane: int, *, full: bool) -> list[Line]:
    """Return one pane's lines; without `full`, a long text keeps its start and its end only."""
    if pane == 0:
        return reasoning_lines(step, full=full)
    return code_of(step) if pane == 1 else output_lines(step, full=full)


def reasoning_lines(step: Step, *, full: bool) -> list[Line]:
    """Provider reasoning first and apart, then the model's own text."""
    thinking, (text, _) = str(step.thinking).strip(), step.shown_reply()
    lines: list[Line] = []
    if thinking:
        limits = None if full and step.whole else SOME
        lines += _excerpt(thinking, "thinking", limits)
    if thinking and text.strip():
        lines.append(Line(""))
    if step.answered_below:
        lines += styled("answered below", "quiet")
    elif step.whole:
        lines += markdown_lines(text) if text.strip() else []
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


def output_lines(step: Step, *, full: bool) -> list[Line]:
    pieces, (head, tail) = step.pieces, PIECES
    limits = (None if step.phase == "done" else MORE) if full else SOME
    if full or len(pieces) <= head + tail:
        return [line for piece in pieces for line in _piece(piece, limits)]
    first = [line for piece in pieces[:head] for line in _piece(piece, limits)]
    last = [line for piece in pieces[-tail:] for line in _piece(piece, limits)]
    return [*first, left_out(len(pieces) - head - tail), *last]


def _piece(piece: Piece, limits: tuple[int, int] | None) -> list[Line]:
    match piece.kind:
        case "stdout" | "stderr":
            text = str(piece.text)
            return _excerpt(text, "stderr" if piece.kind == "stderr" else "", limits)
        case "tool":
            return _tool(piece)
        case "value":
            return _excerpt(str(piece.text), "value", limits, lead="→ ")
        case "error":
            return _error(str(piece.text))
        case "answer":
            first, *more = markdown_lines(str(piece.text).strip())
            text = first.text + (" …" if more else "")
            return styled(text, "answer", lead="● ", lead_style="answer")
        case "mistake":
            return styled(printable(str(piece.text)), "warning", lead="! ", lead_style="warning")
        case "note":
            return styled(printable(str(piece.text)), "quiet")


def _excerpt(text: str, style: str, limits: tuple[int, int] | None, lead: str = "") -> list[Line]:
    if limits is None or len(text) <= sum(limits) + 1_000:
        return _text(text, style, lead)
    head, tail = limits
    first_end = text.rfind("\n", 0, head) + 1 or head
    last_start = text.find("\n", len(text) - tail) + 1 or len(text) - tail
    missing = max(text.count("\n", first_end, last_start), 1)
    return [
        *_text(text[:first_end], style, lead),
        left_out(missing),
        *_text(text[last_start:], style, " " * len(lead)),
    ]


def _text(text: str, style: str, lead: str) -> list[Line]:
    shown = printable(text)
    shown = shown[:-1] if shown.endswith("\n") else shown
    return styled(shown, style, lead=lead, lead_style=style)


def _tool(piece: Piece) -> list[Line]:
    name = printable(str(piece.text))
    text = f"{name}({printable(piece.arguments)})".replace("\n", " ")
    spans = (Span(0, len(name), "tool"), Span(len(name), len(text), "quiet"))
    call = Line(text, spans, "⚙ ", "  ", "tool")
    result = printable(piece.result)
    match piece.status:
        case "asking":
            return [call, *styled("needs you", "asking", lead="  ")]
        case "ok":
            return [call, *styled(result, "", lead="  → ", lead_style="quiet")]
        case "failed":
            return [call, *styled(result, "error", lead="  ✗ ", lead_style="error")]
        case "declined":
            said = f": {result}" if result else ""
            return [call, *styled(f"declined{said}", "warning", lead="  ✗ ", lead_style="warning")]
    return [call]


def _error(text: str) -> list[Line]:
    lines = styled(printable(text).rstrip(), "error")
    last = lines[-1]
    bold = Span(0, len(last.text), "error_last")
    return [*lines[:-1], Line(last.text, (bold,) if last.text else ())]


def pane_text(step: Step, pane: int) -> str:
    """Return a pane as clean text to copy: the code as it is, the rest without controls."""
    if pane == 1:
        return step.shown_reply()[1]
    if pane == 0:
        return printable(step.shown_reply()[0]).strip()
    return "\n".join(
        line.lead.replace("●", "").strip() + line.text for line in output_lines(step, full=True)
    )
