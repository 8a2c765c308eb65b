"""What the parts of the app share: the session, the view, and a line to say something in.

The app is made of parts by what a person does: answering questions, writing, looking around,
visiting other screens. Each is a class of its own over this one, so that none of them swells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from textual.app import App

from smolterm.events import Event
from smolterm.tui.fold import View
from smolterm.tui.protocol import SessionLike


class Base(App[int]):
    """Declares what `SmoltermApp` provides to its parts."""

    session: SessionLike
    view: View
    clock: Callable[[], float]

    def take(self, event: Event) -> None:
        """Fold one event and have it drawn within a frame."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw now what changed in the view."""
        raise NotImplementedError

    def say(self, hint: str) -> None:
        """Show a line in the footer for a while."""
        raise NotImplementedError

    def start(self, task: str, files: Mapping[str, bytes] | None = None) -> None:
        """Have the session work on a task; files are put into the sandbox with it."""
        raise NotImplementedError

    def copy(self, text: str, what: str) -> None:
        """Put text on the clipboard and say how much."""
        raise NotImplementedError
