"""Topic: models on this machine: what a grammar costs, what is evaluated, how fast it stops."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, reported

STEPS = 10
VOCABULARIES = {"763": 0, "32k": 32_000, "131k": 131_072}

ROWS = (
    *(Row(key=f"local.token.{name}", label=f"a token under a grammar, {name} in the vocabulary",
          unit="ms") for name in VOCABULARIES),
    *(Row(key=f"local.refused.{name}", label=f"... of which the grammar refuses many, {name}",
          unit="ms") for name in VOCABULARIES),
    *(Row(key=f"local.evaluated.{step}", label=f"tokens of the prompt evaluated at step {step}",
          unit="tokens") for step in range(1, STEPS + 1)),
    Row(key="local.evaluated.again", label="tokens of the system prompt evaluated at a 2nd start",
        unit="tokens"),
    Row(key="local.stop.writing", label="stop while it writes, median of 20", unit="ms"),
    Row(key="local.stop.writing.worst", label="stop while it writes, worst of 20", unit="ms"),
    Row(key="local.stop.reading", label="stop while it reads the prompt, median of 20", unit="ms"),
    Row(key="local.stop.reading.worst", label="stop while it reads the prompt, worst of 20",
        unit="ms"),
)  # fmt: skip

WAYS = {
    OURS: "last",
    "no grammar": "none",
    "llama.cpp's grammar before the others": "first",
}


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, and two other ways to sample, on models with random weights."""
    inside = [sys.executable, "-m", "bench.inside_local", str(stage.folder)]
    for who, way in WAYS.items():
        more = ["tokens", way]
        yield Case(who=who, take=lambda more=more: reported([*inside, *more], stage))
    for what in ("evaluated", "stop"):
        yield Case(who=OURS, take=lambda what=what: reported([*inside, what], stage))
