"""The editor for code that waits: what it holds when the person runs it is what runs.

What is different from the proposal is counted below it and shown as a diff on a key, and so is what
cannot be seen in it; code that does not parse is said and may run all the same.
"""

from __future__ import annotations

import ast
import difflib
import warnings
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static, TextArea
from textual.widgets.text_area import TextAreaTheme

from smolterm.printable import reveal
from smolterm.tui.diffing import diff_lines
from smolterm.tui.field import Field
from smolterm.tui.lines import Line
from smolterm.tui.palette import style
from smolterm.tui.sheet import Sheet
from smolterm.tui.touching import hidden_words

AT_ONCE = 20_000
"""Characters; longer code is looked at when the typing pauses."""
PAUSE = 0.2
"""Seconds."""
NARROW, SHORT = 60, 16
"""Columns and rows; a smaller editor says less and has no border."""
AROUND = 2
"""Lines shown on each side of a change."""
MOST_PAIRS = 250_000
"""Pairs of lines that are compared before all between is taken for changed."""
_Change = tuple[int, int, int, int]
STAND_IN = "\u25cc"
"""Drawn for a character that cannot be seen."""


class Editor(Field):
    """Python with colours and line numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "run", "Run it", priority=True, id="editor.run"),
        Binding("escape", "cancel", "Back", id="editor.cancel"),
        Binding("ctrl+t", "diff", "What changed", id="editor.diff"),
        Binding("ctrl+g", "outside", "Edit in $EDITOR", id="editor.outside"),
        Binding("ctrl+z", "undo", "Undo", id="editor.undo"),
        Binding("ctrl+y", "redo", "Redo", id="editor.redo"),
    ]

    class RunAsked(Message):
        def __init__(self, step: int, code: str) -> None:
            super().__init__()
            self.step = step
            self.code = code

    class OutsideAsked(Message):
        """The person wants to go on in $EDITOR."""

        def __init__(self, editor: Editor) -> None:
            super().__init__()
            self.editor = editor

    class DiffAsked(Message):
        """The person wants to see what they changed, or no longer."""

    class Cancelled(Message):
        """The person goes back to the question."""

    def __init__(self, step: int, code: str, *, dark: bool) -> None:
        super().__init__(
            code,
            language="python",
            show_line_numbers=True,
            soft_wrap=True,
            tab_behavior="focus",
        )
        self._step = step
        self._dark = dark
        self.cursor_blink = False
        self.register_theme(_theme(dark))
        self.theme = "smolterm"

    def get_line(self, line_index: int) -> Text:
        """Return a line to draw: nothing in it is hidden, or obeyed by a terminal."""
        text = self.document.get_line(line_index)
        if not reveal(text)[1]:
            return Text(text, end="", no_wrap=True)
        line = Text("", end="", no_wrap=True)
        for character in text:
            hidden = bool(reveal(character)[1])
            line.append(
                STAND_IN if hidden else character, style("hidden", self._dark) if hidden else None
            )
        return line

    def action_run(self) -> None:
        self.post_message(self.RunAsked(self._step, self.text))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())

    def action_diff(self) -> None:
        self.post_message(self.DiffAsked())

    def action_outside(self) -> None:
        self.post_message(self.OutsideAsked(self))


class EditorBox(Vertical):
    """The editor, what changed in it, and what to know before it runs."""

    DEFAULT_CSS = """
    EditorBox { height: 60%; }
    EditorBox > #changes { height: auto; max-height: 3; background: $surface; padding: 0 1; }
    EditorBox > Sheet { height: 1fr; background: $background; }
    Screen.-short EditorBox { height: 8; }
    """

    def __init__(self, step: int, proposed: str, text: str, *, dark: bool) -> None:
        super().__init__()
        self._step, self._proposed, self._dark = step, proposed, dark
        self._text = text
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        editor = Editor(self._step, self._text, dark=self._dark)
        editor.border_title = f"Edit step {self._step}"
        editor.styles.height = "1fr"
        yield editor
        yield Static(id="changes", markup=False)

    def on_mount(self) -> None:
        self.query_one(Editor).focus()
        self._look()

    def on_resize(self) -> None:
        if self.app.size.height < SHORT:
            self.query_one(Editor).styles.border = ("none", "transparent")
        self._look()

    @property
    def text(self) -> str:
        return self.query_one(Editor).text

    def put(self, text: str) -> None:
        """Take a text that was edited elsewhere; undo brings the one before it back."""
        editor = self.query_one(Editor)
        editor.replace(text, editor.document.start, editor.document.end)
        self._look()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        if len(event.text_area.text) <= AT_ONCE:
            self._look()
        else:
            self._timer = self.set_timer(PAUSE, self._look)

    def _look(self) -> None:
        text = self.text
        words = Text(end="")
        for said, look in _said(self._proposed, text, narrow=0 < self.size.width < NARROW):
            words.append("   " if words else "").append(said, style(look, self._dark))
        self.query_one("#changes", Static).update(words)
        for sheet in self.query(Sheet):
            sheet.show(self._diff)

    def _diff(self, width: int) -> list[Line]:
        return diff_lines(unified(self._proposed, self.text))

    async def on_editor_diff_asked(self, event: Editor.DiffAsked) -> None:
        event.stop()
        if self.query(Sheet):
            await self.query(Sheet).remove()
        else:
            sheet = Sheet()
            await self.mount(sheet, before="#changes")
            sheet.can_focus = False
            sheet.show(self._diff)


def unified(before: str, after: str) -> str:
    """Return the diff of two texts, without names and without the lines about them."""
    old, new = before.splitlines(), after.splitlines()
    found: list[str] = []
    for group in _grouped(_changes(old, new)):
        (a, _, c, _), (_, b, _, d) = group[0], group[-1]
        above, below = min(AROUND, a), min(AROUND, len(old) - b)
        sizes = (b - a + above + below, d - c + above + below)
        found.append(f"@@ -{a - above + 1},{sizes[0]} +{c - above + 1},{sizes[1]} @@")
        at = a - above
        for a, b, c, d in group:
            found += [f" {line}" for line in old[at:a]]
            found += [f"-{line}" for line in old[a:b]] + [f"+{line}" for line in new[c:d]]
            at = b
        found += [f" {line}" for line in old[at : at + below]]
    return "\n".join(found)


def _changes(old: list[str], new: list[str]) -> list[_Change]:
    """Return what differs, as (first, end) in the old and (first, end) in the new lines.

    What both begin and end with is left aside first, and what is long between is one change: how
    long this takes does not depend on what somebody wrote to make it long.
    """
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    a, b, c, d = start, len(old) - end, start, len(new) - end
    if a == b and c == d:
        return []
    if (b - a) * (d - c) > MOST_PAIRS:
        return [(a, b, c, d)]
    matcher = difflib.SequenceMatcher(None, old[a:b], new[c:d], autojunk=False)
    return [
        (a + i, a + j, c + k, c + n)
        for kind, i, j, k, n in matcher.get_opcodes()
        if kind != "equal"
    ]


def _grouped(changes: list[_Change]) -> list[list[_Change]]:
    """Put changes together whose surroundings touch."""
    groups: list[list[_Change]] = []
    for change in changes:
        if groups and change[0] - groups[-1][-1][1] <= 2 * AROUND:
            groups[-1].append(change)
        else:
            groups.append([change])
    return groups


def _said(proposed: str, text: str, *, narrow: bool) -> list[tuple[str, str]]:
    """Return what to know of the text, most pressing first: words and style."""
    found = []
    if hidden := hidden_words(text, f"{STAND_IN}; ctrl+t names them in what changed"):
        found.append((hidden, "error_last"))
    if wrong := syntax_error(text):
        found.append((wrong, "warning"))
    found.append((changed_words(proposed, text), "base"))
    keys = "ctrl+s runs it" + (" · ctrl+t what changed · ctrl+z undo · esc back" * (not narrow))
    found.append((keys, "quiet"))
    return found


def changed_words(before: str, after: str) -> str:
    """Return how many lines are not as they were proposed."""
    if before == after:
        return "nothing changed"
    changes = _changes(before.splitlines(), after.splitlines())
    count = sum(max(b - a, d - c) for a, b, c, d in changes)
    return f"{count:,} line{'s' * (count != 1)} changed" if count else "line ends changed"


def syntax_error(code: str) -> str:
    """Return why the code would not run at all; empty when it parses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(code, "step", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return f"⚠ {where}{error.msg}"[:120]
    except (ValueError, RecursionError, MemoryError) as error:
        return f"⚠ {error}"[:120]
    return ""


_TOKENS = {
    "keyword": ("keyword", "keyword.function", "keyword.operator", "keyword.return", "conditional",
                "repeat", "include", "exception", "operator.word"),
    "string": ("string", "string.documentation"),
    "number": ("number", "float", "boolean", "constant.builtin"),
    "comment": ("comment",),
    "name": ("function", "class", "method"),
    "call": ("function.call", "method.call", "function.builtin"),
}  # fmt: skip


def _theme(dark: bool) -> TextAreaTheme:
    names = {token: style(look, dark) for look, tokens in _TOKENS.items() for token in tokens}
    return TextAreaTheme("smolterm", gutter_style=style("gutter", dark), syntax_styles=names)
