"""What the screen needs of a session and of the store; a fake of each fits in 30 lines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from smolterm.events import Event, FileChange, Table
from smolterm.policy import Decision, FilesDecision, Mode
from smolterm.store import StoredSession
from smolterm.tools import ToolSpec


class Budget(Protocol):
    @property
    def max_steps(self) -> int: ...


class SessionLike(Protocol):
    """What the app needs of a session."""

    @property
    def id(self) -> str: ...
    @property
    def model_name(self) -> str: ...
    @property
    def is_demo(self) -> bool: ...
    @property
    def budget(self) -> Budget: ...
    @property
    def transcript_path(self) -> str | None: ...
    @property
    def mode(self) -> Mode: ...
    @property
    def past(self) -> Sequence[Event]:
        """What happened before this process took the session over; drawn at once."""
        ...

    @property
    def tools(self) -> Sequence[ToolSpec]:
        """Those that code can call, once they are known."""
        ...

    @property
    def saves(self) -> bool:
        """What happens is kept on the disk, so what is typed may be too."""
        ...

    @property
    def folder(self) -> Path | None:
        """The folder that was granted to the tools or to the code; None when none was."""
        ...

    def run(
        self, task: str, *, files: Mapping[str, bytes] | None = None
    ) -> AsyncGenerator[Event, None]:
        """Yield the task's events; `Finished` is the last.

        Args:
            files: bytes to put at absolute paths inside the sandbox, such as `/in/data.csv`.
        """
        ...

    def decide(self, step: int, decision: Decision, *, call: int | None = None) -> bool:
        """Answer a request; False when nothing waits for it any more."""
        ...

    def decide_files(self, step: int, decision: FilesDecision) -> bool:
        """Answer a `FilesRequested`; False when nothing waits for it any more."""
        ...

    def set_mode(self, mode: Mode) -> None:
        """What is asked about from now on; `ModeChanged` follows."""
        ...

    def add_message(self, text: str) -> bool:
        """Say something to the model while a task runs; False when none does."""
        ...

    def aside(self, question: str) -> AsyncGenerator[str, None]:
        """Answer a question from what the model knows so far; nothing of it is kept.

        Raises:
            UsageError: the model is busy and can do one thing at a time.
            ModelError: the provider failed.
        """
        ...

    async def rewind(self, step: int) -> None:
        """Go back to before a step; `Rewound` follows. Raises a SmoltermError when it cannot."""
        ...

    async def review_files(self) -> None:
        """Ask about staged changes now, while no task runs: `FilesRequested` follows, if any."""
        ...

    async def file_change(self, path: str) -> FileChange:
        """Return a staged change with all of its diff, where its event had to cut it.

        Raises:
            UsageError: nothing changed at that path.
        """
        ...

    async def undo_files(self) -> tuple[str, ...]:
        """Take back what was written last; the paths, none when nothing was."""
        ...

    async def complete(self, text: str) -> list[str]:
        """What a name or attribute could be, from the sandbox's variables."""
        ...

    async def rows(self, name: str, first: int, count: int) -> Table:
        """Return rows of a variable; raises a SmoltermError when it has none."""
        ...

    async def switch_model(self, model: str) -> None:
        """Let another model go on; raises a SmoltermError when it cannot."""
        ...

    def undo_shortening(self) -> bool:
        """Send again in full what was shortened last; False when nothing is."""
        ...

    async def interrupt(self) -> None: ...
    async def prepare(self) -> None: ...
    def listen(self, handler: Callable[[Event], None]) -> None: ...
    async def close(self) -> None: ...


class SessionsLike(Protocol):
    """The sessions that are kept, and how one of them goes on."""

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]:
        """Return the newest first, or those that hold the words."""
        ...

    def events(self, session: str, branch: int | None = None) -> list[Event]:
        """Return what is in force in a session, or in a branch that was abandoned."""
        ...

    def open(self, session: str) -> SessionLike:
        """Return a session that goes on; nothing is started yet."""
        ...

    def fork(self, session: str, step: int | None, branch: int | None = None) -> SessionLike:
        """Return a new session that begins as another was before a step, or at its end."""
        ...

    def rename(self, session: str, title: str) -> None: ...
    def delete(self, session: str) -> None: ...
