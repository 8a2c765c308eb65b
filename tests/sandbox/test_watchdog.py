"""The watchdog over real processes: it tells of too much, once, and only while it watches."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm.sandbox.watchdog import Watchdog

MB = 1 << 20
HOLD = "held = bytearray(b'x' * 100_000_000); print('ready', flush=True); input()"
BURN = "print('ready', flush=True)\nwhile True: pass"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it needs /proc")


@pytest.fixture
def run():
    """Start Python code that prints a line when it is ready."""
    started = []

    def start(code):
        process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE)  # fmt: skip
        started.append(process)
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


class Told:
    """What a watchdog said, and when something was said."""

    def __init__(self, pid, **limits):
        self.memory, self.cpu = [], []
        self.said = asyncio.Event()
        self.dog = Watchdog(pid, on_memory=self.on_memory, on_cpu=self.on_cpu, **limits)

    def on_memory(self, held):
        self.memory.append(held)
        self.said.set()

    def on_cpu(self, seconds):
        self.cpu.append(seconds)
        self.said.set()


def watched(process, work, **limits):
    async def watch():
        told = Told(process.pid, **limits)
        try:
            async with asyncio.timeout(20):
                await work(told)
        finally:
            told.dog.close()
        return told

    return asyncio.run(watch())


async def until_said(told):
    told.dog.start()
    await told.said.wait()


def test_too_much_memory_is_told(run):
    told = watched(run(HOLD), until_said, memory_bytes=50 * MB)
    assert told.memory[0] > 100_000_000
    assert told.dog.peak_bytes >= told.memory[0]
    assert told.cpu == []


def test_too_much_processor_time_is_told(run):
    told = watched(run(BURN), until_said, cpu_seconds=0.1)
    assert told.cpu[0] > 0.1
    assert told.memory == []


def test_each_is_told_once_a_cell(run):
    async def work(told):
        for _ in range(2):
            # Memory is looked at first, and again and again until the processor time is over too.
            told.dog.start()
            while not told.cpu:
                told.said.clear()
                await told.said.wait()
            assert len(told.memory) == len(told.cpu) == 1
            told.memory.clear()
            told.cpu.clear()

    watched(run(BURN), work, memory_bytes=1, cpu_seconds=0.1)


def test_the_time_before_the_cell_does_not_count(run):
    process = run(BURN)

    async def work(told):
        await until_said(told)
        told.said.clear()
        await until_said(told)

    told = watched(process, work, cpu_seconds=0.2)
    assert told.cpu[1] <= cpu_seconds(process.pid) - told.cpu[0]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nothing_is_told_after_the_stop_or_the_close(run):
    process = run(BURN)

    async def work(told):
        told.dog.start()
        told.dog.stop()
        told.dog.stop()
        assert not told.dog.watching
        # Another one looks several times: this one would have had its turn by then.
        other = Told(process.pid, cpu_seconds=0.01)
        await until_said(other)
        other.dog.close()
        assert not other.dog.sees
        other.dog.start()
        assert not other.dog.watching

    assert watched(process, work, memory_bytes=1).memory == []


def test_it_may_be_closed_by_whom_it_tells(run):
    async def work():
        told = asyncio.Event()

        def close(held):
            dog.close()
            told.set()

        dog = Watchdog(process.pid, memory_bytes=1, on_memory=close, on_cpu=print)
        dog.start()
        async with asyncio.timeout(20):
            await told.wait()
        assert not dog.watching

    process = run(HOLD)
    asyncio.run(work())


def test_it_ends_with_the_process(run):
    process = run(HOLD)

    async def work(told):
        told.dog.start()
        process.kill()
        process.wait()
        while told.dog.watching:
            await asyncio.sleep(0)

    assert watched(process, work, memory_bytes=1 << 40).memory == []


def test_a_process_that_is_gone_is_not_watched():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    async def work(told):
        assert not told.dog.sees
        told.dog.start()
        assert not told.dog.watching

    watched(process, work, memory_bytes=1, cpu_seconds=1)


def test_without_limits_there_is_nothing_to_watch(run):
    async def work(told):
        told.dog.start()
        assert not told.dog.watching

    watched(run(HOLD), work)


def test_from_further_away_it_looks_as_seldom_as_it_was_told(run):
    planned = []

    async def work(told):
        told.dog.start(every=0.2)
        await told.said.wait()
        # The next look is planned before anybody is told.
        planned.append(told.dog._timer.when() - asyncio.get_running_loop().time())

    watched(run(HOLD), work, memory_bytes=MB)
    assert planned[0] > 0.1
