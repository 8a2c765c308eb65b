"""The part of the app that puts text on the clipboard and says how."""

from __future__ import annotations

from textual.widgets import Input, TextArea

from smolterm.clipboard import clean, hand_over, osc52, said, tool
from smolterm.tui.base import Base

TERMINAL = "the terminal"


class Copying(Base):
    """Copies as clean text, whatever it was."""

    def copy(self, text: str, what: str) -> None:
        """Put text on the clipboard and say how much, and by which way."""
        text = clean(text)
        self._clipboard = text
        ways: list[str] = []
        if text and (sequence := osc52(text)):
            self.send(sequence)
            ways.append(TERMINAL)
        argv = tool() if text and not self.is_headless else None
        if argv is None:
            self.say(said(what, text, ways))
        else:
            self.run_worker(self._hand_over(text, what, ways, argv), group="copy")

    async def _hand_over(self, text: str, what: str, ways: list[str], argv: list[str]) -> None:
        if await hand_over(text, argv):
            ways.append(argv[0])
        self.say(said(what, text, ways))

    def copy_to_clipboard(self, text: str) -> None:
        """Copy what a text field or the mouse selected; Textual calls it."""
        self.copy(text, "selection")

    def copy_selected(self) -> bool:
        """Copy what is selected, by the mouse or in a text field; False when nothing is."""
        field = self.focused
        text = self.screen.get_selected_text() or ""
        if not text and isinstance(field, TextArea | Input):
            text = field.selected_text
        if text:
            self.copy(text, "selection")
            self.screen.clear_selection()
        return bool(text)

    def action_copy_selection(self) -> None:
        if not self.copy_selected():
            self.say("nothing is selected: drag with the mouse")

    def on_text_selected(self) -> None:
        if self.screen.get_selected_text():
            self.say("ctrl+c copies what is selected")
