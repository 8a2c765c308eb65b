"""A view's items in one scrolling widget.

One widget draws them all, row by row, instead of a tree of a thousand: only what is on the screen
is laid out, so step 1,000 streams as fast as step 1 and nothing has to be thrown away. Rows that
look as before are not written to the terminal again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from textual import events
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from smolterm.tui.block import UNMARKED, Block, Marks, Shape, layout
from smolterm.tui.drawing import carry, difference, strip
from smolterm.tui.fold import View
from smolterm.tui.items import Item, Step

ROUNDS = 10
"""Times that the screen is looked at again because what was laid out is lower than guessed."""
GUESSED = 8
"""Rows of a step that nobody saw yet."""


class Scroller(ScrollView, can_focus=True):
    """Draws items and follows their end until the reader scrolls away from it."""

    below: reactive[bool] = reactive(False, repaint=False)
    """Something new stands below what the reader sees."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._blocks: dict[int, Block] = {}
        self._versions: dict[int, int] = {}
        self._heights: list[int] = []
        self._tops: list[int] = [0]
        self._following = True
        self._shown: dict[int, Strip] = {}

    def shape(self, index: int) -> Shape:
        """Return how one item is laid out."""
        raise NotImplementedError

    def marks(self, index: int) -> Marks:
        """Return what is marked in one item."""
        return UNMARKED

    def show_changes(self) -> None:
        """Draw what changed in the view since the last call."""
        dirty, self._view.dirty = self._view.dirty, set()
        if not self.size.width:
            self._view.dirty |= dirty
            return
        cut, self._view.cut = self._view.cut, None
        if cut is not None:
            self.shorten(cut)
        items = self._view.items
        self._heights += map(_guess, items[len(self._heights) :])
        if not dirty and cut is None:
            return
        self.arrived(dirty)
        self._measure()
        if self._following:
            self.to_end()
        else:
            self.settle()
            if dirty and max(dirty) >= self._item_at(self.scroll_offset.y + self.size.height):
                self.below = True
        self.refresh_rows()

    def arrived(self, dirty: set[int]) -> None:
        """Take note of items that are new or changed, before they are laid out."""

    def shorten(self, length: int) -> None:
        """Forget the items from one on: they are others now."""
        del self._heights[length:]
        for index in [index for index in self._blocks if index >= length]:
            del self._blocks[index]

    # Layout

    def _lay_out(self, index: int) -> bool:
        """Lay one item out if that is due; say whether its height changed."""
        item = self._view.items[index]
        if index in self._blocks and self._versions.get(index) == item.version:
            return False
        block = layout(item, self.scrollable_content_region.width, self.shape(index))
        if index in self._blocks:
            carry(self._blocks[index], block)
        self._blocks[index], self._versions[index] = block, item.version
        changed = self._heights[index] != block.height
        self._heights[index] = block.height
        self.laid_out(index, item)
        return changed

    def laid_out(self, index: int, item: Item) -> None:
        """Take note that an item is on the screen, or near it."""

    def lay_out_again(self, index: int | None = None) -> None:
        """Have one item laid out anew, or all of them, and keep the first row in place."""
        if not self._heights:
            return
        at = self._item_at(self.scroll_offset.y)
        inside, following = self.scroll_offset.y - self._tops[at], self._following
        if index is None:
            self._blocks.clear()
        else:
            self._blocks.pop(index, None)
        self._lay_out(at)
        self._measure()
        if following:
            self.to_end()
        else:
            self.scroll_to(y=self._tops[at] + min(inside, self._heights[at]), animate=False)
        self.settle()
        self.refresh()

    def _measure(self) -> None:
        self._tops = [0, *accumulate(self._heights)]
        size = Size(self.scrollable_content_region.width, self._tops[-1])
        if size != self.virtual_size:
            # Setting it plainly would have the whole screen laid out again, which changes nothing:
            # the scroll bar is always there.
            self.set_reactive(Widget.virtual_size, size)
            bar, height = self.vertical_scrollbar, self.size.height
            bar.window_virtual_size, bar.window_size = max(size.height, height), height
            self.scroll_y = self.validate_scroll_y(self.scroll_y)

    def settle(self) -> None:
        """Lay out what is on the screen and was not yet, keeping its first row in place."""
        if not self._heights or len(self._tops) <= len(self._heights):
            return
        top = self.scroll_offset.y
        for _ in range(ROUNDS):
            first, last = self._item_at(top), self._item_at(top + self.size.height)
            changed = [self._lay_out(index) for index in range(first, last + 1)]
            if not any(changed):
                break
            old = self._tops[first + 1]
            self._measure()
            if changed[0] and self._tops[first] < top:
                self.scroll_to(y=top + self._tops[first + 1] - old, animate=False)
                top = self.scroll_offset.y

    def _item_at(self, y: int) -> int:
        return min(max(bisect_right(self._tops, y) - 1, 0), len(self._heights) - 1)

    def on_resize(self, event: events.Resize) -> None:
        if self._blocks and self.scrollable_content_region.width != self.virtual_size.width:
            self.lay_out_again()
        elif self._following:
            self.to_end()
        self.settle()
        self.show_changes()

    def to_end(self) -> None:
        """Go to the last row; what stands on the last screen is laid out before."""
        room = self.size.height
        for index in range(len(self._heights) - 1, -1, -1):
            self._lay_out(index)
            room -= self._heights[index]
            if room <= 0:
                break
        self._measure()
        self.scroll_to(y=self.max_scroll_y, animate=False)
        self._following, self.below = True, False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._following = new_value >= self.max_scroll_y
        if self._following:
            self.below = False
        self.settle()

    def reveal(self, index: int) -> None:
        """Scroll so that an item is seen, from its top where it is taller than the screen."""
        self.settle()
        top, bottom = self._tops[index], self._tops[index + 1]
        screen_top, height = self.scroll_offset.y, self.size.height
        if top < screen_top or bottom - top >= height:
            self.scroll_to(y=top, animate=False)
        elif bottom > screen_top + height:
            self.scroll_to(y=bottom - height, animate=False)
        self.settle()

    def reveal_row(self, index: int, row: int) -> None:
        """Scroll so that one row of an item is seen."""
        y = self._tops[index] + row
        if not self.scroll_offset.y <= y < self.scroll_offset.y + self.size.height:
            self.scroll_to(y=max(y - self.size.height // 3, 0), animate=False)
            self.settle()

    # Drawing

    def render_line(self, y: int) -> Strip:
        drawn = self._shown[y] = next(self._draw(y, 1))
        return drawn

    def _draw(self, first: int, count: int) -> Iterator[Strip]:
        """Yield rows of the screen as they look now."""
        width, top = self.scrollable_content_region.width, self.scroll_offset.y
        dark, selection = self.app.current_theme.dark, self.text_selection
        # Items may be gone that `show_changes` was not told of yet.
        end = self._tops[min(len(self._tops) - 1, len(self._view.items))]
        index, bottom, marks = -1, -1, UNMARKED
        for y in range(top + first, top + first + count):
            if y >= bottom and y < end:
                index = self._item_at(y)
                bottom, marks = self._tops[index + 1], self.marks(index)
            block = self._blocks.get(index)
            if y >= end or block is None:
                yield Strip.blank(width, self.rich_style)
                continue
            yield strip(
                block,
                y - self._tops[index],
                width,
                item=index,
                dark=dark,
                marks=marks,
                selection=selection,
            )

    def refresh_rows(self) -> None:
        """Have the rows drawn that look different now, and no others."""
        changed = [
            Region(first, y, last - first, 1)
            for y, row in enumerate(self._draw(0, self.size.height))
            for first, last in difference(self._shown.get(y), row)
        ]
        if changed:
            self.refresh(*changed)


def _guess(item: Item) -> int:
    if not isinstance(item, Step):
        return 2
    return GUESSED if item.code is None else min(max(item.code.count("\n") + 2, 3), 22)
