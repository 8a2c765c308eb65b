"""Where the person writes: several lines, Enter sends, with a history."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widgets import TextArea

NEWLINE_KEYS = frozenset({"shift+enter", "alt+enter", "ctrl+j", "ctrl+enter"})
PAGE_KEYS = {"pageup": -1, "pagedown": 1}


class Prompt(TextArea):
    """Keeps what was typed until somebody accepts it."""

    class Submitted(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Paged(Message):
        """The person wants to see other steps without leaving the prompt."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Left(Message):
        """The person wants to be elsewhere: at the question, else among the steps."""

    class Typed(Message):
        """A key was pressed here."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(
            compact=True, highlight_cursor_line=False, placeholder=placeholder, tab_behavior="focus"
        )
        self.cursor_blink = False
        self._history: list[str] = []
        self._at = 0  # the place in the history; its end means not browsing

    def accept(self) -> None:
        """Take the text as sent: remember it and clear the field."""
        text = self.text.strip()
        if text and self._history[-1:] != [text]:
            self._history.append(text)
        self._at = len(self._history)
        self.clear()

    def on_key(self, event: events.Key) -> None:
        self.post_message(self.Typed())
        if event.key == "enter":
            self.post_message(self.Submitted(self.text.strip()))
        elif event.key == "tab":
            self.post_message(self.Left())
        elif event.key in NEWLINE_KEYS:
            self.insert("\n")
        elif event.key in PAGE_KEYS:
            self.post_message(self.Paged(PAGE_KEYS[event.key]))
        elif event.key not in ("up", "down") or not self._browse(-1 if event.key == "up" else 1):
            return
        event.prevent_default().stop()

    def _browse(self, by: int) -> bool:
        """Show an earlier or later text; only from an empty field or one just shown."""
        shown = self._history[self._at] if self._at < len(self._history) else ""
        if self.text != shown:
            return False
        to = self._at + by
        if not 0 <= to <= len(self._history):
            return bool(self.text) or not self._history
        self._at = to
        self.text = self._history[to] if to < len(self._history) else ""
        self.move_cursor(self.document.end)
        return True
