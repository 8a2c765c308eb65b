# ruff: noqa: E501
"""The rows written for other sandboxes, in this one. `reached_in` says where each was seen to work."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool
from tests.attacks.outside import SECRET, run

HERE = Path(__file__).parent
ROWS = [json.loads(line) for line in (HERE / "sandbox.jsonl").read_text().splitlines()]
GATE = (HERE / "gate.py.txt").read_text()

# What their harness called the bridge to the host, and its one function.
BRIDGE = """
import gc, json, sys, types
_found = [
    c.cell_contents for f in gc.get_objects() if isinstance(f, types.FunctionType)
    for n, c in zip(f.__code__.co_freevars, f.__closure__ or ()) if n == "bridge_call"
]
sys.modules["_hostbridge"] = types.SimpleNamespace(hostcall=_found[0])
"""

# A later cell of the same interpreter may be lied to; a rewind brings the truth back.
LIES = {"tp05"}

called = []


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def delete_file(path: str) -> str:
    """Only write down that it was called."""
    called.append(path)
    return path


@pytest.fixture(scope="module")
def attacked():
    with asyncio.Runner() as loop:
        sandbox = Sandbox(tools=[Tool(add), Tool(delete_file)])
        yield loop, sandbox
        loop.run(sandbox.close())


def filled(code: str, outside) -> str:
    for mark, value in {
        "__GATE__\n": GATE,
        "CANARY_FILE_7f3a": SECRET,
        "__RUNTIME_DIR__": "/lib",
        "__RUNNER_DIR__": str(HERE.parents[1] / "smolterm" / "sandbox"),
        "__DENO_DIR__": str(outside.folder),
        "__DENO__": "/proc/self/exe",
        "__CANARY_REL__": "secret.txt",
    }.items():
        code = code.replace(mark, value)
    return outside.fill(code)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['id']} {row['tries'][:40]}")
def test_it_reaches_nothing(attacked, outside, row):
    loop, sandbox = attacked
    called.clear()
    run(loop, sandbox, BRIDGE)
    seen = run(loop, sandbox, filled(row["code"], outside), seconds=min(row.get("limit_s", 5), 2))
    loop.run(asyncio.sleep(min(row.get("wait_after", 0), 0.8)))
    value = seen.done.value if seen.done is not None else None
    assert not outside.touched(seen)
    assert value is None or "FORGED" not in value
    assert called == []
    assert seen.seconds < 6
    if row["cat"] == "js-reach":
        assert value is None or "42" not in value
    if row.get("followup") and row["id"] not in LIES:
        run(loop, sandbox, "1")
    follow = run(loop, sandbox, "6 * 7")
    loop.run(sandbox.start())
    if row["id"] in LIES:
        loop.run(sandbox.rewind(1))
        follow = run(loop, sandbox, "add(a=2, b=40)")
        follow.calls.clear()
    assert follow.clean(42), follow
