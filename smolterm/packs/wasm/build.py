"""Building the image, once on each machine: CPython with our guest baked in, then compiled.

Two processes that need it at the same time build it once. What is found damaged is built again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from smolterm.errors import PackError
from smolterm.packs.wasm import image
from smolterm.spawn import plain_environment
from smolterm.threads import in_daemon_thread

STEP_SECONDS = 600.0
USUAL_SECONDS = (8.0, 9.0)
"""Of the two steps, on a machine with two cores; the bar moves by them and by nothing else."""
TICK = 0.25
UNUSED_SECONDS = 14 * 86_400.0
_COMPONENTIZE = "import sys, componentize_py; sys.exit(componentize_py.script())"

Progress = Callable[[str, float | None], None]
"""Told what happens and how far it is, 0 to 1; None where that cannot be known."""


def find_image(cache: Path) -> Path | None:
    """Return the verified image, or None where it must be built first.

    Raises:
        PackError: a package that makes it is not installed.
    """
    where = image.folder(cache)
    if not image.is_intact(where):
        return None
    with contextlib.suppress(OSError):
        os.utime(where)
    return where / image.FILE


async def set_up(cache: Path, progress: Progress | None = None) -> Path:
    """Return the image, building it where it is missing or damaged.

    Raises:
        PackError: it cannot be built: no space, a package missing.
    """
    found = await asyncio.to_thread(find_image, cache)
    if found is not None:
        return found
    tell = progress or (lambda text, fraction: None)
    where = image.folder(cache)
    try:
        where.parent.mkdir(parents=True, exist_ok=True)
        async with _alone(where.parent, tell):
            found = await asyncio.to_thread(find_image, cache)
            if found is None:
                await _build(where, tell)
    except OSError as error:
        raise PackError(
            f"The image for tool packs could not be built in {cache}: {error.strerror or error}.",
            kept="Nothing else was changed.",
            next="Free space there, or set SMOLTERM_CACHE to another folder.",
        ) from None
    tell("The image for tool packs is ready", 1.0)
    return where / image.FILE


@asynccontextmanager
async def _alone(folder: Path, tell: Progress) -> AsyncIterator[None]:
    """Hold the folder's lock; whoever waits finds the work done."""
    with (folder / "lock").open("a") as guard:
        if sys.platform != "win32":
            import fcntl

            try:
                fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                tell("Another smolterm builds the image for tool packs; waiting for it", None)
                await in_daemon_thread(fcntl.flock, guard, fcntl.LOCK_EX)
        yield


async def _build(where: Path, tell: Progress) -> None:
    work = Path(tempfile.mkdtemp(prefix="new-", dir=where.parent))
    try:
        program, component = work / "program", work / "pack.wasm"
        await asyncio.to_thread(image.lay_out, program)
        wit = program / "smolterm" / "packs" / "wasm" / "guest" / "pack.wit"
        first = "Building Python for tool packs (once, about 20 s)"
        await _run(
            [sys.executable, "-P", "-c", _COMPONENTIZE, "-d", str(wit), "-w", image.WORLD,
             "componentize", "-p", str(program), image.APP, "-o", str(component)],
            first, tell, (0.0, 0.5), USUAL_SECONDS[0],
        )  # fmt: skip
        await _run(
            [sys.executable, "-P", "-m", "smolterm.packs.wasm.build", str(component),
             str(work / image.FILE)],
            "Compiling Python for tool packs (once)", tell, (0.5, 0.98), USUAL_SECONDS[1],
        )  # fmt: skip
        digest = await asyncio.to_thread(image.sha256, work / image.FILE)
        (work / image.DIGEST).write_text(digest)
        await asyncio.to_thread(shutil.rmtree, program)
        component.unlink()
        shutil.rmtree(where, ignore_errors=True)
        await asyncio.to_thread(work.rename, where)
        await asyncio.to_thread(_remove_unused, where)
    finally:
        shutil.rmtree(work, ignore_errors=True)


async def _run(
    command: list[str], text: str, tell: Progress, part: tuple[float, float], usual: float
) -> None:
    """Run one step, and move the bar through its part as time goes by."""
    # Nothing that the person has installed is looked at: neither their packages nor their tools.
    environment = {name: value for name, value in plain_environment(PATH="").items()
                   if name != "VIRTUAL_ENV"}  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env=environment, cwd="/", start_new_session=True,
    )  # fmt: skip
    ended = asyncio.ensure_future(process.communicate())
    began, shown = time.monotonic(), -1.0
    try:
        while not ended.done():
            spent = time.monotonic() - began
            if spent > STEP_SECONDS:
                raise PackError(
                    f"{text}: it took longer than {STEP_SECONDS / 60:.0f} minutes.",
                    kept="Nothing was changed.", next="Try again with `smolterm setup`.",
                )  # fmt: skip
            now = round(part[0] + (part[1] - part[0]) * min(0.95, spent / usual), 2)
            if now > shown:
                shown = now
                tell(text, now)
            await asyncio.wait([ended], timeout=TICK)
    finally:
        if process.returncode is None:
            process.kill()
        _, errors = await asyncio.shield(ended)
    if process.returncode != 0:
        said = " ".join(errors.decode(errors="replace").split())[-300:]
        raise PackError(
            f"{text}: it ended with status {process.returncode}. {said}",
            kept="Nothing was changed.",
            next="Report this with the output of `smolterm doctor`.",
        )


def _remove_unused(where: Path) -> None:
    """Remove the images of other versions that nobody used for long, and what a crash left."""
    for path in [*where.parent.glob("image-*"), *where.parent.glob("new-*")]:
        with contextlib.suppress(OSError):
            if path != where and time.time() - path.stat().st_mtime > UNUSED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def _compile(component: str, made: str) -> None:
    """Compile for this processor; in a process of its own, for it takes all cores."""
    from wasmtime.component import Component

    engine = image.engine()
    compiled = Component.from_file(engine, component)
    image.check(compiled, engine)
    Path(made).write_bytes(compiled.serialize())


if __name__ == "__main__":
    _compile(sys.argv[1], sys.argv[2])
