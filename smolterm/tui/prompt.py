"""Where the person writes: several lines, Enter sends, with a history and completion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.document._document import EditResult, Location, Selection
from textual.message import Message

from smolterm.history import History
from smolterm.tui import suggest
from smolterm.tui.field import Field
from smolterm.tui.palette import style
from smolterm.tui.pastes import MOST_BYTES, Pastes, clean
from smolterm.tui.suggest import Asked, Choice, Menu

LONGEST_RECALLED = 200
"""Entries that a search shows."""


def _quiet(key: str, action: str, description: str, name: str) -> Binding:
    return Binding(key, action, description, show=False, id=f"prompt.{name}")


class Prompt(Field, inherit_bindings=False):
    """Takes what is typed, completes it, and gives it to whoever does something with it.

    Args:
        placeholder: what an empty one says.
        menu: shows what could be meant.
        history: what was typed before.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        _quiet("enter", "send", "Send, or queue while a task runs", "send"),
        Binding("shift+enter,alt+enter,ctrl+j,ctrl+enter", "newline", "New line",
                id="prompt.newline"),
        _quiet("ctrl+s", "steer", "Tell the model now", "steer"),
        _quiet("tab", "complete", "Complete, else leave", "complete"),
        _quiet("up", "up", "Line up, or earlier", "up"),
        _quiet("down", "down", "Line down, or later", "down"),
        Binding("ctrl+r", "search", "History", id="prompt.search"),
        _quiet("ctrl+g", "editor", "Write in $EDITOR", "editor"),
        _quiet("ctrl+o", "unfold", "Unfold what was pasted", "unfold"),
        _quiet("escape", "close", "Close the list", "close"),
        _quiet("pageup", "page(-1)", "Steps: page up", "page_up"),
        _quiet("pagedown", "page(1)", "Steps: page down", "page_down"),
        _quiet("ctrl+z,super+z", "undo", "Undo", "undo"),
        _quiet("ctrl+y,super+y", "redo", "Redo", "redo"),
        _quiet("left", "cursor_left", "Left", "left"),
        _quiet("right", "cursor_right", "Right", "right"),
        _quiet("ctrl+left,alt+b", "cursor_word_left", "Word left", "word_left"),
        _quiet("ctrl+right,alt+f", "cursor_word_right", "Word right", "word_right"),
        _quiet("home,ctrl+a", "cursor_line_start", "Start of the line", "line_start"),
        _quiet("end,ctrl+e", "cursor_line_end", "End of the line", "line_end"),
        _quiet("shift+left", "cursor_left(True)", "Select left", "select_left"),
        _quiet("shift+right", "cursor_right(True)", "Select right", "select_right"),
        _quiet("shift+up", "cursor_up(True)", "Select up", "select_up"),
        _quiet("shift+down", "cursor_down(True)", "Select down", "select_down"),
        _quiet("shift+home", "cursor_line_start(True)", "Select to the start", "select_start"),
        _quiet("shift+end", "cursor_line_end(True)", "Select to the end", "select_end"),
        _quiet("ctrl+shift+left", "cursor_word_left(True)", "Select a word", "select_word_left"),
        _quiet("ctrl+shift+right", "cursor_word_right(True)", "Select a word",
               "select_word_right"),
        _quiet("backspace", "delete_left", "Delete left", "delete_left"),
        _quiet("delete,ctrl+d", "delete_right", "Delete right", "delete_right"),
        _quiet("ctrl+w,ctrl+backspace,alt+backspace", "delete_word_left", "Delete a word",
               "delete_word_left"),
        _quiet("alt+delete,alt+d", "delete_word_right", "Delete a word", "delete_word_right"),
        _quiet("ctrl+u,super+backspace", "delete_to_start_of_line", "Delete to the start",
               "delete_to_start"),
        _quiet("ctrl+k", "delete_to_end_of_line_or_delete_line", "Delete to the end",
               "delete_to_end"),
        _quiet("ctrl+x,super+x", "cut", "Cut", "cut"),
        _quiet("ctrl+v", "paste", "Paste", "paste"),
    ]  # fmt: skip

    class Submitted(Message):
        """Take this, now with `steer`, else when its turn comes; or give it back."""

        def __init__(self, text: str, *, steer: bool = False) -> None:
            super().__init__()
            self.text = text
            self.steer = steer

    class Paged(Message):
        """The person wants to see other steps without leaving the prompt."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Left(Message):
        """The person wants to be elsewhere: at the question, else among the steps."""

    class Typed(Message):
        """A key was pressed here."""

    class FilesAsked(Message):
        """What files could be meant? `offer` takes the answer."""

        def __init__(self, asked: Asked) -> None:
            super().__init__()
            self.asked = asked

    class EditorAsked(Message):
        """The person wants to write this in their own editor."""

    class Closed(Message):
        """Escape was pressed while no list was open."""

    class Said(Message):
        """Something for the footer."""

        def __init__(self, hint: str) -> None:
            super().__init__()
            self.hint = hint

    def __init__(self, placeholder: str, menu: Menu, history: History) -> None:
        super().__init__(
            compact=True, highlight_cursor_line=False, placeholder=placeholder, tab_behavior="focus"
        )
        self.cursor_blink = False
        self.menu, self.past = menu, history
        self.pastes = Pastes()
        self.look_up: Callable[[str], Sequence[str]] = lambda source: ()
        """What the arguments of a command may be."""
        self.take_back: Callable[[], str | None] = lambda: None
        """Returns the last message that waits, out of its queue."""
        self.running: Callable[[], bool] = lambda: False
        self._at: int | None = None  # the place in the history; None when not browsing
        self._draft = ""  # what stood here before browsing or searching
        self._searching = False
        self._asked: Asked | None = None
        self._asked_by_key = False
        self._putting = False  # text is being put here that nobody types

    def on_mount(self) -> None:
        signal = self.screen.screen_layout_refresh_signal
        signal.subscribe(self, lambda screen: self._place_cursor())

    def _place_cursor(self) -> None:
        """Have the terminal's own cursor stand here: input methods open their windows there."""
        at = self.cursor_screen_offset
        if self.has_focus and self.app.cursor_position != at:
            self.app.cursor_position = at
            self.refresh()

    # Values in

    def take(self) -> str:
        """Return the text and have the field empty; `accept` or `give_back` must follow."""
        text = self.text
        self._end_browsing()
        self.text = ""
        return text

    def accept(self, sent: str, *, keep: bool = True, forget: bool = True) -> None:
        """Remember what was sent.

        Args:
            keep: in the history, beyond this process.
            forget: what was pasted into it.
        """
        self.past.add(self.pastes.unfolded(sent)[0].strip(), keep=keep)
        if forget:
            self.pastes.forget(self.text)

    def give_back(self, sent: str) -> None:
        """Have what could not be sent stand here again, before what was typed since."""
        self.put(sent + self.text)

    def put(self, text: str) -> None:
        """Replace what stands here; undo brings it back."""
        self._putting = True
        try:
            self.replace(text, (0, 0), self.document.end, maintain_selection_offset=False)
        finally:
            self._putting = False
        self.move_cursor(self.document.end)

    @property
    def whole_text(self) -> str:
        """The text with what was pasted into it, as far as that can be shown."""
        shown = self.text
        for start, end in reversed([*self.pastes.spans(shown)]):
            shown = (
                shown[:start]
                + (self.pastes.whole(shown[start:end]) or shown[start:end])
                + shown[end:]
            )
        return shown

    def offer(self, asked: Asked, choices: Sequence[Choice]) -> None:
        """Show what files could be meant, if that is still the question."""
        if asked == self._asked:
            self.menu.show(choices, empty="no such file" if self._asked_by_key else "")
            self._asked_by_key = False

    # Keys

    async def on_key(self, event: events.Key) -> None:
        self.post_message(self.Typed())
        if event.key == "enter" and event.key not in self._actions:
            event.prevent_default()  # it has another key now

    def action_send(self) -> None:
        if self.menu.is_open and self.menu.moved:
            self._take_choice()
        elif not self._searching:
            self._submit()

    def action_steer(self) -> None:
        if not self._searching:
            self._submit(steer=True)

    def _submit(self, *, steer: bool = False) -> None:
        # It goes at once: what is typed before somebody takes it belongs to the next one.
        self.menu.close()
        self.post_message(self.Submitted(self.take(), steer=steer))

    def action_newline(self) -> None:
        self.menu.close()
        self._replace_via_keyboard("\n", *self.selection)

    def action_complete(self) -> None:
        if self.menu.is_open and self.menu.chosen is not None:
            self._take_choice()
        elif self._searching:
            return
        elif (asked := suggest.asked(self._before)) is not None:
            self._asked_by_key = True
            self._ask(asked)
        else:
            self.post_message(self.Left())

    def action_close(self) -> None:
        if self._searching:
            self._end_search(self._draft)
        elif self.menu.is_open:
            self._asked = None
            self.menu.close()
        else:
            self.post_message(self.Closed())

    def action_page(self, by: int) -> None:
        self.post_message(self.Paged(by))

    def action_editor(self) -> None:
        self.post_message(self.EditorAsked())

    # The history

    def action_up(self) -> None:
        if self.menu.is_open:
            self.menu.move(-1)
        elif not self.text and self._at is None and (waiting := self.take_back()) is not None:
            self.put(waiting)
        elif self.navigator.is_first_wrapped_line(self.cursor_location):
            self._browse(-1)
        else:
            self.action_cursor_up()

    def action_down(self) -> None:
        if self.menu.is_open:
            self.menu.move(1)
        elif self.navigator.is_last_wrapped_line(self.cursor_location):
            self._browse(1)
        else:
            self.action_cursor_down()

    def _browse(self, by: int) -> None:
        """Show an earlier or later entry; what was being written comes after the newest."""
        entries = self.past.entries
        at = len(entries) if self._at is None else self._at
        if not 0 <= at + by <= len(entries):
            return
        if self._at is None:
            self._draft = self.text
        self._at = None if at + by == len(entries) else at + by
        self.put(self._draft if self._at is None else entries[self._at])
        if by < 0 and "\n" in self.text:
            self.move_cursor((0, len(self.document.get_line(0))))

    def _end_browsing(self) -> None:
        self._at, self._draft, self._searching, self._asked = None, "", False, None
        self.menu.close()

    def action_search(self) -> None:
        """Search what was typed before, by what stands here; again chooses the next one."""
        if self._searching:
            self.menu.move(1)
            return
        self._searching, self._draft = True, self.text
        if "\n" in self.text:
            self.put("")
        self._show_found()

    def _show_found(self) -> None:
        found = [Choice(entry) for entry in self.past.search(self.text, LONGEST_RECALLED)]
        title = "what was typed · ↑↓ choose · ⏎ takes · esc back"
        self.menu.show(found, title=title, moved=True, empty="nothing like that was typed")

    def _end_search(self, text: str) -> None:
        self._searching = False
        self.menu.close()
        self.put(text)

    # Completion

    def update_suggestion(self) -> None:
        """Offer what could be meant; called after every edit."""
        if self._searching and not self._putting:
            self._show_found()
        elif self._putting:
            self._asked = None
            self.menu.close()
        else:
            self._at = None
            self._ask(suggest.asked(self._before))

    @property
    def _before(self) -> str:
        return self.get_text_range((0, 0), self.cursor_location)

    def _location(self, index: int) -> Location:
        before = self.text[:index]
        return before.count("\n"), len(before) - before.rfind("\n") - 1

    def _ask(self, asked: Asked | None) -> None:
        self._asked = asked
        if asked is None:
            self.menu.close()
        elif asked.kind == "file":
            self.post_message(self.FilesAsked(asked))
        elif asked.kind == "command":
            self.menu.show(suggest.commands(asked.typed, running=self.running()))
        else:
            self.menu.show(suggest.arguments(asked, self.look_up))

    def take_clicked(self) -> None:
        """Take what was chosen with the mouse."""
        self._take_choice()
        self.focus()

    def _take_choice(self) -> None:
        choice, asked = self.menu.chosen, self._asked
        if choice is None:
            return
        if self._searching:
            self._end_search(choice.text)
        elif asked is not None:
            self.menu.close()
            self._asked = None
            start = self._location(asked.start)
            # It asks again where more can follow: a folder's files, a command's argument.
            self._putting = not choice.text.endswith(("/", " "))
            try:
                self.replace(choice.text, start, self.cursor_location,
                             maintain_selection_offset=False)  # fmt: skip
            finally:
                self._putting = False

    def on_text_area_selection_changed(self) -> None:
        """Close the list when the cursor leaves what it is about."""
        if self.menu.is_open and not self._searching and suggest.asked(self._before) != self._asked:
            self._asked = None
            self.menu.close()

    # Pasted text

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default().stop()
        self.take_paste(event.text)
        self.focus()

    def action_paste(self) -> None:
        self.take_paste(self.app.clipboard)

    def take_paste(self, text: str) -> None:
        """Put pasted text here, folded where it is large, without what a terminal would obey."""
        self.post_message(self.Typed())
        text, dropped = clean(text)
        if len(text) > MOST_BYTES:
            limit = MOST_BYTES // (1024 * 1024)
            self.post_message(self.Said(f"more than {limit} MB cannot be pasted: use @file"))
            return
        token = self.pastes.fold(text)
        self._putting = True
        try:
            self._replace_via_keyboard(token, *self.selection)
        finally:
            self._putting = False
        hints = [f"{dropped:,} control characters were left out"] if dropped else []
        if token != text:
            whole = self.pastes.whole(token) is not None
            hints.append("ctrl+o unfolds it" if whole else "it goes as a file into the sandbox")
        if hints:
            self.post_message(self.Said(", ".join(hints)))

    def action_unfold(self) -> None:
        """Show the pasted text at the cursor, or the last one."""
        text, at = self.text, len(self._before)
        spans = [*self.pastes.spans(text)]
        if not spans:
            self.post_message(self.Said("nothing that was pasted is folded here"))
            return
        start, end = next((each for each in spans if each[0] <= at <= each[1]), spans[-1])
        whole = self.pastes.whole(text[start:end])
        if whole is None:
            self.post_message(self.Said("too large to be shown here: it goes as a file"))
            return
        self._putting = True
        try:
            super().replace(
                whole, self._location(start), self._location(end), maintain_selection_offset=False
            )
        finally:
            self._putting = False

    def get_line(self, line_index: int) -> Text:
        line = super().get_line(line_index)
        for start, end in self.pastes.spans(line.plain):
            line.stylize(style("fold", self.app.current_theme.dark), start, end)
        return line

    def validate_selection(self, selection: Selection) -> Selection:
        """Keep the cursor out of tokens: it goes from one end of them to the other."""
        if not getattr(self, "pastes", None):
            return selection
        ends = [self._outside(place, self.cursor_location) for place in selection]
        return Selection(*ends)

    def _outside(self, place: Location, before: Location) -> Location:
        row, column = place
        if row < self.document.line_count:
            for start, end in self.pastes.spans(self.document.get_line(row)):
                if start < column < end:
                    return (row, end if place > before else start)
        return place

    def replace(
        self,
        insert: str,
        start: Location,
        end: Location,
        *,
        maintain_selection_offset: bool = True,
    ) -> EditResult:
        start, end = self._around_tokens(start, end)
        return super().replace(
            insert, start, end, maintain_selection_offset=maintain_selection_offset
        )

    def delete(
        self, start: Location, end: Location, *, maintain_selection_offset: bool = True
    ) -> EditResult:
        start, end = self._around_tokens(start, end)
        return super().delete(start, end, maintain_selection_offset=maintain_selection_offset)

    def _around_tokens(self, start: Location, end: Location) -> tuple[Location, Location]:
        """Widen a range so that a token is taken whole or not at all."""
        first, last = sorted((start, end))
        for row in {first[0], last[0]} if self.pastes and first != last else ():
            for left, right in self.pastes.spans(self.document.get_line(row)):
                if (row, left) < last and first < (row, right):
                    first, last = min(first, (row, left)), max(last, (row, right))
        return first, last
