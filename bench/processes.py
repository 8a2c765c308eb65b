"""What the system says of processes: their children, memory, descriptors. Linux alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def parents() -> dict[int, int]:
    """Return the parent of every process."""
    found: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                found[int(entry.name)] = int(fields[1])
    return found


def family(pid: int) -> set[int]:
    """Return a process and all that it started, and they."""
    parent_of = parents()
    found = {pid} & parent_of.keys()
    while more := {one for one, parent in parent_of.items() if parent in found} - found:
        found |= more
    return found


def resident(pid: int) -> int:
    """Return the bytes that a process and what it started hold in memory."""
    held = 0
    for one in family(pid):
        try:
            held += int(Path(f"/proc/{one}/statm").read_text().split()[1]) * PAGE
        except OSError:
            continue
    return held


def peak(pid: int) -> int:
    """Return the bytes that a process alone held at most; 0 where the system does not say."""
    return _field(f"/proc/{pid}/status", "VmHWM")


def shared_out(pid: int) -> int:
    """Return the bytes that a process and what it started hold, what they share counted once; 0
    where the system does not say."""
    if not Path("/proc/self/smaps_rollup").exists():
        return 0
    return sum(_field(f"/proc/{one}/smaps_rollup", "Pss") for one in family(pid))


def _field(path: str, name: str) -> int:
    """Return a field of so many kB in bytes."""
    try:
        text = Path(path).read_text()
    except OSError:
        return 0
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def descriptors(pid: int | str = "self") -> list[str]:
    """Return what the open descriptors of a process are."""
    found = []
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(os.readlink(fd))
        except OSError:
            continue
    return found
