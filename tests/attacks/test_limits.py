# ruff: noqa: E501
"""Each way to hold more than is allowed ends in an error, and holds it where the cap is away."""

from __future__ import annotations

import asyncio

import pytest

from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.wall import Caps
from smolterm.tools import Tool
from tests.attacks.limits import (
    DISK,
    DISK_MB,
    FILES,
    FILES_IN_TURN,
    MEMORY,
    MEMORY_MB,
    OUTPUT,
    OUTPUT_BYTES,
    REST,
)
from tests.attacks.outside import run
from tests.attacks.variants import without

MB = 1 << 20
SMALL = Caps(memory_bytes=MEMORY_MB * MB, disk_bytes=DISK_MB * MB)


CLEAN = """
import gc, os, shutil
for _name in [name for name in globals() if not name.startswith("__")]: del globals()[_name]
import os, shutil
os.chdir("/")
shutil.rmtree("/new", ignore_errors=True)
for _path in ("/tmp", "/home", "/dev/shm"):
    shutil.rmtree(_path, ignore_errors=True); os.makedirs(_path, exist_ok=True)
for _fd in range(3, 99):
    try: os.close(_fd)
    except OSError: pass
if os.path.exists("/lib/a"): os.remove("/lib/a")
for _name in [name for name in globals() if not name.startswith("__")]: del globals()[_name]
"""


def held(attacks, make, then=True):
    """Run each attack, and clean up after it; returns which hold too much, and which break it."""
    found, broken = set(), set()
    with asyncio.Runner() as loop:
        sandbox = make(checkpoints=False)
        for attack in attacks:
            seen = run(loop, sandbox, attack.code, seconds=20)
            if "HELD" in seen.out:
                found.add(attack.name)
            if then and not run(loop, sandbox, "6 * 7").clean(42):
                broken.add(attack.name)
            if not run(loop, sandbox, CLEAN).clean(None) or "zip" in attack.name:
                loop.run(sandbox.close())
        loop.run(sandbox.close())
    return found, broken


def test_no_way_holds_more_memory():
    assert held(MEMORY, lambda **options: Sandbox(caps=SMALL, **options)) == (set(), set())


def test_each_way_holds_it_where_memory_is_not_capped():
    found, _ = held(MEMORY, Sandbox, then=False)
    assert found == {attack.name for attack in MEMORY}


def test_no_way_holds_more_files():
    assert held(DISK, lambda **options: Sandbox(caps=SMALL, **options)) == (set(), set())


def test_each_way_holds_it_where_the_disk_is_not_capped():
    found, _ = held(DISK, Sandbox, then=False)
    assert found == {attack.name for attack in DISK}


def test_no_way_makes_more_files(tmp_path):
    with without(["many files"], tmp_path) as make, asyncio.Runner() as loop:
        assert held(FILES, make) == (set(), set())
        sandbox = make(checkpoints=False)
        assert run(loop, sandbox, FILES_IN_TURN).clean(None)
        loop.run(sandbox.close())


def test_each_way_makes_them_where_more_are_allowed():
    found, _ = held(FILES, Sandbox, then=False)
    assert found == {attack.name for attack in FILES}


def test_what_is_no_file_does_not_grow_either():
    assert held(REST, Sandbox) == (set(), set())


def test_each_of_the_rest_grows_where_it_is_not_bounded(tmp_path):
    with without(["rest"], tmp_path) as make:
        assert held(REST, make, then=False)[0] == {attack.name for attack in REST}


@pytest.mark.parametrize("capped", [True, False])
def test_output_past_the_limit_is_counted_and_dropped(capped):
    wrong = set()
    limit = OUTPUT_BYTES if capped else 0
    with asyncio.Runner() as loop:
        sandbox = Sandbox()
        for attack in OUTPUT:
            seen = run(loop, sandbox, attack.code, output_bytes=limit)
            size = len(seen.out) + len(seen.err)
            if (size <= OUTPUT_BYTES and seen.done.dropped > 0) != capped:
                wrong.add((attack.name, size))
            run(loop, sandbox, "del A" if "A()" in attack.code else "1")
        loop.run(sandbox.close())
    assert wrong == set()


def tick() -> int:
    """Do nothing."""
    return 1


CALLS = [
    "for _ in range(50): tick()",
    "while 1:\n    try: tick()\n    except RuntimeError as e: raise",
    "import asyncio\nasync def f():\n    for _ in range(25): tick()\nawait asyncio.gather(f(), f())",
    "class A:\n    def __del__(s): tick()\nfor _ in range(50): A()",
    "n = 0\nwhile n < 50:\n    n += 1\n    try: tick()\n    except RuntimeError: pass",
]


@pytest.mark.parametrize("code", CALLS)
def test_calls_past_the_limit_are_refused(code):
    with asyncio.Runner() as loop:
        sandbox = Sandbox(tools=[Tool(tick)])
        capped = run(loop, sandbox, code, tool_calls=20)
        free = run(loop, sandbox, code.replace("while 1", "for _ in range(50)"), tool_calls=0)
        loop.run(sandbox.close())
    assert len(capped.calls) == 20
    assert len(free.calls) == 50
