"""How the terminal can show a picture: as graphics of its own, or as half-blocks."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from textual.widget import Widget

    from smolterm.tui.pictures import Picture

Way: TypeAlias = Literal["kitty", "sixel", "blocks"]

WAYS: tuple[Way, ...] = ("kitty", "sixel", "blocks")
NAMED = "SMOLTERM_IMAGES"
"""The environment variable that says it where the guess is wrong."""
_SIXEL_PROGRAMS = ("iTerm.app", "WezTerm", "mintty", "contour", "rio")
_SIXEL_TERMS = ("foot", "mlterm", "contour", "yaft")


def way(environ: Mapping[str, str] = os.environ) -> Way:
    """Return how pictures are shown, by what the terminal says of itself in the environment.

    A terminal is not asked: its answer would come among the keys. A multiplexer passes neither
    kind of graphics on as it is set up.
    """
    named = environ.get(NAMED, "").strip().lower()
    for one in WAYS:
        if named == one:
            return one
    term, program = environ.get("TERM", ""), environ.get("TERM_PROGRAM", "")
    if "TMUX" in environ or term.startswith(("screen", "tmux")):
        return "blocks"
    if "KITTY_WINDOW_ID" in environ or term in ("xterm-kitty", "xterm-ghostty"):
        return "kitty"
    if program in _SIXEL_PROGRAMS or term.startswith(_SIXEL_TERMS):
        return "sixel"
    return "sixel" if "WT_SESSION" in environ or "KONSOLE_VERSION" in environ else "blocks"


def drawn(picture: Picture, way: Way) -> Widget | None:
    """Return a widget that has the terminal draw the picture; None where half-blocks must do.

    The pixels are ours by now: the library that encodes them reads no hostile bytes.
    """
    if way == "blocks":
        return None
    try:
        with _unasked():
            from PIL import Image
            from textual_image.widget import SixelImage, TGPImage
    except ImportError:
        return None
    pixels = Image.frombytes("RGB", (picture.across, picture.down), picture.pixels)
    return TGPImage(pixels) if way == "kitty" else SixelImage(pixels)


@contextmanager
def _unasked() -> Iterator[None]:
    """Import without questions to the terminal, whose answers the running screen would take.

    textual-image asks on import what the terminal can and how large a cell is. Without a terminal
    it asks nothing, and takes the size of a cell from the environment.
    """
    width, height = _cell()
    stdout, known = sys.__stdout__, {name: os.environ.get(name) for name in _SIZES}
    os.environ.update(zip(_SIZES, (str(width), str(height)), strict=True))
    setattr(sys, "__stdout__", io.StringIO())  # noqa: B010  a constant to mypy
    try:
        yield
    finally:
        setattr(sys, "__stdout__", stdout)  # noqa: B010
        for name, value in known.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


_SIZES = ("TEXTUAL_CELL_WIDTH", "TEXTUAL_CELL_HEIGHT")


def _cell() -> tuple[int, int]:
    """Return the pixels of a cell, or what a cell usually has."""
    try:
        import fcntl
        import struct
        import termios

        packed: Any = fcntl.ioctl(2, termios.TIOCGWINSZ, b"\0" * 8)
        rows, columns, width, height = struct.unpack("HHHH", packed)
        return width // columns or 10, height // rows or 20
    except (ImportError, OSError, ZeroDivisionError):
        return 10, 20
