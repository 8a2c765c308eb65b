"""The part of the app for all that is not the conversation: looks, modes, other screens.

Each screen is imported when it is first asked for: the start of the app pays for none of them.
"""

from __future__ import annotations

from textual.binding import Binding
from textual.screen import Screen

from smolterm.policy import MODES
from smolterm.tui.base import Base
from smolterm.tui.keys import keys_of, own_bindings, shown_key
from smolterm.tui.palette import DARK, LIGHT
from smolterm.tui.prompt import Prompt
from smolterm.tui.steps import Steps

WIDE_ENOUGH = 100
"""Columns from which the variables stand beside the steps."""


class Visiting(Base):
    """Other screens, and how this one looks."""

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        for steps in self.query(Steps):
            steps.refresh()

    def action_mode(self) -> None:
        """Ask about other things from now on: the next mode."""
        at = MODES.index(self.session.mode) if self.session.mode in MODES else 0
        self.session.set_mode(MODES[(at + 1) % len(MODES)])
        self.redraw()

    # Screens

    def visit(self, page: type[Screen[None]]) -> None:
        """Show a screen; the same key takes it away again."""
        same = isinstance(self.screen, page)
        while len(self.screen_stack) > 1:
            # What it still looks for would not find the screen any more.
            self.workers.cancel_node(self.screen)
            self.pop_screen()
            if same:
                return
        self.push_screen(page())

    def action_help(self) -> None:
        from smolterm.tui.help import HelpPage

        if len(self.screen_stack) > 1 and not isinstance(self.screen, HelpPage):
            self.push_screen(HelpPage())  # over the screen that it explains
        else:
            self.visit(HelpPage)

    def action_palette(self) -> None:
        from textual.command import CommandPalette

        if not any(isinstance(screen, CommandPalette) for screen in self.screen_stack):
            from smolterm.tui.commanding import Everything

            self.push_screen(CommandPalette({Everything}, placeholder="What to do?"))

    async def action_variables(self) -> None:
        from smolterm.tui.variables import VariablesPage, VariablesPane

        if self.size.width < WIDE_ENOUGH or len(self.screen_stack) > 1:
            self.visit(VariablesPage)
            return
        pane = self.query(VariablesPane)
        if pane:
            await pane.remove()
            self.query_one(Prompt).focus()
        else:
            await self.query_one("#work").mount(made := VariablesPane())
            made.focus()
        self.call_after_refresh(self.fit_steps)

    def fit_steps(self) -> None:
        """Lay the steps out for the width they have now.

        Textual tells nobody of a new size that somebody asked for before it had laid out.
        """
        for steps in self.query(Steps):
            if steps.scrollable_content_region.width != steps.virtual_size.width:
                steps.lay_out_again()

    def action_sessions(self) -> None:
        if self.sessions is None:
            self.say("sessions are not kept here")
            return
        from smolterm.tui.picker import PickerPage

        self.visit(PickerPage)

    def action_rewind(self) -> None:
        from smolterm.tui.rewinding import RewindPage

        self.visit(RewindPage)

    def action_log(self) -> None:
        from smolterm.tui.logview import LogPage

        self.visit(LogPage)

    def action_settings(self) -> None:
        from smolterm.tui.settings import SettingsPage

        self.visit(SettingsPage)

    # Keys

    def hints(self) -> tuple[tuple[str, str], ...]:
        """Return the keys worth a hint now: of what has the focus, then of the app."""
        focused = self.focused
        kind = type(focused) if focused is not None else None
        known = self._hints.get(kind)
        if known is None:
            here = own_bindings(kind) if kind is not None else ()
            shown = [each for each in here if each.show]
            always = [each for each in own_bindings(type(self)) if each.id in _ALWAYS]
            known = tuple(self._hint_of(each) for each in (*always, *shown))
            self._hints[kind] = known
        return known

    def _hint_of(self, binding: Binding) -> tuple[str, str]:
        key = keys_of(binding, self.keymap)[0]
        return shown_key(self, binding, key), binding.description

    def check_keys(self) -> None:
        """Say what of the keys that were set does not work as it was meant."""
        from smolterm.tui.keys import wrong_keys

        for problem in wrong_keys(self, self.keymap):
            self.notify(problem, title="keys", severity="warning", timeout=10, markup=False)


_ALWAYS = ("app.help", "app.palette", "app.mode")
"""Actions that are named in the footer wherever the focus is."""
