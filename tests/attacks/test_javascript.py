"""JavaScript stays out of Python's reach; and where it is reached, the host's record holds."""

from __future__ import annotations

import asyncio
import resource
from unittest import mock

import pytest

from smolterm.sandbox import running
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.wall import Caps
from smolterm.tools import Tool
from tests.attacks.hostile import HOSTILE
from tests.attacks.javascript import MODULES, OBJECTS, STRINGS
from tests.attacks.outside import run
from tests.attacks.test_record import misshapen
from tests.attacks.variants import JAVASCRIPT, without

calls = []


def note(text: str) -> str:
    """Write a text down."""
    calls.append(text)
    return text


def reached(attacks, make):
    found = set()
    with asyncio.Runner() as loop:
        sandbox = make()
        for attack in attacks:
            if "REACHED" in run(loop, sandbox, attack.code, seconds=3).out:
                found.add(attack.name)
        loop.run(sandbox.close())
    return found


def test_no_object_of_javascript_is_reached():
    assert reached(OBJECTS, Sandbox) == set()


def test_objects_are_reached_where_python_may_look_into_them(tmp_path):
    with without(["hidden", "objects"], tmp_path) as make:
        assert reached(OBJECTS, make) == {attack.name for attack in OBJECTS}


def test_no_string_becomes_javascript():
    assert reached(STRINGS, Sandbox) == set()


def test_strings_become_javascript_where_all_layers_before_it_are_away(tmp_path):
    with without(JAVASCRIPT, tmp_path) as make:
        assert reached(STRINGS, make) == {attack.name for attack in STRINGS}


def test_modules_of_javascript_are_hidden(tmp_path):
    assert reached(MODULES, Sandbox) == set()
    with without(JAVASCRIPT, tmp_path) as make:
        assert reached(MODULES, make) == {attack.name for attack in MODULES}


def test_nobody_forges_anything_in_the_whole_sandbox():
    with asyncio.Runner() as loop:
        sandbox = Sandbox(tools=[Tool(note)])
        for attack in HOSTILE:
            seen = run(loop, sandbox, attack.code)
            assert not seen.out.strip(), attack.name
            assert seen.done.error is not None
            assert seen.done.error.type == "RuntimeError"
            assert run(loop, sandbox, "6 * 7").clean(42)
        loop.run(sandbox.close())


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Seen of each attack, and of the cell after it, where JavaScript is reached."""
    seen = {}
    folder = tmp_path_factory.mktemp("opened")
    with asyncio.Runner() as loop, without(JAVASCRIPT, folder, many=True) as make, \
            mock.patch.object(running, "STOP_SECONDS", 0.2):  # fmt: skip
        caps = Caps(memory_bytes=64 << 20, disk_bytes=8 << 20)
        sandbox = make(tools=[Tool(note)], checkpoints=False, caps=caps)
        for attack in HOSTILE:
            calls.clear()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            first = run(loop, sandbox, attack.code, seconds=3)
            loop.run(asyncio.sleep(0.03))
            second = run(loop, sandbox, "6 * 7", seconds=2)
            grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
            healthy = second.done is not None and second.done.value == "42"
            # Where the first cell killed the sandbox, the second one ran in a new one already.
            if not healthy or ("end" in attack.name and not first.died):
                loop.run(sandbox.close())
            seen[attack.name] = (first, second, grown, list(calls))
    return seen


@pytest.mark.parametrize("name", [attack.name for attack in HOSTILE])
def test_the_host_outlives_a_hostile_worker(opened, name):
    first, second, grown, noted = opened[name]
    for seen in (first, second):
        assert seen.seconds < 9
        assert seen.done is None or not misshapen(seen.done)
        assert "\x1b" not in seen.died
    assert "HELD" not in first.out
    assert grown < 300
    assert all(isinstance(text, str) for text in noted)


def test_a_hostile_worker_does_forge_and_break_where_it_is_reached(opened):
    void = {
        name
        for name, (first, second, _, _) in opened.items()
        if first.done is not None
        and first.done.error is not None
        and "no way" in str(first.done.error)
    }
    assert void == set()
    forged = {
        n for n, (a, b, _, _) in opened.items() if "FORGED" in a.everything() + b.everything()
    }
    broken = {n for n, (a, b, _, _) in opened.items() if a.died or not b.clean(42)}
    assert len(forged | broken) >= 15, forged | broken
