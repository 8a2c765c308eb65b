"""The steps of a session as rows of three linked panes, in one scrolling widget.

One widget draws them all, row by row, instead of a tree of a thousand: only what is on the screen
is laid out, so step 1,000 streams as fast as step 1 and nothing has to be thrown away.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from smolterm.tui import block as blocks
from smolterm.tui.block import LINES, Block
from smolterm.tui.fold import Step, View
from smolterm.tui.panes import NAMES, pane_text


class Steps(ScrollView, can_focus=True):
    """Draws a view's items; the reader chooses one step, scrolls, unfolds and copies."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "Previous step", id="steps.previous"),
        Binding("down,j", "choose(1)", "Next step", id="steps.next"),
        Binding("pageup", "page(-1)", "Page up", id="steps.page_up"),
        Binding("pagedown", "page(1)", "Page down", id="steps.page_down"),
        Binding("home", "first", "First step", id="steps.first"),
        Binding("end", "last", "Last step", id="steps.last"),
        Binding("enter", "unfold", "Unfold", id="steps.unfold"),
        Binding("c", "copy('code')", "Copy code", id="steps.copy_code"),
        Binding("o", "copy('output')", "Copy output", id="steps.copy_output"),
        Binding("r", "copy('reasoning')", "Copy reasoning", id="steps.copy_reasoning"),
    ]

    chosen: reactive[int | None] = reactive(None)
    """The item that is highlighted: always a step."""
    below: reactive[bool] = reactive(False)
    """Something new stands below what the reader sees."""

    class CopyAsked(Message):
        def __init__(self, text: str, what: str) -> None:
            super().__init__()
            self.text = text
            self.what = what

    class BelowChanged(Message):
        """Whether there is unseen output below changed."""

        def __init__(self, below: bool) -> None:
            super().__init__()
            self.below = below

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._blocks: dict[int, Block] = {}
        self._versions: dict[int, int] = {}
        self._heights: list[int] = []
        self._tops: list[int] = [0]
        self._unfolded: set[int] = set()
        self._following = True
        self._left_at: int | None = None  # where a question took the reader from the end to
        self._picked = False  # the reader chose the step, so new ones do not take over

    # Values in

    def show_changes(self) -> None:
        """Draw what changed in the view since the last call."""
        dirty, self._view.dirty = self._view.dirty, set()
        if not dirty or not self.size.width:
            self._view.dirty |= dirty
            return
        items = self._view.items
        self._heights += [1] * (len(items) - len(self._heights))
        steps = [index for index in dirty if isinstance(items[index], Step)]
        if steps and not self._picked:
            self.chosen = max(steps)
        changed = [self._lay_out(index) for index in sorted(dirty)]
        if any(changed):
            self._measure()
        if self._following:
            self._to_end()
        elif max(dirty) >= self._item_at(self.scroll_offset.y + self.size.height):
            self.below = True
        self.refresh()

    def attend(self, number: int | None) -> None:
        """Bring a step that waits for the person on the screen, the code before all.

        None means that nothing waits any more: whoever followed the end before, follows it again.
        """
        step = None if number is None else self._view.at(number)
        if step is None:
            if self._left_at == self.scroll_offset.y:
                self._to_end()
            self._left_at = None
        elif self._heights:
            following = self._following
            self.chosen, self._picked = self._view.items.index(step), False
            self._reveal(self.chosen)
            if self._heights[self.chosen] > self.size.height:
                code = self._blocks[self.chosen].top_of(1)
                self.scroll_to(y=self._tops[self.chosen] + code, animate=False)
            self._left_at = self.scroll_offset.y if following else None

    # Layout

    def _lay_out(self, index: int) -> bool:
        """Lay one item out if that is due; say whether its height changed."""
        item = self._view.items[index]
        if index in self._blocks and self._versions.get(index) == item.version:
            return False
        width = self.scrollable_content_region.width
        block = blocks.layout(item, width, unfolded=index in self._unfolded)
        self._blocks[index], self._versions[index] = block, item.version
        changed = self._heights[index] != block.height
        self._heights[index] = block.height
        return changed

    def _measure(self) -> None:
        self._tops = [0, *accumulate(self._heights)]
        self.virtual_size = Size(self.scrollable_content_region.width, self._tops[-1])

    def _settle(self) -> None:
        """Lay out what is on the screen and was not yet, keeping its first row in place."""
        if not self._heights:
            return
        top = self.scroll_offset.y
        for _ in range(3):
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
            at = self._item_at(self.scroll_offset.y)
            inside = self.scroll_offset.y - self._tops[at]
            self._blocks.clear()
            self._lay_out(at)
            self._measure()
            if not self._following:
                self.scroll_to(y=self._tops[at] + min(inside, self._heights[at]), animate=False)
        if self._following:
            self._to_end()
        self._settle()
        self.show_changes()

    def _to_end(self) -> None:
        """Go to the last row; rows that were never laid out are, on the way."""
        for _ in range(3):
            self.scroll_to(y=self.max_scroll_y, animate=False)
            before = self._tops[-1]
            self._settle()
            if self._tops[-1] == before:
                break
        self.below = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._following = new_value >= self.max_scroll_y
        if self._following:
            self.below = False
        self._settle()

    # Drawing

    def render_line(self, y: int) -> Strip:
        y += self.scroll_offset.y
        width = self.scrollable_content_region.width
        dark = self.app.current_theme.dark
        if not self._heights or y >= self._tops[-1]:
            return Strip.blank(width, self.rich_style)
        index = self._item_at(y)
        block = self._blocks.get(index)
        if block is None:
            return Strip.blank(width, self.rich_style)
        return blocks.strip(
            block,
            y - self._tops[index],
            width,
            item=index,
            dark=dark,
            chosen=index == self.chosen,
            selection=self.text_selection,
        )

    def watch_chosen(self) -> None:
        self.refresh()

    def watch_below(self, below: bool) -> None:
        self.post_message(self.BelowChanged(below))

    # Choosing

    def _step_indexes(self) -> list[int]:
        return [n for n, item in enumerate(self._view.items) if isinstance(item, Step)]

    def action_choose(self, by: int) -> None:
        """Choose the step before or after; a step taller than the screen scrolls first."""
        steps = self._step_indexes()
        if not steps:
            return
        at = self.chosen if self.chosen in steps else steps[-1]
        assert at is not None
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        hidden = self._tops[at] < top if by < 0 else self._tops[at + 1] > bottom
        if hidden and self._heights[at] > self.size.height:
            self.scroll_relative(y=by * max(self.size.height // 2, 1), animate=False)
            return
        place = steps.index(at) + by
        if 0 <= place < len(steps):
            self._pick(steps[place])
        elif by > 0:
            self.action_last()
        else:
            self.scroll_home(animate=False)

    def _pick(self, index: int) -> None:
        self.chosen, self._picked = index, index != self._step_indexes()[-1]
        self._reveal(index)

    def _reveal(self, index: int) -> None:
        self._settle()
        top, bottom = self._tops[index], self._tops[index + 1]
        screen_top, height = self.scroll_offset.y, self.size.height
        if top < screen_top or bottom - top >= height:
            self.scroll_to(y=top, animate=False)
        elif bottom > screen_top + height:
            self.scroll_to(y=bottom - height, animate=False)
        self._settle()

    def press(self, key: str) -> None:
        """Do what a key does here, for somebody who holds the focus elsewhere."""
        if key in ("pageup", "pagedown"):
            self.action_page(-1 if key == "pageup" else 1)
        elif key in ("home", "end"):
            (self.action_first if key == "home" else self.action_last)()
        elif key == "enter":
            self.action_unfold()
        else:
            self.action_choose(-1 if key in ("up", "k") else 1)

    def action_page(self, by: int) -> None:
        self.scroll_relative(y=by * max(self.size.height - 2, 1), animate=False)
        top, bottom = self.scroll_offset.y, self.scroll_offset.y + self.size.height
        steps = self._step_indexes()
        seen = [n for n in steps if self._tops[n] < bottom and self._tops[n + 1] > top]
        if seen:
            self.chosen = seen[-1 if by > 0 else 0]
            self._picked = self.chosen != steps[-1]

    def action_first(self) -> None:
        steps = self._step_indexes()
        if steps:
            self._pick(steps[0])
        self.scroll_home(animate=False)

    def action_last(self) -> None:
        steps = self._step_indexes()
        if steps:
            self._pick(steps[-1])
        self._picked = False
        self._to_end()

    def action_unfold(self, index: int | None = None) -> None:
        """Show all of the chosen step, or fold it again."""
        index = self.chosen if index is None else index
        if index is None:
            return
        block = self._blocks.get(index)
        if index not in self._unfolded and not (block and block.has_fold):
            return
        self._unfolded ^= {index}
        self._blocks.pop(index, None)
        following = self._following
        if self._lay_out(index):
            self._measure()
        self.refresh()
        if following and index not in self._unfolded:
            self._to_end()
        else:
            self._reveal(index)

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or not self._heights:
            return
        y = at.y + self.scroll_offset.y
        index = self._item_at(y)
        if y >= self._tops[-1] or not isinstance(self._view.items[index], Step):
            return
        self.chosen, self._picked = index, index != self._step_indexes()[-1]
        block = self._blocks.get(index)
        if block is not None and block.fold_at(at.x, y - self._tops[index]):
            self.action_unfold(index)

    # Copying

    def action_copy(self, what: str) -> None:
        item = None if self.chosen is None else self._view.items[self.chosen]
        if isinstance(item, Step):
            self.post_message(self.CopyAsked(pane_text(item, NAMES.index(what)), what))

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text of the pane that the selection began in."""
        start, end = selection
        if start is None or end is None:
            return None
        pane, item, line = _place(start.y)
        _, last_item, last_line = _place(end.y)
        if _place(end.y)[0] != pane:
            last_line = LINES - 1
        found: list[str] = []
        for index in range(item, last_item + 1):
            lines = self._lines(index, pane)
            first = line if index == item else 0
            last = min(last_line, len(lines) - 1) if index == last_item else len(lines) - 1
            for number in range(first, last + 1):
                text = lines[number]
                stop = end.x if (index, number) == (last_item, last_line) else len(text)
                found.append(text[start.x if (index, number) == (item, line) else 0 : stop])
        return "\n".join(found), "\n"

    def _lines(self, index: int, pane: int) -> list[str]:
        block = self._blocks.get(index)
        areas = [area for area in block.areas if area.pane == pane] if block else []
        return [line.text for area in areas for line in area.lines]


def _place(row: int) -> tuple[int, int, int]:
    """Take a selection's row apart: pane, item, line."""
    rest, line = divmod(row, LINES)
    return (*divmod(rest, LINES), line)
