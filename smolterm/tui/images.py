"""Decoding what code wants to show, in a child process that can reach nothing.

Image libraries are written in C and read bytes that somebody else made. So they run behind the same
walls as a model's file: no file, no network, bounded memory and time; what comes back is counted.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Timer

import msgspec

from smolterm import landlock
from smolterm.printable import printable
from smolterm.spawn import plain_environment, spawn
from smolterm.tui.pictures import Picture

PREVIEW = (192, 128)
"""Pixels of a picture in the output pane, at most."""
FULL = (1600, 1200)
SECONDS = 20.0
"""After which a decoder is ended."""
LONGEST_HEAD = 4096
"""Bytes of the line before the pixels."""
AT_ONCE = 2


class Decoder:
    """Decodes pictures, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def decode(self, data: bytes, size: tuple[int, int] = PREVIEW) -> Picture:
        """Return the picture made to fit `size` pixels, or why it cannot be shown; never raises."""
        async with self._turns:
            return await asyncio.to_thread(decoded, data, size)


def decoded(data: bytes, size: tuple[int, int]) -> Picture:
    """The same for a thread: waits for the child."""
    from smolterm.tui import decoder

    command = [sys.executable, "-I", str(Path(decoder.__file__)), *map(str, size)]
    with tempfile.TemporaryFile() as given:
        given.write(data)
        given.seek(0)
        try:
            process = spawn(
                command, plain_environment(), confinement(), stdin=given.fileno(),
                stdout=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            return Picture(failure=f"its decoder cannot be started ({error})")
        came = _answer(process, LONGEST_HEAD + size[0] * size[1] * 3)
    return read(came, size)


def read(came: bytes, size: tuple[int, int]) -> Picture:
    """Take a decoder's answer apart; one that was broken by its image may say anything."""
    head, _, pixels = came.partition(b"\n")
    try:
        picture = msgspec.json.decode(head, type=Picture)
    except msgspec.DecodeError:
        return Picture(failure="its decoder ended without an answer")
    if picture.failure:
        return Picture(failure=printable(picture.failure)[:200])
    fits = 0 < picture.across <= size[0] and 0 < picture.down <= size[1]
    if not fits or len(pixels) != picture.across * picture.down * 3:
        return Picture(failure="its decoder gave no picture")
    kind = printable(picture.kind)[:8]
    return msgspec.structs.replace(picture, pixels=pixels, kind=kind)


def _answer(process: subprocess.Popen[bytes], most: int) -> bytes:
    assert process.stdout is not None and process.stderr is not None
    timer = Timer(SECONDS, process.kill)
    timer.daemon = True
    timer.start()
    try:
        return process.stdout.read(most)
    finally:
        timer.cancel()
        process.kill()
        process.stdout.close()
        process.stderr.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)


def confinement() -> Callable[[], None] | None:
    """Return what takes a decoder's rights, see `spawn`; None where nothing does."""
    return (lambda: landlock.restrict_thread(_rules())) if landlock.abi() else None


@cache
def _rules() -> list[tuple[str | Path, int]]:
    from smolterm.loader import python_rules

    return list(python_rules())
