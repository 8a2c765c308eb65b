"""Every setting, its value and its origin, and a change of those that are safe to change."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args, get_origin, get_type_hints

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input, Static

from smolterm.config import Config, Settings, config_path
from smolterm.configfile import Value, set_value
from smolterm.errors import SmoltermError
from smolterm.printable import printable
from smolterm.tui.listing import Listing
from smolterm.tui.page import Page
from smolterm.tui.palette import DARK, LIGHT, style

AT_ONCE = frozenset({"theme", "bell"})
UNSAFE = frozenset({"allow", "outside", "packs", "folder", "write", "keys"})
"""Not changed by a key here: what loosens the policy is written by hand."""


class Setting(NamedTuple):
    """One line of the screen."""

    name: str
    value: Any
    origin: str
    doc: str
    choices: tuple[Value, ...]
    """What it can be; empty where it is typed."""
    kind: type
    editable: bool


class SettingList(Listing):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "take", "Change it", id="settings.change"),
    ]


class SettingsPage(Page):
    """Enter changes the setting in the person's file; the environment and flags still win."""

    NAME = "Settings"
    DEFAULT_CSS = """
    SettingsPage > #about { height: auto; max-height: 4; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", id="settings.back"),
    ]

    def body(self) -> Iterable[Widget]:
        yield SettingList(empty="no settings were loaded")
        yield Static(id="about", markup=False)
        yield Input(id="value")

    def on_mount(self) -> None:
        self._path = config_path()
        self._settings = all_settings(self.base.config)
        self.query_one("#value").display = False
        self.head(f"{self._path}")
        listing = self.query_one(Listing)
        listing.show(len(self._settings), self._lines)
        listing.focus()
        self._about()

    def _lines(self, at: int, width: int) -> Sequence[Text]:
        one, dark = self._settings[at], self.dark
        set_by = one.origin != "default"
        text = Text(no_wrap=True)
        text.append(one.name.ljust(15), style("bold" if set_by else "base", dark))
        value = Text(shown_value(one.value), style("value", dark), no_wrap=True)
        origin = one.origin if width < 60 else f"from the {one.origin}" if set_by else "default"
        value.truncate(max(width - 18 - len(origin), 4), overflow="ellipsis", pad=True)
        return [text.append_text(value).append(f" {origin}", style("info" if set_by else "quiet",
                                                                   dark))]  # fmt: skip

    def on_listing_moved(self) -> None:
        self._about()

    def _about(self) -> None:
        one = self._settings[self.query_one(Listing).at]
        text = Text().append(one.doc, style("base", self.dark))
        if one.choices:
            text.append(f"  {' | '.join(shown_value(c) for c in one.choices)}")
        when = "at once" if one.name in AT_ONCE else "at the next start"
        how = f"Enter changes it, {when}." if one.editable else f"Change it in {self._path}."
        if one.origin in ("environment", "flag"):
            how += f" The {one.origin} sets it now, and wins over the file."
        text.append(f"\n{how}", style("quiet", self.dark))
        self.query_one("#about", Static).update(text)

    def on_listing_taken(self, event: Listing.Taken) -> None:
        one = self._settings[event.at]
        if not one.editable:
            self.say(f"{one.name} is changed in the file alone: {self._path}")
        elif one.choices:
            at = one.choices.index(one.value) if one.value in one.choices else -1
            self._write(one, one.choices[(at + 1) % len(one.choices)])
        else:
            field = self.query_one("#value", Input)
            field.value, field.display = str(one.value), True
            field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        one = self._settings[self.query_one(Listing).at]
        try:
            value = one.kind(event.value.strip())
        except ValueError:
            self.say(f"{one.name} is a number", "error")
            return
        self.action_back()
        self._write(one, value)

    def action_back(self) -> None:
        field = self.query_one("#value", Input)
        if field.display:
            field.display = False
            self.query_one(Listing).focus()
        else:
            self.leave()

    def _write(self, one: Setting, value: Value) -> None:
        """Check a value as a file is checked, write it, and put it in force where that is safe."""
        from smolterm.config import load_config

        try:
            load_config({one.name: value}, {}, self._path)
            set_value(self._path, one.name, value)
        except SmoltermError as error:
            self.say(str(error), "error")
            return
        at = self.query_one(Listing).at
        wins = one.origin in ("environment", "flag")
        if not wins:
            self._settings[at] = one._replace(value=value, origin="file")
            self._put_in_force(one.name, value)
        listing = self.query_one(Listing)
        listing.show(len(self._settings), self._lines)
        self._about()
        now = one.name in AT_ONCE and not wins and value != "auto"
        when = "in force now" if now else "from the next start on"
        self.say(f"{one.name} = {shown_value(value)} is written: {when}", "answer")

    def _put_in_force(self, name: str, value: Value) -> None:
        if name == "bell":
            self.base.bell_rings = bool(value)
        elif name == "theme" and value != "auto":
            self.app.theme = DARK.name if value == "dark" else LIGHT.name


def all_settings(config: Config | None) -> list[Setting]:
    """Return every setting with what is known of it. Pure."""
    settings = Settings() if config is None else config.settings
    origins = {} if config is None else config.origins
    docs, kinds = field_docs(), get_type_hints(Settings)
    found = []
    for name in Settings.__struct_fields__:
        kind = kinds[name]
        choices: tuple[Value, ...] = ()
        if get_origin(kind) is Literal:
            choices, kind = get_args(kind), str
        elif kind is bool:
            choices = (True, False)
        simple = kind in (bool, int, float, str)
        editable = simple and name not in UNSAFE
        found.append(
            Setting(name, getattr(settings, name), origins.get(name, "default"),
                    docs.get(name, ""), choices, kind if simple else str, editable)
        )  # fmt: skip
    return found


def field_docs() -> dict[str, str]:
    """Return what stands under each field of `Settings`, in its source; nothing without that."""
    try:
        (cls,) = ast.parse(inspect.getsource(Settings)).body
    except (OSError, TypeError, ValueError):
        return {}
    assert isinstance(cls, ast.ClassDef)
    found: dict[str, str] = {}
    for field, doc in zip(cls.body, cls.body[1:], strict=False):
        if (
            isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant)
        ):  # fmt: skip
            found[field.target.id] = " ".join(str(doc.value.value).split())
    return found


def shown_value(value: Any) -> str:
    """Return a value as the file holds it, in one line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return ", ".join(str(each) for each in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {to}" for key, to in value.items()) or "none"
    return printable(str(value)) if value not in ("", None) else "–"
