"""A progress bar on stderr for what happens once: fetching and preparing the sandbox."""

from __future__ import annotations

import sys
from collections.abc import Callable

WIDTH = 30


def bar() -> Callable[[str, float | None], None]:
    """Return a function to be told of progress; draws on a terminal, prints lines elsewhere."""
    drawn: list[str] = []

    def tell(text: str, fraction: float | None) -> None:
        if sys.stderr.isatty():
            _draw(text, fraction, first=not drawn)
        elif not drawn or drawn[-1] != text:
            print(f"smolterm: {text}", file=sys.stderr)
        drawn.append(text)

    return tell


def _draw(text: str, fraction: float | None, *, first: bool) -> None:
    if fraction is None:
        gauge = "·" * WIDTH
    else:
        full = round(WIDTH * min(max(fraction, 0.0), 1.0))
        gauge = "━" * full + "╌" * (WIDTH - full)
    start = "" if first else "\r\x1b[K"
    end = "\n" if fraction == 1.0 else ""
    sys.stderr.write(f"{start}{gauge} {text}{end}")
    sys.stderr.flush()
