"""What a cell's exception is, as it is told outside.

Runs inside the sandbox, so it needs nothing but the standard library.
"""

import traceback
from collections.abc import Callable
from typing import Any

MOST_TRACEBACK = 6_000
MOST_ERROR_LINES = 100
NO_MEMORY = "returned NULL without setting an exception"
"""What C code says when it runs out of memory before it can raise anything."""


def described_error(error: BaseException, is_cell: Callable[[str], bool]) -> dict[str, str]:
    """Return its type, its message, and the traceback with the frames of cells only."""
    kind = type(error).__name__
    try:
        message = str(error)
    except Exception as broken:  # noqa: BLE001  it is the code's own
        message = "<its str raised " + type(broken).__name__ + ">"
    try:
        text = _trace(error, is_cell)
    except Exception:  # noqa: BLE001  it is the code's own
        text = kind + ": " + message
    return {"type": kind, "message": message[:MOST_TRACEBACK], "traceback": text}


def _trace(error: BaseException, is_cell: Callable[[str], bool]) -> str:
    report = traceback.TracebackException.from_exception(error, compact=True)
    seen: set[int] = set()

    def trim(part: Any) -> None:
        if part is None or id(part) in seen:
            return
        seen.add(id(part))
        part.stack[:] = [frame for frame in part.stack if is_cell(frame.filename)]
        trim(part.__cause__)
        trim(part.__context__)
        for inner in part.exceptions or ():
            trim(inner)

    trim(report)
    text = "".join(report.format())
    if len(text) > MOST_TRACEBACK:
        half = MOST_TRACEBACK // 2
        text = text[:half] + "\n...\n" + text[-half:]
    return text.rstrip("\n")


def lines_of(error: BaseException, filename: str) -> list[int]:
    """Return the lines of a code that an error came through, the last where it was raised."""
    lines, at = [], error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == filename:
            lines.append(at.tb_lineno)
        at = at.tb_next
    if type(error) in (SyntaxError, IndentationError, TabError):
        assert isinstance(error, SyntaxError)
        if error.filename == filename and type(error.lineno) is int:
            lines.append(error.lineno)
    # Of a recursion each line once, as late as it comes.
    return list(dict.fromkeys(reversed(lines)))[:MOST_ERROR_LINES][::-1]


def told(error: BaseException) -> BaseException:
    """Return the error as a person should read it."""
    if isinstance(error, SystemError) and NO_MEMORY in str(error):
        return MemoryError("the sandbox's memory is full: delete large variables")
    return error


def exit_status(error: SystemExit) -> int:
    """Return what a process would exit with."""
    if error.code is None:
        return 0
    return error.code if type(error.code) is int else 1
