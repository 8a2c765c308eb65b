"""The doors of a native pack, in its own process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from smolterm.pack.bridge import _bind
from smolterm.packs.doors import Doors
from smolterm.packs.doors.grant import Grant
from smolterm.packs.notice import PackNotice

PERIOD = 10.0
"""Seconds."""
MOST_TOLD = 200
"""Log lines, and as many refusals, in a period."""
PROGRESS_SECONDS = 0.05
"""Between two tellings of how far a tool is."""


def bind(
    grant: Grant,
    on_denied: Callable[[str], None] | None = None,
    on_notice: Callable[[PackNotice], None] | None = None,
) -> Doors:
    """Answer `smolterm.pack` in this process; for the host, before the pack is imported.

    `secrets[...]` gives the secret itself here, because a native pack opens sockets of its own.

    Args:
        on_denied: told refusals, `MOST_TOLD` in `PERIOD` at most.
        on_notice: told log lines and progress, as many as a person can read.
    """
    spared = Spared(on_denied, on_notice)
    doors = Doors(grant, on_denied=spared.denied, on_notice=spared.notice, native=True)
    _bind(doors.call)
    return doors


class Spared:
    """Passes on what a pack tells, but no flood of it.

    Args:
        now: seconds, from any start.
    """

    def __init__(
        self,
        on_denied: Callable[[str], None] | None,
        on_notice: Callable[[PackNotice], None] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_denied = on_denied
        self._on_notice = on_notice
        self._now = now
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}
        self._told: dict[str, int] = {}

    def denied(self, text: str) -> None:
        """Pass on a refusal."""
        if self._on_denied is not None and self._may("denied", MOST_TOLD, PERIOD):
            self._on_denied(text)

    def notice(self, notice: PackNotice) -> None:
        """Pass on a log line or a progress."""
        of_progress = notice.kind == "progress"
        most, period = (1, PROGRESS_SECONDS) if of_progress else (MOST_TOLD, PERIOD)
        if self._on_notice is not None and self._may(notice.kind, most, period):
            self._on_notice(notice)

    def _may(self, kind: str, most: int, period: float) -> bool:
        with self._lock:
            now = self._now()
            if kind not in self._since or now - self._since[kind] >= period:
                self._since[kind], self._told[kind] = now, 0
            self._told[kind] += 1
            return self._told[kind] <= most
