"""A pack in its process: what crosses, what is refused, and what survives its end."""

from __future__ import annotations

import asyncio
import datetime
import math
import os
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import PackError, ToolError
from smolterm.packs.context import Grant
from smolterm.packs.find import Found, read_pack
from smolterm.packs.hosted import HostedPack
from tests.packs.building import build_pack, found

SOURCE = '''
import os, subprocess, sys, threading
from typing import Any
from smolterm.errors import ToolError
from smolterm.packs.context import granted_folder
from smolterm.tools import tool

print("printed while importing")
os.write(1, b"not JSON\\n")

def echo(value: Any) -> Any:
    """Return the value."""
    return value

async def later(text: str) -> str:
    """Return the text from a coroutine."""
    return text + "!"

def loud(text: str) -> str:
    """Print everywhere and try to read."""
    print(text)
    os.write(1, b'{"id": 1, "ok": true, "value": "forged", "end": true}\\n')
    subprocess.run(["echo", "from a child"], check=True)
    try:
        input()
    except EOFError:
        return "read nothing"
    return "read something"

def fail(how: str) -> None:
    """Fail in one of several ways."""
    if how == "tool":
        raise ToolError("It is closed.", next="Open it.")
    if how == "exit":
        sys.exit(7)
    if how == "surrogate":
        raise ValueError("\\ud800")
    if how == "die":
        os._exit(9)
    raise KeyError("k")

def hang(path: str) -> None:
    """Say through a pipe that it runs, then never return."""
    with open(path, "w") as pipe:
        pipe.write(str(os.getpid()))
    threading.Event().wait()

def surroundings() -> dict[str, Any]:
    """Tell what the process can see."""
    return {"env": dict(os.environ), "cwd": os.getcwd(), "pid": os.getpid(), "path": sys.path}

def large(size: int) -> str:
    """Return much text."""
    return "x" * size

@tool(effect="write")
def folder(write: bool = False) -> str:
    """Return the granted folder."""
    return str(granted_folder(write=write))
'''
TOOLS = {
    "echo": "pure", "later": "pure", "loud": "pure", "fail": "pure", "hang": "pure",
    "surroundings": "pure", "large": "pure", "folder": "write",
}  # fmt: skip
needs_pidfd = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="only Linux tells when another's process has ended"
)
FOLDER = '\n[capabilities]\nfolder = "{}"\n'


@asynccontextmanager
async def pack_of(what: Found | Path, **options: Any) -> AsyncIterator[HostedPack]:
    pack = HostedPack(found(what) if isinstance(what, Path) else what, **options)
    try:
        yield pack
    finally:
        await pack.close()


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    return build_pack(tmp_path, "probe", SOURCE, tools=TOOLS)


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(limited())


def test_tools_are_described_and_called(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            await pack.start()
            by_name = {tool.spec.name: tool for tool in pack.tools}
            assert list(by_name) == list(TOOLS)
            assert by_name["later"].spec.signature == "(text: str) -> str"
            assert by_name["folder"].spec.effect == "write"
            assert await by_name["later"].call(["a"], {}) == "a!"
            assert await by_name["later"].call([], {"text": "b"}) == "b!"

    run(work)


def test_values_cross_as_they_are(probe: Path) -> None:
    day = datetime.date(2026, 1, 31)
    value = [None, True, 1, 2**70, 0.5, math.inf, "\ud800", b"\0", (1, (2,)), {1: {2}}, day, {}]

    async def work() -> None:
        async with pack_of(probe) as pack:
            assert await pack.call("echo", [value], {}) == value

    run(work)


def test_printing_and_reading_do_not_touch_the_protocol(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            assert await pack.call("loud", ["hello"], {}) == "read nothing"
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("tool", "It is closed. Open it."),
        ("key", "KeyError: 'k'"),
        ("exit", "SystemExit: 7"),
        ("surrogate", "ValueError"),
    ],
)
def test_what_a_tool_raises_ends_its_call_alone(probe: Path, how: str, said: str) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            with pytest.raises(ToolError) as raised:
                await pack.call("fail", [how], {})
            assert said in str(raised.value)
            pid = pack.pid
            await pack.call("later", ["a"], {})
            assert pack.pid == pid

    run(work)


@pytest.mark.parametrize(
    ("tool", "args", "said"),
    [
        ("later", [1], "str"),
        ("later", [], "missing argument"),
        ("later", ["a", "b"], "takes 1"),
        ("nothing", [], "no tool"),
        ("large", [34_000_000], "more than"),
    ],
)
def test_a_call_that_does_not_fit_is_refused(
    probe: Path, tool: str, args: list[Any], said: str
) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            with pytest.raises(ToolError, match=said):
                await pack.call(tool, args, {})
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


def test_a_crash_costs_one_call(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            with pytest.raises(ToolError, match="ended with status 9"):
                await pack.call("fail", ["die"], {})
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


async def began(pipe: Path) -> int:
    """Wait until the tool `hang` runs, and return its process."""
    return int(await asyncio.to_thread(pipe.read_text))


def test_a_kill_costs_one_call(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe) as pack:
            call = asyncio.create_task(pack.call("hang", [str(pipe)], {}))
            os.kill(await began(pipe), signal.SIGKILL)
            with pytest.raises(ToolError, match="SIGKILL"):
                await call
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


@needs_pidfd
def test_a_tool_that_hangs_is_killed_at_its_limit(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe, call_seconds=1.0) as pack:
            await pack.start()
            call = asyncio.create_task(pack.call("hang", [str(pipe)], {}))
            ended = os.pidfd_open(await began(pipe))
            with pytest.raises(ToolError, match="longer than 1 s"):
                await call
            assert await asyncio.to_thread(select.select, [ended], [], [], 10) == ([ended], [], [])
            os.close(ended)
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


@needs_pidfd
def test_an_interrupted_call_ends_the_process(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe) as pack:
            call = asyncio.create_task(pack.call("hang", [str(pipe)], {}))
            ended = os.pidfd_open(await began(pipe))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert await asyncio.to_thread(select.select, [ended], [], [], 10) == ([ended], [], [])
            os.close(ended)
            assert await pack.call("later", ["a"], {}) == "a!"

    run(work)


def test_calls_at_once_take_turns(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            calls = [pack.call("later", [str(n)], {}) for n in range(20)]
            assert await asyncio.gather(*calls) == [f"{n}!" for n in range(20)]

    run(work)


def test_the_process_sees_no_secret_and_no_current_folder(probe: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.packs.building import found
from smolterm.packs.hosted import HostedPack
async def main():
    pack = HostedPack(found(Path({str(probe)!r})))
    seen = await pack.call("surroundings", [], {{}})
    await pack.close()
    assert "OPENAI_API_KEY" not in seen["env"], seen
    assert seen["cwd"] == "/", seen
    assert {str(probe)!r} not in seen["path"] and "" not in seen["path"], seen
asyncio.run(main())
"""
    # A folder that would break the host if a module in it were taken for the real one.
    (probe / "msgspec.py").write_text("raise SystemExit('shadowed')")
    subprocess.run(
        [sys.executable, "-P", "-c", program],
        cwd=probe,
        env={**os.environ, "OPENAI_API_KEY": "secret"},
        check=True,
    )


@needs_pidfd
def test_the_process_ends_with_the_engine(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")
    program = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.packs.building import found
from smolterm.packs.hosted import HostedPack
asyncio.run(HostedPack(found(Path({str(probe)!r}))).call("hang", [{str(pipe)!r}], {{}}))
"""
    engine = subprocess.Popen([sys.executable, "-c", program])
    ended = os.pidfd_open(int(pipe.read_text()))
    engine.kill()
    engine.wait()
    assert select.select([ended], [], [], 10) == ([ended], [], [])
    os.close(ended)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import nowhere_at_all", "ModuleNotFoundError"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def noop(: pass", "SyntaxError"),
        ("", "names noop"),
        ("def noop(x) -> None:\n  'Do.'", "no type for"),
        ("def noop() -> None: pass", "no docstring"),
        ("from smolterm.tools import tool\n@tool(effect='write')\ndef noop(): 'Do.'", "effect of"),
        ("import os; os._exit(5)", "ended while starting"),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_one_line(tmp_path: Path, source: str, said: str) -> None:
    folder = build_pack(tmp_path, "bad", source)

    async def work() -> None:
        async with pack_of(folder) as pack:
            with pytest.raises(PackError, match="bad") as raised:
                await pack.start()
            assert said in str(raised.value)
            assert "\n" not in str(raised.value)
            with pytest.raises(ToolError):
                await pack.call("noop", [], {})

    run(work)


def test_a_broken_manifest_makes_no_pack() -> None:
    with pytest.raises(PackError, match="is left out"):
        HostedPack(read_pack("gone", "nowhere_at_all"))


def test_a_pack_may_be_closed_twice_and_is_not_started_again(probe: Path) -> None:
    async def work() -> None:
        pack = HostedPack(found(probe))
        await pack.start()
        await pack.close()
        await pack.close()
        with pytest.raises(ToolError, match="closed"):
            await pack.call("later", ["a"], {})

    run(work)


@pytest.mark.parametrize(
    ("asked", "grant", "reads", "writes"),
    [
        (None, Grant(folder="/", write=True), False, False),
        ("read", Grant(folder="/", write=True), True, False),
        ("write", Grant(folder="/"), True, False),
        ("write", Grant(folder="/", write=True), True, True),
        ("write", Grant(), False, False),
    ],
)
def test_a_pack_gets_what_was_both_asked_for_and_granted(
    tmp_path: Path, asked: str | None, grant: Grant, reads: bool, writes: bool
) -> None:
    extra = FOLDER.format(asked) if asked else ""
    folder = build_pack(tmp_path, "probe", SOURCE, tools=TOOLS, extra=extra)

    async def work() -> None:
        async with pack_of(folder, grant=grant) as pack:
            for write, given in ((False, reads), (True, writes)):
                if given:
                    assert await pack.call("folder", [write], {}) == "/"
                else:
                    with pytest.raises(ToolError, match="granted"):
                        await pack.call("folder", [write], {})

    run(work)


def test_the_files_pack_works_through_the_same_door(tmp_path: Path) -> None:
    async def work() -> None:
        files = read_pack("files", "smolterm_files")
        async with pack_of(files, grant=Grant(folder=str(tmp_path), write=True)) as pack:
            await pack.call("write_text", ["a/b.csv", "n,x\n1,2.5\n"], {})
            assert await pack.call("read_table", ["a/b.csv"], {}) == [{"n": 1, "x": 2.5}]
            with pytest.raises(ToolError, match="hidden"):
                await pack.call("read_text", [".ssh/id"], {})

    run(work)
