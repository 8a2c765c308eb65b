"""Textual's field for several lines, made fit for fast typing and for undoing many lines."""

from __future__ import annotations

from textual import events
from textual.widgets import TextArea


class Field(TextArea):
    """What the prompt and the editor have in common.

    Its keys are carried out here, one after another. Textual has the app do it when a key that
    nobody took has come up to it: in a burst, a letter would overtake the Backspace before it.
    """

    _actions: dict[str, str] = {}  # noqa: RUF012  replaced, never changed

    def on_focus(self) -> None:
        active = self.screen.active_bindings.items()
        self._actions = {key: each.binding.action for key, each in active if each.node is self}

    async def on_key(self, event: events.Key) -> None:
        action = None if event.is_printable else self._actions.get(event.key)
        if action is not None:
            event.prevent_default().stop()
            await self.run_action(action)

    def undo(self) -> None:
        self._step_aside()
        super().undo()

    def redo(self) -> None:
        self._step_aside()
        super().redo()

    def _step_aside(self) -> None:
        """Keep the cursor in the text while lines go: a scroll bar that goes too looks for it."""
        self.move_cursor((0, 0))
