"""bubblewrap: a view of the machine in which nothing else exists, where `bwrap` is installed.

No network, no other process, no file but those that are named, no privilege. It needs the kernel's
user namespaces, which many systems forbid; so it is tried once, and the answer kept until the next
start of the machine.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from smolterm.loader import changed_at

PLACES = "/usr/bin:/bin:/usr/local/bin:/run/current-system/sw/bin"
"""Never from PATH, where anybody may have put one."""
PROBE_SECONDS = 10
FLAGS = (
    "--unshare-user", "--disable-userns", "--unshare-ipc", "--unshare-pid", "--unshare-net",
    "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--die-with-parent",
    "--cap-drop", "ALL", "--chdir", "/",
)  # fmt: skip
"""Its process group is not left, so that ending the group ends everything in it."""


def find() -> str | None:
    """Return bubblewrap's program."""
    return shutil.which("bwrap", path=PLACES)


def wrap(
    program: str,
    argv: Sequence[str],
    *,
    readable: Iterable[str | Path],
    writable: Iterable[str | Path] = (),
    devices: Iterable[str] = (),
    links: Iterable[str] = (),
) -> list[str]:
    """Return the command that runs another one with those paths alone, each where it lies.

    Args:
        links: symbolic links that are made again as they are.
    """
    wrapped = [program, *FLAGS]
    for path in readable:
        wrapped += ["--ro-bind-try", str(path), str(path)]
    for path in writable:
        wrapped += ["--bind", str(path), str(path)]
    for path in devices:
        wrapped += ["--dev-bind", path, path]
    for path in links:
        with contextlib.suppress(OSError):
            wrapped += ["--symlink", os.readlink(path), path]  # noqa: PTH115
    # The folders that lead to those paths lie in memory and could be filled.
    return [*wrapped, "--remount-ro", "/", "--", *argv]


def why_not(program: str, probe: Sequence[str], kept: Path) -> str:
    """Return why bubblewrap does not work here, "" when it does.

    Args:
        probe: a wrapped command that ends with 0 when all is well.
        kept: the file that keeps the answer.
    """
    key = _circumstances(program, probe)
    with contextlib.suppress(OSError, ValueError, AttributeError):
        answer = json.loads(kept.read_text())
        if answer.get("key") == key:
            return str(answer["why"])
    why = _try(probe)
    with contextlib.suppress(OSError):
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_name(f"{kept.name}.{os.getpid()}")
        new.write_text(json.dumps({"key": key, "why": why}))
        new.replace(kept)
    return why


def _try(probe: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            probe, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=PROBE_SECONDS, env={"NO_COLOR": "1"}, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)[:200]
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    said = "".join(c for c in (lines[-1] if lines else "") if c.isprintable())
    return said[:200] or f"it ends with status {done.returncode}"


def _circumstances(program: str, probe: Sequence[str]) -> str:
    """Return what the answer depends on: kernel, start of the machine, container, user, command."""
    facts = [
        changed_at(program), os.uname().release, _text("/proc/sys/kernel/random/boot_id"),
        _link("/proc/self/ns/user"), _link("/proc/self/ns/mnt"), os.getuid(),
        _text("/proc/sys/user/max_user_namespaces"),
        _text("/proc/sys/kernel/unprivileged_userns_clone"),
        _text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns"), *probe,
    ]  # fmt: skip
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115
    except OSError:
        return ""


def inside(pid: int) -> int:
    """Return the process that bubblewrap's own process `pid` runs: the child of its child."""
    for _ in range(2):
        pid = next(iter(_children(pid)), pid)
    return pid


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError, ValueError):
        return [int(c) for c in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
