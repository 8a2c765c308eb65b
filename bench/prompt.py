"""Topic: from the command to a prompt that takes typing."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from bench.at_prompt import Start, starts
from bench.measure import OURS, ROOT, Case, Figures, Row, Stage, command
from bench.terminal import typed

ROWS = (
    Row(key="prompt.typing", label="command to a prompt that takes typing", unit="ms"),
    Row(key="prompt.own", label="memory at that prompt, its process at most", unit="MB"),
    Row(key="prompt.all", label="memory then, with all that it started", unit="MB"),
)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, on the screen and inline, a Textual program that only types, and the peers."""
    replies = stage.folder / "replies.jsonl"
    replies.write_text('{"reply": "Hello."}\n')
    model = ["-m", f"replay:{replies}"]
    commands = {
        OURS: [command(), *model],
        f"{OURS} repl": [command(), "repl", *model],
        "bare Textual app": [sys.executable, "-m", "bench.three_panes"],
    }
    for who, argv in commands.items():
        # The bare app is a module of this checkout.
        folder = stage.folder if who.startswith(OURS) else ROOT
        start = Start(argv=argv, environment=stage.environment, folder=folder)
        yield _case(who, lambda start=start: start)
    for who, start in starts(stage):
        yield _case(who, start)


def _case(who: str, start: Callable[[], Start]) -> Case:
    def take() -> Figures:
        made = start()
        reached = typed(made.argv, made.environment, folder=made.folder)
        figures = {"prompt.typing": reached.milliseconds}
        if reached.own:
            figures |= {"prompt.own": reached.own, "prompt.all": reached.all}
        return figures

    return Case(who=who, take=take)
