# ruff: noqa: E501
"""A cell is over when it is over: nothing that it left behind speaks in the name of the next."""

from __future__ import annotations

import asyncio
from unittest import mock

import pytest

from smolterm.sandbox import running
from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool
from tests.attacks.late import BUSY, ENDLESS, LATE, LATE_TOO
from tests.attacks.outside import run
from tests.attacks.variants import without

TRIES = 3


def note(text: str) -> str:
    """Write a text down."""
    return text


def after(attacks, make, settle=None):
    """Run each attack, wait, and then an honest cell; returns the attacks that this one shows.

    Args:
        settle: returns once the process has had time for what was due, however slow the machine is.
    """
    shown = {}
    with asyncio.Runner() as loop:
        sandbox = make()
        for attack in attacks:
            first = run(loop, sandbox, attack.code)
            assert first.done is not None, first
            loop.run(asyncio.sleep(0.1))
            if settle is not None:
                loop.run(settle(sandbox))
            honest = run(loop, sandbox, "6 * 7", seconds=1)
            if not honest.clean(42):
                shown[attack.name] = honest
        loop.run(sandbox.close())
    return shown


def test_what_comes_late_is_in_no_record():
    async def settle(sandbox):
        for _ in range(3):
            await sandbox.complete("note")
            await asyncio.sleep(0.02)

    assert after([*LATE, *LATE_TOO], lambda: Sandbox(tools=[Tool(note)]), settle) == {}


def test_what_comes_late_is_in_the_next_record_where_it_is_let_through(tmp_path):
    layers = ("late questions", "late output", "turn")
    with without(layers, tmp_path) as make, mock.patch.object(running, "STOP_SECONDS", 0.2):
        shown = after(LATE, lambda: make(tools=[Tool(note)]))
        # What depends on the moment may need more than one try, as it would for an attacker.
        for attack in [*LATE, *LATE_TOO] * TRIES:
            if attack.name not in shown:
                shown |= after([attack], lambda: make(tools=[Tool(note)]))
    assert {attack.name for attack in [*LATE, *LATE_TOO]} - shown.keys() == set()


@pytest.fixture(scope="module")
def one_by_one():
    """A sandbox that is attacked again and again: what an attack killed is a new process."""
    with mock.patch.object(running, "STOP_SECONDS", 0.2), asyncio.Runner() as loop:
        sandbox = Sandbox()
        yield loop, sandbox
        loop.run(sandbox.close())


@pytest.mark.parametrize("attack", ENDLESS, ids=lambda attack: attack.name)
def test_time_is_up_for_all(attack, one_by_one):
    loop, sandbox = one_by_one
    seen = run(loop, sandbox, attack.code, seconds=0.2)
    honest = run(loop, sandbox, "6 * 7")
    assert seen.died or seen.done.error is not None
    assert seen.seconds < 3
    assert honest.clean(42)


def test_each_would_go_on_if_nobody_looked_at_the_clock():
    went_on = set()
    with asyncio.Runner() as loop:
        for attack in ENDLESS:
            sandbox = Sandbox()
            loop.run(sandbox.start())

            async def race(sandbox=sandbox, attack=attack):
                await asyncio.wait_for(sandbox.run(attack.code), 0.2)

            try:
                loop.run(race())
            except TimeoutError:
                went_on.add(attack.name)
            loop.run(sandbox.close())
    assert went_on == {attack.name for attack in ENDLESS}


@pytest.mark.parametrize("attack", BUSY, ids=lambda attack: attack.name)
def test_work_between_cells_does_not_cost_the_next_one_its_turn(attack):
    with mock.patch.object(running, "STOP_SECONDS", 0.2), asyncio.Runner() as loop:
        sandbox = Sandbox()
        run(loop, sandbox, attack.code)
        loop.run(asyncio.sleep(0.2))
        honest = run(loop, sandbox, "6 * 7", seconds=3)
        loop.run(sandbox.close())
    assert honest.clean(42)


def test_completion_of_names_does_not_hang_on_what_it_looks_at():
    code = "class A:\n    def __getattr__(self, name):\n        while 1: pass\n    def __dir__(self):\n        while 1: pass\na = A()"
    with asyncio.Runner() as loop:
        sandbox = Sandbox()
        run(loop, sandbox, code)
        try:
            loop.run(asyncio.wait_for(sandbox.complete("a."), 5))
        finally:
            loop.run(sandbox.close())
