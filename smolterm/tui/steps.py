"""The steps of a session as rows of three linked panes: choosing, arranging, copying."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.selection import Selection

from smolterm.events import Table
from smolterm.tui.arranging import Arranging
from smolterm.tui.block import UNMARKED, Marks
from smolterm.tui.fold import View
from smolterm.tui.items import Item, Piece, Step
from smolterm.tui.links import next_place
from smolterm.tui.panes import NAMES, Room, output_lines, pane_text
from smolterm.tui.selecting import selected


class Steps(Arranging):
    """Draws a view's items; the reader chooses one step and lines of it, unfolds and copies."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "choose(-1)", "Previous step", id="steps.previous"),
        Binding("down,j", "choose(1)", "Next step", id="steps.next"),
        Binding("pageup", "page(-1)", "Page up", id="steps.page_up"),
        Binding("pagedown", "page(1)", "Page down", id="steps.page_down"),
        Binding("home,g", "first", "First step", id="steps.first"),
        Binding("end,G", "last", "Last step", id="steps.last"),
        Binding("enter", "unfold", "Unfold", id="steps.unfold"),
        Binding("z,f", "read", "Full screen", id="steps.read"),
        Binding("left_square_bracket", "link(-1)", "Previous link", id="steps.link_before"),
        Binding("right_square_bracket", "link(1)", "Next link", id="steps.link_after"),
        Binding("i", "look", "Look at the table or image", id="steps.look"),
        Binding("v", "pager", "All of the pane in $PAGER", id="steps.pager"),
        Binding("c", "copy('code')", "Copy code", id="steps.copy_code"),
        Binding("o", "copy('output')", "Copy output", id="steps.copy_output"),
        Binding("r", "copy('reasoning')", "Copy reasoning", id="steps.copy_reasoning"),
    ]

    chosen: reactive[int | None] = reactive(None, repaint=False)
    """The item that is highlighted: always a step."""

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

    class ReadAsked(Message):
        """The reader wants one step, or one pane of it, full screen."""

        def __init__(self, step: Step, pane: int | None) -> None:
            super().__init__()
            self.step = step
            self.pane = pane

    class PagerAsked(Message):
        def __init__(self, text: str, name: str) -> None:
            super().__init__()
            self.text = text
            self.name = name

    class TableAsked(Message):
        def __init__(self, name: str, table: Table) -> None:
            super().__init__()
            self.name = name
            """The variable, where it is one; empty otherwise."""
            self.table = table

    class PictureAsked(Message):
        """An image is on the screen that nobody decoded yet, or is asked for in full."""

        def __init__(self, step: Step, piece: Piece, *, full: bool) -> None:
            super().__init__()
            self.step = step
            self.piece = piece
            self.full = full

    class Unlinked(Message):
        """There is nothing to go to or to look at; the text says what."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._left_at: int | None = None  # where a question took the reader from the end to
        self._due: int | None = None  # the step that waits, until there are rows to show it in
        self._picked = False  # the reader chose the step, so new ones do not take over
        self._asked: set[int] = set()  # pieces whose picture is being made

    # Values in

    def arrived(self, dirty: set[int]) -> None:
        steps = [index for index in dirty if isinstance(self._view.items[index], Step)]
        if steps and (not self._picked or self.chosen is None):
            self.chosen = max(steps)

    def shorten(self, length: int) -> None:
        super().shorten(length)
        self._unfolded = {index for index in self._unfolded if index < length}
        if self.chosen is not None and self.chosen >= length:
            steps = self._step_indexes(length)
            self.chosen, self._picked = (steps[-1] if steps else None), False

    def attend(self, number: int | None) -> None:
        """Bring a step that waits for the person on the screen, the code before all.

        None means that nothing waits any more: whoever followed the end before, follows it again.
        """
        step = None if number is None else self._view.at(number)
        self._due = number if step is not None and not self._heights else None
        if step is None:
            if self._left_at == self.scroll_offset.y:
                self.to_end()
            self._left_at = None
        elif self._heights:
            following = self._following
            self.chosen, self._picked = self._view.items.index(step), False
            self.reveal(self.chosen)
            if self._heights[self.chosen] > self.size.height:
                code = self._blocks[self.chosen].top_of(1)
                self.scroll_to(y=self._tops[self.chosen] + code, animate=False)
            self._left_at = self.scroll_offset.y if following else None

    def on_resize(self, event: events.Resize) -> None:
        if self._due is not None:
            self.call_after_refresh(self.attend, self._due)

    def laid_out(self, index: int, item: Item) -> None:
        """Ask for the pictures of images that come on the screen."""
        for piece in item.pieces if isinstance(item, Step) else ():
            if piece.kind == "image" and piece.picture is None and id(piece) not in self._asked:
                self._asked.add(id(piece))
                assert isinstance(item, Step)
                self.post_message(self.PictureAsked(item, piece, full=False))

    def marks(self, index: int) -> Marks:
        item = self._view.items[index]
        if not isinstance(item, Step):
            return UNMARKED
        if index != self.chosen:
            return Marks(running=item.line) if item.line else UNMARKED
        return Marks(self.pane, self._place or (-1, -1), self._code, item.line)

    def watch_chosen(self, before: int | None, now: int | None) -> None:
        if before != now:
            self.unmark(before)
        self.refresh_rows()

    def watch_below(self, below: bool) -> None:
        self.post_message(self.BelowChanged(below))

    # Choosing a step

    def _step_indexes(self, length: int | None = None) -> list[int]:
        items = self._view.items[:length]
        return [n for n, item in enumerate(items) if isinstance(item, Step)]

    @property
    def step(self) -> Step | None:
        """The chosen step."""
        item = None if self.chosen is None else self._view.items[self.chosen]
        return item if isinstance(item, Step) else None

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
        self.reveal(index)

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
        self.to_end()

    def action_unfold(self, index: int | None = None) -> None:
        """Show all of the chosen step, or fold it again."""
        index = self.chosen if index is None else index
        if index is None:
            return
        block = self._blocks.get(index)
        if index not in self._unfolded and not (block and block.has_fold):
            return
        self._unfolded ^= {index}
        following = self._following
        self._following = following and index not in self._unfolded
        self.lay_out_again(index)
        if not self._following:
            self.reveal(index)

    # Choosing a line

    def on_click(self, event: events.Click) -> None:
        at = event.get_content_offset(self)
        if at is None or not self._heights:
            return
        y = at.y + self.scroll_offset.y
        index = self._item_at(y)
        if y >= self._tops[-1] or not isinstance(self._view.items[index], Step):
            return
        self.chosen, self._picked = index, index != self._step_indexes()[-1]
        block, row = self._blocks[index], y - self._tops[index]
        self.pane = block.pane_at(at.x, row, self.pane)
        place = block.at(at.x, row)
        if place is None or place[0] not in (1, 2):
            self.unmark(index)
        elif place[1] < 0:
            self.action_unfold(index)
        else:
            self._mark(index, place)

    def _mark(self, index: int, place: tuple[int, int]) -> None:
        """Mark a line and what it is linked with, in view even where panes are folded."""
        pane, line = place
        block = self._blocks[index]
        lines = block.lines_of(2)
        code = line + 1 if pane == 1 else lines[line].code if line < len(lines) else 0
        self.mark(index, place, code)
        # The chosen line last: where both do not fit, it is the one that is seen.
        for row in [self._blocks[index].row_of(*at) for at in (self._other(index, place), place)]:
            if row is not None:
                self.reveal_row(index, row)

    def _other(self, index: int, place: tuple[int, int]) -> tuple[int, int]:
        """Return the other end of a link."""
        if place[0] == 2:
            return 1, self._code - 1
        lines = self._blocks[index].lines_of(2)
        return 2, next((n for n, line in enumerate(lines) if line.code == self._code), -1)

    def action_link(self, by: int) -> None:
        """Go to the next line of the step that is linked with one in another pane."""
        index, step = self.chosen, self.step
        if index is None or step is None or index not in self._blocks:
            return
        lines = self._blocks[index].lines_of(2) or output_lines(step, Room(), full=False)
        at = self._place
        if at is not None and at[0] != self.pane and self._code:
            at = self._other(index, at)  # from the end of the link that is in this pane
        place = next_place(self.pane, at, lines, by)
        if place is None:
            self.post_message(self.Unlinked("nothing in this step is linked"))
            return
        self.pane = place[0]
        self._mark(index, place)

    # Looking closer

    def action_read(self) -> None:
        if self.step is not None:
            self.post_message(self.ReadAsked(self.step, None))

    def action_look(self) -> None:
        """Look at the newest table or image of the chosen step."""
        pieces = self.step.pieces if self.step is not None else []
        for piece in reversed(pieces):
            if piece.table is not None:
                self.post_message(self.TableAsked(str(piece.text), piece.table))
                return
            if piece.image is not None:
                assert self.step is not None
                self.post_message(self.PictureAsked(self.step, piece, full=True))
                return
        self.post_message(self.Unlinked("no table or image in this step"))

    def action_pager(self) -> None:
        """Hand all of the chosen pane to the pager."""
        step = self.step
        if step is not None:
            text = pane_text(step, self.pane)
            ending = "py" if self.pane == 1 else "txt"
            self.post_message(
                self.PagerAsked(text, f"step-{step.number}-{NAMES[self.pane]}.{ending}")
            )

    def action_copy(self, what: str) -> None:
        if self.step is not None:
            self.post_message(self.CopyAsked(pane_text(self.step, NAMES.index(what)), what))

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh_rows()

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Return the selected text of the pane that the selection began in."""
        return selected(self._blocks, selection)
