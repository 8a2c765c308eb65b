"""The watchdog: how much memory and processor time another process takes, while a cell runs.

Looked at from outside, because a process that breaks its other limits cannot be trusted to measure
itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable

EVERY = 0.01
"""Seconds between two looks at the memory."""
CALM = 0.03
"""The same, while less than half of what is allowed is held: a look costs the host 0.1 ms."""
IDLE_LOOKS = 60
"""Looks from further away after which the processor time is counted anew."""
CPU_EVERY = 3
"""Looks at the memory for one at the processor time, which costs more."""


class Watchdog:
    """Watches one process between `start` and `stop`; on systems without /proc it sees nothing.

    Args:
        pid: the process.
        memory_bytes: resident; 0 means no limit.
        cpu_seconds: of one cell, all threads together; 0 means no limit.
        on_memory: told once per cell how many bytes it holds, past the limit.
        on_cpu: told once per cell how many seconds it took, past the limit.
    """

    def __init__(
        self,
        pid: int,
        *,
        memory_bytes: int = 0,
        cpu_seconds: float = 0.0,
        on_memory: Callable[[int], None],
        on_cpu: Callable[[float], None],
    ) -> None:
        self.memory_bytes = memory_bytes
        self.cpu_seconds = cpu_seconds
        self.peak_bytes = 0
        """The most that was seen since the last start."""
        self._on_memory: Callable[[int], None] = on_memory
        self._on_cpu: Callable[[float], None] = on_cpu
        # Open files of /proc stay bound to the process: another one of that number is never read.
        self._memory_file = _open(pid, "statm")
        self._cpu_file = _open(pid, "stat")
        self._told: set[str] = set()
        self._looks = 0
        self._every = EVERY
        self._cpu_before = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def sees(self) -> bool:
        """This system shows what a process takes."""
        return self._memory_file >= 0

    @property
    def watching(self) -> bool:
        return self._timer is not None

    def start(self, cpu_seconds: float | None = None, *, every: float = EVERY) -> None:
        """Begin with a cell.

        Args:
            cpu_seconds: of this cell, instead of the limit of the constructor.
            every: seconds between two looks.
        """
        self.stop()
        if cpu_seconds is not None:
            self.cpu_seconds = cpu_seconds
        self._told.clear()
        self._looks = 0
        self._every = every
        self.peak_bytes = 0
        if self.sees and (self.memory_bytes or self.cpu_seconds):
            self._cpu_before = self._cpu() or 0.0 if self.cpu_seconds else 0.0
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def stop(self) -> None:
        """End with the cell; safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        """Stop for good, with the process."""
        self.stop()
        for fd in (self._memory_file, self._cpu_file):
            if fd >= 0:
                os.close(fd)
        self._memory_file = self._cpu_file = -1

    def _look(self) -> None:
        held = self._resident()
        if held is None:
            self._timer = None  # The process has ended.
            return
        # Before anybody is told: who is told may stop or close this.
        calm = held < self.memory_bytes // 2 or not self.memory_bytes
        pause = max(self._every, CALM if calm else EVERY)
        self._timer = asyncio.get_running_loop().call_later(pause, self._look)
        self._looks += 1
        self.peak_bytes = max(self.peak_bytes, held)
        if self.memory_bytes and held > self.memory_bytes and "memory" not in self._told:
            self._told.add("memory")
            self._on_memory(held)
        idle = self._every > EVERY
        if self.cpu_seconds and (idle or self._looks % CPU_EVERY == 0) and "cpu" not in self._told:
            now = self._cpu() or 0.0
            taken = now - self._cpu_before
            if taken > self.cpu_seconds:
                self._told.add("cpu")
                self._on_cpu(taken)
            elif idle and self._looks % IDLE_LOOKS == 0:
                # Days of doing next to nothing add up too.
                self._cpu_before = now

    def _resident(self) -> int | None:
        line = _read(self._memory_file)
        return None if line is None else int(line.split()[1]) * _PAGE

    def _cpu(self) -> float | None:
        line = _read(self._cpu_file)
        if line is None:
            return None
        # The name in front may hold anything; user and system time are the 14th and 15th field.
        fields = line.rpartition(b")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


def _open(pid: int, name: str) -> int:
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            return os.open(f"/proc/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    return -1


def _read(fd: int) -> bytes | None:
    if fd < 0:
        return None
    try:
        return os.pread(fd, 1024, 0) or None
    except OSError:
        return None


_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
