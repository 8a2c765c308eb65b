"""A session as text: for a person, for a program, or as code that runs again. Pure."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm.events import (
    ActionProposed,
    CellFinished,
    CellStarted,
    DecisionMade,
    Displayed,
    Event,
    FilesDecided,
    Finished,
    MessageAdded,
    MistakeFound,
    OutputAdded,
    OutsideArrived,
    PackDenied,
    ReplyFinished,
    Rewound,
    SessionResumed,
    StepStarted,
    TaskStarted,
    ToolCalled,
    ToolReturned,
)
from smolterm.outside import told as told_of
from smolterm.outside import words
from smolterm.printable import printable, revealed
from smolterm.store import StoredSession

Format: TypeAlias = Literal["markdown", "json", "jsonl", "py", "ipynb"]
FORMATS: tuple[Format, ...] = ("markdown", "json", "jsonl", "py", "ipynb")

VERSION = 1
"""Of the JSON form; it grows when a field changes its meaning."""
MOST_OUTPUT = 20_000
"""Characters of one step's output in Markdown; JSON has all."""

Image: TypeAlias = "tuple[str, bytes]"
_IMAGES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


class Cell(msgspec.Struct, kw_only=True):
    """One step as it is told."""

    number: int
    before: str = ""
    """What the model wrote before its code, or instead of it."""
    code: str = ""
    """As it ran, or as it was proposed where it did not run."""
    ran: bool = False
    notes: list[str] = []
    marks: list[str] = []
    """Those of the notes that a reader of the output should know: what came from outside."""
    output: str = ""
    value: str = ""
    error: str = ""
    images: list[bytes] = []


class Part(msgspec.Struct, kw_only=True):
    """One task and what came of it."""

    task: str
    at: float
    cells: list[Cell] = []
    answer: str | None = None
    end: str = ""


def markdown(about: StoredSession, events: Sequence[Event]) -> str:
    """Return the session for a person to read."""
    lines = [f"# {_line(about.title) or about.id}", "", _facts(about), ""]
    for part in parts(events):
        lines += [f"## {_line(part.task[:120])}", ""]
        if part.task.strip() != part.task[:120] or "\n" in part.task:
            lines += [_quoted(printable(part.task)), ""]
        for cell in part.cells:
            lines += _told(cell)
        if part.answer is not None:
            lines += ["### Answer", "", printable(part.answer), ""]
        elif part.end:
            lines += [f"*{_line(part.end)}*", ""]
    return "\n".join(lines).rstrip() + "\n"


def as_json(about: StoredSession, events: Sequence[Event]) -> str:
    """Return everything: what the list says, and every event, abandoned parts included."""
    whole = {"version": VERSION, "session": about, "events": list(events)}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1).decode() + "\n"


def python(about: StoredSession, events: Sequence[Event]) -> str:
    """Return a script of the code that ran, in the order in which it ran.

    Tools are not in it: what called one says so, and raises where it is not defined.
    """
    lines = [
        f"# {_line(about.title) or about.id}",
        f"# Session {about.id}, {_day(about.started)}, model {_line(about.model)}.",
        "# The code that ran, step by step. `smolterm py FILE` runs it in a sandbox.",
        "",
        "",
        "def final_answer(answer):",
        "    print(answer)",
        "",
    ]
    for part in parts(events):
        lines += ["", *_commented(f"Task: {part.task}"), ""]
        for cell in part.cells:
            if cell.ran:
                lines += [f"# Step {cell.number}", *_commented(*cell.notes), cell.code.rstrip(), ""]
    return _plain("\n".join(lines).rstrip() + "\n")


def notebook(about: StoredSession, events: Sequence[Event]) -> str:
    """Return a Jupyter notebook: reasoning as text, code as cells with what they put out."""
    cells: list[dict[str, Any]] = [_text_cell(f"# {_line(about.title) or about.id}\n\n"
                                              f"{_facts(about)}")]  # fmt: skip
    setup = "def final_answer(answer):\n    print(answer)"
    cells.append(_code_cell(setup, None, []))
    for part in parts(events):
        cells.append(_text_cell(f"## Task\n\n{_quoted(printable(part.task))}"))
        for cell in part.cells:
            if cell.before.strip():
                cells.append(_text_cell(printable(cell.before)))
            if cell.ran:
                cells.append(_code_cell(cell.code, cell.number, _outputs(cell)))
            if cell.marks:
                marks = (f"- {_line(mark[:500])}" for mark in cell.marks)
                cells.append(_text_cell("\n".join(marks)))
        if part.answer is not None:
            cells.append(_text_cell(f"## Answer\n\n{printable(part.answer)}"))
    book = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
        "cells": [{"id": f"c{number}", **cell} for number, cell in enumerate(cells)],
    }
    return _plain(msgspec.json.format(msgspec.json.encode(book), indent=1).decode() + "\n")


WRITERS: dict[str, Callable[[StoredSession, Sequence[Event]], str]] = {
    "markdown": markdown,
    "json": as_json,
    "py": python,
    "ipynb": notebook,
}


def parts(events: Iterable[Event]) -> list[Part]:
    """Return the tasks of a session with their steps, from events in force."""
    found: list[Part] = []
    for event in events:
        match event:
            case TaskStarted():
                found.append(Part(task=event.task, at=event.at))
            case _ if not found:
                continue
            case StepStarted():
                found[-1].cells.append(Cell(number=event.step))
            case Finished():
                found[-1].answer, found[-1].end = event.answer, event.message or event.reason
            case _ if found[-1].cells:
                _into(found[-1].cells[-1], event)
            case _:
                pass
    return found


def _into(cell: Cell, event: Event) -> None:
    match event:
        case ReplyFinished():
            cell.before = event.text
        case ActionProposed():
            cell.before, cell.code = event.reasoning, event.code
        case MistakeFound():
            cell.notes.append("Nothing in this reply could run.")
        case DecisionMade(call=None, decision="edit"):
            cell.notes.append("The person changed the code before it ran.")
        case DecisionMade(decision="reject" | "stop"):
            what = "The code" if event.call is None else "A call"
            cell.notes.append(f"{what} was declined. {event.reason}".strip())
        case CellStarted():
            cell.code, cell.ran = event.code, True
        case ToolCalled():
            cell.notes.append(f"Tool called: {event.tool}({event.arguments})")
        case OutsideArrived(source=source):
            _mark(cell, f"Text from outside: {told_of(source)}")
        case PackDenied():
            _mark(cell, f"Denied: {event.text}")
        case ToolReturned(ok=False):
            cell.notes.append(f"{event.tool} failed: {event.result}")
        case OutputAdded():
            cell.output += event.text
        case Displayed() if event.image is not None:
            cell.images.append(event.image)
        case CellFinished():
            cell.value = "" if event.value in (None, "None") else str(event.value)
            cell.error = event.error.traceback or event.error.type if event.error else ""
            if event.outside and (cell.output or cell.value or cell.error or event.answer):
                _mark(cell, f"The output {words(event.outside)}")
        case FilesDecided():
            cell.notes += [f"Written: {path}" for path in event.written]
        case MessageAdded():
            cell.notes.append(f"The person said: {event.text}")
        case SessionResumed() | Rewound() | _:
            pass


def _mark(cell: Cell, text: str) -> None:
    cell.notes.append(text)
    cell.marks.append(text)


def _told(cell: Cell) -> Iterator[str]:
    yield from (f"### Step {cell.number}", "")
    if cell.before.strip():
        yield from (printable(cell.before.strip()), "")
    if cell.code:
        if not cell.ran:
            yield from ("Proposed, and not run:", "")
        # Here too what stands there is what ran, hidden characters included.
        yield from (*_fenced(revealed(cell.code), "python"), "")
    for note in cell.notes:
        yield f"- {_line(note[:500])}"
    if cell.notes:
        yield ""
    for name, text in (("Output", cell.output), ("Value", cell.value), ("Error", cell.error)):
        if text.strip():
            yield from (f"{name}:", "", *_fenced(_cut(printable(text)), "text"), "")
    if cell.images:
        yield from (f"*{len(cell.images)} picture(s), in the JSON and notebook forms.*", "")


def _fenced(text: str, language: str) -> list[str]:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", text.rstrip("\n"), fence]


def _cut(text: str) -> str:
    if len(text) <= MOST_OUTPUT:
        return text
    half = MOST_OUTPUT // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def _facts(about: StoredSession) -> str:
    facts = [f"Session `{about.id}`", _day(about.started), f"model {_line(about.model) or '?'}"]
    if about.folder:
        facts.append(f"folder {_line(about.folder)}")
    return ", ".join(facts)


def _day(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return "?"


def _line(text: str) -> str:
    return " ".join(printable(text).split())


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n"))


def _commented(*texts: str) -> list[str]:
    # Of all that ends a line for Python nothing may end the comment.
    lines = [line for text in texts for line in printable(text).splitlines()]
    return [f"# {line}".rstrip() for line in lines]


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _text_cell(text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": _plain(text)}


def _code_cell(code: str, count: int | None, outputs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"cell_type": "code", "metadata": {}, "execution_count": count,
            "source": _plain(code), "outputs": outputs}  # fmt: skip


def _outputs(cell: Cell) -> list[dict[str, Any]]:
    outputs: list[dict[str, Any]] = []
    if cell.output:
        text = _plain(_cut(printable(cell.output)))
        outputs.append({"output_type": "stream", "name": "stdout", "text": text})
    for image in cell.images:
        kind = next((kind for magic, kind in _IMAGES if image.startswith(magic)), "")
        if kind:
            data = {kind: base64.b64encode(image).decode()}
            outputs.append({"output_type": "display_data", "metadata": {}, "data": data})
    if cell.value:
        outputs.append({"output_type": "execute_result", "metadata": {},
                        "execution_count": cell.number,
                        "data": {"text/plain": _plain(printable(cell.value))}})  # fmt: skip
    if cell.error:
        trace = _plain(printable(cell.error)).split("\n")
        name, _, said = trace[-1].partition(":")
        outputs.append({"output_type": "error", "ename": name, "evalue": said.strip(),
                        "traceback": trace})  # fmt: skip
    return outputs
