"""How the three panes of each step stand: a small value that a person's keys change. Pure."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from smolterm.tui.panes import NAMES

STACKED_BELOW = 100
"""Columns; a narrower screen stacks the panes."""
SCROLL_BAR = 2
"""Columns that the panes never have."""
LEAST = 10
"""Percent of the width that a pane keeps when others grow."""
NARROWEST = 10
"""Cells that a pane keeps on a narrow screen."""
BY = 6
"""Percent by which a pane becomes wider or narrower."""

Shares: TypeAlias = tuple[int, int, int]


class Panes(msgspec.Struct, frozen=True):
    """Which panes are shown, how wide, and whether side by side."""

    shares: Shares = (30, 38, 32)
    """Percent of the width; they add up to 100 and hold among the panes that are shown."""
    hidden: frozenset[int] = frozenset()
    stacked: bool | None = None
    """None: below `STACKED_BELOW` columns."""

    @property
    def shown(self) -> tuple[int, ...]:
        return tuple(pane for pane in range(len(NAMES)) if pane not in self.hidden)

    def is_stacked(self, width: int) -> bool:
        """Say how they stand on so many columns, the scroll bar's not counted."""
        return width + SCROLL_BAR < STACKED_BELOW if self.stacked is None else self.stacked

    def columns(self, width: int) -> dict[int, int]:
        """Return the cells of every shown pane side by side; the widest takes what is left over."""
        total = sum(self.shares[pane] for pane in self.shown)
        least = min(NARROWEST, width // len(self.shown))
        rooms = {pane: max(width * self.shares[pane] // total, least) for pane in self.shown}
        rooms[max(rooms, key=lambda pane: rooms[pane])] += width - sum(rooms.values())
        return rooms

    def widened(self, pane: int, by: int = BY) -> Panes:
        """Return the same with one pane wider, at the cost of the others; narrower below zero."""
        others = [other for other in self.shown if other != pane]
        if pane in self.hidden or not others:
            return self
        shares = list(self.shares)
        if by < 0:
            by = -min(-by, shares[pane] - LEAST)
            others = [max(others, key=lambda other: shares[other])]
        for left in range(len(others), 0, -1):
            # From the widest first, each its part of what is still to be found.
            other = max(others, key=lambda one: shares[one])
            others.remove(other)
            given = min(-(-by // left), max(shares[other] - LEAST, 0)) if by > 0 else by
            shares[other] -= given
            shares[pane] += given
            by -= given
        return msgspec.structs.replace(self, shares=(shares[0], shares[1], shares[2]))

    def toggled(self, pane: int) -> Panes:
        """Return the same with one pane hidden or shown again; the last one stays."""
        hidden = self.hidden ^ {pane}
        return self if len(hidden) == len(NAMES) else msgspec.structs.replace(self, hidden=hidden)

    def with_pane(self, pane: int) -> Panes:
        """Return the same with that pane shown whatever was chosen."""
        return msgspec.structs.replace(self, hidden=self.hidden - {pane})

    def turned(self, width: int) -> Panes:
        """Return the same stacked where it stood side by side, and the other way round."""
        return msgspec.structs.replace(self, stacked=not self.is_stacked(width))


USUAL = Panes()


def only(pane: int | None) -> Panes:
    """Return the layout that shows one pane, or all with None."""
    return USUAL if pane is None else Panes(hidden=frozenset(range(len(NAMES))) - {pane})
