"""Fills a store, or reads it and times that; run as a process of its own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

from smolterm import events as e
from smolterm.sessions.book import Book
from smolterm.sessions.record import Record
from smolterm.transcript import Transcript

CODE = "for city in sorted(totals):\n    print(city, totals[city])\n" * 4
OUTPUT = "".join(f"city number {number:>4}: {number * 17.5:.2f} euros\n" for number in range(100))


def session(name: str, steps: int, last: str) -> Iterator[e.Event]:
    """Yield what happens in a session with 100 lines of output a step."""
    yield e.SessionStarted(session=name, version="1", model="replay:x")
    yield e.TaskStarted(task="Add up what each city earned")
    for number in range(1, steps + 1):
        yield e.StepStarted(step=number, steps_left=5)
        yield e.ReplyFinished(step=number, text=f"I print them.\n```python\n{CODE}```")
        yield e.ActionProposed(step=number, reasoning="I print them.", code=CODE)
        yield e.ApprovalRequested(step=number, code=CODE)
        yield e.DecisionMade(step=number, decision="approve", by="person", code=CODE)
        yield e.SandboxChanged(state="busy")
        yield e.CellStarted(step=number, code=CODE, cell=number)
        yield e.OutputAdded(step=number, stream="stdout", text=OUTPUT)
        yield e.SandboxChanged(state="ready")
        yield e.CellFinished(step=number, names=())
        yield e.ObservationMade(step=number, text=OUTPUT)
    yield e.Finished(reason="answer", answer=last)


def fill(name: str, steps: int, last: str) -> None:
    record = Record(name, save=True)
    began, count = time.perf_counter(), 0
    for event in session(name, steps, last):
        if (failure := record.append(event)) is not None:
            raise SystemExit(failure.text)
        count += 1
    print(f"resume.event {(time.perf_counter() - began) * 1e6 / count}")
    record.close()


def read(name: str) -> None:
    began = time.perf_counter()
    with Book() as book:
        past = book.past(name)
    Transcript().begin_again(past.events, past.spent)
    print(f"resume.read {(time.perf_counter() - began) * 1000}")
    if past.lease is not None:
        past.lease.close()
    fill(f"more-{time.time_ns()}", 50, "done")


if __name__ == "__main__":
    fill(sys.argv[2], int(sys.argv[3]), sys.argv[4]) if sys.argv[1] == "fill" else read(sys.argv[2])
