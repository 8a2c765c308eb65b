"""Targets: what a hostile process says, from the bytes on the wire up to a whole session."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from smolterm.child import MOST_WAITING
from smolterm.errors import ChildDied, ChildProtocolError, SandboxError, UsageError
from smolterm.events import Finished, Table, to_line
from smolterm.policy import Policy
from smolterm.sandbox import AtLine, Call, CellDone, Limits, Printed, Shown
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.described import MOST_IMAGE, event_of
from smolterm.sandbox.running import Question, RunningCell
from smolterm.session import Session
from smolterm.tools import Tool
from tests.fakes import FakeModel, block
from tests.fuzz import shapes
from tests.fuzz.guards import in_loop, is_text
from tests.fuzz.hostile import ASSETS, Batch, NoProcess, bytes_of, child_of, hostile_processes

QUICK = Limits(seconds=0.2)

# --- the wire ---

PIECES = st.one_of(
    st.binary(max_size=40),
    shapes.frames().map(lambda frame: bytes_of(*frame, number=1)),
    shapes.frames().map(lambda frame: bytes_of(*frame, number=1)),
    st.sampled_from([b"x" * 70_000, b'{"a":' * 9000, b"\n\n", b"{}", b'{"raw":65536}\n']),
)


@given(st.lists(PIECES, max_size=8), st.lists(st.integers(0, 200), max_size=5))
def wire(pieces: list[bytes], cuts: list[int]) -> None:
    """Whatever bytes come, a request ends, as it should or by one of two errors."""
    stream = b"".join(pieces)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    async def peer(wire: Any, process: NoProcess) -> None:
        loop = asyncio.get_running_loop()
        await loop.sock_recv(wire, 1000)
        for start, end in itertools.pairwise(places):
            await loop.sock_sendall(wire, stream[start:end])
            await asyncio.sleep(0)

    async def work() -> None:
        notices: list[dict[str, Any]] = []
        child = await child_of(peer, notices.append)
        try:
            async with aclosing(child.request({"op": "x"})) as lines:
                async for line in lines:
                    assert line["id"] == 1 or line["id"] == 1.0
                    assert type(line.get("raw", b"")) is bytes
                    assert child._waiting <= MOST_WAITING
        except (ChildDied, ChildProtocolError) as error:
            assert str(error).isprintable()
            assert len(str(error)) < 1000
        finally:
            await child.close(grace=0)
        assert all(isinstance(notice, dict) for notice in notices)

    in_loop(work())


# --- one running cell ---


@given(st.lists(shapes.LINE, max_size=6))
def cell(lines: list[dict[str, Any]]) -> None:
    """Any object is a part of known types, a question, or nothing."""

    async def work() -> None:
        async def peer(wire: Any, process: NoProcess) -> None:
            while await asyncio.get_running_loop().sock_recv(wire, 1000):
                pass

        child = await child_of(peer)
        running = RunningCell(child, QUICK, 3)
        try:
            for line in lines:
                filled = msgspec.json.decode(bytes_of(line, b"", child.last_id + 1))
                part = running.read(filled)
                match part:
                    case None:
                        pass
                    case Printed():
                        assert part.stream in ("stdout", "stderr") and is_text(part.text)
                    case AtLine():
                        assert part.line in (1, 2, 3)
                        to_line(event_of(1, part))
                    case Shown():
                        assert is_text(part.name) and is_text(part.alt)
                        assert (part.table is None) != (part.image is None)
                        assert len(part.image or b"") <= MOST_IMAGE
                        if part.table is not None:
                            check_table(part.table, 20, 13)
                        to_line(event_of(1, part))
                    case Call():
                        assert type(part.args) is list and type(part.kwargs) is dict
                        assert part.line in (None, 1, 2, 3)
                        await running.reply(part.call, b"{}")
                    case Question():
                        await running.reply(part.number, b"")
                    case CellDone():
                        check_done(part)
        finally:
            running.close()
            await child.close(grace=0)

    in_loop(work())


def check_table(table: Table, rows: int, columns: int) -> None:
    assert len(table.columns) <= columns and all(is_text(name) for name in table.columns)
    assert len(table.rows) <= rows
    for row in table.rows:
        assert len(row) == len(table.columns) and all(is_text(cell) for cell in row)
    assert min(table.first, table.total, table.left_out) >= 0
    msgspec.json.encode(table)


def check_done(done: CellDone) -> None:
    assert all(type(line) is int for line in done.lines)
    for one in done.variables:
        assert all(is_text(text) for text in (one.name, one.type, one.size, one.glance))
        assert one.change in ("", "new", "changed") and type(one.rows) is bool
    assert done.value is None or is_text(done.value)
    assert is_text(done.answer) and all(is_text(name) for name in done.names)
    assert type(done.answered) is bool and isinstance(done.dropped, int)
    assert done.status is None or type(done.status) is int
    if done.error is not None:
        assert is_text(done.error.type) and is_text(done.error.message)
        assert is_text(done.error.traceback)
    msgspec.json.encode(msgspec.structs.replace(done, value_data=None, answer_data=None))


# --- the runner: a whole sandbox whose process is hostile ---

BATCHES = st.lists(st.lists(shapes.frames(), max_size=3), max_size=4)
SCRIPTS = st.lists(st.tuples(BATCHES, st.booleans()), max_size=3)
DEEDS = st.lists(
    st.sampled_from(
        ["run", "run", "run", "rewind", "save", "restore", "complete", "offer", "rows"]
    ),
    min_size=1,
    max_size=4,
)


def add(a: int, b: int = 1) -> int:
    """Add two numbers."""
    return a + b


@given(SCRIPTS, DEEDS)
def runner(scripts: list[tuple[list[Batch], bool]], deeds: list[str]) -> None:
    """Whatever its process says, a sandbox gives parts, or an error that says what was lost."""

    async def work() -> None:
        box = Sandbox(assets=ASSETS, tools=[Tool(add)], limits=QUICK)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            try:
                for deed in deeds:
                    with contextlib.suppress(SandboxError):
                        await do(box, deed, path)
            finally:
                await box.close()

    async def do(box: Sandbox, deed: str, path: Path) -> None:
        await box.start()
        if deed == "run":
            check_done(await box.run("1", on_output=lambda part: None))
        elif deed == "rewind":
            await box.rewind(max(1, box.step - 1))
        elif deed == "save":
            await box.save(path)
        elif deed == "restore" and path.exists():
            await box.restore(path)
        elif deed == "complete":
            assert all(type(name) is str for name in await box.complete("x"))
        elif deed == "rows":
            with contextlib.suppress(UsageError):
                check_table(await box.rows("x", 0, 9), 9, 51)
        elif deed == "offer":
            await box.offer(files={"/in/x": b"x"})

    with hostile_processes(scripts):
        in_loop(work())


@given(SCRIPTS)
def session(scripts: list[tuple[list[Batch], bool]]) -> None:
    """Whatever the sandbox says, a task ends with one Finished, and each event is one line."""

    async def work() -> None:
        box = Sandbox(assets=ASSETS, limits=QUICK)
        model = FakeModel(block("x = add(1)"), block("x"), block("final_answer(x)"), "done", "done")
        seen = []
        async with Session(
            model=model,
            sandbox=box,
            tools=[Tool(add)],
            limits=QUICK,
            policy=Policy(mode="auto"),
            save=False,
        ) as held:
            async for event in held.run("Go."):
                seen.append(event)
                assert b"\n" not in to_line(event)[:-1]
        assert [isinstance(event, Finished) for event in seen] == [False] * (len(seen) - 1) + [True]

    with hostile_processes(scripts):
        in_loop(work())
