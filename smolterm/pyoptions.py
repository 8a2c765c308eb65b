"""What `smolterm py` is told of its sandbox: its flags, and the values that they may have."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import UsageError
from smolterm.sandbox.wall import DEFAULT_CAPS, Caps

if TYPE_CHECKING:
    import argparse

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG])i?B?", re.IGNORECASE)
_UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class Mounted(msgspec.Struct, frozen=True):
    """A file or folder of this machine that the code sees."""

    source: Path
    at: str | None
    """Where the code sees it; `/files/<name>` when None."""
    writable: bool
    """Whether what the code changes is written back after a successful end."""


class PyOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How a sandbox of `smolterm py` is made and what becomes of its files."""

    packages: tuple[str, ...] = ()
    mounts: tuple[Mounted, ...] = ()
    caps: Caps = DEFAULT_CAPS
    seconds: float = 0.0
    """Of one program or cell. 0 means no limit."""
    cpu_seconds: float = 0.0
    """Of the processor, of one program or cell. 0 means no limit."""
    seed: str | None = None
    clock: float | None = None
    """Seconds since 1970."""
    out: Path | None = None
    """The folder for what the code writes to `/out`."""
    yes: bool = False
    """Packages are downloaded without a question."""
    offline: bool = False


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `read_options` reads."""
    add = parser.add_argument_group("the sandbox").add_argument
    add("--with", action="append", dest="packages", metavar="NAME",
        help="have these packages ready, such as pandas or 'rich>=13' (also A,B)")  # fmt: skip
    add("--mount", action="append", dest="mounts", metavar="SRC[:DST][:rw]",
        help="let the code see a file or folder at DST, or at /files/<name>; what it changes "
        "stays in the sandbox, with :rw it is written back after a successful end")  # fmt: skip
    add("--out", metavar="DIR", help="after a successful end put what is in /out into a new folder")
    add("--memory", metavar="SIZE", help="of Python, such as 512M or 2G (512M)")
    add("--disk", metavar="SIZE", help="of all files inside together (256M)")
    add("--timeout", type=float, default=0.0, metavar="S", help="seconds (0: no limit)")
    add("--cpu", type=float, default=0.0, metavar="S",
        help="seconds of the processor (0: no limit)")  # fmt: skip
    add("--seed", metavar="TEXT", help="make random numbers repeat")
    add("--clock", metavar="TIME", help="start a clock that repeats, at 2026-01-31T12:00:00")
    add("-y", "--yes", action="store_true", help="download packages without asking")
    add("--offline", action="store_true", help="use only packages that are here")


def read_options(arguments: argparse.Namespace) -> PyOptions:
    """Check what was given.

    Raises:
        UsageError: a value is none that its flag may have.
    """
    sizes = {
        "memory_bytes": size("--memory", arguments.memory),
        "disk_bytes": size("--disk", arguments.disk),
    }
    try:
        caps = Caps(**{name: value for name, value in sizes.items() if value is not None})
    except ValueError as error:
        raise UsageError(str(error)) from None
    return PyOptions(
        packages=names(arguments.packages or ()),
        mounts=tuple(mounted(text) for text in arguments.mounts or ()),
        caps=caps,
        seconds=_seconds("--timeout", arguments.timeout),
        cpu_seconds=_seconds("--cpu", arguments.cpu),
        seed=arguments.seed,
        clock=None if arguments.clock is None else clock(arguments.clock),
        out=None if arguments.out is None else new_folder(arguments.out),
        yes=arguments.yes,
        offline=arguments.offline,
    )


def names(given: Iterable[str]) -> tuple[str, ...]:
    """Return the requirements in texts such as `pandas,rich>=13`; a comma may also be in one."""
    parts: list[str] = []
    for text in given:
        for part in text.split(","):
            part = part.strip()
            if parts and re.match(r"[<>=!~]", part):
                # The second bound of `rich>=13,<14`.
                parts[-1] += f",{part}"
            elif part:
                parts.append(part)
    return tuple(parts)


def mounted(text: str) -> Mounted:
    """Read `SRC[:DST][:rw]`; SRC itself may hold colons when DST is given."""
    rest = text.removesuffix(":rw")
    source, colon, at = rest.rpartition(":")
    if not colon:
        source, at = rest, ""
    elif not at.startswith("/"):
        raise UsageError(
            f"--mount {text}: {at!r} is not an absolute path inside the sandbox.",
            next="Write SRC:/DST or SRC:/DST:rw.",
        )
    if not source:
        raise UsageError(f"--mount {text}: it names nothing to mount.")
    return Mounted(Path(source), at or None, rest != text)


def size(flag: str, text: str | None) -> int | None:
    """Read `512M` or `1.5G` as bytes."""
    if text is None:
        return None
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{flag} {text}: that is no size.", next="Write 512M or 1.5G.")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def clock(text: str) -> float:
    """Read a date and time as seconds since 1970; it is UTC where it does not say."""
    try:
        time = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--clock {text}: that is no date and time.", next="Write 2026-01-31T12:00:00."
        ) from None
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return time.timestamp()


def _seconds(flag: str, value: float) -> float:
    if not 0 <= value < math.inf:
        raise UsageError(f"{flag} needs a number of seconds (0: no limit).")
    return value


def new_folder(text: str) -> Path:
    """Return a folder that holds nothing: in one of yours the code, which chooses the names, could
    leave what you run.

    Raises:
        UsageError: it holds something.
    """
    folder = Path(text).expanduser().absolute()
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return folder
    except OSError as error:
        raise UsageError(f"{text} cannot be used for /out: {error.strerror}.") from None
    raise UsageError(f"{text} is not empty.", next="Name a new folder for /out.")


def make_folder(folder: Path) -> None:
    """Make a folder for results, where it is not there yet.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.") from None
