"""What is left of an image's bytes once they were decoded where they can do no harm."""

from __future__ import annotations

import msgspec


class Picture(msgspec.Struct, frozen=True):
    """Pixels that fit a screen, or why there are none."""

    width: int = 0
    """Of the original, in pixels."""
    height: int = 0
    kind: str = ""
    """`PNG`, `JPEG`, `GIF`, `WEBP`."""
    across: int = 0
    """Of `pixels`, which is the original made smaller."""
    down: int = 0
    pixels: bytes = b""
    """Red, green, blue, row by row."""
    failure: str = ""
    """Why nothing can be shown, in words; empty when it can."""
