"""`python -m bench.soak`: thousands of cells in one sandbox, then sandboxes one after another.

Afterwards the memory must be where it was, and no child, socket, descriptor or file be left. The
status is 1 when something is. Linux alone.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

from bench.processes import descriptors, family, resident
from smolterm.errors import SandboxError
from smolterm.sandbox import Call, CellDone, CellPart, Limits, Printed
from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool

MB = 1 << 20
LOOKS = 10
GROWTH_MB = {"host": 24, "sandbox": 64}
"""What counts as flat, from a fifth of the way to the end."""

CELLS = (
    ("value", "x = {n: str(n) for n in range(100)}\nlen(x)"),
    ("tool", "sum(ping(n) for n in range(3))"),
    ("error", "def broken(n): return n / 0\nbroken(1)"),
    ("printed", "for n in range(200): print('line', n)"),
    ("refused", "refuse()"),
    ("file", "open('/tmp/f', 'w').write('x' * 10_000)\nopen('/tmp/f').read().count('x')"),
    ("memory", "big = bytearray(5_000_000)\ndel big"),
    ("await", "import asyncio\nawait asyncio.sleep(0.001)"),
    ("interrupted", "print('go')\nwhile True: pass"),
    ("called and interrupted", "print('go')\nfor_ever()"),
)
EVERY_LOOP = 5
"""Loops are interrupted in one round of so many: each takes as long as fifty other cells."""


def ping(number: int) -> int:
    """Return the number."""
    return number


def refuse() -> None:
    """Raise."""
    raise ValueError("on purpose")


async def for_ever() -> None:
    """Wait."""
    await asyncio.Event().wait()


@dataclass
class Seen:
    """What a soak saw."""

    host: list[float] = field(default_factory=list)
    sandbox: list[float] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def main(argv: list[str] | None = None) -> int:
    """Soak and say what was seen; 1 when something was left or grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--sandboxes", type=int, default=200)
    arguments = parser.parse_args(argv)
    wrong = soak(arguments.cells, arguments.sandboxes)
    for what in wrong:
        print(f"soak: {what}")
    return 1 if wrong else 0


def soak(cells: int, sandboxes: int) -> list[str]:
    """Return what was left or grew."""
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        before, tempfile.tempdir = tempfile.tempdir, folder
        try:
            seen = Seen()
            with asyncio.Runner() as runner:
                # What Python itself opens and keeps comes with the first one.
                runner.run(_one_after_another(1, Seen()))
                left = Left.now()
                runner.run(_in_one(cells, seen))
                _say(f"{cells} cells in one sandbox", seen)
                wrong = seen.wrong + _grown(seen) + left.since()
                seen = Seen()
                runner.run(_one_after_another(sandboxes, seen))
                _say(f"{sandboxes} sandboxes one after another", seen)
                wrong += seen.wrong + _grown(seen) + left.since()
            return wrong + [f"left in the temporary folder: {one}" for one in os.listdir(folder)]
        finally:
            tempfile.tempdir = before


async def _in_one(cells: int, seen: Seen) -> None:
    began = time.monotonic()
    tools = [Tool(ping), Tool(refuse), Tool(for_ever)]
    async with Sandbox(tools=tools) as box:
        pid = box.pid
        done = 0
        round_ = 0
        while done < cells:
            round_ += 1
            for name, code in CELLS:
                if "interrupted" in name and round_ % EVERY_LOOP:
                    continue
                await _cell(box, name, code, seen)
                done += 1
                if done % max(1, cells // LOOKS) == 0:
                    _look(seen, box)
        if box.pid != pid:
            seen.wrong.append("the sandbox's process was replaced")
        if (await box.run("len(x)")).value_data != 100:
            seen.wrong.append("a variable was lost")
    each = (time.monotonic() - began) / cells * 1e3
    print(f"soak: {each:.2f} ms a cell; ends: {seen.ended}", flush=True)


async def _cell(box: Sandbox, name: str, code: str, seen: Seen) -> None:
    try:
        async with asyncio.timeout(60), aclosing(_answered(box, code)) as parts:
            async for part in parts:
                stop = "for_ever" if isinstance(part, Call) else "while True"
                if isinstance(part, Call | Printed) and "interrupted" in name and stop in code:
                    await box.interrupt()
                if isinstance(part, CellDone):
                    end = part.error.type if part.error else "value"
                    seen.ended[f"{name}: {end}"] = seen.ended.get(f"{name}: {end}", 0) + 1
    except (SandboxError, TimeoutError) as error:
        seen.wrong.append(f"{name}: {type(error).__name__} {error}"[:300])


async def _answered(box: Sandbox, code: str) -> AsyncGenerator[CellPart, None]:
    async with aclosing(box.cell(code, limits=Limits(seconds=30))) as parts:
        async for part in parts:
            if isinstance(part, Call) and part.tool == "ping":
                await box.answer(part.call, value=part.args[0])
            elif isinstance(part, Call) and part.tool == "refuse":
                await box.answer(part.call, error="on purpose")
            yield part


async def _one_after_another(sandboxes: int, seen: Seen) -> None:
    began = time.monotonic()
    for number in range(sandboxes):
        async with Sandbox(tools=[Tool(ping)], spare=number % 10 == 9) as box:
            try:
                if (await box.run(f"ping({number})")).value_data != number:
                    seen.wrong.append(f"sandbox {number} answered wrongly")
            except SandboxError as error:
                seen.wrong.append(f"sandbox {number}: {error}"[:300])
            if number % max(1, sandboxes // LOOKS) == 0:
                _look(seen, box)
    print(f"soak: {(time.monotonic() - began) / sandboxes * 1e3:.0f} ms a sandbox", flush=True)


def _look(seen: Seen, box: Sandbox) -> None:
    gc.collect()
    whole = resident(os.getpid())
    inside = resident(box.pid) if box.pid is not None else 0
    seen.sandbox.append(inside / MB)
    seen.host.append((whole - inside) / MB)


def _grown(seen: Seen) -> list[str]:
    wrong = []
    for name, held in (("host", seen.host), ("sandbox", seen.sandbox)):
        later = held[len(held) // 5 :]
        if later and later[-1] - later[0] > GROWTH_MB[name]:
            wrong.append(f"the {name} grew from {later[0]:.0f} to {later[-1]:.0f} MB")
    return wrong


def _say(what: str, seen: Seen) -> None:
    for name, held in (("host", seen.host), ("sandbox", seen.sandbox)):
        print(f"soak: {what}, {name}, MB: " + " ".join(f"{one:.0f}" for one in held), flush=True)


@dataclass(frozen=True)
class Left:
    """What this process holds of the system."""

    children: frozenset[int]
    descriptors: tuple[str, ...]

    @classmethod
    def now(cls) -> Left:
        gc.collect()
        children = family(os.getpid()) - {os.getpid()}
        # Its own reading of the folder is among them.
        held = sorted(one.rstrip("0123456789[]:") for one in descriptors()
                      if not one.startswith("/proc/"))  # fmt: skip
        return cls(frozenset(children), tuple(held))

    def since(self) -> list[str]:
        """Say what there is now that was not there then."""
        now = Left.now()
        wrong = [f"a child is left: {_command(pid)}" for pid in now.children - self.children]
        for kind in sorted(set(now.descriptors)):
            more = now.descriptors.count(kind) - self.descriptors.count(kind)
            if more > 0:
                wrong.append(f"{more} descriptors are left: {kind}")
        return wrong


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:200]
    except OSError:
        return str(pid)


if __name__ == "__main__":
    sys.exit(main())
