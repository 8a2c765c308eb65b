"""The least that a Textual program with three panes and a prompt can be: the floor for ours."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static


class ThreePanes(App[None]):
    """Three empty panes over a line that takes typing."""

    ENABLE_COMMAND_PALETTE = False
    CSS = "Horizontal Static { width: 1fr; height: 1fr; border: solid gray; }"

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Static()
            yield Static()
            yield Static()
        yield Input()

    def on_mount(self) -> None:
        self.query_one(Input).focus()


if __name__ == "__main__":
    ThreePanes().run()
