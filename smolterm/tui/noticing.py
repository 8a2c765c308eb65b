"""The part of the app that reaches a person who looks elsewhere: the window's title, the bell."""

from __future__ import annotations

from textual import events

from smolterm.tui.base import Base
from smolterm.tui.terminal import POP_TITLE, PUSH_TITLE, title, write_raw

LONG_TASK = 10.0
"""Seconds after which the end of a task is worth a bell."""
_GLYPHS = {"asking": "●", "idle": "○"}
_WORDS = {"asking": "needs you", "idle": ""}


class Noticing(Base):
    """Tells what happens to whoever does not look."""

    bell_rings = True
    _titled = ""
    _state_before = "idle"
    _busy_since: float | None = None
    _looks: bool | None = None
    """Whether the window has the focus; None where the terminal never said."""

    def name_window(self) -> None:
        """Have the window's title say what goes on."""
        words = self.window_title()
        if words != self._titled:
            self.send(("" if self._titled else PUSH_TITLE) + title(words))
            self._titled = words

    def unname_window(self) -> None:
        """Give the window its own title back, once the screen is gone."""
        if self._titled:
            write_raw(POP_TITLE)
            self._titled = ""

    def window_title(self) -> str:
        """Return the state and the task, such as `● needs you: count the rows`."""
        state = self.view.state
        words = _WORDS.get(state, state)
        task = " ".join(self.task_text.split())
        said = ": ".join(part for part in (words, task) if part)
        return f"{_GLYPHS.get(state, '◌')} {said} · smolterm" if said else "smolterm"

    def notice(self) -> None:
        """Ring where that is due; called whenever the state may have changed."""
        state, before = self.view.state, self._state_before
        if state != before:
            self._state_before = state
            if state == "asking":
                self.ring()
                self._say_elsewhere("a question waits: esc goes back to it")
            if before == "idle":
                self._busy_since = self.clock()
            elif state == "idle" and self._busy_since is not None:
                if self.clock() - self._busy_since > LONG_TASK:
                    self.ring()
                self._busy_since = None
        self.name_window()

    def _say_elsewhere(self, words: str) -> None:
        """Say something where another screen covers the conversation."""
        if len(self.screen_stack) > 1 and (says := getattr(self.screen, "say", None)):
            says(words)

    def ring(self) -> None:
        """Ring, unless the person looks at the screen anyway."""
        if self.bell_rings and self._looks is not True:
            self.bell()

    def on_app_focus(self, event: events.AppFocus) -> None:
        self._looks = True

    def on_app_blur(self, event: events.AppBlur) -> None:
        self._looks = False
