"""Takes the reasoning that a model writes into its reply between think tags out of it."""

from __future__ import annotations

from collections.abc import Iterator

from smolterm.events import Channel
from smolterm.models import Delta

PAIRS = {"<think>": "</think>", "<thinking>": "</thinking>", "[THINK]": "[/THINK]"}


class ThinkSplitter:
    """Splits streamed text into reply and reasoning; a tag may arrive in pieces.

    An opening tag counts at the start of a line only: code that mentions one stays whole.
    """

    def __init__(self) -> None:
        self._held = ""
        self._close = ""
        self._at_line_start = True

    def feed(self, text: str) -> Iterator[Delta]:
        """Take the next piece and yield what is certain by now."""
        self._held += text
        while self._held:
            before, rest, found = self._close_at() if self._close else self._open_at()
            if before:
                yield Delta(channel=self._channel, text=before)
            if not found:
                self._held = rest
                return
            self._close = "" if self._close else PAIRS[found]
            self._held = rest

    def finish(self) -> Iterator[Delta]:
        """Yield what was held back because it could have become a tag."""
        if self._held:
            yield Delta(channel=self._channel, text=self._held)
        self._held = ""

    @property
    def _channel(self) -> Channel:
        return "reasoning" if self._close else "reply"

    def _close_at(self) -> tuple[str, str, str]:
        before, found, rest = self._held.partition(self._close)
        if found:
            # What follows the block begins a line, as its opening tag did.
            self._at_line_start = True
            return before, rest, found
        kept = _tail_of(self._held, (self._close,))
        cut = len(self._held) - kept
        return self._held[:cut], self._held[cut:], ""

    def _open_at(self) -> tuple[str, str, str]:
        text, place = self._held, 0
        while True:
            if self._at_line_start:
                start = place + len(text[place:]) - len(text[place:].lstrip(" \t\r\n"))
                for tag in PAIRS:
                    if text.startswith(tag, start):
                        return text[:place], text[start + len(tag) :], tag
                if start == len(text) or any(tag.startswith(text[start:]) for tag in PAIRS):
                    return text[:place], text[place:], ""
            newline = text.find("\n", place)
            self._at_line_start = newline >= 0
            if newline < 0:
                return text, "", ""
            place = newline + 1


def _tail_of(text: str, tags: tuple[str, ...]) -> int:
    """Return how many characters at the end could begin one of the tags."""
    longest = max(len(tag) for tag in tags) - 1
    for size in range(min(longest, len(text)), 0, -1):
        if any(tag.startswith(text[-size:]) for tag in tags):
            return size
    return 0
