"""A widget or screen that does what a key says only when the key has stood alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from smolterm.tui.guard import Guard

TICK = 0.05
"""Seconds between two looks at whether the quiet has lasted."""


class Waits(Protocol):
    """What is needed of the widget."""

    @property
    def app(self) -> Any: ...
    def set_timer(self, delay: float, callback: Callable[[], None]) -> Any: ...
    def call_later(self, callback: Callable[..., Any], *args: Any) -> Any: ...


class Patience:
    """Looks at a guard until what is pending there is due, or taken back."""

    def __init__(self, widget: Waits, guard: Guard, do: Callable[[str], Awaitable[None]]) -> None:
        self._widget, self._guard, self._do = widget, guard, do
        self._watching = False

    def watch(self) -> None:
        """Do what was chosen as soon as its quiet has lasted."""
        if not self._watching:
            self._watching = True
            self._widget.set_timer(min(self._guard.left, TICK) + 0.001, self._look)

    def _look(self) -> None:
        self._watching = False
        if self._guard.pending is None:
            return
        if self._guard.left > 0:
            self.watch()
        else:
            # Keys that came while the app was busy are on their way; they go first.
            self._widget.app.call_later(self._widget.call_later, self._due)

    async def _due(self) -> None:
        name = self._guard.take()
        if name is not None:
            await self._do(name)
        elif self._guard.pending is not None:
            self.watch()
