"""The command palette's entries: every command of the prompt, and every action of the app."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from smolterm.tui.base import Base
from smolterm.tui.keys import keys_of, own_bindings, shown_key

Command = tuple[str, str, Callable[[Base], None]]
"""A name, what it does, and how it is done."""


def known_commands() -> list[Command]:
    """Return the commands that the prompt knows."""
    return []


class Everything(Provider):
    """Finds a command or an action by any of its letters."""

    @property
    def _base(self) -> Base:
        return cast(Base, self.app)

    def _all(self) -> list[tuple[str, str, Callable[[], object]]]:
        app = self._base
        found: list[tuple[str, str, Callable[[], object]]] = []
        for binding in own_bindings(type(app)):
            if binding.action == "palette" or not binding.description:
                continue
            keys = ", ".join(shown_key(app, binding, k) for k in keys_of(binding, app.keymap))
            found.append((binding.description, keys, partial(app.run_action, binding.action)))
        for name, words, do in known_commands():
            found.append((name, words, partial(do, app)))
        return found

    async def discover(self) -> Hits:
        for name, words, do in self._all():
            yield DiscoveryHit(Content(name), do, text=name, help=words)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, words, do in self._all():
            if (score := matcher.match(f"{name} {words}")) > 0:
                yield Hit(score, matcher.highlight(name), do, text=name, help=words)
