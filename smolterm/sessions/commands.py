"""`smolterm sessions`: list, search, show, export, rename, delete, fork."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import ExitCode, UsageError
from smolterm.printable import printable
from smolterm.sessions.book import Book
from smolterm.sessions.export import exported, form_of, write_export
from smolterm.sessions.texts import FORMATS, markdown
from smolterm.store import StoredSession

DAY = 24 * 3600


def add_parser(actions: Any) -> None:
    """Add the actions below `smolterm sessions` to its parser."""

    def action(name: str, does: Callable[[Book, Any], int], help: str) -> Any:
        parser = actions.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        parser.set_defaults(does=does)
        return parser

    listing = action("list", _list, "list what is kept, the newest first")
    add_list_flags(listing)
    searching = action("search", _search, "find the sessions that hold all these words")
    searching.add_argument("words", nargs="+", metavar="WORD")
    add_list_flags(searching)
    showing = action("show", _show, "print a session to read")
    showing.add_argument("id", metavar="ID")
    exporting = action("export", _export, "write a session to a file")
    exporting.add_argument("id", metavar="ID")
    exporting.add_argument("--format", choices=FORMATS, help="markdown, or what FILE ends with")
    exporting.add_argument("-o", "--output", metavar="FILE", help="write there, not to stdout")
    renaming = action("rename", _rename, "give a session a title")
    renaming.add_argument("id", metavar="ID")
    renaming.add_argument("title", nargs="+", metavar="TITLE")
    deleting = action("delete", _delete, "remove sessions and their variables")
    deleting.add_argument("ids", nargs="+", metavar="ID")
    deleting.add_argument("-y", "--yes", action="store_true", help="do not ask")
    forking = action("fork", _fork, "say how to go on from a step in a new session")
    forking.add_argument("id", metavar="ID[:STEP]")


def add_list_flags(parser: Any) -> None:
    """Add what `smolterm sessions` takes too, without an action."""
    add = parser.add_argument
    add("--json", action="store_true", help="print one JSON object")
    add("-n", "--limit", type=int, default=50, metavar="N", help="of the newest (50; 0: all)")


def run_sessions(arguments: Any) -> int:
    """Run one action and return the exit code."""
    does: Callable[[Book, Any], int] = getattr(arguments, "does", _list)
    with Book() as book:
        code = does(book, arguments)
        for text in book.said:
            print(f"smolterm: {printable(text)}", file=sys.stderr)
    return code


def split_step(name: str) -> tuple[str, int | None]:
    """Split `ID:STEP`.

    Raises:
        UsageError: the step is no number.
    """
    session, colon, step = name.partition(":")
    if not colon:
        return session, None
    if not step.isdecimal() or len(step) > 9:
        raise UsageError(f"{step!r} is no step.", next="Write it as ID:STEP, such as 20261121:4.")
    return session, int(step)


def _list(book: Book, arguments: Any) -> int:
    _print(book.find(limit=arguments.limit or 1_000_000), arguments.json, "No session is kept yet.")
    return 0


def _search(book: Book, arguments: Any) -> int:
    words = " ".join(arguments.words)
    found = book.find(words, limit=arguments.limit or 1_000_000)
    if not book.indexed:
        book.said.append("This SQLite has no full-text search; every session was read instead.")
    _print(found, arguments.json, f"No session holds {words}.")
    return 0


def _print(found: Sequence[StoredSession], as_json: bool, nothing: str) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode({"sessions": list(found)}).decode() + "\n")
        return
    if not found:
        print(printable(nothing), file=sys.stderr)
    width = max((len(one.id) for one in found), default=0)
    for one in found:
        steps = f"{one.steps} step{'s' * (one.steps != 1)}"
        running = "  (open now)" if one.running else ""
        facts = f"{_when(one.changed):16}  {steps:>9}  {_line(one.model)[:28]:28}"
        print(f"{_line(one.id):{width}}  {facts}  {_line(one.title)[:80]}{running}".rstrip())
        if one.excerpt:
            print(f"{'':{width}}  {_line(one.excerpt)[:160]}")


def _show(book: Book, arguments: Any) -> int:
    session = book.identify(arguments.id)
    sys.stdout.write(markdown(book.about(session), book.events(session)))
    return 0


def _export(book: Book, arguments: Any) -> int:
    session = book.identify(arguments.id)
    form = arguments.format or form_of(arguments.output or "")
    data = exported(book, session, form)
    if not arguments.output:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    write_export(Path(arguments.output), data)
    print(f"smolterm: {printable(arguments.output)}, {len(data):,} bytes", file=sys.stderr)
    return 0


def _rename(book: Book, arguments: Any) -> int:
    session = book.identify(arguments.id)
    book.rename(session, " ".join(arguments.title))
    print(f"{session}  {_line(book.about(session).title)}")
    return 0


def _delete(book: Book, arguments: Any) -> int:
    sessions = list(dict.fromkeys(book.identify(name) for name in arguments.ids))
    if not arguments.yes and not _agreed(book, sessions):
        print("Nothing was deleted.", file=sys.stderr)
        return ExitCode.STOPPED
    for session in sessions:
        book.delete(session)
        print(f"deleted {session}")
    return 0


def _agreed(book: Book, sessions: Sequence[str]) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "There is no terminal to ask on.", kept="Nothing was deleted.", next="Add --yes."
        )
    for session in sessions:
        about = book.about(session)
        steps = f"{about.steps} step{'s' * (about.steps != 1)}"
        print(f"{session}  {steps}  {_line(about.title)[:80]}", file=sys.stderr)
    count = "it" if len(sessions) == 1 else f"these {len(sessions)}"
    print(f"Delete {count} for good? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _fork(book: Book, arguments: Any) -> int:
    name, step = split_step(arguments.id)
    session = book.identify(name)
    book.forked(session, step)  # it says what is wrong with the step
    print(f"smolterm --fork {session}" + (f":{step}" if step is not None else ""))
    return 0


def _when(at: float) -> str:
    age = time.time() - at
    if 0 <= age < 60:
        return "just now"
    if 0 <= age < 3600:
        return f"{age // 60:.0f} min ago"
    if 0 <= age < DAY:
        return f"{age // 3600:.0f} h ago"
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
    except (ValueError, OverflowError, OSError):
        return "?"


def _line(text: str) -> str:
    return " ".join(printable(text).split())
