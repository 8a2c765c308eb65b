"""The command palette's entries: every command of the prompt, and every action of the app."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from smolterm.commands import COMMANDS
from smolterm.tui.commands import Commanding
from smolterm.tui.keys import keys_of, own_bindings, shown_key

Entry = tuple[str, str, Callable[[], object]]
"""A name, what it does or which key does it, and how it is done."""


class Everything(Provider):
    """Finds a command or an action by any of its letters."""

    def _all(self) -> list[Entry]:
        app = cast(Commanding, self.app)
        found: list[Entry] = []
        for binding in own_bindings(type(app)):
            if binding.action == "palette" or not binding.description:
                continue
            keys = ", ".join(shown_key(app, binding, k) for k in keys_of(binding, app.keymap))
            found.append((binding.description, keys, partial(app.run_action, binding.action)))
        for command in COMMANDS:
            if command.possible(running=app.view.running):
                do = partial(app.carry_out, command)
                found.append((command.usage, command.help, do))
        return found

    async def discover(self) -> Hits:
        for name, words, do in self._all():
            yield DiscoveryHit(Content(name), do, text=name, help=words)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, words, do in self._all():
            if (score := matcher.match(f"{name} {words}")) > 0:
                yield Hit(score, matcher.highlight(name), do, text=name, help=words)
