"""Nobody answers by accident: which key press is meant as an answer, and which is not. Pure.

Terminals tell typing and pasting from answering by time alone. So a key counts only while nothing
is held, and only when it stands alone: no other key shortly before it, and none for a moment after
it, in which it can be taken back. Keys that come in a run are text that was meant for elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

HOLD = 0.5
"""Seconds in which nothing answers, from when a question appears or a key came in that time."""
OPENING = 0.15
"""Seconds of quiet around a key that only shows something."""
DECIDING = 0.3
"""The same around a key that decides: longer than most people need for the next letter."""
UNKNOWN = 1.0
"""Seconds after a letter that means nothing here: what follows is text."""


class Guard:
    """Watches the keys that one question gets."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._held_until = 0.0
        self._last = float("-inf")
        self._quiet = DECIDING  # how long after the last key the next one belongs to it
        self._alone = True
        self._due = 0.0
        self.pending: str | None = None
        """What will be done when the quiet has lasted."""
        self.run: list[str] = []
        """Characters that came close together."""

    @property
    def held(self) -> bool:
        return self._clock() < self._held_until

    @property
    def left(self) -> float:
        """Seconds until what is pending is due."""
        return max(self._due - self._clock(), 0.0)

    def hold(self) -> None:
        """Take no answer for a while."""
        self._held_until, self.pending = self._clock() + HOLD, None

    def key(self, character: str | None) -> bool:
        """Note a key, before anything is done for it; say whether it can be an answer.

        Args:
            character: what it writes; None for one that writes nothing.
        """
        now, held = self._clock(), self.held
        self._alone = now - self._last >= self._quiet
        taken_back = self.pending is not None
        joined = not self._alone or (held and bool(self.run))
        self.pending = None
        if character is None:
            self.run = []
        else:
            self.run = [*self.run, character] if joined and self.run else [character]
        self._last = now
        self._quiet = DECIDING if character is None else UNKNOWN
        if held:
            self.hold()
        return self._alone and not held and not taken_back

    def understood(self) -> None:
        """The key just noted meant something here, though it answers nothing."""
        self._quiet = DECIDING

    @property
    def is_text(self) -> bool:
        """The keys so far are text; one key that is held down or bounces is none."""
        return len(set(self.run)) > 1

    def choose(self, name: str, quiet: float) -> bool:
        """Have something done for the key just noted once it stood alone for so many seconds."""
        if self.held or not self._alone:
            return False
        self._quiet = quiet
        self.pending, self._due = name, self._clock() + quiet
        return True

    def take(self) -> str | None:
        """Return what is due now, once."""
        if self.pending is None or self.held or self._clock() < self._due:
            return None
        name, self.pending, self.run = self.pending, None, []
        return name

    def forget(self) -> None:
        """Begin anew: what was typed has gone where it belongs."""
        self.pending, self.run = None, []
