"""The newest events as they came, for debugging: raw, timed, bounded and without secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Static

from smolterm.tui.eventlog import MOST, entry_line, known_secrets, timings
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import style


class EventList(Listing):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Show it whole", id="log.whole"),
    ]


class LogPage(Page):
    """One line an event; Enter shows one whole, c copies it, C all."""

    NAME = "Log"
    DEFAULT_CSS = """
    LogPage > #whole { height: auto; max-height: 50%; background: $surface; padding: 0 1;
                       overflow-y: auto; }
    LogPage > #children { height: auto; max-height: 3; background: $background; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy(0)", "Copy the event", id="log.copy"),
        Binding("C", "copy(1)", "Copy all", id="log.copy_all"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._secrets = known_secrets()

    def body(self) -> Iterable[Widget]:
        yield Static(id="children", markup=False)
        yield EventList(empty="no events yet")
        yield Static(id="whole", markup=False)

    def on_mount(self) -> None:
        self.query_one("#whole").display = False
        listing = self.query_one(Listing)
        self.renew()
        listing.at = max(listing.count - 1, 0)
        listing.focus()

    def renew(self) -> None:
        log, listing = self.base.events, self.query_one(Listing)
        following = listing.at >= listing.count - 1
        self._entries = list(log.entries)
        count = len(self._entries)
        listing.show(count, self._lines, at=count - 1 if following else None)
        spent = ", ".join(f"{k} {v:.1f} s" for k, v in timings(iter(self._entries)).items())
        kept = f"the newest {MOST:,} of {count + log.dropped:,}" if log.dropped else f"{count:,}"
        self.head(f"{kept} events  {spent}".rstrip())
        self.query_one("#children", Static).update(
            Text("\n".join(children()[:3]) or "no children", style("quiet", self.dark))
        )

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        entry, dark = self._entries[at], self.dark
        since = entry.at - self.base.events.began
        gap = entry.at - self._entries[at - 1].at if at else 0.0
        text = Text(no_wrap=True).append(f"{since:8.3f} +{gap:6.3f} ", style("quiet", dark))
        text.append(type(entry.event).__name__, style("name", dark))
        # No more than can be seen is made into JSON's text.
        return [text.append(" " + entry_line(entry, self._secrets, max(width, 20)))]

    def on_listing_taken(self, event: Listing.Taken) -> None:
        whole = self.query_one("#whole", Static)
        whole.display = not whole.display
        self._show_whole()

    def on_listing_moved(self) -> None:
        self._show_whole()

    def _show_whole(self) -> None:
        whole, at = self.query_one("#whole", Static), self.query_one(Listing).at
        if whole.display and at < len(self._entries):
            whole.update(Text(entry_line(self._entries[at], self._secrets)))

    def action_copy(self, everything: int) -> None:
        at = self.query_one(Listing).at
        chosen = self._entries if everything else self._entries[at : at + 1]
        lines = [entry_line(entry, self._secrets) for entry in chosen]
        self.base.copy("\n".join(lines), "log" if everything else "event")


def children() -> list[str]:
    """Return what runs below this process: id, what it is, state and memory; Linux alone tells."""
    found: list[str] = []
    with suppress(OSError):
        for listed in Path("/proc/self/task").glob("*/children"):
            for pid in listed.read_text().split():
                with suppress(OSError, ValueError, IndexError):
                    found.append(_child(int(pid)))
    return found


def _child(pid: int) -> str:
    status = dict(
        line.partition(":")[::2] for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    # Of the command line only what is no argument: those may be anything.
    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    names = [os.path.basename(w.decode("utf-8", "replace")) for w in words if w]  # noqa: PTH119
    what = next((n for n in names if n.endswith(".ts") or n.startswith("smolterm.")), names[0])
    memory = int(status.get("VmRSS", "0 kB").split()[0]) / 1024
    return f"{pid}  {what}  {status['State'].strip()}  {memory:.0f} MB"
