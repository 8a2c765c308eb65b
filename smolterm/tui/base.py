"""What the parts of the app share: the session, the view, and a line to say something in.

The app is made of parts by what a person does: answering questions, writing, looking around,
visiting other screens. Each is a class of its own over this one, so that none of them swells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.app import App

from smolterm.events import Event, Rewound
from smolterm.tui.fold import View
from smolterm.tui.protocol import SessionLike, SessionsLike

if TYPE_CHECKING:
    from smolterm.config import Config
    from smolterm.tui.eventlog import EventLog


class Base(App[int]):
    """Declares what `SmoltermApp` provides to its parts."""

    session: SessionLike
    sessions: SessionsLike | None
    """The sessions that are kept; None where none are."""
    config: Config | None
    """The settings in force; None where nobody loaded any."""
    view: View
    clock: Callable[[], float]
    keymap: Mapping[str, str]
    """Keys that the person set, by the names of the bindings."""
    branches: list[Rewound]
    """What was abandoned in this session."""
    changed: dict[int, tuple[str, ...]]
    """The variables that each step made or changed."""
    task_text: str = ""
    """The newest task."""
    events: EventLog
    bell_rings: bool
    _hints: dict[type | None, tuple[tuple[str, str], ...]]

    @property
    def queue_length(self) -> int:
        """Messages that wait for the running task to end."""
        return 0

    def send(self, data: str) -> None:
        """Write a sequence to the terminal that changes nothing on the screen."""
        if self._driver is not None:
            self._driver.write(data)

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

    async def go_to(self, make: Callable[[], SessionLike]) -> bool:
        """Leave this session for another; False when that cannot be, and then this one stays."""
        raise NotImplementedError

    async def rewind(self, step: int) -> bool:
        """Go back to before a step of this session; False when that cannot be."""
        raise NotImplementedError
