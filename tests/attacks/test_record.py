"""Forged results and calls, and what a cell leaves behind for later ones."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
from typing import Any
from unittest import mock

import pytest

from smolterm.errors import SandboxError
from smolterm.events import CellError, Variable
from smolterm.sandbox import Call, CellDone, running
from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool
from tests.attacks.later import TAMPERS
from tests.attacks.outside import run
from tests.attacks.record import CALLS, HEAVY, RESULTS, TRUSTING, WEIGHTS

noted: list[Any] = []


def note(text: str) -> str:
    """Write a text down."""
    noted.append(text)
    return text


def take(items: list[Any]) -> int:
    """Count items."""
    return len(items)


class Victim:
    """One sandbox, brought back to its first state after each attack."""

    def __init__(self, loop: asyncio.Runner) -> None:
        self.loop = loop
        self.sandbox = Sandbox(tools=[Tool(note), Tool(take)])
        self.first = 0
        self.begin()

    def begin(self) -> None:
        self.loop.run(self.sandbox.start())
        self.run("1")
        self.first = self.loop.run(self.sandbox.checkpoint())

    def run(self, code: str, **options: Any) -> Any:
        return run(self.loop, self.sandbox, code, **options)

    def recover(self) -> None:
        try:
            self.loop.run(self.sandbox.start())
            self.loop.run(self.sandbox.rewind(self.first))
        except SandboxError:
            # The process was killed a moment ago.
            self.loop.run(self.sandbox.close())
            self.begin()


@pytest.fixture(scope="module")
def victim():
    with asyncio.Runner() as loop:
        made = Victim(loop)
        yield made
        loop.run(made.sandbox.close())


def misshapen(done: CellDone) -> str:
    """Return what in a record has not the type that it promises, or more than it may hold."""
    error = done.error
    if type(done.names) is not tuple and type(done.names) is not list:
        return "the names"
    texts = [done.answer, *done.names]
    texts += [done.value] if done.value is not None else []
    if error is not None:
        if type(error) is not CellError:
            return "the error"
        texts += [error.type, error.message, error.traceback]
    if not all(type(text) is str for text in texts):
        return "a text"
    try:
        "".join(texts).encode()
    except UnicodeEncodeError:
        return "a surrogate"
    if sum(map(len, texts)) > 2_500_000 or max(map(len, texts)) > 1_001_000:
        return "a flood"
    if error is not None and len(error.message) + len(error.traceback) > 20_000:
        return "a flood in the error"
    if type(done.names) is not tuple or type(done.answered) is not bool:
        return "a type"
    if not looks_right(done):
        return "a description"
    status = done.status
    if status is not None and (type(status) is not int or not -(2**31) <= status < 2**31):
        return "the status"
    return ""


def looks_right(done: CellDone) -> bool:
    """Whether what front ends draw of the variables has its types and bounds."""
    if type(done.variables) is not tuple or type(done.lines) is not tuple:
        return False
    if not all(type(one) is Variable for one in done.variables):
        return False
    texts = [text for one in done.variables for text in (one.name, one.type, one.size, one.glance)]
    return (
        all(type(one.rows) is bool for one in done.variables)
        and all(type(line) is int and 1 <= line < 100 for line in done.lines)
        and all(type(text) is str and len(text) <= 200 and "\n" not in text for text in texts)
        and max(len(done.variables), len(done.lines)) <= 300
    )


@pytest.mark.parametrize("attack", RESULTS, ids=lambda attack: attack.name)
def test_a_forged_result_keeps_the_records_shape(victim, attack):
    seen = victim.run(attack.code)
    victim.recover()
    assert seen.seconds < 3
    if seen.done is not None:
        assert misshapen(seen.done) == ""


def believed(data: Any) -> Any:
    """Make of tagged data what its tag says, as a host would that trusts its sandbox."""
    if isinstance(data, list):
        return [believed(item) for item in data]
    if isinstance(data, dict) and "$" in data:
        return eval(data["$"])(believed(data["v"]))
    return data


def test_forged_results_deceive_a_host_that_trusts(victim):
    honest = []

    def trusting(self: Any, payload: str, dropped: object) -> CellDone:
        self.over = True
        try:
            fields = json.loads(payload)
            fields["value_data"] = believed(fields.get("value_data"))
            return CellDone(**fields)
        except Exception:  # noqa: BLE001
            return CellDone(status="the host fell")  # type: ignore[arg-type]

    with mock.patch.object(running.RunningCell, "_finished", trusting):
        for attack in RESULTS:
            seen = victim.run(attack.code)
            if seen.done is not None and not misshapen(seen.done):
                honest.append(attack.name)
            victim.recover()
    assert honest == []


@pytest.mark.parametrize("attack", HEAVY, ids=lambda attack: attack.name)
def test_data_weighs_no_more_on_the_host_than_it_took_to_send(victim, attack):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seen = victim.run(attack.code)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10
    victim.recover()
    assert seen.seconds < 4
    assert grown < 400


@pytest.mark.parametrize("expression", WEIGHTS.values(), ids=WEIGHTS)
def test_it_weighs_more_on_a_host_that_trusts(expression):
    argv = [sys.executable, "-c", TRUSTING, expression]
    try:
        fell = subprocess.run(argv, timeout=1, stderr=subprocess.DEVNULL, check=False).returncode
    except subprocess.TimeoutExpired:
        return
    assert fell


@pytest.mark.parametrize("attack", CALLS, ids=lambda attack: attack.name)
def test_a_forged_call_gets_nothing(victim, outside, attack):
    noted.clear()
    seen = victim.run(outside.fill(attack.code))
    victim.recover()
    assert all(isinstance(text, str) and text != "FORGED" for text in noted)
    assert not outside.touched(seen)


def test_forged_calls_are_obeyed_by_a_host_that_looks_names_up(victim, outside):
    obeyed = set()
    bad: list[Any] = []

    async def obey(self: Any, part: Call) -> None:
        scope = {"note": lambda *args, **kwargs: bad.append(args), "args": part.args}
        try:
            eval(f"({part.tool})(*args, **kwargs)", {**scope, "kwargs": part.kwargs})
        except Exception as fell:  # noqa: BLE001
            bad.append(fell)
        await self.answer(part.call, value=None)

    def believe(question: Any, code_lines: int) -> Call:
        try:
            request = json.loads(question.request)
            return Call(call=question.number, **request)
        except (ValueError, TypeError, RecursionError) as fell:
            bad.append(fell)
            return Call(call=question.number, tool="print", args=[], kwargs={})

    with mock.patch.object(Sandbox, "_answer_call", obey), \
            mock.patch.object(running, "_call", believe):  # fmt: skip
        for attack in CALLS:
            bad.clear()
            seen = victim.run(outside.fill(attack.code))
            if outside.touched(seen) or bad:
                obeyed.add(attack.name)
    victim.recover()
    assert obeyed == {attack.name for attack in CALLS}


@pytest.mark.parametrize("tamper", TAMPERS, ids=lambda tamper: tamper.name)
def test_a_rewind_takes_back_what_a_cell_left_behind(victim, tamper):
    victim.recover()
    step = victim.loop.run(victim.sandbox.checkpoint())
    victim.run(tamper.code)
    lying = victim.run(tamper.then, seconds=2)
    assert victim.loop.run(victim.sandbox.rewind(step)).way in ("memory", "process")
    honest = victim.run(tamper.then, seconds=2)
    assert not lying.clean(tamper.honest)
    assert honest.clean(tamper.honest), honest
