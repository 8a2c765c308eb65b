"""Topic: keys while a reply streams at 1,000 tokens a second, and when a long session is idle."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator

from bench.inside_keys import RATE
from bench.measure import OURS, Case, Failed, Figures, Row, Stage
from bench.program import Program, started

ROWS = (
    Row(key="keys.p50", label="echo of a key while 1,000 tokens/s stream, median", unit="ms"),
    Row(key="keys.p95", label="the same, 95 of 100", unit="ms"),
    Row(key="keys.bytes", label="bytes written for a token", unit="bytes"),
    Row(key="keys.busy", label="processor while streaming", unit="%"),
    Row(key="keys.long.p50", label="echo after 1,000 steps and 100,000 lines, median", unit="ms"),
    Row(key="keys.long.p95", label="the same, 95 of 100", unit="ms"),
    Row(key="keys.idle", label="processor when such a session is idle", unit="%"),
    Row(key="keys.memory", label="memory of such a session", unit="MiB"),
)
KEYS = [chr(code) for code in range(0x100, 0x180)]
"""Characters that no screen shows by itself."""
EVERY = 0.05
"""Seconds between two keys: a fast typist's."""
QUIET_SECONDS = 3.0


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours with its stream, and a Textual program that only echoes."""
    argv = [sys.executable, "-m", "bench.inside_keys"]
    yield Case(who=OURS, take=lambda: _ours(argv, stage))
    bare = [sys.executable, "-m", "bench.three_panes"]
    yield Case(who="bare Textual app, idle", take=lambda: _bare(bare, stage))


def _ours(argv: list[str], stage: Stage) -> Figures:
    with started([*argv, "0"], stage.environment) as program:
        program.type("\r")
        program.watch(1.0)
        program.written, before, began = 0, _ticks(program.pid), time.perf_counter()
        program.watch(QUIET_SECONDS)
        seconds = time.perf_counter() - began
        found = {
            "keys.bytes": program.written / seconds / RATE,
            "keys.busy": _percent(_ticks(program.pid) - before, seconds),
        }
        found |= _echoes(program, "keys")
    with started([*argv, "1000"], stage.environment) as program:
        program.watch(1.0)
        before, began = _ticks(program.pid), time.perf_counter()
        program.watch(QUIET_SECONDS)
        seconds = time.perf_counter() - began
        found["keys.idle"] = _percent(_ticks(program.pid) - before, seconds)
        found["keys.memory"] = _memory(program.pid)
        program.type("\r")
        program.watch(1.0)
        return found | _echoes(program, "keys.long")


def _bare(argv: list[str], stage: Stage) -> Figures:
    with started(argv, stage.environment) as program:
        program.watch(0.5)
        return _echoes(program, "keys")


def _echoes(program: Program, key: str) -> dict[str, float]:
    taken: list[float] = []
    for character in KEYS:
        taken.append(program.echoed(character))
        program.type("\x7f")
        program.watch(EVERY)
    cuts = statistics.quantiles(taken, n=20)
    return {f"{key}.p50": cuts[9], f"{key}.p95": cuts[18]}


def _ticks(pid: int) -> int:
    """Return the processor time that a process took, in the system's ticks."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        raise Failed("the terminal ended, or this system has no /proc") from None
    return int(fields[11]) + int(fields[12])


def _percent(ticks: int, seconds: float) -> float:
    return 100 * ticks / os.sysconf("SC_CLK_TCK") / seconds


def _memory(pid: int) -> float:
    with open(f"/proc/{pid}/status") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
