"""The editor for code that waits: what it holds when the person runs it is what runs."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from smolterm.printable import reveal
from smolterm.tui.palette import style


class Editor(TextArea):
    """Python with colours and line numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "run", "Run it", id="editor.run"),
        Binding("escape", "cancel", "Back", id="editor.cancel"),
    ]

    class RunAsked(Message):
        def __init__(self, step: int, code: str) -> None:
            super().__init__()
            self.step = step
            self.code = code

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
        self.cursor_blink = False
        self.register_theme(_theme(dark))
        self.theme = "smolterm"
        self.border_title = f"Edit step {step}"
        hidden = len(reveal(code)[1])
        warning = f"{hidden} hidden characters, see the step   " if hidden else ""
        self.border_subtitle = f"{warning}ctrl+s runs it · esc goes back"

    def action_run(self) -> None:
        self.post_message(self.RunAsked(self._step, self.text))

    def action_cancel(self) -> None:
        self.post_message(self.Cancelled())


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
