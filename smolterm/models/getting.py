"""`smolterm models get`: from the catalogue, from any repository, or from a file that lies here."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import ExitCode, FileDamaged, UsageError
from smolterm.models.catalogue import catalogue, entry_for
from smolterm.models.library import SUFFIX, models_folder, size
from smolterm.printable import printable

if TYPE_CHECKING:
    import argparse

    from smolterm.models.fetch import Wanted


class Meter:
    """Progress on stderr: a line that is redrawn on a terminal, one every tenth elsewhere."""

    def __init__(self, verb: str) -> None:
        self._verb = verb
        self._terminal = sys.stderr.isatty()
        self._next = 0.0
        self._began: tuple[float, int] | None = None
        self._tenth = -1
        self._shown = 0

    def __call__(self, done: int, whole: int) -> None:
        now = time.monotonic()
        if self._began is None or done < self._began[1]:
            self._began = (now, done)
        if self._terminal:
            if now >= self._next or done == whole or not self._shown:
                self._next, self._shown = now + 0.1, done
                sys.stderr.write(f"\r\x1b[K{self._line(done, whole, now)}")
                sys.stderr.flush()
        elif (tenth := done * 10 // max(whole, 1)) > self._tenth:
            self._tenth = tenth
            sys.stderr.write(f"{self._verb}: {size(done)} of {size(whole)}\n")

    def end(self) -> None:
        if self._terminal and self._began is not None:
            sys.stderr.write("\n")

    def _line(self, done: int, whole: int, now: float) -> str:
        full = round(30 * done / max(whole, 1))
        since, before = self._began or (now, done)
        speed = (done - before) / (now - since) if now > since else 0
        left = ""
        if speed > 0 and done < whole:
            seconds = int((whole - done) / speed)
            left = f", {size(int(speed))}/s, {seconds // 60}:{seconds % 60:02} left"
        gauge = "━" * full + "╌" * (30 - full)
        return f"{gauge} {self._verb}: {size(done)} of {size(whole)}{left}"


def run_get(arguments: argparse.Namespace) -> int:
    """Bring a model here and return the exit code."""
    from smolterm.process import run_to_exit

    return run_to_exit(_get(arguments))


async def _get(arguments: argparse.Namespace) -> int:
    named = arguments.what
    if len(named) > 2:
        raise UsageError("Name one model.", next="See `smolterm models get --help`.")
    if len(named) == 2:
        path = await _from_repository(arguments, *named)
    elif _is_path(named[0]):
        path = await _from_path(arguments, Path(named[0]))
    else:
        path = await _from_catalogue(named[0])
    _tell(path)
    return ExitCode.OK


def _is_path(text: str) -> bool:
    return text.lower().endswith(SUFFIX) or text.startswith((".", "/", "~"))


async def _from_catalogue(name: str) -> Path:
    from smolterm.models.fetch import pin_of

    entry = catalogue().get(name.casefold())
    if entry is None and "/" in name:
        raise UsageError(
            f"{printable(name)} is a repository, which may hold many files.",
            next=f"Name one as well: smolterm models get {printable(name)} FILE.gguf",
        )
    if entry is None:
        raise UsageError(
            f"The catalogue has no model {printable(name)}.",
            next=f"It has {', '.join(catalogue())}. Any other: smolterm models get OWNER/NAME "
            "FILE.gguf",
        )
    _say(f"{entry.title}, {size(entry.bytes)}, {entry.licence}, from {entry.repository}")
    return await fetched(pin_of(entry))


async def _from_repository(arguments: argparse.Namespace, repository: str, file: str) -> Path:
    from smolterm.models.fetch import Wanted, checked, pin_of
    from smolterm.models.hub import look_up, looks_like

    checked(repository, file, arguments.revision or "main")
    token = ""
    if (known := looks_like(repository)) and not arguments.yes:
        await _warn(repository, known)
    pinned = entry_for(repository, file)
    sha256 = (arguments.sha256 or "").lower()
    if sha256 and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise UsageError("A SHA-256 has 64 hexadecimal digits.")
    if pinned and arguments.revision in (None, pinned.revision):
        wanted = pin_of(pinned)
    elif arguments.revision and arguments.bytes and sha256:
        wanted = Wanted(repository=repository, revision=arguments.revision, file=file,
                        bytes=arguments.bytes, sha256=sha256)  # fmt: skip
    else:
        wanted, token = await look_up(repository, file, arguments.revision or "main")
    if sha256 and wanted.sha256 not in ("", sha256):
        raise FileDamaged(
            f"{repository} has another file at {wanted.revision}: its SHA-256 is {wanted.sha256}.",
            kept="Nothing was fetched.",
        )
    wanted = Wanted(repository=repository, revision=wanted.revision, file=file,
                    bytes=wanted.bytes, sha256=sha256 or wanted.sha256)  # fmt: skip
    _say(f"{wanted.name}, {size(wanted.bytes)}, from {repository} at {wanted.revision[:12]}")
    if not wanted.sha256:
        _say("Nobody says what its SHA-256 should be: it will not be compared with anything.")
    return await fetched(wanted, token)


async def fetched(wanted: Wanted, token: str = "") -> Path:
    """Fetch a file with progress on stderr; an interruption says what is kept."""
    from smolterm.models.fetch import fetch_model, partial_bytes

    folder = models_folder()
    if held := partial_bytes(wanted, folder):
        _say(f"{size(held)} of it are here from before.")
    meter = Meter("fetching")
    try:
        return await fetch_model(wanted, folder, meter, token=token)
    except asyncio.CancelledError:
        meter.end()
        if held := partial_bytes(wanted, folder):
            _say(f"Interrupted. {size(held)} are kept; the same command goes on from there.")
        raise
    finally:
        meter.end()


async def _from_path(arguments: argparse.Namespace, path: Path) -> Path:
    from smolterm.models.adopt import adopt
    from smolterm.threads import in_daemon_thread

    meter = Meter("checking")
    try:
        return await in_daemon_thread(
            adopt, path, models_folder(), meter, (arguments.sha256 or "").strip()
        )
    finally:
        meter.end()


async def _warn(repository: str, known: str) -> None:
    """Have a person confirm an owner who is named like somebody else."""
    from smolterm.threads import in_daemon_thread

    owner = repository.partition("/")[0]
    _say(f"Careful: {owner} is not {known}. Others publish under names like theirs.")
    if sys.stdin.isatty() and sys.stderr.isatty():
        sys.stderr.write(f"Fetch it from {owner} all the same? [y/N] ")
        sys.stderr.flush()
        answer = await in_daemon_thread(sys.stdin.readline)
        if answer.strip().lower() in ("y", "yes"):
            return
    raise UsageError(
        f"{repository} was not asked for.",
        next=f"If you mean {owner} and not {known}, say so with --yes.",
    )


def _tell(path: Path) -> None:
    """Say what it is now called, and whether it fits."""
    from smolterm.errors import ModelFileError
    from smolterm.models.fit import shape_of
    from smolterm.models.machine import free_memory
    from smolterm.models.modelfile import read_model
    from smolterm.models.survey import fit_of

    name = next((n for n, entry in catalogue().items() if entry.file == path.name), path.stem)
    try:
        said = str(fit_of(shape_of(read_model(path)), free_memory()))
    except ModelFileError as error:
        raise ModelFileError(
            error.what,
            kept=f"It is in {path}.",
            next=f"Remove it, and get it again: smolterm models remove {path.stem}",
        ) from None
    sys.stdout.write(f"local/{name}\n")
    _say(f"It is in {path}; it {said}.")
    _say(f"Try it: smolterm -m local/{name}    For good: smolterm models use local/{name}")


def _say(text: str) -> None:
    sys.stderr.write(printable(text) + "\n")
