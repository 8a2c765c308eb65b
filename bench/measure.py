"""Taking figures: fresh processes, turn and turn about, medians."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import Peers

OURS = "smolterm"
ROOT = Path(__file__).parent.parent
LAST_SECONDS = 120.0
"""After which a measured process counts as hung."""

Figures = Mapping[str, float]


class Failed(Exception):
    """A measured command did not do what is measured; the text says what it did."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing that is measured, the same for everybody."""

    key: str
    label: str
    unit: str


@dataclass(frozen=True, kw_only=True)
class Case:
    """One who is measured: each call of `take` gives one figure for some of the topic's rows."""

    who: str
    take: Callable[[], Figures]


@dataclass(frozen=True, kw_only=True)
class Series:
    """All figures of one row and one who."""

    row: Row
    who: str
    figures: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.figures)

    @property
    def least(self) -> float:
        return min(self.figures)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What a topic may use: a folder that goes away, the peers, and what is closed afterwards."""

    folder: Path
    peers: Peers
    closing: ExitStack = field(default_factory=ExitStack)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with nobody's settings, sessions or keys."""
        dropped = ("SMOLTERM_", "OPENAI_", "NO_COLOR", "FORCE_COLOR", "PYTHON")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
        # Where the sandbox's parts are is the machine's business, and nobody's taste.
        parts = ("SMOLTERM_CACHE", "SMOLTERM_DENO")
        kept |= {name: os.environ[name] for name in parts if name in os.environ}
        return kept | {
            "SMOLTERM_CONFIG": str(self.folder / "no-such-file.toml"),
            "SMOLTERM_DATA": str(self.folder / "data"),
            "LLM_USER_PATH": str(self.folder / "llm"),
            "OPENAI_API_KEY": "none-needed",
            "TERM": "xterm-256color",
        }


def command() -> str:
    """Return the installed `smolterm` that belongs to this Python."""
    return str(Path(sys.executable).with_name("smolterm"))


def spawned(
    argv: Sequence[str], stage: Stage, *, holds: str = "", more: Mapping[str, str] | None = None
) -> float:
    """Run a command to its end and return the milliseconds from spawn to exit.

    Args:
        holds: what its stdout must hold.
        more: set in its environment.

    Raises:
        Failed: it ended with another status than 0, hung, or said something else.
    """
    began = time.perf_counter()
    said = _run(argv, stage, more)
    taken = (time.perf_counter() - began) * 1000
    if holds not in said:
        raise Failed(f"{Path(argv[0]).name} said {said[:200]!r}, not {holds!r}")
    return taken


def reported(argv: Sequence[str], stage: Stage, **more: str) -> dict[str, float]:
    """Run a command that measures itself and return the `NAME VALUE` lines that it prints.

    Args:
        more: set in its environment.

    Raises:
        Failed: see `spawned`.
    """
    figures: dict[str, float] = {}
    for line in _run(argv, stage, more).splitlines():
        name, _, value = line.partition(" ")
        figures[name] = float(value)
    return figures


def _run(argv: Sequence[str], stage: Stage, more: Mapping[str, str] | None = None) -> str:
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env=stage.environment | dict(more or {}), cwd=ROOT,
                              timeout=LAST_SECONDS)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed(f"{Path(argv[0]).name} hung") from None
    if done.returncode != 0:
        raise Failed(f"{Path(argv[0]).name} ended with {done.returncode}: {done.stderr[-300:]}")
    return done.stdout


def take_turns(
    cases: Sequence[Case], runs: int, say: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    """Run all cases once, then all again, so that noise meets everybody; figures by who and key.

    A peer that fails is said and left out.

    Raises:
        Failed: smolterm itself failed.
    """
    taken: dict[str, dict[str, list[float]]] = {}
    failed: set[str] = set()
    for _ in range(runs):
        for case in cases:
            if case.who in failed:
                continue
            try:
                figures = case.take()
            except Failed as error:
                if case.who.startswith(OURS):
                    raise
                failed.add(case.who)
                taken.pop(case.who, None)
                say(f"{case.who} is left out: {error}")
                continue
            for key, figure in figures.items():
                taken.setdefault(case.who, {}).setdefault(key, []).append(figure)
    return taken


def in_rows(
    rows: Sequence[Row], taken: Mapping[str, Mapping[str, Sequence[float]]]
) -> list[Series]:
    """Return the series row by row, in each the first measured first."""
    return [
        Series(row=row, who=who, figures=tuple(figures[row.key]))
        for row in rows
        for who, figures in taken.items()
        if row.key in figures
    ]
