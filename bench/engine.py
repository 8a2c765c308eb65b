"""Topic: what the engine itself costs, with a model and a sandbox that take no time."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, ROOT, Case, Row, Stage, reported

ROWS = (
    Row(key="engine.step", label="engine, per scripted step", unit="µs"),
    Row(key="engine.deltas", label="2,000 deltas through engine and session file", unit="ms"),
)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, and smolagents with a scripted model and its own executor."""
    ours = [sys.executable, "-m", "bench.inside", "engine"]
    yield Case(who=OURS, take=lambda: reported(ours, stage))
    if python := stage.peers.command("smolagents", "python"):
        argv = [python, str(ROOT / "bench" / "inside_smolagents.py"), "engine"]
        yield Case(who="smolagents", take=lambda: reported(argv, stage))
