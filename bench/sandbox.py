"""Topic: the sandbox, from its start to a bomb inside it, beside bare Pyodide."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measure import OURS, ROOT, Case, Figures, Row, Stage, reported

BARE = "bare Pyodide"
UNPREPARED = "smolterm, no snapshot yet"

ROWS = (
    Row(key="sandbox.cold", label="sandbox, from its start to the first result", unit="ms"),
    Row(key="sandbox.spare", label="sandbox, restart with a warm spare", unit="ms"),
    Row(key="sandbox.step", label="sandbox, cell of `x = 1`", unit="µs"),
    Row(key="sandbox.loop.first", label="sandbox, first loop of 1,000,000 rounds", unit="ms"),
    Row(key="sandbox.loop", label="sandbox, the same once it is warm", unit="ms"),
    Row(key="sandbox.loop.alone", label="sandbox, the fastest of 20 such loops", unit="ms"),
    Row(key="sandbox.loop.told", label="sandbox, the same while its line is told", unit="ms"),
    Row(key="sandbox.step.usual", label="sandbox, `x = 1` beside 50 variables", unit="µs"),
    Row(key="sandbox.step.many", label="sandbox, `x = 1` beside 100,000 variables", unit="µs"),
    Row(key="sandbox.rows", label="sandbox, 100 rows of 100,000", unit="ms"),
    Row(key="sandbox.call", label="sandbox, one of 1,000 tool calls", unit="µs"),
    Row(key="sandbox.printed", label="sandbox, 10 MB printed", unit="ms"),
    Row(key="sandbox.returned", label="sandbox, 10 MB returned", unit="ms"),
    Row(key="sandbox.rewind.small", label="sandbox, rewind of small variables", unit="ms"),
    Row(key="sandbox.rewind.large", label="sandbox, rewind of 100 MB", unit="ms"),
    Row(key="sandbox.save", label="sandbox, save", unit="ms"),
    Row(key="sandbox.restore", label="sandbox, restore in a new process", unit="ms"),
    Row(key="sandbox.mount", label="sandbox, mount of 10,000 files", unit="ms"),
    Row(key="sandbox.listed", label="sandbox, first listing of 10,000 files", unit="ms"),
    Row(key="sandbox.opened", label="sandbox, first reading of one of them", unit="ms"),
    Row(key="interrupt.p50", label="interrupt, of 504 tries the middle", unit="ms"),
    Row(key="interrupt.p99", label="interrupt, 99 in 100 within", unit="ms"),
    *(
        Row(key=f"interrupt.{kind}", label=f"interrupt of {label}, 99 in 100 within", unit="ms")
        for kind, label in (
            ("loop", "`while True`"), ("regex", "a regular expression"),
            ("big_int", "big integers"), ("sleep", "`time.sleep`"),
            ("await", "`await asyncio.sleep`"), ("tool", "a tool call"),
        )
    ),
    Row(key="memory.idle", label="memory, sandbox that does nothing", unit="MB"),
    Row(key="memory.bytes", label="memory at most, endless bytes", unit="MB"),
    Row(key="memory.text", label="memory at most, text that doubles", unit="MB"),
    Row(key="memory.files", label="memory at most, endless files", unit="MB"),
    Row(key="memory.printed", label="memory at most, endless output", unit="MB"),
)  # fmt: skip


def cases(stage: Stage) -> Iterator[Case]:
    """Yield bare Pyodide, ours in parts, ours without its snapshot, and smolagents' executor."""
    yield Case(who=BARE, take=lambda: _bare(stage))
    for what in ("cold", "warm", "looked", "spare", "states", "mount", "interrupt", "memory"):
        yield Case(who=OURS, take=lambda what=what: _inside(what, stage))
    yield Case(who=UNPREPARED, take=lambda: _unprepared(stage))
    if python := stage.peers.command("smolagents", "python"):
        argv = [python, str(ROOT / "bench" / "inside_smolagents.py"), "sandbox"]
        yield Case(who="smolagents, no isolation", take=lambda: reported(argv, stage))


def _inside(what: str, stage: Stage, **more: str) -> Figures:
    return reported([sys.executable, "-m", "bench.inside_sandbox", what], stage, **more)


def _bare(stage: Stage) -> Figures:
    from smolterm.sandbox.assets import HERE, find_deno, pinned

    # The specifier with its version is known to the lock alone.
    argv = [find_deno(), "run", "-A", "--quiet", "--cached-only", "--no-check", "--frozen",
            f"--config={HERE / 'deno.json'}", f"--lock={HERE / 'deno.lock'}",
            str(ROOT / "bench" / "bare.ts"), pinned().version, str(time.time() * 1000)]  # fmt: skip
    return reported(argv, stage, DENO_DIR=str(_copied(stage, "bare") / "deno"))


def _unprepared(stage: Stage) -> Figures:
    """Everything was fetched and compiled, and nobody started this version before."""
    cache = _copied(stage, "unprepared")
    for made in (cache / "sandbox").glob("start-*"):
        _remove(made)
    return _inside("cold", stage, SMOLTERM_CACHE=str(cache))


def _copied(stage: Stage, name: str) -> Path:
    """Return a copy of the cache that nobody else writes to."""
    from smolterm.sandbox.assets import cache_folder

    copy = stage.folder / name
    if not copy.exists():
        copy.mkdir()
        shutil.copytree(cache_folder() / "deno", copy / "deno")
        for made in (cache_folder() / "sandbox").glob("stdlib-*"):
            shutil.copytree(made, copy / "sandbox" / made.name)
    return copy


def _remove(folder: Path) -> None:
    # Deno's part of it is frozen.
    for path, _, _ in os.walk(folder):
        Path(path).chmod(0o700)
    shutil.rmtree(folder)
