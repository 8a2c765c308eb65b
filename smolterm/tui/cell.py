"""What a running cell says, as pieces of its step's output."""

from __future__ import annotations

from smolterm import events as ev
from smolterm.outside import words
from smolterm.telling import progress
from smolterm.tui.items import Piece, Step, Text

DECISIONS = {
    "approve": "approved",
    "edit": "edited",
    "reject": "rejected",
    "stop": "stopped",
}

MOST_GIVEN = 80
"""Characters of what a refused call was given: why it was refused comes right behind."""


def asked(step: Step, event: ev.ApprovalRequested) -> None:
    """Take a question about the code or about a call in it."""
    if event.call is None:
        step.phase, step.code = "asking", event.code
    else:
        piece = _call(step, event.call, event.tool or "", event.arguments, event.effect)
        piece.status = "asking"
        _caused(piece, event.line)


def decided(step: Step, event: ev.DecisionMade) -> None:
    """Take the answer to a question."""
    if event.call is not None:
        piece = _find_call(step, event.call)
        if piece is not None:
            declined = event.decision in ("reject", "stop")
            piece.status = "declined" if declined else "calling"
            piece.result = event.reason
        return
    step.decision = DECISIONS[event.decision] + (" by policy" * (event.by == "policy"))
    if event.decision == "edit":
        step.code = event.code
    if event.decision in ("reject", "stop"):
        step.phase = "done"
        said = f": {event.reason}" if event.reason else ""
        step.pieces.append(Piece("note", Text(f"Not run, {step.decision}{said}")))


def printed(step: Step, event: ev.OutputAdded) -> None:
    """Add what was printed to the piece of its stream, if that is the last one."""
    last = step.pieces[-1] if step.pieces else None
    if last is None or last.kind != event.stream:
        last = Piece(event.stream, Text())
        step.pieces.append(last)
    last.text.add(event.text)


def called(step: Step, event: ev.ToolCalled) -> None:
    """Show a call, with the line it stands in where that is known."""
    piece = _call(step, event.call, event.tool, event.arguments, event.effect)
    _caused(piece, event.line)


def returned(step: Step, event: ev.ToolReturned) -> None:
    """Add to a call what came of it."""
    # One that was refused unasked was not told of before.
    given = event.arguments or "…"
    if len(given) > MOST_GIVEN:
        given = given[:MOST_GIVEN] + "…"
    piece = _call(step, event.call, event.tool, given, event.effect)
    _caused(piece, event.line)
    piece.result = event.result
    if piece.status != "declined":
        piece.status = "ok" if event.ok else "failed"


def arrived(step: Step, event: ev.OutsideArrived) -> None:
    """Mark what a call brings, or say which file was opened."""
    piece = _find_call(step, event.call) if event.call is not None else None
    if piece is not None:
        piece.outside = True
    else:
        step.pieces.append(Piece("outside", Text(f"text from outside: {event.source.what}")))


def advanced(step: Step, event: ev.ToolProgress) -> None:
    """Say beside a running call how far it is."""
    running = [
        piece for piece in step.pieces
        if piece.kind == "tool" and piece.status == "calling"
        and (piece.call == event.call if event.call is not None else str(piece.text) == event.tool)
    ]  # fmt: skip
    for piece in running[-1:]:
        piece.result = progress(event)


def displayed(step: Step, event: ev.Displayed) -> None:
    """Show a table or an image; one of neither is what it says about itself."""
    if event.table is not None:
        piece = Piece("table", Text(event.name), table=event.table)
    elif event.image is not None:
        piece = Piece("image", Text(event.alt or event.name), image=event.image)
    else:
        piece = Piece("note", Text(event.alt or event.name))
    step.pieces.append(piece)


def finished(step: Step, event: ev.CellFinished) -> None:
    """Close the step with the value, the error or the answer."""
    step.phase, step.seconds, step.line = "done", event.seconds, 0
    if event.dropped:
        text = f"{event.dropped:,} bytes more were printed and dropped"
        step.pieces.append(Piece("note", Text(text)))
    if event.value is not None and event.value != "None":
        step.pieces.append(Piece("value", Text(event.value)))
    if event.error is not None:
        error = event.error
        text = error.traceback.rstrip() or f"{error.type}: {error.message}"
        step.pieces.append(Piece("error", Text(text), lines=event.lines))
    kinds = {"stdout", "stderr", "value", "error", "table", "image"}
    shown = event.answer is not None or any(piece.kind in kinds for piece in step.pieces)
    if event.outside and shown:
        step.pieces.append(Piece("outside", Text(words(event.outside))))
    if event.answer is not None:
        step.pieces.append(Piece("answer", Text(event.answer)))


def _call(step: Step, call: int, tool: str, arguments: str, effect: str) -> Piece:
    piece = _find_call(step, call)
    if piece is None:
        piece = Piece("tool", Text(tool), call, arguments, effect, "calling")
        step.pieces.append(piece)
    return piece


def _find_call(step: Step, call: int) -> Piece | None:
    return next((piece for piece in reversed(step.pieces) if piece.call == call), None)


def _caused(piece: Piece, line: int | None) -> None:
    if line:
        piece.lines = (line,)
