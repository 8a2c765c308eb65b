"""`python -m bench.chaos`: kill -9 and Ctrl-C at random moments, of the sandbox and of its host.

After each no process may be left, every file must be whole, and the next cell or command must work.
The status is 1 when one of that does not hold. Linux alone.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import ROOT
from bench.processes import family
from smolterm.errors import SandboxDied, SandboxError, SmoltermError
from smolterm.sandbox import saved
from smolterm.sandbox.deno import Sandbox
from smolterm.tools import Tool
from tests.e2e.driving import Home, block, home_in

LAST_SECONDS = 8.0
"""In which whoever was hit must have ended, or gone on."""
SAVING = """
import asyncio, sys
from pathlib import Path
from smolterm.sandbox.deno import Sandbox

async def main():
    async with Sandbox() as box:
        await box.run("x = {n: str(n) for n in range(50_000)}")
        print("saving", flush=True)
        while True:
            await box.save(Path(sys.argv[1]))

asyncio.run(main())
"""
CELLS = (
    "x = {n: str(n) for n in range(1000)}",
    "len(x)",
    "sum(ping(n) for n in range(300))",
    "for n in range(3000): print(n)",
    "import time; time.sleep(0.3)",
    "while True: pass",
)


class Chaos:
    """Moments at which something is hit, and what was wrong afterwards."""

    def __init__(self, seed: int, longest: float) -> None:
        self.random = random.Random(seed)
        self.longest = longest
        self._others = family(os.getpid())
        self.wrong: list[str] = []
        self.seen: Counter[str] = Counter()

    def check(self, holds: bool, what: str) -> None:
        if not holds:
            self.wrong.append(what[:400])

    # --- the sandbox's process, under a host that lives ---

    async def sandbox(self, moments: int, sign: signal.Signals) -> None:
        """Hit every process of a sandbox, or one of them, while it starts, runs, keeps, saves."""
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            path = Path(folder) / "state"
            for _ in range(moments):
                box = Sandbox(tools=[Tool(ping)], spare=self.random.random() < 0.3)
                try:
                    await self._hit_one(box, path, sign)
                finally:
                    await box.close()
                self._no_child()
            left = sorted(os.listdir(folder))
            self.check(left in ([], ["state"]), f"files are left beside the state: {left}")

    async def _hit_one(self, box: Sandbox, path: Path, sign: signal.Signals) -> None:
        hitting = asyncio.create_task(self._hit(box, sign, self.random.uniform(0.0, self.longest)))
        what = "start"
        try:
            async with asyncio.timeout(30):
                await box.start()
                while not hitting.done():
                    what = self.random.choice(["cell", "cell", "cell", "save", "rewind", "pause"])
                    await self._deed(box, what, path)
                what = "nothing"
        except SandboxDied as died:
            self.seen[f"died in a {what}"] += 1
            self.seen["deaths that do not say what is left"] += not died.kept
        except SandboxError as error:
            self.seen[f"refused in a {what}"] += 1
            self.check(what != "cell", f"a cell was refused: {error}")
        except TimeoutError:
            self.check(False, f"{what} hangs")
        finally:
            hitting.cancel()
            await asyncio.gather(hitting, return_exceptions=True)
        try:
            async with asyncio.timeout(30):
                try:
                    done = await box.run("6 * 7")
                except SandboxDied:
                    # It was hit between two cells, and this one was the first to see it.
                    done = await box.run("6 * 7")
                self.check(done.value_data == 42, f"the next cell said {done}")
        except (SmoltermError, TimeoutError) as error:
            self.check(False, f"the session does not go on after {what}: {error!r}")
        if path.exists():
            with contextlib.suppress(FileNotFoundError):
                self._whole(path)

    async def _deed(self, box: Sandbox, what: str, path: Path) -> None:
        if what == "save":
            await box.save(path)
        elif what == "rewind":
            await box.rewind(max(1, box.step - 1))
        elif what == "pause":
            await asyncio.sleep(0.05)
        else:
            running = asyncio.create_task(box.run(self.random.choice(CELLS)))
            await asyncio.wait([running], timeout=self.random.uniform(0.1, 0.5))
            await box.interrupt()
            await running

    async def _hit(self, box: Sandbox, sign: signal.Signals, after: float) -> None:
        await asyncio.sleep(after)
        while not (found := sorted(family(os.getpid()) - self._others)):
            await asyncio.sleep(0.001)
        for pid in found if self.random.random() < 0.5 else [self.random.choice(found)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)

    def _no_child(self) -> None:
        deadline = time.monotonic() + LAST_SECONDS
        while left := family(os.getpid()) - self._others:
            if time.monotonic() > deadline:
                self.check(False, f"children are left: {left}")
                return
            time.sleep(0.01)

    def _whole(self, path: Path) -> None:
        try:
            saved.read(path)
        except SandboxError as error:
            self.check(False, f"a state is half written: {error}")

    # --- the host ---

    def host(self, moments: int, sign: signal.Signals) -> None:
        """Hit the host alone (kill -9), or everything that it started too (Ctrl-C)."""
        kinds = (self._py, self._agent, self._saving)
        for number in range(moments):
            with (
                tempfile.TemporaryDirectory(prefix="chaos-") as folder,
                home_in(Path(folder)) as home,
            ):
                # Whichever smolterm this bench lies beside.
                home.environ["PYTHONPATH"] = str(ROOT)
                kinds[number % len(kinds)](home, sign)
                left = os.listdir(home.mark)
                if sign is signal.SIGKILL:
                    self.seen["folders of sockets left"] += len(left)
                else:
                    self.check(not left, f"left in the temporary folder: {left}")

    def _struck(
        self, home: Home, process: subprocess.Popen[bytes], sign: signal.Signals, what: str
    ) -> None:
        time.sleep(self.random.uniform(0.0, self.longest))
        if sign is signal.SIGKILL:
            process.kill()
        else:
            for pid in home.processes():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sign)
        try:
            process.communicate(timeout=LAST_SECONDS)
        except subprocess.TimeoutExpired:
            self.check(False, f"{what} does not end after {sign.name}")
            process.kill()
            process.communicate()
        self.seen[f"{what} ended with {process.returncode}"] += 1
        deadline = time.monotonic() + LAST_SECONDS
        while left := home.processes():
            if time.monotonic() > deadline:
                self.check(False, f"{what}: {len(left)} orphans after {sign.name}")
                return
            time.sleep(0.01)

    def _py(self, home: Home, sign: signal.Signals) -> None:
        process = home.start("py", "--session", stdin=subprocess.PIPE)
        assert process.stdin is not None
        for code in ("x = 1", "print('x' * 100_000)", "import time; time.sleep(0.2)", "x", "2") * 5:
            process.stdin.write(json.dumps({"code": code}).encode() + b"\n")
        process.stdin.flush()
        self._struck(home, process, sign, "py --session")
        status, out, _ = home.run("py", "-c", "print(6 * 7)")
        self.check((status, out) == (0, b"42\n"), f"the next command said {status}, {out!r}")

    def _agent(self, home: Home, sign: signal.Signals) -> None:
        replies = [block(f"x = {number}\nprint(x)") for number in range(30)]
        lines = [json.dumps({"reply": reply}) for reply in [*replies, block("final_answer(x)")]]
        (home.folder / "replies").write_text("\n".join([json.dumps({"pace": 0.0}), *lines]) + "\n")
        argv = ("-p", "Go.", "-y", "--no-packs", "-m", f"replay:{home.folder / 'replies'}")
        self._struck(home, home.start(*argv, "--max-steps", "0"), sign, "agent")
        for path in (home.folder / "data").glob("sessions/*"):
            try:
                events = home.events()
                self.seen["sessions read"] += 1
                self.check(bool(events), f"{path.name} holds nothing")
            except SmoltermError as error:
                self.check(False, f"a session is half written: {error}")

    def _saving(self, home: Home, sign: signal.Signals) -> None:
        path = home.folder / "state"
        process = subprocess.Popen(
            [sys.executable, "-c", SAVING, str(path)], env=home.environ, cwd=ROOT,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._struck(home, process, sign, "saving")
        left = {one.name for one in home.folder.iterdir()} - {"state", "data", "config.toml"}
        self.seen["half-written files beside the state"] += len(left)
        if path.exists():
            self.seen["states read"] += 1
            self._whole(path)


def ping(number: int) -> int:
    """Return the number."""
    return number


def chaos(moments: int, seed: int, longest: float = 2.5) -> Chaos:
    """Hit the sandbox and the host, with kill -9 and with Ctrl-C, a quarter of the moments each.

    Args:
        longest: seconds from a start to a hit.
    """
    # What a shell starts in the background ignores it, and all that is started from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    made = Chaos(seed, longest)
    each = max(1, moments // 4)
    deeds: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("kill -9 of the sandbox", lambda: asyncio.run(made.sandbox(each, signal.SIGKILL))),
        ("Ctrl-C at the sandbox", lambda: asyncio.run(made.sandbox(each, signal.SIGINT))),
        ("kill -9 of the host", lambda: made.host(each, signal.SIGKILL)),
        ("Ctrl-C at everything", lambda: made.host(each, signal.SIGINT)),
    )
    for name, deed in deeds:
        made.seen.clear()
        before = len(made.wrong)
        deed()
        print(f"chaos: {each} × {name}: {len(made.wrong) - before} wrong; {dict(made.seen)}",
              flush=True)  # fmt: skip
    return made


def main(argv: list[str] | None = None) -> int:
    """Cause chaos; 1 when something was wrong afterwards."""
    parser = argparse.ArgumentParser(prog="python -m bench.chaos", description=__doc__)
    parser.add_argument("--moments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    arguments = parser.parse_args(argv)
    print(f"chaos: seed {arguments.seed}")
    wrong = chaos(arguments.moments, arguments.seed).wrong
    for what, times in Counter(wrong).most_common():
        print(f"chaos: {times} × {what}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
