"""Topic: from the command to a prompt that takes typing."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, command
from bench.terminal import typed

ROWS = (Row(key="prompt.typing", label="command to a prompt that takes typing", unit="ms"),)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours and a Textual program that does nothing else."""
    replies = stage.folder / "replies.jsonl"
    replies.write_text('{"reply": "Hello."}\n')
    commands = {
        OURS: [command(), "-m", f"replay:{replies}"],
        "bare Textual app": [sys.executable, "-m", "bench.three_panes"],
    }
    for who, argv in commands.items():
        take = lambda argv=argv: {"prompt.typing": typed(argv, stage.environment)}  # noqa: E731
        yield Case(who=who, take=take)
