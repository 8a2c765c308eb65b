"""Ends a reply at a text that should end it, whether or not whoever continues the text did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smolterm.models import Delta


class StopCutter:
    """Cuts streamed text before the first stop; one may arrive in pieces.

    Providers forget stops, or keep the stop's own text, so the cut is made here as well.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._longest = max(map(len, self._stops), default=0)
        self._held = ""
        self.hit = False
        """A stop was found; what comes after it is dropped."""

    def feed(self, text: str) -> str:
        """Take the next piece and return what is certain to stay."""
        if self.hit:
            return ""
        if not self._stops:
            return text
        self._held += text
        found = [place for stop in self._stops if (place := self._held.find(stop)) >= 0]
        if found:
            self.hit = True
            kept, self._held = self._held[: min(found)], ""
            return kept
        cut = len(self._held) - self._beginning_of_a_stop()
        kept, self._held = self._held[:cut], self._held[cut:]
        return kept

    def cut(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """Yield what stays of streamed parts; reasoning may hold a stop."""
        for delta in deltas:
            if delta.channel != "reply":
                yield delta
            elif text := self.feed(delta.text):
                yield Delta(channel="reply", text=text)

    def rest(self) -> Iterator[Delta]:
        if text := self.finish():
            yield Delta(channel="reply", text=text)

    def finish(self) -> str:
        """Return what was held back because it could have become a stop."""
        kept, self._held = self._held, ""
        return kept

    def _beginning_of_a_stop(self) -> int:
        """Return how many characters at the end could begin a stop."""
        for size in range(min(self._longest - 1, len(self._held)), 0, -1):
            if any(stop.startswith(self._held[-size:]) for stop in self._stops):
                return size
        return 0
