"""What is made once of Pyodide's files: a compiled standard library, and Deno's own caches."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from smolterm.child import Child
from smolterm.errors import ChildError, SandboxError, SetupFailed
from smolterm.sandbox.assets import HERE, Assets, Pinned, Progress, assets_in, sha256
from smolterm.sandbox.wall import PRELUDES, command, environment

COMPILE_SECONDS = 600.0
SNAPSHOT_SECONDS = 60.0
MOST_SNAPSHOT = 256 * 1024 * 1024
OTHERS_KEPT = 2
UNUSED_SECONDS = 7 * 86_400.0
"""After which nobody is expected to start from what another version made."""

_COMPILE = """
import importlib.util, io, marshal, struct, zipfile
source = zipfile.ZipFile("/lib/python314.zip")
names = source.infolist()
made = io.BytesIO()
with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
    for number, info in enumerate(names):
        data = source.read(info)
        if info.filename.endswith(".py"):
            # Hash-based and unchecked: no time stamp is compared, no source is looked for.
            code = compile(data, "/lib/python314.zip/" + info.filename, "exec", dont_inherit=True)
            head = importlib.util.MAGIC_NUMBER + struct.pack("<I", 1)
            pyc = head + importlib.util.source_hash(data) + marshal.dumps(code)
            target.writestr(info.filename + "c", pyc, zipfile.ZIP_DEFLATED)
        elif not info.is_dir():
            target.writestr(info.filename, data, zipfile.ZIP_DEFLATED)
        if number % 20 == 0:
            compile_progress(number / len(names))
data = made.getvalue()
for start in range(0, len(data), 1 << 20):
    compile_keep(data[start:start + (1 << 20)])
"""


def stdlib_folder(cache: Path, pin: Pinned) -> Path:
    """Return where the standard library compiled for this version, in this way, lies."""
    return (
        cache / "sandbox" / f"stdlib-{pin.version}-{_key(pin.files['python_stdlib.zip'], _COMPILE)}"
    )


def start_folder(cache: Path, pin: Pinned, deno: str) -> Path:
    """Return where the snapshot lies that this version of smolterm starts from."""
    texts = [path.read_text() for path in sorted(HERE.glob("*.ts"))]
    texts += [path.read_text() for path in (*PRELUDES, HERE / "pyodide.json")]
    # Deno's cache goes by the paths of scripts and by its own version, the import map by a path.
    places = [str(cache), str(HERE), deno, str(Path(deno).stat().st_size)]
    return cache / "sandbox" / f"start-{pin.version}-{_key(*places, _COMPILE, *texts)}"


def _key(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


async def prepare(deno: str, cache: Path, pin: Pinned, pyodide: Path, tell: Progress) -> Path:
    """Make everything that is missing or damaged, and return the folder to start from.

    Raises:
        SandboxError: a sandbox does not start from what was fetched.
        SetupFailed: the compilation failed.
        OSError: the disk is full.
    """
    stdlib = stdlib_folder(cache, pin)
    if not is_intact(stdlib):
        await _make(stdlib, lambda work: _compile_stdlib(deno, pyodide, work, tell))
    start = start_folder(cache, pin, deno)
    if not is_intact(start):
        tell("Taking a snapshot of the started sandbox (once)", 0.96)
        await _make(start, lambda work: _fill_start(deno, pyodide, stdlib, work))
        await asyncio.to_thread(remove_unused, start)
    return start


def is_intact(folder: Path) -> bool:
    """Whether the folder was made to its end, and its files are what was made."""
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=dict[str, str])
        return all(sha256(folder / name) == digest for name, digest in manifest.items())
    except (OSError, msgspec.DecodeError):
        return False


async def _make(folder: Path, fill: Callable[[Path], Awaitable[list[str]]]) -> None:
    """Make a folder whole or not at all; `fill` returns the names of the files to be verified."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="new-", dir=folder.parent))
    try:
        names = await fill(work)
        manifest = {name: sha256(work / name) for name in names}
        (work / "manifest.json").write_text(json.dumps(manifest))
        await asyncio.to_thread(_move_into_place, work, folder)
    finally:
        remove(work)


def _write_import_map(work: Path, pyodide: Path) -> None:
    imports = {"imports": {"pyodide/": pyodide.as_uri() + "/"}}
    (work / "imports.json").write_text(json.dumps(imports))


async def _fill_start(deno: str, pyodide: Path, stdlib: Path, work: Path) -> list[str]:
    (work / "deno").mkdir()
    _write_import_map(work, pyodide)
    assets = assets_in(deno, pyodide, stdlib, work)
    (work / "snapshot").write_bytes(
        await take_snapshot(msgspec.structs.replace(assets, snapshot=None))
    )
    # Twice: Deno keeps the compiled form of a script once it has seen it run before.
    for _ in range(2):
        await _run(assets, "1")
    freeze(work / "deno")
    return ["snapshot", "imports.json"]


async def take_snapshot(assets: Assets) -> bytes:
    """Return the memory of an interpreter that has just started.

    Raises:
        SandboxError: it did not start, or ended too early.
    """
    taken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def notice(line: dict[str, Any]) -> None:
        if "kept" in line and isinstance(line.get("raw"), bytes) and not taken.done():
            taken.set_result(line["raw"])

    try:
        child = await Child.start(
            "sandbox",
            lambda socket: command(assets, socket, options={"makeSnapshot": True}, system="none"),
            env=environment(assets),
            on_notice=notice,
            max_raw=MOST_SNAPSHOT,
        )
    except ChildError as error:
        raise SandboxError(f"No snapshot could be taken: {error.what}") from None
    ended = asyncio.ensure_future(child.ended())
    try:
        await asyncio.wait(
            (taken, ended), timeout=SNAPSHOT_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if not taken.done():
            raise SandboxError(f"No snapshot could be taken{child.last_words()}.")
        return taken.result()
    finally:
        ended.cancel()
        await child.close(grace=0)


async def _compile_stdlib(deno: str, pyodide: Path, work: Path, tell: Progress) -> list[str]:
    """Compile the standard library inside a sandbox, with the very Python that will read it.

    The zip that Pyodide ships holds sources only, which every start would compile anew.
    """
    pieces: list[bytes] = []

    def compile_progress(fraction: float) -> None:
        """Report how far the compilation is."""
        tell("Compiling Python's standard library (once)", 0.4 + 0.55 * fraction)

    def compile_keep(data: bytes) -> None:
        """Hand over a piece of the result."""
        pieces.append(data)

    with tempfile.TemporaryDirectory(prefix="smolterm-") as folder:
        start = Path(folder)
        (start / "deno").mkdir()
        _write_import_map(start, pyodide)
        shutil.copyfile(pyodide / "python_stdlib.zip", start / "stdlib.zip")
        assets = msgspec.structs.replace(assets_in(deno, pyodide, start, start), snapshot=None)
        await _run(assets, _COMPILE, compile_progress, compile_keep)
    (work / "stdlib.zip").write_bytes(b"".join(pieces))
    return ["stdlib.zip"]


async def _run(assets: Assets, code: str, *functions: Callable[..., None]) -> None:
    from smolterm.sandbox import Limits
    from smolterm.sandbox.deno import Sandbox
    from smolterm.tools import Tool

    tools = [Tool(function) for function in functions]
    async with Sandbox(tools=tools, assets=assets) as sandbox:
        done = await sandbox.run(code, limits=Limits(seconds=COMPILE_SECONDS))
    if done.error is not None:
        raise SetupFailed(
            f"Python's standard library could not be compiled: {done.error.message}",
            kept="Nothing was installed.",
            next="Report this with the output of `smolterm doctor`.",
        )


def freeze(folder: Path) -> None:
    """Take away every permission to write: Deno keeps caches there even for code that may not."""
    for path in [*folder.rglob("*"), folder]:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def remove(folder: Path) -> None:
    """Remove a folder, a frozen one too; says nothing when it is not there."""
    with contextlib.suppress(OSError):
        for path in [folder, *folder.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def note_use(start: Path) -> None:
    """Keep the folder from being removed as unused; a cache that nobody may write to stays."""
    with contextlib.suppress(OSError):
        os.utime(start)


def remove_unused(start: Path) -> None:
    """Remove what other versions left and nobody uses: several may be in use side by side."""
    used: dict[Path, float] = {}
    for path in start.parent.glob("start-*"):
        with contextlib.suppress(OSError):
            used[path] = path.stat().st_mtime
    used.pop(start, None)
    newest_last = sorted(used, key=lambda path: used[path])
    for path in newest_last[:-OTHERS_KEPT]:
        if time.time() - used[path] > UNUSED_SECONDS:
            remove(path)


def _move_into_place(work: Path, made: Path) -> None:
    """Rename the finished folder; another process may do the same at the same time."""
    if is_intact(made):
        # It was quicker, and may be using it by now.
        return
    old = made.with_name(f"{made.name}.old-{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        made.rename(old)
    try:
        work.rename(made)
    except OSError:
        if not (made / "manifest.json").is_file():
            raise
    remove(old)
