"""The part of the app for reading: moving through the steps, copying."""

from __future__ import annotations

from smolterm.tui.base import Base
from smolterm.tui.steps import Steps


class Looking(Base):
    """What a person does with the panes."""

    def on_steps_copy_asked(self, event: Steps.CopyAsked) -> None:
        self.copy(event.text, event.what)

    def on_steps_below_changed(self) -> None:
        self.redraw()

    def action_end(self) -> None:
        self.query_one(Steps).action_last()
