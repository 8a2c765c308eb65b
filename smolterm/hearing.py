"""What running packs tell, as events: bounded in length and in number, for packs are hostile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from smolterm.events import Event, PackDenied, PackSaid, ToolProgress
from smolterm.packs.notice import PackNotice
from smolterm.printable import revealed
from smolterm.tools import ToolSpec

LONGEST = 300
"""Characters of one text."""
LONGEST_LOG = 2_000
MOST_DENIED = 20
"""Denials told of one step."""
EVERY = 0.1
"""Seconds between two pieces of progress."""
MOST_SAID = 10
"""Lines of the log a second."""

Later = Callable[[float, Callable[[], None]], Any]


class Hearing:
    """Turns the notices of a session's packs into events.

    Args:
        emit: takes the events.
        step: tells the step that runs, or the last one.
        running: the calls that are being made, and the tool of each.
        clock: seconds.
        later: calls a function after some seconds; the running loop's own when None.
    """

    def __init__(
        self,
        emit: Callable[[Event], None],
        *,
        step: Callable[[], int],
        running: Callable[[], Mapping[int, ToolSpec]],
        clock: Callable[[], float] = time.monotonic,
        later: Later | None = None,
    ) -> None:
        self._emit, self._step, self._running = emit, step, running
        self._clock, self._later = clock, later
        self._denied: dict[tuple[str, str], None] = {}
        self._denied_in = -1
        self._newest: dict[tuple[str, str], tuple[PackNotice, ToolProgress]] = {}
        self._next = 0.0
        self._timer: Any = None
        self._said = 0
        self._left_out = 0
        self._since = 0.0

    def take(self, notice: PackNotice) -> None:
        """Take one notice in."""
        match notice.kind:
            case "denied":
                self._deny(notice)
            case "progress":
                self._advance(notice)
            case "log" | "started" | "stopped" as kind:
                self._say(notice, kind)

    def close(self) -> None:
        """Tell nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._newest = None, {}

    def _deny(self, notice: PackNotice) -> None:
        step = self._step()
        if step != self._denied_in:
            self._denied_in, self._denied = step, {}
        pack, text = cleaned(notice.pack), cleaned(notice.text)
        if (pack, text) in self._denied or len(self._denied) > MOST_DENIED:
            return
        if len(self._denied) == MOST_DENIED:
            text = "More was denied in this step than is told of."
        self._denied[pack, text] = None
        self._emit(PackDenied(step=step, pack=pack, text=text, tool=cleaned(notice.tool)))

    def _advance(self, notice: PackNotice) -> None:
        calls = self._calls_of(notice)
        if not calls:
            return
        names = {name for _, name in calls}
        self._newest[notice.pack, notice.tool] = (
            notice,
            ToolProgress(
                step=self._step(),
                tool=cleaned(names.pop() if len(names) == 1 else notice.pack),
                call=calls[0][0] if len(calls) == 1 else None,
                text=cleaned(notice.text),
                done=_finite(notice.done),
                total=_finite(notice.total),
            ),
        )
        left = self._next - self._clock()
        if left <= 0:
            self._flush()
        elif self._timer is None:
            later = self._later or asyncio.get_running_loop().call_later
            self._timer = later(left, self._flush)

    def _flush(self) -> None:
        self._timer = None
        newest, self._newest = self._newest, {}
        self._next = self._clock() + EVERY * len(newest)
        for notice, event in newest.values():
            # What has returned meanwhile says so itself.
            if self._calls_of(notice):
                self._emit(event)

    def _calls_of(self, notice: PackNotice) -> list[tuple[int, str]]:
        """Return the running calls that a notice may be about, and their tools."""
        return [
            (call, spec.name) for call, spec in self._running().items()
            if spec.pack == notice.pack and notice.tool in ("", spec.name)
        ]  # fmt: skip

    def _say(self, notice: PackNotice, kind: Literal["log", "started", "stopped"]) -> None:
        now = self._clock()
        if now - self._since >= 1:
            self._since, self._said = now, 0
        if self._said == MOST_SAID:
            self._left_out += 1
            return
        self._said += 1
        text = cleaned(notice.text, LONGEST_LOG)
        if self._left_out:
            text = f"({self._left_out} lines before this one are left out) {text}"
            self._left_out = 0
        self._emit(PackSaid(pack=cleaned(notice.pack), kind=kind, text=text))


def cleaned(text: str, most: int = LONGEST) -> str:
    """Return a text of a pack in one line, cut, with what cannot be seen spelled out."""
    cut = text[:most] + ("…" if len(text) > most else "")
    return revealed(" ".join(cut.split()))


def _finite(number: float | None) -> float | None:
    with suppress(OverflowError):
        if number is not None and abs(number) < 1e15:
            return float(number)
    return None
