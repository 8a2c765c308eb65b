"""Sessions as they are kept: one database, an index of words, variables in files.

Nothing here imports SQLite before it is needed: the screen is up before a session is stored.
"""

from __future__ import annotations

from typing import Protocol


class Kept(Protocol):
    """What is asked of a session that ends."""

    @property
    def id(self) -> str: ...
    @property
    def transcript_path(self) -> str | None: ...


def goodbye(session: Kept) -> list[str]:
    """Return the lines that a person reads after leaving: how to go on, and where it is kept.

    None when nothing was kept.
    """
    if not session.transcript_path:
        return []
    return [
        f"Go on with: smolterm --resume {session.id}",
        f"Kept in {session.transcript_path}; read it with: smolterm sessions show {session.id}",
    ]
