"""Events of a task as a session yields them."""

from __future__ import annotations

from smolterm.events import (
    ActionProposed,
    ApprovalRequested,
    CellError,
    CellFinished,
    CellStarted,
    DecisionMade,
    Event,
    Finished,
    OutputAdded,
    ReplyDelta,
    ReplyFinished,
    StepStarted,
    ToolCalled,
    ToolReturned,
    Usage,
)

CODE = """\
import csv
from collections import Counter

rows = list(csv.DictReader(open("/data/orders.csv")))
totals = Counter()
for row in rows:
    totals[row["region"]] += int(row["amount"])  # cents
print(f"{len(rows):,} orders")
totals.most_common(2)"""
REASONING = "I will sum **amount** per `region`:\n\n- amounts are in *cents*\n- one header line\n"
THINKING = "The file is a CSV, so the csv module will do."


def proposed(step: int = 1, code: str = CODE, reasoning: str = REASONING) -> list[Event]:
    """A reply that arrived whole."""
    usage = Usage(prompt_tokens=2310, completion_tokens=240, cost=0.0031)
    return [
        StepStarted(step=step, steps_left=20 - step),
        ReplyFinished(step=step, text="", reasoning=THINKING if step == 1 else "", usage=usage),
        ActionProposed(step=step, reasoning=reasoning, code=code),
    ]


def asked(step: int = 1, code: str = CODE) -> list[Event]:
    return [*proposed(step, code), ApprovalRequested(step=step, code=code)]


def streamed(step: int = 1, code: str = CODE, size: int = 7) -> list[Event]:
    """The same reply in small pieces."""
    reply = f"{REASONING}\n```python\n{code}\n```\n"
    cuts = range(0, len(reply), size)
    return [
        StepStarted(step=step, steps_left=20 - step),
        *(ReplyDelta(step=step, channel="reply", text=reply[at : at + size]) for at in cuts),
    ]


def ran(step: int = 1, code: str = CODE, output: str = "12,408 orders\n") -> list[Event]:
    return [
        *proposed(step, code),
        DecisionMade(step=step, decision="approve", by="policy", code=code),
        CellStarted(step=step, code=code),
        OutputAdded(step=step, stream="stdout", text=output),
        OutputAdded(
            step=step, stream="stderr", text="Warning: [b]not markup[/b] \x1b[31mred\x1b[0m\n"
        ),
        ToolCalled(step=step, call=1, tool="weather", arguments="'Berlin'", effect="network"),
        ToolReturned(
            step=step, call=1, tool="weather", ok=True, result="{'temp': 12}", seconds=0.2
        ),
        CellFinished(step=step, value="[('north', 1204551)]", seconds=0.41),
    ]


def failed(step: int) -> list[Event]:
    error = CellError(
        type="ZeroDivisionError",
        message="division by zero",
        traceback="Traceback (most recent call last):\n  1/0\nZeroDivisionError: division by zero",
    )
    return [
        *proposed(step, "1/0", "Now I divide."),
        CellFinished(step=step, error=error, seconds=0.02),
    ]


ANSWER: list[Event] = [
    Finished(
        reason="answer", answer="**north** leads with 12,045.51 €, ahead of:\n\n1. west\n2. south"
    )
]
