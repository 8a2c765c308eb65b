"""A session written to a file, in the form that its name asks for."""

from __future__ import annotations

from pathlib import Path

from smolterm.errors import StoreError
from smolterm.sessions.book import Book
from smolterm.sessions.texts import WRITERS
from smolterm.wholefile import write_whole

ENDINGS = {".json": "json", ".jsonl": "jsonl", ".py": "py", ".ipynb": "ipynb"}


def form_of(name: str) -> str:
    """Return the form that a file's name asks for; Markdown when it asks for none."""
    return ENDINGS.get(Path(name).suffix.lower(), "markdown")


def exported(book: Book, session: str, form: str) -> bytes:
    """Return a session in a form, see `texts.FORMATS`.

    Raises:
        UsageError: there is no such session.
        StoreError: the store is damaged; `jsonl` gives what can be read all the same.
    """
    if form == "jsonl":
        return b"".join(line + b"\n" for line in book.lines(session))
    events = book.record(session) if form == "json" else book.events(session)
    return WRITERS[form](book.about(session), events).encode("utf-8", "replace")


def export_session(session: str, path: Path, form: str = "") -> Path:
    """Write a session to a file, whole or not at all; returns the file.

    Args:
        form: what the file's name asks for when empty.

    Raises:
        UsageError: there is no such session.
        StoreError: the store is damaged, or the file cannot be written.
    """
    with Book() as book:
        write_export(path, exported(book, book.identify(session), form or form_of(path.name)))
    return path


def write_export(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, or what is no file as it comes.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)  # a device or a pipe
            return
        write_whole(path, data)
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}.",
            kept="What was there before is untouched.",
        ) from None
