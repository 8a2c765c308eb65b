"""The wall: how Deno is started, with the least that boots Pyodide, and what the system adds to it.

docs/security.md says what each layer holds against; a test per denied thing shows it.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec

from smolterm import landlock
from smolterm.errors import SetupFailed
from smolterm.loader import libraries
from smolterm.sandbox import bubblewrap
from smolterm.sandbox.assets import HERE, Assets, cache_folder, find_deno

PRELUDES = (
    HERE.parent / "packages" / "unpack.py",
    *(
        HERE / name
        for name in (
            "values.py",
            "completion.py",
            "glance.py",
            "tables.py",
            "variables.py",
            "showing.py",
            "failures.py",
            "prelude.py",
        )
    ),
)
DEVICES = ("/dev/null", "/dev/urandom")
LOCALTIME = "/etc/localtime"
OPEN_FILES = 256

MB = 1 << 20
PAGE = 65_536
START_BYTES = 1_152 * MB
"""What Deno's own start counts in RLIMIT_DATA, most of it never touched."""
BASE_BYTES = 768 * MB
"""Resident beside what Python and its files hold: Deno itself and messages on their way."""

System: TypeAlias = Literal["bubblewrap", "landlock", "none"]
"""What the operating system adds to Deno's own wall. The two exclude each other: whoever is
confined by Landlock may not make the mounts that bubblewrap makes."""


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """What one sandbox may hold, however it is allocated."""

    memory_bytes: int = 512 * MB
    """Python's memory; past it a MemoryError. 64 MB to 4 GB."""
    disk_bytes: int = 256 * MB
    """All files inside the sandbox together; past it an OSError."""
    heap_bytes: int = 512 * MB
    """JavaScript's own memory, in each of the two isolates."""

    def __post_init__(self) -> None:
        if not 64 * MB <= self.memory_bytes <= 4096 * MB:
            raise ValueError("The memory of a sandbox is 64 MB to 4 GB.")
        if self.disk_bytes < 0 or self.heap_bytes < 64 * MB:
            raise ValueError("A sandbox needs 64 MB of heap, and no negative disk.")

    @property
    def resident_bytes(self) -> int:
        """Of the process, by the watchdog. A file that grows is held twice for a moment."""
        return BASE_BYTES + self.memory_bytes + 2 * self.disk_bytes

    @property
    def data_bytes(self) -> int:
        """Of the process, by the operating system: past the watchdog's, which says what it was."""
        return START_BYTES + self.resident_bytes + 256 * MB


DEFAULT_CAPS = Caps()


def scripts() -> list[Path]:
    """Return the broker's and the worker's modules: all that lie beside this one."""
    return sorted(HERE.glob("*.ts"))


def own_files(assets: Assets) -> list[Path]:
    """Return everything of ours that a sandbox reads, the one list for Deno and the system."""
    made = [assets.stdlib, assets.import_map, *([assets.snapshot] if assets.snapshot else [])]
    return [assets.pyodide, *made, *scripts(), *PRELUDES]


def command(
    assets: Assets,
    socket: str,
    caps: Caps = DEFAULT_CAPS,
    *,
    options: Mapping[str, Any] | None = None,
    system: System | None = None,
) -> list[str]:
    """Return the command line: everything denied but reading its own files and the socket.

    Args:
        options: how the interpreter starts; `BootOptions` in shared.ts.
        system: which of the system's walls to use, the best there is when None; the process must
            be started with `confine` of the same.
    """
    readable = [*own_files(assets), socket]
    for path in readable:
        if "," in str(path):
            raise SetupFailed(f"The path {path} holds a comma.", next="Set SMOLTERM_CACHE.")
    preludes = ",".join(str(path) for path in PRELUDES)
    argv = [
        assets.deno, "run", "--quiet", "--no-prompt", "--no-remote", "--no-npm", "--no-config",
        "--no-lock", "--cached-only", "--no-check", "--unstable-worker-options",
        "--deny-run", "--deny-env", "--deny-ffi", "--deny-sys", "--deny-import",
        f"--allow-read={','.join(str(path) for path in readable)}",
        f"--allow-write={socket}", f"--allow-net=unix:{socket}",
        f"--import-map={assets.import_map}",
        "--v8-flags=--disallow-code-generation-from-strings,"
        f"--wasm-max-mem-pages={caps.memory_bytes // PAGE},"
        f"--max-old-space-size={caps.heap_bytes // MB}",
        str(HERE / "broker.ts"),
        socket, str(assets.wasm), str(assets.stdlib), str(assets.snapshot or ""), preludes,
        json.dumps({"diskBytes": caps.disk_bytes, **(options or {})}),
    ]  # fmt: skip
    return enclose(argv, assets, socket, system or system_wall(assets.deno))


def environment(assets: Assets) -> dict[str, str]:
    """Return the whole environment of the process."""
    return {"DENO_DIR": str(assets.deno_dir), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"}


# --- what the operating system adds ---


@cache
def system_wall(deno: str) -> System:
    """Return the best wall that this system has: `why_not` says why it is not another."""
    missing = why_not(deno)
    if not missing["bubblewrap"]:
        return "bubblewrap"
    return "none" if missing["landlock"] else "landlock"


@cache
def why_not(deno: str | None = None) -> dict[str, str]:
    """Return for each of the system's walls why it cannot be used here; "" when it can."""
    if sys.platform != "linux":
        return dict.fromkeys(("bubblewrap", "landlock"), "Linux only")
    deno = deno or find_deno()
    try:
        needed = libraries(deno)
    except OSError as error:
        return dict.fromkeys(("bubblewrap", "landlock"), f"Deno's libraries are unknown: {error}")
    found = bubblewrap.find()
    missing = "not installed"
    if found is not None:
        probe = bubblewrap.wrap(
            found, [deno, "--version"], readable=[deno, *needed, "/etc/ld.so.cache"],
            devices=DEVICES,
        )  # fmt: skip
        kept = cache_folder() / "sandbox" / "bubblewrap.json"
        missing = bubblewrap.why_not(found, probe, kept)
    return {
        "bubblewrap": missing,
        "landlock": "" if landlock.abi() else "this kernel has none, or a container hides it",
    }


def enclose(argv: Sequence[str], assets: Assets, socket: str, system: System) -> list[str]:
    """Return a command, wrapped by bubblewrap where that is the system's wall."""
    program = bubblewrap.find()
    if system != "bubblewrap" or program is None:
        return list(argv)
    return bubblewrap.wrap(
        program, argv,
        readable=[*_readable(assets), os.path.realpath(LOCALTIME), Path(socket).parent],
        writable=[assets.deno_dir] if _being_filled(assets) else [],
        devices=DEVICES, links=[LOCALTIME],
    )  # fmt: skip


def confine(
    assets: Assets, socket: str, *, system: System | None = None
) -> Callable[[], None] | None:
    """Return what confines the thread that starts the process, see `spawn`; None: nothing does."""
    if (system or system_wall(assets.deno)) != "landlock":
        return None
    programs = {assets.deno, *libraries(assets.deno)[:1]}
    rules: list[tuple[str | Path, int]] = [(path, landlock.EXECUTE) for path in programs]
    rules += [(path, landlock.READ) for path in (*_readable(assets), LOCALTIME, *DEVICES)]
    rules += [("/dev/null", landlock.WRITE_FILE)]
    rules += [(Path(socket).parent, landlock.RESOLVE_UNIX)]
    if _being_filled(assets):
        rules += [(assets.deno_dir, landlock.ALL)]
    return lambda: landlock.restrict_thread(rules)


def limit(pid: int, caps: Caps = DEFAULT_CAPS) -> int:
    """Cap a process that has started, where the operating system offers it for another one.

    Returns:
        the process that runs the code: inside bubblewrap it is not the one that was started.
    """
    if sys.platform != "linux":
        return pid
    import resource

    pid = bubblewrap.inside(pid)
    for what, most in (
        (resource.RLIMIT_DATA, caps.data_bytes),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.prlimit(pid, what, (most, most))
    return pid


def in_force(pid: int) -> System:
    """Return which of the system's walls a started process has, by what the kernel says of it."""
    if sys.platform != "linux":
        return "none"
    inner = bubblewrap.inside(pid)
    with contextlib.suppress(OSError):
        if os.readlink(f"/proc/{inner}/ns/net") != os.readlink("/proc/self/ns/net"):  # noqa: PTH115
            return "bubblewrap"
        if "\nNoNewPrivs:\t1\n" in Path(f"/proc/{inner}/status").read_text():
            return "landlock"
    return "none"


def _readable(assets: Assets) -> list[str | Path]:
    return [
        assets.deno, *libraries(assets.deno), "/etc/ld.so.cache", assets.deno_dir,
        *own_files(assets),
    ]  # fmt: skip


def _being_filled(assets: Assets) -> bool:
    """Deno's cache is not frozen yet: the set-up runs."""
    return bool(stat.S_IMODE(assets.deno_dir.stat().st_mode) & stat.S_IWUSR)
