"""Topic: tool packs, from a call's round trip to the memory that ten of them hold."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, reported

ROWS = (
    Row(key="packs.start", label="wasm packs, from no process to the first result", unit="ms"),
    Row(key="packs.instance", label="wasm pack, a new instance to its first result", unit="ms"),
    Row(key="packs.call", label="wasm pack, one of 1,000 calls", unit="µs"),
    Row(key="packs.host", label="wasm pack, one of 1,000 calls of its host", unit="µs"),
    Row(key="packs.sandbox", label="wasm pack, one of 1,000 calls from the sandbox", unit="µs"),
    Row(key="packs.stop", label="wasm pack, an endless loop stopped", unit="ms"),
    Row(key="packs.native.start", label="native pack, from no process to the first result",
        unit="ms"),
    Row(key="packs.native.call", label="native pack, one of 1,000 calls", unit="µs"),
    Row(key="packs.native.sandbox", label="native pack, one of 1,000 calls from the sandbox",
        unit="µs"),
    Row(key="packs.mcp.start", label="MCP server, from no process to the first result", unit="ms"),
    Row(key="packs.mcp.call", label="MCP server over stdio, one of 1,000 calls", unit="µs"),
    Row(key="packs.memory.one", label="memory, process of the wasm packs with one", unit="MB"),
    Row(key="packs.memory.ten", label="memory, the same with ten in use", unit="MB"),
)  # fmt: skip


def cases(stage: Stage) -> Iterator[Case]:
    """Yield each measurement in a process of its own."""
    for what in ("wasm", "native", "mcp", "memory"):
        argv = [sys.executable, "-m", "bench.inside_packs", what]
        yield Case(who=OURS, take=lambda argv=argv: reported(argv, stage))
