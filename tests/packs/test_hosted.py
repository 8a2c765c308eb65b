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

from smolterm import landlock
from smolterm.errors import Denied, PackError, ToolError
from smolterm.packs.find import Found, read_pack
from smolterm.packs.hosted import HostedPack
from smolterm.packs.notice import PackNotice
from tests.packs.building import build_pack, hosted

SOURCE = '''
import os, subprocess, sys, threading
from typing import Any
from smolterm.errors import ToolError
from smolterm.pack import files
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
    """Use the granted folder."""
    if write:
        files.write("new.txt", "x")
    return str([file.path for file in files.list()])
'''
TOOLS = {
    "echo": "pure", "later": "pure", "loud": "pure", "fail": "pure", "hang": "pure",
    "surroundings": "pure", "large": "pure", "folder": "write",
}  # fmt: skip
needs_pidfd = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="only Linux tells when another's process has ended"
)
PROGRAMS = '\n[capabilities]\nprograms = ["echo"]\n'
FOLDER = '\n[capabilities]\nfolder = "{}"\n'


@asynccontextmanager
async def pack_of(what: Found | Path, **options: Any) -> AsyncIterator[HostedPack]:
    pack = hosted(what, **options)
    try:
        yield pack
    finally:
        await pack.close()


@pytest.fixture
def probe(tmp_path: Path) -> Path:
    return build_pack(tmp_path, "probe", SOURCE, tools=TOOLS, extra=PROGRAMS)


async def call(pack: HostedPack, name: str, args: list[Any]) -> Any:
    """Call a tool as the engine does; one that the pack lacks is asked of its process."""
    for tool in pack.tools:
        if tool.spec.name == name:
            return await tool.call(args, {})
    return await pack.call(name, {})


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await work()

    asyncio.run(limited())


def test_tools_are_described_and_called(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            assert pack.pid is None
            by_name = {tool.spec.name: tool for tool in pack.tools}
            assert list(by_name) == list(TOOLS)
            assert by_name["later"].spec.signature == "(text: str) -> str"
            assert by_name["folder"].spec.effect == "write"
            assert await by_name["later"].call(["a"], {}) == "a!"
            assert pack.pid is not None
            assert await by_name["later"].call([], {"text": "b"}) == "b!"

    run(work)


def test_values_cross_as_they_are(probe: Path) -> None:
    day = datetime.date(2026, 1, 31)
    value = [None, True, 1, 2**70, 0.5, math.inf, "\ud800", b"\0", (1, (2,)), {1: {2}}, day, {}]

    async def work() -> None:
        async with pack_of(probe) as pack:
            assert await call(pack, "echo", [value]) == value

    run(work)


def test_printing_and_reading_do_not_touch_the_protocol(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            assert await call(pack, "loud", ["hello"]) == "read nothing"
            assert await call(pack, "later", ["a"]) == "a!"

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
                await call(pack, "fail", [how])
            assert said in str(raised.value)
            pid = pack.pid
            await call(pack, "later", ["a"])
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
                await call(pack, tool, args)
            assert await call(pack, "later", ["a"]) == "a!"

    run(work)


def test_a_crash_costs_one_call(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            with pytest.raises(ToolError, match="ended with status 9"):
                await call(pack, "fail", ["die"])
            assert await call(pack, "later", ["a"]) == "a!"

    run(work)


async def began(pipe: Path) -> int:
    """Wait until the tool `hang` runs, and return its process."""
    return int(await asyncio.to_thread(pipe.read_text))


def test_a_kill_costs_one_call(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe) as pack:
            calling = asyncio.create_task(call(pack, "hang", [str(pipe)]))
            os.kill(await began(pipe), signal.SIGKILL)
            with pytest.raises(ToolError, match="SIGKILL"):
                await calling
            assert await call(pack, "later", ["a"]) == "a!"

    run(work)


@needs_pidfd
def test_a_tool_that_hangs_is_killed_at_its_limit(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe, call_seconds=1.0) as pack:
            await call(pack, "later", ["a"])
            calling = asyncio.create_task(call(pack, "hang", [str(pipe)]))
            ended = os.pidfd_open(await began(pipe))
            with pytest.raises(ToolError, match="longer than 1 s"):
                await calling
            assert await asyncio.to_thread(select.select, [ended], [], [], 10) == ([ended], [], [])
            os.close(ended)
            assert await call(pack, "later", ["a"]) == "a!"

    run(work)


@needs_pidfd
def test_an_interrupted_call_ends_the_process(probe: Path, tmp_path: Path) -> None:
    os.mkfifo(pipe := tmp_path / "pipe")

    async def work() -> None:
        async with pack_of(probe) as pack:
            calling = asyncio.create_task(call(pack, "hang", [str(pipe)]))
            ended = os.pidfd_open(await began(pipe))
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
            assert await asyncio.to_thread(select.select, [ended], [], [], 10) == ([ended], [], [])
            os.close(ended)
            assert await call(pack, "later", ["a"]) == "a!"

    run(work)


def test_calls_at_once_take_turns(probe: Path) -> None:
    async def work() -> None:
        async with pack_of(probe) as pack:
            calls = [call(pack, "later", [str(n)]) for n in range(20)]
            assert await asyncio.gather(*calls) == [f"{n}!" for n in range(20)]

    run(work)


def test_the_process_sees_no_secret_and_no_current_folder(probe: Path) -> None:
    program = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from tests.packs.building import hosted
async def main():
    pack = hosted(Path({str(probe)!r}))
    seen = await pack.call("surroundings", {{}})
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
from tests.packs.building import hosted
asyncio.run(hosted(Path({str(probe)!r})).call("hang", {{"path": {str(pipe)!r}}}))
"""
    engine = subprocess.Popen([sys.executable, "-c", program])
    ended = os.pidfd_open(int(pipe.read_text()))
    engine.kill()
    engine.wait()
    assert select.select([ended], [], [], 10) == ([ended], [], [])
    os.close(ended)


NOOP = "\ndef noop() -> None:\n    'Do.'\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise SystemExit(3)" + NOOP, "SystemExit: 3"),
        ("import nowhere_at_all" + NOOP, "ModuleNotFoundError"),
        ("raise KeyboardInterrupt" + NOOP, "KeyboardInterrupt"),
        (NOOP + "del noop", "names noop"),
        (NOOP + "globals()['noop'] = lambda x: x", "other arguments"),
        ("import os; os._exit(5)" + NOOP, "ended with status 5"),
    ],
)
def test_a_pack_that_cannot_be_loaded_is_one_line(tmp_path: Path, source: str, said: str) -> None:
    folder = build_pack(tmp_path, "bad", source)

    async def work() -> None:
        async with pack_of(folder) as pack:
            await pack.start()
            for _ in range(2):
                with pytest.raises(ToolError, match="bad") as raised:
                    await call(pack, "noop", [])
                assert said in str(raised.value)
                assert "\n" not in str(raised.value)

    run(work)


def test_a_broken_manifest_makes_no_pack() -> None:
    with pytest.raises(PackError, match="is left out"):
        hosted(read_pack("gone", "nowhere_at_all"))


def test_a_pack_may_be_closed_twice_and_is_not_started_again(probe: Path) -> None:
    async def work() -> None:
        pack = hosted(probe)
        assert await call(pack, "later", ["a"]) == "a!"
        await pack.close()
        await pack.close()
        with pytest.raises(ToolError, match="closed"):
            await call(pack, "later", ["a"])

    run(work)


@pytest.mark.parametrize(
    ("asked", "session", "reads", "writes"),
    [
        (None, {"write": True}, False, False),
        ("read", {"write": True}, True, False),
        ("write", {}, True, False),
        ("write", {"write": True}, True, True),
        ("write", {"folder": None}, False, False),
    ],
)
def test_a_pack_gets_what_was_both_asked_for_and_granted(
    tmp_path: Path, asked: str | None, session: dict[str, Any], reads: bool, writes: bool
) -> None:
    extra = FOLDER.format(asked) if asked else ""
    folder = build_pack(tmp_path, "probe", SOURCE, tools=TOOLS, extra=extra)
    (granted := tmp_path / "granted").mkdir()
    (granted / "a.txt").write_text("a")

    async def work() -> None:
        async with pack_of(folder, **({"folder": granted} | session)) as pack:
            for write, given in ((False, reads), (True, writes)):
                if given:
                    shown = "['a.txt', 'new.txt']" if write else "['a.txt']"
                    assert await call(pack, "folder", [write]) == shown
                else:
                    with pytest.raises(Denied):
                        await call(pack, "folder", [write])

    run(work)
    assert (granted / "new.txt").exists() is writes


def test_the_files_pack_works_through_the_same_door(tmp_path: Path) -> None:
    async def work() -> None:
        files = read_pack("files", "smolterm_files")
        async with pack_of(files, folder=tmp_path, write=True) as pack:
            await call(pack, "write_text", ["a/b.csv", "n,x\n1,2.5\n"])
            assert await call(pack, "read_table", ["a/b.csv"]) == [{"n": 1, "x": 2.5}]
            with pytest.raises(ToolError, match="hidden"):
                await call(pack, "read_text", [".ssh/id"])

    run(work)


API = """
import os, socket, subprocess, sys
from collections.abc import Generator
from smolterm.pack import Denied, ToolError, http, log, progress, secrets, settings, tool

@tool(effect="network")
def reach(url: str) -> int:
    "Reach a host."
    return http.get(url).status

@tool
def steps(many: int) -> Generator[str, None, list[int]]:
    "Tell how far it is."
    for n in range(many):
        yield f"step {n}"
    return list(range(many))

@tool
def spill(how: str) -> str:
    "Let a secret out in every way."
    secret = secrets["TOKEN"]
    log(f"log {secret}")
    progress(f"progress {secret}")
    if how == "error":
        raise ToolError(f"error {secret}", next=f"next {secret}")
    if how == "crash":
        raise ValueError(secret)
    if how == "die":
        print(secret, file=sys.stderr, flush=True)
        os._exit(3)
    return f"result {secret}"

@tool
def seen() -> list[str]:
    "Say where the secret can be read."
    here = [*os.environ.values(), *sys.argv, open("/proc/self/cmdline").read()]
    return [text for text in here if secrets["TOKEN"] in text]

@tool
def wrong() -> int:
    "Return what it does not promise."
    return "text"

@tool(effect="danger")
def try_it(what: str, path: str) -> str:
    "Try what the system should not let it do."
    if what == "read":
        return open(path).read()
    if what == "write":
        open(path, "w").write("x")
    if what == "run":
        subprocess.run(["/bin/true"], check=True)
    if what == "connect":
        socket.create_connection(("127.0.0.1", int(path)), 5).close()
    return "done"
"""
API_TOOLS = {
    "reach": "network", "steps": "pure", "spill": "pure", "seen": "pure", "wrong": "pure",
    "try_it": "danger",
}  # fmt: skip
API_EXTRA = """
[capabilities]
folder = "read"
[secrets]
TOKEN = {}
"""


@pytest.fixture
def api(tmp_path: Path) -> Path:
    return build_pack(tmp_path, "api", API, tools=API_TOOLS, extra=API_EXTRA)


def test_progress_and_refusals_are_told_and_name_the_tool(api: Path) -> None:
    told: list[PackNotice] = []

    async def work() -> None:
        async with pack_of(api) as pack:
            pack.on_notice = told.append
            assert await call(pack, "steps", [3]) == [0, 1, 2]
            with pytest.raises(Denied, match="evil"):
                await call(pack, "reach", ["https://evil.example/"])

    run(work)
    assert [(n.kind, n.tool) for n in told[1:]] == [
        ("progress", "steps"), ("progress", "steps"), ("progress", "steps"), ("denied", "reach"),
    ]  # fmt: skip
    assert [n.text for n in told[1:4]] == ["step 0", "step 1", "step 2"]
    assert told[0].kind == "started"
    assert "evil.example" in told[4].text
    assert {n.pack for n in told} == {"api"}


@pytest.mark.parametrize("how", ["result", "error", "crash", "die"])
def test_a_secret_is_masked_wherever_it_comes_out(api: Path, how: str) -> None:
    told: list[PackNotice] = []
    said = ""

    async def work() -> None:
        nonlocal said
        async with pack_of(api, secrets={"TOKEN": "hunter2-hunter2"}) as pack:
            pack.on_notice = told.append
            try:
                said = await call(pack, "spill", [how])
            except ToolError as error:
                said = str(error)

    run(work)
    shown = said + "".join(notice.text for notice in told)
    assert "hunter2" not in shown
    assert "[secret TOKEN]" in said
    assert {"log", "progress"} <= {notice.kind for notice in told}


def test_a_secret_is_neither_in_the_environment_nor_in_the_command(api: Path) -> None:
    async def work() -> None:
        async with pack_of(api, secrets={"TOKEN": "hunter2-hunter2"}) as pack:
            assert await call(pack, "seen", []) == []

    run(work)


def test_a_result_that_is_not_what_was_promised_is_refused(api: Path) -> None:
    async def work() -> None:
        async with pack_of(api) as pack:
            with pytest.raises(ToolError, match="returned something else"):
                await call(pack, "wrong", [])

    run(work)


@pytest.mark.skipif(landlock.abi() < 4, reason="the kernel has no Landlock that holds TCP")
def test_the_system_keeps_other_files_programs_and_tcp_from_a_native_pack(
    api: Path, tmp_path: Path
) -> None:
    (tmp_path / "granted").mkdir()
    (tmp_path / "granted" / "a.txt").write_text("inside")
    (tmp_path / "b.txt").write_text("outside")

    async def work() -> None:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, pack_of(api, folder=tmp_path / "granted", write=True) as pack:
            inside = str(tmp_path / "granted" / "a.txt")
            assert await call(pack, "try_it", ["read", inside]) == "inside"
            for what, path in (
                ("read", str(tmp_path / "b.txt")),
                ("write", inside),
                ("write", str(tmp_path / "new.txt")),
                ("run", ""),
                ("connect", str(port)),
            ):
                with pytest.raises(ToolError, match="PermissionError"):
                    await call(pack, "try_it", [what, path])

    run(work)
    assert (tmp_path / "granted" / "a.txt").read_text() == "inside"


def test_a_pack_that_changed_after_the_session_began_is_not_started(api: Path) -> None:
    async def work() -> None:
        async with pack_of(api) as pack:
            (api / "__init__.py").write_text(API + "\n# another\n")
            with pytest.raises(ToolError, match="has changed"):
                await call(pack, "steps", [1])

    run(work)
