"""Which line of a real sandbox's cell runs, calls and fails, and that looking changes nothing."""

from __future__ import annotations

import pytest

from smolterm.sandbox import AtLine, Call, CellDone, Limits
from smolterm.tools import tool

BUSY = """\
def work(n):
    total = 0
    for i in range(n):
        total += i
    return total
"""


@tool
def ask(n: int = 0) -> int:
    """Answer."""
    return n


@pytest.fixture(scope="module")
def followed(start_sandbox):
    return start_sandbox(tools=[ask], follow=True)


def lines_until(runner, code: str, line: int) -> list[int]:
    """Run a cell until it is told to be at a line, then interrupt it; returns the lines told."""

    async def work():
        lines = []
        async for part in runner.sandbox.cell(code, limits=Limits(seconds=20)):
            if isinstance(part, AtLine):
                lines.append(part.line)
                if part.line == line:
                    await runner.sandbox.interrupt()
            elif isinstance(part, CellDone):
                assert part.error.type == "KeyboardInterrupt", part
        return lines

    return runner.do(work())


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\nwhile True:\n    pass", 3),
        (BUSY + "\nwork(10**12)", 4),
        ("import time\n\ntime.sleep(100)", 3),
        ("# a remark\n\n\nask_me = 1\nask(1) if False else __import__('time').sleep(100)", 5),
        # In a library, it is the line that called it.
        ("import random\n\nrandom.shuffle(bytearray(10**7))", 3),
        ("text = '''a\nb\nc'''\nx = 1\n" + "y = 2\n" * 300 + "while True: x += 1", 305),
        ("def f(n):\n    if n:\n        f(n - 1)\n    while True: n += 1\nf(90)", 4),
        ("class A:\n    while True:\n        a = 1", 3),
        ("def ä():\n    while True:\n        é = 'ß'\nä()", 3),
        ("try:\n    1 / 0\nexcept ZeroDivisionError:\n    while True:\n        x = 1", 5),
    ],
)
def test_the_running_line_is_told(followed, code, line):
    assert line in lines_until(followed, code, line)


def test_the_line_that_waits_for_a_tool_is_told(followed):
    async def work():
        lines, answered = [], False
        async for part in followed.sandbox.cell("x = 1\n\nask(x)"):
            if isinstance(part, Call):
                assert part.line == 3
                call = part.call
            elif isinstance(part, AtLine) and not answered:
                lines.append(part.line)
                answered = True
                await followed.sandbox.answer(call, value=7)
        return lines

    assert followed.do(work()) == [3]


def test_nobody_is_told_who_does_not_ask(shared):
    async def work():
        code = "import time\ntime.sleep(0.3)"
        return [type(part).__name__ async for part in shared.sandbox.cell(code)]

    assert shared.do(work()) == ["CellDone"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("ask()", 1),
        ("def f():\n    return ask()\n\n\nf()", 2),
        ("sorted([2, 1],\n       key=lambda n:\n       ask(n))", 3),
        ("import functools\nfunctools.reduce(lambda a, b: a, map(ask, [1, 2]))", 2),
        ("import asyncio\nasync def f():\n    return ask()\nawait asyncio.gather(f())", 3),
    ],
)
def test_a_call_says_from_where_it_comes(followed, code, line):
    async def work():
        lines = set()
        async for part in followed.sandbox.cell(code):
            if isinstance(part, Call):
                lines.add(part.line)
                await followed.sandbox.answer(part.call, value=1)
        return lines

    assert followed.do(work()) == {line}


def test_a_call_from_an_earlier_cells_function_comes_from_the_line_that_called_it(followed):
    followed.run("def earlier():\n\n\n    return ask()")

    async def work():
        async for part in followed.sandbox.cell("x = 1\nearlier()"):
            if isinstance(part, Call):
                assert part.line == 2
                await followed.sandbox.answer(part.call, value=1)

    followed.do(work())


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("1 / 0", (1,)),
        (BUSY + "\nx = 1\nwork('a')", (8, 3)),
        ("import json\n\njson.loads('{')", (3,)),
        ("x = 1\nif x\n    y", (2,)),
        ("def f(n):\n    return f(n + 1)\nf(0)", (3, 2)),
        ("def f(): 1 / 0\ntry:\n    f()\nexcept ZeroDivisionError:\n    raise ValueError", (5,)),
        ("x = 1", ()),
    ],
)  # fmt: skip
def test_an_error_says_which_lines_it_came_through(shared, code, lines):
    assert shared.run(code)[0].lines == lines


CLOCKED = (
    BUSY
    + """
import random, time, gc, weakref
class Item: pass
def churn(n):
    seen, gone = [], []
    for i in range(n):
        item = Item()
        item.me = item
        seen.append(id(item) % 65536)
        weakref.finalize(item, gone.append, i)
    return hash(tuple(seen)), len(gone), hash(tuple(gone))
result = []
for round in range(6):
    result.append((work(400_000), churn(3000), random.random(), time.time(), time.perf_counter()))
    time.sleep(0.05)
result.append([id(one) for one in (Item(), Item(), [], {})])
result.append(list({Item(): 1, Item(): 2}.values()))
result
"""
)


def test_a_run_that_repeats_is_the_same_when_its_line_is_told(start_sandbox):
    values, states, told = [], [], []
    for follow in (False, True):
        runner = start_sandbox(seed="tea", clock=1_700_000_000, follow=follow)

        async def work(box):
            parts = [part async for part in box.cell(CLOCKED)]
            step = await box.checkpoint()
            return parts, box._states._journal.state(step).raw

        parts, raw = runner.do(work(runner.sandbox))
        assert parts[-1].error is None, parts[-1].error
        values.append(parts[-1].value_data)
        states.append(raw)
        told.append([part.line for part in parts[:-1] if isinstance(part, AtLine)])
    assert told[0] == [] and told[1]
    assert values[0] == values[1]
    # Every byte of Python's memory and of its files.
    assert states[0] == states[1]


def test_interrupts_hit_while_lines_are_told(followed):
    for _ in range(10):
        assert lines_until(followed, "x = 1\nwhile True:\n    x += 1", 3)
    code = "import signal, time\nsignal.signal(signal.SIGINT, lambda *a: caught.append(1))"
    followed.run("caught = []\n" + code)

    async def work():
        async for part in followed.sandbox.cell("while not caught: pass\nlen(caught) > 0"):
            if isinstance(part, AtLine):
                await followed.sandbox.interrupt()
            elif isinstance(part, CellDone):
                return part

    assert followed.do(work()).value == "True"
    followed.run("signal.signal(signal.SIGINT, signal.default_int_handler)")


def test_a_state_comes_back_after_a_cell_whose_line_was_told(followed):
    followed.run("kept = [1]")
    step = followed.do(followed.sandbox.checkpoint())
    lines_until(followed, "kept.append(2)\nwhile True: x = 1", 2)
    assert followed.do(followed.sandbox.rewind(step)).way == "memory"
    assert followed.value("kept") == [1]
