"""The newest events as they came, for whoever looks for a fault: bounded, and without secrets."""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from smolterm.events import Displayed, Event, LineReached, OutputAdded, ReplyDelta, to_line

MOST = 2_000
"""Entries that are kept."""
LONGEST = 4_000
"""Characters of one entry that are shown."""
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|hf|xox[abp]|gh[pousr]|github_pat|glpat|AKIA|AIza)[-_]?[A-Za-z0-9_\-]{16,}"
    r"|(?i:bearer\s+)[A-Za-z0-9._\-]{16,}"
)
HIDDEN = "•••"


class Entry(NamedTuple):
    """One event, or a run of pieces of the same text."""

    at: float
    """Seconds on the app's clock."""
    event: Event
    """The last of the run."""
    pieces: int = 1
    size: int = 0
    """Characters in the whole run."""


class EventLog:
    """A ring: adding costs next to nothing, making lines of it is left to whoever looks."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.began = clock()
        self.entries: deque[Entry] = deque(maxlen=MOST)
        self.dropped = 0

    def add(self, event: Event) -> None:
        now = self._clock()
        if isinstance(event, ReplyDelta | OutputAdded | LineReached):
            size = 0 if isinstance(event, LineReached) else len(event.text)
            last = self.entries[-1] if self.entries else None
            if last is not None and _goes_on(last.event, event):
                self.entries[-1] = Entry(last.at, event, last.pieces + 1, last.size + size)
                return
            entry = Entry(now, event, 1, size)
        elif isinstance(event, Displayed) and event.image is not None:
            # The picture itself is kept by the view alone.
            shown = Displayed(step=event.step, name=event.name, alt=event.alt, at=event.at)
            entry = Entry(now, shown, 1, len(event.image))
        else:
            entry = Entry(now, event)
        self.dropped += len(self.entries) == MOST
        self.entries.append(entry)


def _goes_on(last: Event, event: ReplyDelta | OutputAdded | LineReached) -> bool:
    if isinstance(event, ReplyDelta):
        return isinstance(last, ReplyDelta) and last.channel == event.channel
    if isinstance(event, OutputAdded):
        return isinstance(last, OutputAdded) and last.stream == event.stream
    return isinstance(last, LineReached)


def entry_line(entry: Entry, secrets: tuple[str, ...], limit: int = LONGEST) -> str:
    """Return an entry as one JSON line without secrets; a long one is cut and says so."""
    line = to_line(entry.event).decode("utf-8", "replace").rstrip("\n")
    line = without_secrets(line, secrets)
    if len(line) > limit:
        line = f"{line[:limit]}… {len(line) - limit:,} characters more"
    if entry.pieces > 1:
        line += f"  ×{entry.pieces}, {entry.size:,} characters"
    return line


def known_secrets(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Return the values that the environment calls secret, the longest first."""
    found = {value for name, value in environ.items() if _SECRET_NAME.search(name)}
    return tuple(sorted((each for each in found if len(each) >= 8), key=len, reverse=True))


def without_secrets(text: str, secrets: tuple[str, ...]) -> str:
    """Return text in which nothing stands that looks or is known to be a key."""
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return _SECRET.sub(HIDDEN, text)


def timings(entries: Iterator[Entry]) -> dict[str, float]:
    """Return seconds by what they went to, as far as the events tell."""
    spent: dict[str, float] = {}
    for entry in entries:
        seconds = getattr(entry.event, "seconds", None)
        if isinstance(seconds, float):
            name = type(entry.event).__name__
            spent[name] = spent.get(name, 0.0) + seconds
    return spent
