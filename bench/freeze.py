"""Topic: how long the screen stands still while a model on this machine loads and writes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, reported

ROWS = (
    Row(key="freeze.idle", label="screen's longest stand-still, nothing going on", unit="ms"),
    Row(key="freeze.loading", label="... while a model on this machine loads", unit="ms"),
    Row(key="freeze.writing", label="... while it reads the prompt and writes", unit="ms"),
)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, with a model of random weights."""
    argv = [sys.executable, "-m", "bench.inside_freeze", str(stage.folder)]
    yield Case(who=OURS, take=lambda: reported(argv, stage))
