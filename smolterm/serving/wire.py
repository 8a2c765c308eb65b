"""What passes between a page and the process that draws on it. Pure.

To the process go packets as Textual's web driver reads them: a letter, four bytes of length, and
so many bytes. From a page come JSON arrays as textual-serve's terminal sends them. Whatever else
either of them could say is dropped: downloads and addresses to open, of which we use none.
"""

from __future__ import annotations

from typing import Any

import msgspec

READY = b"__GANGLION__\n"
"""What the process writes before its first packet."""
DATA, META = b"D", b"M"
MOST_PACKET = 16 << 20
"""Bytes of one packet from the process."""
MOST_TYPED = 16 << 20
"""Bytes of one message from a page; a paste is one."""
LARGEST = 1000
"""Columns or rows of a screen."""
USUAL = (80, 24)


def packet(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(4, "big") + data


def side(value: Any, usual: int) -> int:
    """Return a number of columns or rows, whatever was given."""
    try:
        return max(1, min(int(value), LARGEST))
    except (TypeError, ValueError, OverflowError):
        return usual


def size(width: Any, height: Any) -> tuple[int, int]:
    """Return columns and rows, whatever a page says of them."""
    return side(width, USUAL[0]), side(height, USUAL[1])


def from_page(message: str) -> bytes | None:
    """Return what a page's message is to the process; None for a message without a meaning."""
    try:
        said = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None
    match said:
        case ["stdin", str(text)]:
            # A half character would end the thread that reads the keys.
            return packet(DATA, text.encode("utf-8", "replace"))
        case ["resize", {"width": width, "height": height}]:
            columns, rows = size(width, height)
            return _meta(type="resize", width=columns, height=rows)
        case ["focus" | "blur" as what, *_]:
            return _meta(type=what)
    return None


def answer(message: str) -> str | None:
    """Return what a page is told at once: the answer to a ping."""
    if not message.startswith('["ping"') or len(message) > 100:
        return None
    try:
        said = msgspec.json.decode(message, type=tuple[str, str])
    except (msgspec.DecodeError, UnicodeError):
        return None
    return msgspec.json.encode(["pong", said[1]]).decode()


def last_screen(lines: list[str]) -> bytes:
    """Return what leaves a page with a few lines to read, and its mouse free to select them."""
    leave = "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1049l\x1b[?25l\x1b[0m\x1b[2J\x1b[H"
    return (leave + "".join(f"{line}\r\n" for line in lines)).encode("utf-8", "replace")


def _meta(**fields: Any) -> bytes:
    return packet(META, msgspec.json.encode(fields))
