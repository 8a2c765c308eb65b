"""A picture as half-blocks: two pixels a cell, on any terminal with colours. Pure."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color
from rich.style import Style

from smolterm.tui.lines import Line, Span
from smolterm.tui.pictures import Picture

HALF = "▀"


def half_lines(picture: Picture, width: int, tallest: int) -> list[Line]:
    """Return the lines of a preview that keeps the picture's proportions.

    The style of each span names its colours, `#top #bottom`; `half_style` reads that.
    """
    across = min(width, picture.across, picture.across * tallest * 2 // picture.down or 1)
    down = max(min(picture.down * across // picture.across, tallest * 2), 1)
    rows = [_scaled(picture, y, across, down) for y in range(down)]
    if down % 2:
        rows.append([""] * across)
    return [_line(top, low) for top, low in zip(rows[::2], rows[1::2], strict=True)]


def _scaled(picture: Picture, y: int, across: int, down: int) -> list[str]:
    """Return one row of pixels, each the mean of those that it stands for."""
    wide, pixels = picture.across, picture.pixels
    first = y * picture.down // down
    last = max((y + 1) * picture.down // down, first + 1)
    colours: list[str] = []
    for x in range(across):
        left = x * wide // across
        right = max((x + 1) * wide // across, left + 1)
        # Two samples each way are enough for a preview.
        places = {(row, column) for row in (first, last - 1) for column in (left, right - 1)}
        starts = [(row * wide + column) * 3 for row, column in places]
        mean = [sum(pixels[at + part] for at in starts) // len(starts) for part in range(3)]
        colours.append(f"#{mean[0]:02x}{mean[1]:02x}{mean[2]:02x}")
    return colours


def _line(top: list[str], low: list[str]) -> Line:
    spans: list[Span] = []
    for at, (upper, lower) in enumerate(zip(top, low, strict=True)):
        name = f"{upper} {lower}"
        if spans and spans[-1].style == name:
            spans[-1] = Span(spans[-1].start, at + 1, name)
        else:
            spans.append(Span(at, at + 1, name))
    return Line(HALF * len(top), tuple(spans))


@lru_cache(maxsize=4096)
def half_style(name: str) -> Style:
    """Return the look of one half-block."""
    upper, _, lower = name.partition(" ")
    return Style(color=Color.parse(upper), bgcolor=Color.parse(lower) if lower else None)
