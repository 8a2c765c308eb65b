"""A session in a few lines: what was asked, what was done, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from smolterm.events import ActionProposed, Event, Finished, TaskStarted
from smolterm.printable import printable
from smolterm.tui.palette import style

MOST_TASKS = 12
LONGEST = 400


def summary(past: Iterable[Event], dark: bool) -> Text:
    """Return the newest tasks of a session with their first lines of code and their answers."""
    blocks: list[Text] = []
    for event in past:
        if isinstance(event, TaskStarted):
            blocks.append(Text().append(f"❯ {_short(event.task)}\n", style("task", dark)))
        elif not blocks:
            continue
        elif isinstance(event, ActionProposed) and event.code:
            line = next((line for line in event.code.splitlines() if line.strip()), "")
            blocks[-1].append(f"  {event.step:>3} {_short(line, 80)}\n", style("code", dark))
        elif isinstance(event, Finished):
            look = "answer" if event.reason == "answer" else "warning"
            said = event.answer or event.message or event.reason
            blocks[-1].append(f"  {_short(said)}\n", style(look, dark))
    text = Text()
    if len(blocks) > MOST_TASKS:
        text.append(f"{len(blocks) - MOST_TASKS} tasks before these\n\n", style("quiet", dark))
    return text.append_text(Text("\n").join(blocks[-MOST_TASKS:]))


def _short(text: str, limit: int = LONGEST) -> str:
    text = " ".join(printable(text[: limit * 2]).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
