"""Measurements of the sandbox inside a fresh process: `python -m bench.inside_sandbox WHAT`.

Each prints `NAME VALUE` lines.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

from bench.measure import ROOT
from bench.processes import resident
from smolterm.errors import SandboxError
from smolterm.sandbox import Call, CellDone, Limits, Printed
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.files import StagedFiles
from smolterm.tools import Tool

CELLS = 200
CALLS = 1000
WARM_LOOPS = 20
TRIES = 84
"""Interrupts of each kind of loop."""
MB = 1 << 20
NO_LIMIT = Limits(seconds=0, output_bytes=0)

LOOPS = {
    "loop": "print('go')\nwhile True: pass",
    "regex": "import re\nprint('go')\nre.match('(a*)*b', 'a' * 40)",
    "big int": "print('go')\nx = 3 ** 10 ** 9",
    "sleep": "import time\nprint('go')\ntime.sleep(100)",
    "await": "import asyncio\nprint('go')\nawait asyncio.sleep(100)",
    "tool": "print('go')\nfor_ever()",
}

BOMBS = {
    "bytes": "x = []\nwhile True: x.append(bytearray(10_000_000))",
    "text": "x = 'a'\nwhile True: x += x",
    "files": "for n in range(10**9): open(f'/tmp/{n}', 'wb').write(bytes(1_000_000))",
    "printed": "while True: print('x' * 100_000)",
}


def ping(number: int) -> int:
    """Return the number."""
    return number


async def for_ever() -> None:
    """Wait."""
    await asyncio.Event().wait()


def say(name: str, value: float) -> None:
    print(name, value, flush=True)


async def milliseconds(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return (time.perf_counter() - began) * 1e3


async def value(box: Sandbox, code: str, limits: Limits = NO_LIMIT) -> object:
    done = await box.run(code, limits=limits)
    assert done.error is None, done.error
    return done.value_data


async def cold() -> None:
    """From nothing to the first result, whatever of it was prepared before."""
    began = time.perf_counter()
    async with Sandbox() as box:
        assert await value(box, "1 + 1") == 2
        say("sandbox.cold", (time.perf_counter() - began) * 1e3)


async def warm() -> None:
    """Cells, loops, calls, output and values of one sandbox that runs."""
    async with Sandbox(tools=[Tool(ping)]) as box:
        for _ in range(20):
            await value(box, "x = 1")
        say("sandbox.step", statistics.median([await milliseconds(value(box, "x = 1"))
                                               for _ in range(CELLS)]) * 1e3)  # fmt: skip
        loop = (ROOT / "bench" / "loop.py").read_text()
        say("sandbox.loop.first", await milliseconds(value(box, loop)))
        # WebAssembly is compiled again, and better, once it has run for about a second.
        for _ in range(WARM_LOOPS):
            await value(box, loop)
        figures = [await milliseconds(value(box, loop)) for _ in range(5)]
        say("sandbox.loop", statistics.median(figures))
        code = f"sum(ping(i) for i in range({CALLS}))"
        say("sandbox.call", await milliseconds(value(box, code)) * 1e3 / CALLS)
        got = 0

        def count(part: Printed) -> None:
            nonlocal got
            got += len(part.text)

        code = "for _ in range(10_000): print('x' * 999)"
        say("sandbox.printed",
            await milliseconds(box.run(code, limits=NO_LIMIT, on_output=count)))  # fmt: skip
        assert got == 10_000_000, got
        began = time.perf_counter()
        assert len(str(await value(box, "'x' * 10_000_000"))) == 10_000_000
        say("sandbox.returned", (time.perf_counter() - began) * 1e3)


async def looked() -> None:
    """What it costs to tell the running line and to describe variables."""
    loop = (ROOT / "bench" / "loop.py").read_text()
    async with Sandbox() as plain, Sandbox(follow=True) as followed:
        boxes = {"alone": plain, "told": followed}
        for _ in range(WARM_LOOPS):
            for box in boxes.values():
                await value(box, loop)
        taken: dict[str, list[float]] = {name: [] for name in boxes}
        # In turns, so that both have the same neighbours.
        for _ in range(WARM_LOOPS):
            for name, box in boxes.items():
                taken[name].append(await milliseconds(value(box, loop)))
        for name, figures in taken.items():
            say(f"sandbox.loop.{name}", min(figures))
        for name, code in (
            ("usual", "for n in range(50): globals()[f'v{n}'] = {'a': [n], 'b': str(n)}"),
            ("many", "for n in range(100_000): globals()[f'w{n}'] = [n]"),
        ):
            await value(plain, code)
            for _ in range(20):
                await value(plain, "x = 1")
            figures = [await milliseconds(value(plain, "x = 1")) for _ in range(CELLS)]
            say(f"sandbox.step.{name}", statistics.median(figures) * 1e3)
        await value(plain, "rows = [{'a': n, 'b': str(n)} for n in range(100_000)]")
        figures = [await milliseconds(plain.rows("rows", 50_000, 100)) for _ in range(20)]
        say("sandbox.rows", statistics.median(figures))


async def spare() -> None:
    """A restart with a second process ready."""
    async with Sandbox(spare=True) as box:
        await value(box, "x = 1")
        await box._processes.spare()
        # It is ready for a cell once it has kept its first state.
        await asyncio.sleep(0.3)
        assert box.pid is not None
        os.kill(box.pid, signal.SIGKILL)
        while box.alive:
            await asyncio.sleep(0.001)
        say("sandbox.spare", await milliseconds(value(box, "1 + 1")))


async def states() -> None:
    """Rewind, save and restore, with small and with large variables."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "state"
        async with Sandbox() as box:
            for name, code in (
                ("small", "x = {n: str(n) for n in range(1000)}"),
                ("large", "y = bytearray(b'x') * 100_000_000"),
            ):
                await value(box, code)
                taken = []
                for _ in range(5):
                    # A state is kept when nothing else is to be done.
                    await asyncio.sleep(0.5)
                    step = box.step
                    await value(
                        box,
                        "x[0] = 'changed'\nif 'y' in globals(): y[::4096] = b'y' * len(y[::4096])",
                    )
                    began = time.perf_counter()
                    rewound = await box.rewind(step)
                    taken.append((time.perf_counter() - began) * 1e3)
                    assert rewound.way == "memory", rewound
                    assert await value(box, "x[0]") == "0"
                say(f"sandbox.rewind.{name}", statistics.median(taken))
                if name == "small":
                    await save_and_restore(box, path)


async def save_and_restore(box: Sandbox, path: Path) -> None:
    say("sandbox.save", await milliseconds(box.save(path)))
    async with Sandbox() as other:
        rewound = None

        async def restore() -> None:
            nonlocal rewound
            rewound = await other.restore(path)

        say("sandbox.restore", await milliseconds(restore()))
        assert rewound is not None and rewound.way == "process", rewound
        assert await value(other, "x[7]") == "7"


async def mount() -> None:
    """A folder of ten thousand files: handed over, then listed, then one of them read."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name) / "many"
        folder.mkdir()
        for number in range(10_000):
            (folder / f"{number}.txt").write_text(str(number))
        files = StagedFiles()
        began = time.perf_counter()
        files.mount(folder)
        say("sandbox.mount", (time.perf_counter() - began) * 1e3)
        async with Sandbox(files=files) as box:
            await value(box, "import os")
            say("sandbox.listed",
                await milliseconds(value(box, "assert len(os.listdir('/files/many')) == 10_000"))
            )  # fmt: skip
            say("sandbox.opened",
                await milliseconds(value(box, "assert open('/files/many/77.txt').read() == '77'"))
            )  # fmt: skip


async def interrupt(tries: str = str(TRIES)) -> None:
    """From the interrupt to the end of the cell, for each kind of loop."""
    every: list[float] = []
    async with Sandbox(tools=[Tool(for_ever)]) as box:
        await value(box, "alive = 7")
        for kind, code in LOOPS.items():
            taken = [await interrupted(box, code) for _ in range(int(tries))]
            say(f"interrupt.{kind}".replace(" ", "_"), percentile(taken, 99))
            every += taken
        assert await value(box, "alive") == 7
    say("interrupt.p50", percentile(every, 50))
    say("interrupt.p99", percentile(every, 99))


async def interrupted(box: Sandbox, code: str) -> float:
    began = 0.0
    async with aclosing(box.cell(code, limits=NO_LIMIT)) as parts:
        async for part in parts:
            last = "for_ever" not in code
            if isinstance(part, Call) or (isinstance(part, Printed) and last):
                # Not always at the same place of what it does.
                await asyncio.sleep(0.001)
                began = time.perf_counter()
                await box.interrupt()
            if isinstance(part, CellDone):
                assert part.error is not None and part.error.type == "KeyboardInterrupt", part
    return (time.perf_counter() - began) * 1e3


def percentile(figures: list[float], part: int) -> float:
    return statistics.quantiles(figures, n=100, method="inclusive")[part - 1]


async def memory() -> None:
    """Resident bytes while nothing runs, and the most while code takes all it can get."""
    async with Sandbox() as box:
        await value(box, "1")
        await asyncio.sleep(0.3)
        assert box.pid is not None
        say("memory.idle", resident(box.pid) / MB)
    for name, code in BOMBS.items():
        async with Sandbox() as box:
            say(f"memory.{name}", await most(box, lambda box=box, code=code: bomb(box, code)) / MB)


async def bomb(box: Sandbox, code: str) -> None:
    try:
        await box.run(code, limits=Limits(seconds=8))
    except SandboxError:
        pass


async def most(box: Sandbox, work: Callable[[], Awaitable[None]]) -> int:
    peak = 0
    ended = False

    async def look() -> None:
        nonlocal peak
        while not ended:
            if box.pid is not None:
                peak = max(peak, resident(box.pid))
            await asyncio.sleep(0.005)

    looking = asyncio.create_task(look())
    await work()
    ended = True
    await looking
    return peak


async def prepare() -> None:
    await set_up(None)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("NO_COLOR", "1")
    known = {one.__name__: one for one in
             (cold, warm, looked, spare, states, mount, interrupt, memory, prepare)}  # fmt: skip
    asyncio.run(known[sys.argv[1]](*sys.argv[2:]))
