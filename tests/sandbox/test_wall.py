"""The operating system's walls around Deno: what a Deno with every permission still reaches."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from smolterm import landlock
from smolterm.child import Child
from smolterm.errors import SetupFailed
from smolterm.loader import interpreter, libraries
from smolterm.sandbox import bubblewrap, wall
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.prepare import remove
from smolterm.sandbox.wall import Caps
from smolterm.spawn import spawn

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")

# Run by `deno eval`, which grants everything: it stands for code that broke through Deno.
PROBE = """
const [folder, port, udp, host, cache] = Deno.args;
const tries = {
  read: () => Deno.readTextFileSync(folder + "/there"),
  passwd: () => Deno.readTextFileSync("/etc/passwd"),
  list: () => [...Deno.readDirSync(folder)],
  write: () => Deno.writeTextFileSync(folder + "/there", "changed"),
  create: () => Deno.writeTextFileSync(folder + "/new", "made"),
  remove: () => Deno.removeSync(folder + "/victim"),
  move: () => Deno.renameSync(folder + "/movable", folder + "/moved"),
  link: () => Deno.symlinkSync("/", folder + "/link"),
  cache: () => Deno.writeTextFileSync(cache + "/made", ""),
  temporary: () => Deno.writeTextFileSync("/tmp/" + folder.replaceAll("/", "-"), ""),
  program: () => new Deno.Command("/bin/true").outputSync().success || fail(),
  tcp: async () => (await Deno.connect({ hostname: "127.0.0.1", port: Number(port) })).close(),
  udp: async () => {
    const socket = Deno.listenDatagram({ hostname: "127.0.0.1", port: 0, transport: "udp" });
    const to = { hostname: "127.0.0.1", port: Number(udp), transport: "udp" };
    await socket.send(new TextEncoder().encode("datagram"), to);
    socket.close();
  },
  unix: async () => (await Deno.connect({ transport: "unix", path: folder + "/socket" })).close(),
  signal: () => Deno.kill(Number(host), "SIGCONT"),
  environment: () => Deno.readFileSync(`/proc/${host}/environ`),
  processes: () => [...Deno.readDirSync("/proc")],
};
function fail() { throw new Error("failed"); }
const answers = {};
for (const [name, one] of Object.entries(tries)) {
  try { await one(); answers[name] = true; } catch { answers[name] = false; }
}
console.log(JSON.stringify(answers));
"""
# UDP is told by what arrives: a network of its own takes the datagram and delivers it nowhere.
THINGS = ("read", "passwd", "list", "write", "create", "remove", "move", "link", "cache",
          "temporary", "program", "tcp", "udp", "unix", "signal", "environment",
          "processes")  # fmt: skip
NOT_BY_LANDLOCK = {"udp": 10, "unix": 9, "signal": 6, "tcp": 4}
"""The version that each needs."""


@pytest.fixture(scope="module")
def assets():
    return asyncio.run(set_up())


def skip_without(assets, system):
    missing = wall.why_not(assets.deno)[system]
    if missing:
        pytest.skip(f"{system}: {missing}")


@pytest.fixture(scope="module")
def reached(assets):
    """Return what is reached behind a wall of the system, each tried once."""
    tried = {}

    def reach(system):
        if system not in tried:
            tried[system] = try_everything(assets, system)
        return tried[system]

    return reach


def try_everything(assets, system):
    # Not in /tmp alone: bubblewrap's /tmp is empty anyway.
    with (
        tempfile.TemporaryDirectory(dir=Path.home(), prefix=".smolterm-test-") as outside,
        tempfile.TemporaryDirectory(prefix="smolterm-test-") as place,
        tempfile.TemporaryDirectory(prefix="smolterm-test-") as beside,
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX) as unix,
    ):
        folder = Path(outside)
        for name in ("there", "victim", "movable"):
            (folder / name).write_text("canary")
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        unix.bind(f"{folder}/socket")
        unix.listen(8)
        # A cache whose mode is as after the set-up, and which nobody minds being written to.
        cache = Path(beside) / "cache"
        shutil.copytree(assets.deno_dir, cache)
        with_copy = msgspec.structs.replace(assets, deno_dir=cache)
        ports = [str(listener.getsockname()[1]) for listener in (tcp, udp)]
        argv = [assets.deno, "eval", "--unstable-net", PROBE, str(folder), *ports, str(os.getpid()),
                str(cache)]  # fmt: skip
        process = spawn(
            wall.enclose(argv, with_copy, f"{place}/s", system), wall.environment(with_copy),
            wall.confine(with_copy, f"{place}/s", system=system), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        answers = json.loads(out)
        try:
            answers["udp"] = udp.recv(100) == b"datagram"
        except BlockingIOError:
            answers["udp"] = False
        made = Path("/tmp") / outside.replace("/", "-")
        answers["temporary"] = answers["temporary"] and made.exists()
        made.unlink(missing_ok=True)
        remove(cache)
        return answers


@linux
@pytest.mark.parametrize("thing", THINGS)
def test_bubblewrap_denies_what_is_reached_without_it(assets, reached, thing):
    skip_without(assets, "bubblewrap")
    if thing != "cache" or os.getuid() == 0:
        assert reached("none")[thing]
    assert not reached("bubblewrap")[thing]


@linux
@pytest.mark.parametrize("thing", THINGS)
def test_landlock_denies_what_is_reached_without_it(assets, reached, thing):
    skip_without(assets, "landlock")
    if thing != "cache" or os.getuid() == 0:
        assert reached("none")[thing]
    # What this version cannot hold back is said in docs/security.md, so it is seen here too.
    assert reached("landlock")[thing] == (landlock.abi() < NOT_BY_LANDLOCK.get(thing, 1))


@linux
@pytest.mark.parametrize("system", ["none", "landlock", "bubblewrap"])
def test_the_kernel_says_which_wall_a_sandbox_has(assets, system):
    if system != "none":
        skip_without(assets, system)

    async def work():
        child, pid = await start(assets, system)
        try:
            limits = Path(f"/proc/{pid}/limits").read_text()
            names = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            return wall.in_force(child.pid), limits, {name.split(b"=")[0] for name in names}
        finally:
            await child.close(grace=0)

    found, limits, names = asyncio.run(work())
    assert found == system
    rows = {line[:26].strip(): line[26:].split()[:2] for line in limits.splitlines()}
    assert rows["Max data size"] == [str(Caps().data_bytes)] * 2
    assert rows["Max core file size"] == ["0", "0"]
    assert rows["Max open files"] == [str(wall.OPEN_FILES)] * 2
    assert names - {b"", b"PWD"} == {b"DENO_DIR", b"DENO_NO_UPDATE_CHECK", b"NO_COLOR"}


async def start(assets, system):
    """Start a sandbox behind that wall; returns it and the process that runs the code."""
    child = await Child.start(
        "sandbox", lambda place: wall.command(assets, place, system=system),
        env=wall.environment(assets),
        confine=lambda place: wall.confine(assets, place, system=system),
    )  # fmt: skip
    return child, wall.limit(child.pid)


@linux
@pytest.mark.parametrize("system", ["landlock", "bubblewrap"])
def test_the_frozen_cache_stays_as_it_is(assets, tmp_path, system):
    skip_without(assets, system)

    async def run(system):
        copy = tmp_path / system
        shutil.copytree(assets.deno_dir, copy)
        child, _ = await start(msgspec.structs.replace(assets, deno_dir=copy), system)
        await child.close(grace=0)
        return {path.relative_to(copy): (path.stat().st_mtime_ns, path.stat().st_size)
                for path in copy.rglob("*")}  # fmt: skip

    untouched = {path.relative_to(assets.deno_dir): (path.stat().st_mtime_ns, path.stat().st_size)
                 for path in assets.deno_dir.rglob("*")}  # fmt: skip
    assert asyncio.run(run(system)) == untouched
    if os.getuid() == 0:
        assert asyncio.run(run("none")) != untouched


@linux
def test_ending_bubblewraps_process_ends_what_runs_in_it(assets):
    skip_without(assets, "bubblewrap")

    async def work():
        child, pid = await start(assets, "bubblewrap")
        assert pid != child.pid
        watched = os.pidfd_open(pid)
        try:
            child.kill()
            loop = asyncio.get_running_loop()
            ended = loop.create_future()
            loop.add_reader(watched, lambda: ended.done() or ended.set_result(None))
            async with asyncio.timeout(10):
                await ended
            loop.remove_reader(watched)
        finally:
            os.close(watched)
            await child.close(grace=0)

    asyncio.run(work())


def test_the_caps_reach_the_command_line(assets):
    caps = Caps(memory_bytes=256 << 20, disk_bytes=8 << 20, heap_bytes=128 << 20)
    argv = wall.command(assets, "/s", caps, system="none")
    flags = next(part for part in argv if part.startswith("--v8-flags"))
    assert "--wasm-max-mem-pages=4096" in flags
    assert "--max-old-space-size=128" in flags
    assert str(8 << 20) in argv[-1]
    assert Caps().resident_bytes > Caps().memory_bytes + 2 * Caps().disk_bytes
    assert Caps().data_bytes > wall.START_BYTES + Caps().resident_bytes


@pytest.mark.parametrize(
    "wrong", [{"memory_bytes": 1 << 20}, {"memory_bytes": 5 << 30}, {"disk_bytes": -1},
              {"heap_bytes": 0}]
)  # fmt: skip
def test_caps_that_no_sandbox_starts_with_are_refused(wrong):
    with pytest.raises(ValueError, match="sandbox"):
        Caps(**wrong)


def test_a_comma_would_name_two_paths_to_deno(assets):
    with pytest.raises(SetupFailed, match="comma"):
        wall.command(assets, "/a,b/s", system="none")


def test_every_script_of_ours_may_be_read(assets):
    scripts = {wall.HERE / "broker.ts", wall.HERE / "worker.ts"}
    assert {*scripts, *wall.PRELUDES} <= set(wall.own_files(assets))


def test_bubblewrap_is_tried_once_until_something_changes(tmp_path):
    tries, kept = tmp_path / "tries", tmp_path / "folder" / "answer.json"
    program = tmp_path / "bwrap"
    probe = ["/bin/sh", "-c", f"echo once >> {tries}; echo 'No permission' >&2; exit 1"]
    program.touch()
    for _ in range(3):
        assert bubblewrap.why_not(str(program), probe, kept) == "No permission"
    assert tries.read_text() == "once\n"
    os.utime(program, (1, 1))
    assert bubblewrap.why_not(str(program), probe, kept) == "No permission"
    kept.write_text("not JSON")
    assert bubblewrap.why_not(str(program), probe, kept) == "No permission"
    assert tries.read_text() == "once\n" * 3


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path):
    (tmp_path / "file").touch()
    kept = tmp_path / "file" / "answer.json"
    assert bubblewrap.why_not("/bin/true", ["/bin/sh", "-c", "exit 0"], kept) == ""
    assert "/nonexistent" in bubblewrap.why_not("/bin/true", ["/nonexistent"], kept)


@linux
def test_the_loader_and_the_libraries_of_a_program_are_found(assets, tmp_path):
    found = libraries(assets.deno)
    assert found[0] == interpreter(assets.deno)
    assert any("libc.so" in path for path in found)
    assert all(Path(path).is_file() for path in found)
    script = tmp_path / "deno"
    script.write_text("#!/bin/sh\n")
    assert interpreter(str(script)) is None
    with pytest.raises(OSError, match="no ELF program"):
        libraries(str(script))
    assert "unknown" in wall.why_not(str(script))["landlock"]
    assert wall.system_wall(str(script)) == "none"


def test_every_test_that_the_document_names_is_there():
    root = Path(wall.HERE).parent.parent
    text = (root / "docs" / "security.md").read_text()
    named = set(re.findall(r"`((?:tests|smolterm)/[\w/.]+)`", text))
    assert len(named) > 5
    assert [name for name in named if not (root / name).exists()] == []


def test_what_is_joined_inside_uses_no_name_twice():
    """The preludes run as one module: the later of two names would take the place of the other."""
    owners: dict[str, set[str]] = {}
    for path in wall.PRELUDES:
        for node in ast.parse(path.read_text()).body:
            targets = [node] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            names = {target.name for target in targets}
            if isinstance(node, ast.Assign):
                names |= {name.id for name in node.targets if isinstance(name, ast.Name)}
            for name in names:
                owners.setdefault(name, set()).add(path.name)
    assert {name: where for name, where in owners.items() if len(where) > 1} == {}
