"""What the system reads to load a program: its loader, its shared libraries, and Python's own."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from smolterm import landlock
from smolterm.spawn import plain_environment

LIST_SECONDS = 10
SYSTEM = (
    "/usr", "/lib", "/lib64", "/bin", "/opt", "/nix/store", "/etc/ld.so.cache", "/etc/localtime",
    "/proc", "/sys",
)  # fmt: skip
"""Libraries and what tells of processors and memory; no home, no settings of anybody."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom", "/dev/random")
_INTERPRETER = 3
"""The kind of program header that names the loader."""
_HEADERS = 64
_MOST_HEADERS = 128


def interpreter(program: str) -> str | None:
    """Return the loader that a program names; "" when it needs none, None when it is no ELF file.

    Raises:
        OSError: it cannot be read.
    """
    fd = os.open(program, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = os.pread(fd, _HEADERS, 0)
        # 64 bits, the lower byte first: whatever Deno is built for.
        if len(head) < _HEADERS or head[:6] != b"\x7fELF\x02\x01":
            return None
        at, size, count = *struct.unpack_from("<Q", head, 32), *struct.unpack_from("<HH", head, 54)
        for number in range(min(count, _MOST_HEADERS)):
            entry = os.pread(fd, 56, at + number * size)
            if len(entry) == 56 and struct.unpack_from("<I", entry)[0] == _INTERPRETER:
                offset, length = struct.unpack_from("<Q16xQ", entry, 8)
                return os.fsdecode(os.pread(fd, min(length, 4096), offset).rstrip(b"\0"))
        return ""
    finally:
        os.close(fd)


@cache
def libraries(program: str) -> tuple[str, ...]:
    """Return the loader of a program, then its shared libraries as the loader finds them.

    Raises:
        OSError: this is no program that the wall knows how to load.
    """
    loader = interpreter(program)
    if loader is None:
        raise OSError(f"{program} is no ELF program")
    if not loader:
        return ()
    try:
        # The loader itself lists them, in under a millisecond; nothing of the program runs.
        listed = subprocess.run(
            [loader, "--list", program], capture_output=True, check=True, timeout=LIST_SECONDS,
            stdin=subprocess.DEVNULL, env=plain_environment(),
        ).stdout  # fmt: skip
    except subprocess.SubprocessError as error:
        raise OSError(f"{loader} does not list the libraries of {program}") from error
    found: list[str] = []
    for line in os.fsdecode(listed).splitlines():
        name = line.split("=>")[-1].rsplit("(", 1)[0].strip()
        if name.startswith("/") and name not in (loader, *found):
            found.append(name)
    return (loader, *found)


def python_rules() -> Iterator[tuple[str | Path, int]]:
    """Yield what Python needs to run and to import what is installed, and nothing else."""
    python = {sys.prefix, sys.base_prefix, *(path for path in sys.path if Path(path).is_absolute())}
    for path in (*SYSTEM, *python):
        yield path, landlock.READ
    program = os.path.realpath(sys.executable)
    for executed in (sys.executable, program, interpreter(program)):
        if executed:
            yield executed, landlock.READ_FILE | landlock.EXECUTE
    for path in DEVICES:
        yield path, landlock.READ_FILE | landlock.WRITE_FILE


def changed_at(path: str) -> int:
    """Return when a file changed, in nanoseconds; 0 when it is not there."""
    with contextlib.suppress(OSError):
        return os.stat(path).st_mtime_ns  # noqa: PTH116
    return 0
