"""The store as front ends want it; nothing of it is loaded before somebody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from smolterm.events import Event
    from smolterm.sessions.book import Book
    from smolterm.sessions.past import Past
    from smolterm.store import StoredSession

S = TypeVar("S")


class Shelf(Generic[S]):
    """All sessions; what goes on is a session already.

    A session is named as `Book.identify` takes it. Each call opens the file and lets it go, so
    that any thread may make it.

    Args:
        make: builds a session that goes on from a past; nothing is started yet.
    """

    def __init__(self, make: Callable[[Past], S]) -> None:
        self._make = make

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]:
        """Return the newest first, or those that hold the words."""
        with _book() as book:
            return book.find(words, limit)

    def events(self, session: str, branch: int | None = None) -> list[Event]:
        """Return what is in force in a session, or in a branch that was abandoned."""
        with _book() as book:
            return book.events(book.identify(session), branch)

    def open(self, session: str) -> S:
        """Return a session that goes on."""
        with _book() as book:
            return self._made(book.past(book.identify(session)))

    def fork(self, session: str, step: int | None, branch: int | None = None) -> S:
        """Return a new session that begins as another was before a step, or at its end."""
        with _book() as book:
            return self._made(book.forked(book.identify(session), step, branch))

    def rename(self, session: str, title: str) -> None:
        """Give a session a title."""
        with _book() as book:
            book.rename(book.identify(session), title)

    def delete(self, session: str) -> None:
        """Remove a session and its variables."""
        with _book() as book:
            book.delete(book.identify(session))

    def _made(self, past: Past) -> S:
        try:
            return self._make(past)
        except BaseException:
            if past.lease is not None:
                past.lease.close()
            raise


def _book() -> Book:
    from smolterm.sessions.book import Book

    return Book()
