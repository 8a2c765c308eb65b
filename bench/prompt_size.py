"""Topic: how much text an agent sends: its system prompt, and a task of 50 trivial steps."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, ROOT, Case, Row, Stage, reported

ROWS = (
    Row(key="prompt.system", label="system prompt, no tools", unit="chars"),
    Row(key="prompt.system.tools", label="system prompt, 20 tools", unit="chars"),
    Row(key="prompt.system.folder", label="more in it for a folder", unit="chars"),
    Row(key="prompt.sent", label="sent over 50 trivial steps", unit="chars"),
)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours for models of each size, and smolagents with the same steps and tools."""
    for who, what in ((OURS, "frontier"), (f"{OURS}, with an example", "small")):
        argv = [sys.executable, "-m", "bench.inside_prompt", what]
        yield Case(who=who, take=lambda argv=argv: reported(argv, stage))
    if python := stage.peers.command("smolagents", "python"):
        theirs = [python, str(ROOT / "bench" / "inside_smolagents.py"), "prompt"]
        yield Case(who="smolagents", take=lambda: reported(theirs, stage))
