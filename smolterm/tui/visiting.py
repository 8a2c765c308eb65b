"""The part of the app for all that is not the conversation: looks, settings, other sessions."""

from __future__ import annotations

from smolterm.tui.base import Base
from smolterm.tui.palette import DARK, LIGHT
from smolterm.tui.steps import Steps


class Visiting(Base):
    """Other screens, and how this one looks."""

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        self.query_one(Steps).refresh()
