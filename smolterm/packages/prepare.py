"""Compiled modules for wheels, made once inside a sandbox by the Python that will read them.

The host takes nothing else from there: every other file comes from the verified original.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import SandboxDied
from smolterm.packages.unpack import SITE, members
from smolterm.sandbox.assets import Assets

if TYPE_CHECKING:
    from smolterm.sandbox.deno import Sandbox

COMPILE_SECONDS = 600.0
MERGED = 1
"""Counted up when the host puts the result together in another way."""
IN = "/tmp/wheel"  # noqa: S108  inside the sandbox
_PREFIX = "__pycache__/"
_TAG = ".cpython-314.pyc"

_COMPILE = """
import importlib.util, io, marshal, struct, zipfile
made = io.BytesIO()
source = zipfile.ZipFile(IN)
with zipfile.ZipFile(made, "w") as target:
    for number, (member, path) in enumerate(WANTED):
        data = source.read(member)
        try:
            # Hash-based and unchecked: no time stamp is compared, no source is looked for.
            code = compile(data, SITE + "/" + path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue  # Templates and files for other Pythons.
        head = importlib.util.MAGIC_NUMBER + struct.pack("<I", 1)
        pyc = head + importlib.util.source_hash(data) + marshal.dumps(code)
        target.writestr(path, pyc)
        if number % 50 == 0:
            compile_progress(number / len(WANTED))
data = made.getvalue()
for start in range(0, len(data), 1 << 20):
    compile_keep(data[start:start + (1 << 20)])
"""


def recipe(python: str) -> str:
    """Return the key of what is made in this way for this Python."""
    text = f"{MERGED} {python} {SITE} {_COMPILE}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Compiler:
    """One sandbox in which wheels are compiled, started when the first needs it."""

    def __init__(self, assets: Assets | None) -> None:
        self._assets = assets
        self._sandbox: Sandbox | None = None
        self._pieces: list[bytes] = []
        self._tell: Callable[[float], None] = lambda fraction: None

    async def __aenter__(self) -> Compiler:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._sandbox is not None:
            await self._sandbox.close()

    async def compiled(self, wheel: Path, tell: Callable[[float], None]) -> bytes:
        """Return the wheel with compiled modules added; the wheel as it is where that fails.

        Args:
            wheel: a verified original whose members were judged.
            tell: told how far it is, 0 to 1.
        """
        data = await asyncio.to_thread(wheel.read_bytes)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            wanted = [(info.filename, path) for info, scheme, path in members(archive)
                      if scheme == "site" and _worth_it(path)]  # fmt: skip
        if not wanted:
            return data
        try:
            made = await self._compile(data, wanted, tell)
            return await asyncio.to_thread(_merged, data, made, {path for _, path in wanted})
        except (SandboxDied, zipfile.BadZipFile, ValueError):
            # It is only slower then, and a wheel may be made so that it fails.
            return data

    async def _compile(
        self, data: bytes, wanted: list[tuple[str, str]], tell: Callable[[float], None]
    ) -> bytes:
        from smolterm.sandbox import Limits

        self._pieces, self._tell = [], tell
        sandbox = self._sandbox = self._sandbox or self._new_sandbox()
        await sandbox.start()
        await sandbox.offer(files={IN: data})
        code = f"SITE = {SITE!r}\nIN = {IN!r}\nWANTED = {wanted!r}\n{_COMPILE}"
        done = await sandbox.run(code, limits=Limits(seconds=COMPILE_SECONDS))
        if done.error is not None:
            raise ValueError(done.error.message)
        return b"".join(self._pieces)

    def _new_sandbox(self) -> Sandbox:
        from smolterm.sandbox.deno import Sandbox
        from smolterm.tools import Tool

        def compile_progress(fraction: float) -> None:
            """Report how far the compilation is."""
            self._tell(fraction)

        def compile_keep(data: bytes) -> None:
            """Hand over a piece of the result."""
            self._pieces.append(data)

        tools = [Tool(compile_progress), Tool(compile_keep)]
        return Sandbox(tools=tools, assets=self._assets)


def _worth_it(path: str) -> bool:
    """Whether a file is a module that somebody will import; tests are compiled if they are."""
    folders = path.split("/")[:-1]
    return path.endswith(".py") and not {"tests", "test"} & set(folders[1:])


def _merged(original: bytes, made: bytes, wanted: set[str]) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(original)) as source,
        zipfile.ZipFile(io.BytesIO(made)) as more,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        there = set()
        for info in source.infolist():
            if not info.is_dir():
                target.writestr(_plain(info.filename), source.read(info))
                there.add(info.filename)
        for info in more.infolist():
            folder, slash, name = info.filename.rpartition("/")
            path = f"{folder}{slash}{_PREFIX}{name.removesuffix('.py')}{_TAG}"
            if info.filename in wanted and path not in there:
                target.writestr(_plain(path), more.read(info))
                there.add(path)
    return out.getvalue()


def _plain(name: str) -> zipfile.ZipInfo:
    """Return a member without a date or a mode, so that the result depends on its input alone."""
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return info
