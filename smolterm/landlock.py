"""Landlock: rights that a process of Linux gives up for good, without root, by three system calls.

Rights belong to a thread and are inherited by what it starts. So a thread of this process gives
them up, starts the command and ends; between fork and exec runs nothing of ours, which in a process
with threads could hang.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls; the same numbers on every processor."""
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
TRUNCATE, IOCTL_DEV, RESOLVE_UNIX = 1 << 14, 1 << 15, 1 << 16
READ = READ_FILE | READ_DIR
ALL = (1 << 16) - 1
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV | RESOLVE_UNIX
"""The rights that a rule for something else than a folder may name."""

_FILES = {1: 13, 2: 14, 3: 15, 5: 16, 9: 17}
"""From this version of the interface on, so many rights of files, the lowest bits."""
_NETWORK = {4: 2, 10: 4}
"""TCP bind and connect; then UDP's."""
_SCOPES = {6: 2}
"""Abstract unix sockets and signals, to what is outside."""


@cache
def abi() -> int:
    """Return the version of the kernel's interface, 0 where there is none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, _VERSION)))


def handled(version: int) -> tuple[int, int, int]:
    """Return everything that a version can take away: of files, of the network, of other scopes."""
    return _bits(_FILES, version), _bits(_NETWORK, version), _bits(_SCOPES, version)


def attributes(version: int, *, network: bool = False) -> bytes:
    """Return the kernel's `landlock_ruleset_attr`, as long as this version knows it."""
    words = 3 if version >= 6 else 2 if version >= 4 else 1
    files, connections, scopes = handled(version)
    return struct.pack(f"={words}Q", *(files, 0 if network else connections, scopes)[:words])


def restrict_thread(rules: Iterable[tuple[str | Path, int]], *, network: bool = False) -> None:
    """Take every right from the calling thread but those of the rules.

    Args:
        rules: paths with their rights; those that do not exist are left out.
        network: leave it all of the network.

    Raises:
        OSError: the kernel refuses.
    """
    version = abi()
    known = handled(version)[0]
    attribute = attributes(version, network=network)
    ruleset = _call(_CREATE_RULESET, attribute, len(attribute), 0)
    try:
        for path, rights in rules:
            try:
                fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except (FileNotFoundError, NotADirectoryError):
                continue
            try:
                if not stat.S_ISDIR(os.fstat(fd).st_mode):
                    rights &= OF_FILES
                if rights & known:
                    rule = struct.pack("=Qi", rights & known, fd)
                    _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
            finally:
                os.close(fd)
        if _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise _error()
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def describe(version: int) -> str:
    """Return what a version holds back, in words."""
    parts = ["files", "programs"]
    if version >= 4:
        parts.append("TCP and UDP" if version >= 10 else "TCP")
    if version >= 6:
        parts.append("signals")
    if version >= 9:
        parts.append("unix sockets")
    return ", ".join(parts)


def _bits(table: dict[int, int], version: int) -> int:
    return (1 << max((bits for since, bits in table.items() if since <= version), default=0)) - 1


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(number: int, *args: object) -> int:
    # Every argument as wide as a register: a variadic call takes what stands there.
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = int(_libc().syscall(ctypes.c_long(number), *wide))
    if result < 0:
        raise _error()
    return result


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"Landlock: {os.strerror(number)}")
