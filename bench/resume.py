"""Topic: from the command that resumes a session of 1,000 steps to its last step on the screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, command, reported
from bench.terminal import shown

ROWS = (
    Row(key="resume.drawn", label="resume 1,000 steps: command to its last step drawn", unit="ms"),
    Row(key="resume.read", label="read and fold 1,000 steps", unit="ms"),
    Row(key="resume.event", label="keep one event", unit="µs"),
)
LAST = "the-very-last-answer"


def cases(stage: Stage) -> Iterator[Case]:
    """Yield the screen and what is behind it; a session of one step tells what the start takes."""
    environment = stage.environment
    replies = stage.folder / "resume-replies.jsonl"
    replies.write_text('{"reply": "Hello."}\n')
    inside = [sys.executable, "-m", "bench.inside_resume"]
    for name, steps in (("long", "1000"), ("short", "1")):
        reported([*inside, "fill", name, steps, LAST], stage)

    def drawn(name: str) -> float:
        argv = [command(), "-m", f"replay:{replies}", "--resume", name]
        return shown(argv, environment, LAST)

    def ours() -> dict[str, float]:
        return {"resume.drawn": drawn("long"), **reported([*inside, "read", "long"], stage)}

    yield Case(who=OURS, take=ours)
    yield Case(who="a session of 1 step", take=lambda: {"resume.drawn": drawn("short")})
