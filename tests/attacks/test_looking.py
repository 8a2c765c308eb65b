"""What hostile code says of its variables and shows: only checked tables and images come out.

Each is put in the place of what an honest driver says, by code that runs inside.
"""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from smolterm.errors import SandboxError
from smolterm.events import Table
from smolterm.sandbox import AtLine, CellDone, Limits, Shown
from smolterm.sandbox.deno import Sandbox
from tests.attacks.record import DRIVER

SHOW = (
    DRIVER
    + """
post = next(c.cell_contents for n, c in _cells() if n == "showing")._post
"""
)
ROWS = (
    DRIVER
    + """
for n, c in _cells():
    if n == "operations": c.cell_contents["rows"] = lambda **asked: FORGED
"""
)
PNG = "b'\\x89PNG\\r\\n\\x1a\\n' + bytes(20)"


@pytest.fixture(scope="module")
def loop():
    with asyncio.Runner() as loop:
        yield loop


@pytest.fixture
def sandbox(loop):
    sandbox = Sandbox(follow=True)
    yield sandbox
    loop.run(sandbox.close())


async def shown(sandbox: Sandbox, code: str) -> list[Shown]:
    await sandbox.start()
    parts = [part async for part in sandbox.cell(SHOW + code, limits=Limits(seconds=20))]
    done = parts[-1]
    assert isinstance(done, CellDone) and done.error is None, done
    return [part for part in parts if isinstance(part, Shown)]


def check_table(table: Table, rows: int, columns: int) -> None:
    assert len(table.rows) <= rows and len(table.columns) <= columns + 1
    assert all(type(name) is str and len(name) <= 200 for name in table.columns)
    for row in table.rows:
        assert len(row) == len(table.columns)
        assert all(type(cell) is str and len(cell) <= 200 and "\n" not in cell for cell in row)
    assert all(type(n) is int and 0 <= n <= 2**53 + 10**6
               for n in (table.first, table.total, table.left_out))  # fmt: skip


NOTHING = {
    "no JSON": "post('{', '')",
    "no object": "post('[]', '')",
    "no table": """post('{"table": 7}', '')""",
    "no image": "post('{}', 'AAAA')",
    "no Base64": "post('{}', '!!!!')",
    "an image of 20 MB": "post('{}', 'iVBORw0KGgo' + 'A' * 27_000_000)",
    "a description of 20 MB": "post('x' * 20_000_000, '')",
    "nested 100,000 deep": "post('[' * 100_000, '')",
    "a program": "post('{}', __import__('base64').b64encode(b'\\x7fELF' + bytes(50)).decode())",
}


@pytest.mark.parametrize("code", NOTHING.values(), ids=NOTHING)
def test_what_is_neither_table_nor_image_is_not_shown(loop, sandbox, code):
    assert loop.run(shown(sandbox, code)) == []


FORGED = {
    "columns of 10 MB": '{"columns": ["a" * 10**7] * 2, "rows": [["b" * 10**5] * 9] * 50}',
    "a hundred thousand rows": '{"columns": ["a"], "rows": [["b"]] * 100_000}',
    "a thousand columns": '{"columns": ["a"] * 1000, "rows": [["b"] * 1000] * 30}',
    "rows of all kinds": '{"columns": ["a", 7], "rows": [[1, [2]], 3, "x", None, {}, ["a"] * 9]}',
    "counts of all kinds": '{"columns": [], "rows": [], "total": -1, "first": 10**30}',
    "escapes": '{"columns": ["\\x1b[2J\\n"], "rows": [["\\u2028\\r\\x9b", "\\ud800"]]}',
}  # fmt: skip


@pytest.mark.parametrize("table", FORGED.values(), ids=FORGED)
def test_a_forged_table_keeps_its_shape_and_bounds(loop, sandbox, table):
    found = loop.run(
        shown(sandbox, f"post(json.dumps({{'name': [1], 'alt': 7, 'table': {table}}}), '')")
    )
    for one in found:
        assert one.table is not None and one.name == ""
        check_table(one.table, 20, 12)

    async def rows() -> None:
        await sandbox.run(ROWS.replace("FORGED", f"{{'table': {table}}}"))
        # Half a surrogate is refused.
        with contextlib.suppress(SandboxError):
            check_table(await sandbox.rows("json", 0, 500), 500, 50)

    loop.run(rows())


def test_a_forged_answer_for_rows_is_an_error_with_words(loop, sandbox):
    async def work() -> None:
        await sandbox.start()
        for forged in ("None", "7", "{'table': [1]}", "{'why': 'x' * 10**6}", "1 / 0"):
            await sandbox.run(ROWS.replace("FORGED", forged))
            with pytest.raises(Exception, match=r".") as caught:
                await sandbox.rows("json", 0, 10)
            assert len(str(caught.value)) < 1000

    loop.run(work())


def test_no_more_is_shown_than_twenty_things_of_a_cell(loop, sandbox):
    image = f"__import__('base64').b64encode({PNG}).decode()"
    found = loop.run(shown(sandbox, f"for n in range(500): post('{{}}', {image})"))
    assert len(found) == 20


def test_rows_that_never_come_end_the_process_and_no_more(loop, sandbox, monkeypatch):
    monkeypatch.setattr("smolterm.sandbox.between.ROWS_SECONDS", 0.5)

    async def work() -> object:
        await sandbox.start()
        await sandbox.run("kept = 7")
        await sandbox.checkpoint()
        await sandbox.run(ROWS.replace("FORGED", "[1 for _ in iter(int, 1)]"))
        with pytest.raises(SandboxError):
            await sandbox.rows("json", 0, 10)
        return (await sandbox.run("kept")).value_data

    assert loop.run(work()) == 7


def test_lines_that_the_code_has_not_are_never_told(loop, sandbox):
    # Memory overwritten where the lines are looked for, as far as Python's own ctypes reaches it.
    spoil = """
import ctypes, sys, time; at = sys._getframe().f_code
ctypes.cast(id(at), ctypes.POINTER(ctypes.c_uint32))[44 // 4] = 10**8
time.sleep(0.4)
assert at.co_firstlineno == 10**8
"""

    async def work() -> set[int]:
        await sandbox.start()
        parts = [part async for part in sandbox.cell(spoil)]
        assert isinstance(parts[-1], CellDone) and parts[-1].error is None, parts[-1]
        return {part.line for part in parts if isinstance(part, AtLine)}

    # Loading ctypes takes a while.
    assert loop.run(work()) <= {2}
