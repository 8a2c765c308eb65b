"""What this machine can spare: memory, cores and disk, as its limits leave them.

A container's limits count, for there the whole machine's numbers are promises that the kernel
breaks by killing the process.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/")


def free_memory(root: Path = ROOT) -> int | None:
    """Return the bytes that a new process can take before something is swapped or killed.

    Args:
        root: the file system's root; tests bring their own.
    """
    found = [*_meminfo(root), *_cgroup_rooms(root)]
    if not found and root == ROOT:
        found = [*_vm_stat()]
    return max(min(found), 0) if found else None


def cores(root: Path = ROOT) -> int:
    """Return how many cores this process may keep busy.

    Two threads of one core share the unit that multiplies, so they count once; a container's quota
    counts as the cores that it adds up to.
    """
    allowed = _allowed_cpus()
    places = {_core_of(root, cpu) for cpu in allowed}
    count = len(places) or os.cpu_count() or 1
    for quota in _cgroup_quotas(root):
        count = min(count, max(int(quota), 1))
    return count


def free_disk(folder: Path) -> int:
    """Return the bytes that can be written where a folder is, or will be."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _allowed_cpus() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _core_of(root: Path, cpu: int) -> tuple[str, str]:
    folder = root / f"sys/devices/system/cpu/cpu{cpu}/topology"
    core = _read(folder / "core_id")
    return (_read(folder / "physical_package_id"), core) if core else ("cpu", str(cpu))


def _meminfo(root: Path) -> Iterator[int]:
    if found := re.search(r"^MemAvailable:\s*(\d+) kB", _read(root / "proc/meminfo"), re.M):
        yield int(found[1]) * 1024


def _cgroup_rooms(root: Path) -> Iterator[int]:
    """Yield what each limit on the way up leaves; page cache that can be dropped is not in use."""
    for folder in _cgroups(root, "memory"):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, now = _number(folder / limit), _number(folder / used)
            # Version 1 writes a limit of nearly 2**63 where there is none.
            if most is None or now is None or most >= 1 << 60:
                continue
            held = re.search(rf"^{cache} (\d+)", _read(folder / "memory.stat"), re.M)
            yield most - now + (int(held[1]) if held else 0)


def _cgroup_quotas(root: Path) -> Iterator[float]:
    for folder in _cgroups(root, "cpu"):
        quota, _, period = _read(folder / "cpu.max").partition(" ")
        if quota.isdigit() and period.isdigit() and int(period):
            yield int(quota) / int(period)
        old, each = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
        if old and each:
            yield old / each


def _cgroups(root: Path, controller: str) -> Iterator[Path]:
    """Yield this process's control groups and those above, of either version."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        if names and controller not in names.split(","):
            continue
        mounts = [root / "sys/fs/cgroup"]
        if names:
            mounts = [root / "sys/fs/cgroup" / names, root / "sys/fs/cgroup" / controller]
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for mount in mounts:
            for size in range(len(parts), -1, -1):
                folder = mount.joinpath(*parts[:size])
                if folder.is_dir():
                    yield folder


def _vm_stat() -> Iterator[int]:
    """Yield what macOS calls free, or would give up at once."""
    try:
        done = subprocess.run(["vm_stat"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return
    size = re.search(r"page size of (\d+)", done.stdout)
    pages = re.findall(
        r"^Pages (?:free|inactive|purgeable|speculative):\s+(\d+)", done.stdout, re.M
    )
    if size and pages:
        yield int(size[1]) * sum(map(int, pages))


def _number(path: Path) -> int | None:
    text = _read(path)
    return int(text) if text.isdigit() else None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""
