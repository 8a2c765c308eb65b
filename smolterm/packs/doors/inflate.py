"""Compressed bodies, taken apart in small pieces so that a bomb is stopped while it bursts."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from smolterm.errors import ToolError

PIECE = 1_048_576
MOST_MEMBERS = 1_000
ACCEPTED = "gzip, deflate"


class Inflate:
    """Takes a body's pieces as they came, gives them as they were meant.

    Args:
        coding: the Content-Encoding header.

    Raises:
        ToolError: a coding that was not asked for.
    """

    def __init__(self, coding: str) -> None:
        self._coding = coding.strip().lower().removeprefix("x-")
        if self._coding not in ("", "identity", "gzip", "deflate"):
            raise ToolError(f"The answer is written in {coding[:40]!r}, which was not asked for.")
        self._bits = 31 if self._coding == "gzip" else 15
        self._inflater = zlib.decompressobj(self._bits)
        self._members = 0
        self._started = False

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body hold, in pieces of 1 MiB at most.

        Raises:
            ToolError: they are not written in that coding.
        """
        if self._coding in ("", "identity"):
            yield raw
            return
        if raw and not self._started:
            self._started = True
            # Some servers call it deflate and leave out the two bytes of its head.
            if self._coding == "deflate" and raw[0] & 0x0F != 8:
                self._inflater = zlib.decompressobj(-15)
        full = False
        while raw or full:
            if self._inflater.eof and not self._next_member():
                return
            try:
                piece = self._inflater.decompress(raw, PIECE)
            except zlib.error:
                raise ToolError(f"The answer is no {self._coding}, though it says so.") from None
            full = len(piece) == PIECE
            raw = self._inflater.unconsumed_tail or self._inflater.unused_data
            yield piece

    def end(self) -> None:
        """Check that the body was whole.

        Raises:
            ToolError: it was cut.
        """
        if self._started and not self._inflater.eof:
            raise ToolError("The answer was cut in the middle.")

    def _next_member(self) -> bool:
        self._members += 1
        if self._coding != "gzip" or self._members > MOST_MEMBERS:
            return False
        self._inflater = zlib.decompressobj(self._bits)
        return True
