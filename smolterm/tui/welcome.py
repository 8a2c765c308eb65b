"""What stands on the screen before the first task."""

from __future__ import annotations

from rich.text import Text
from textual.widget import Widget

from smolterm.tui.palette import style

_LOGO = (
    ("┌─┐┌┬┐┌─┐┬  ", "┌┬┐┌─┐┬─┐┌┬┐"),
    ("└─┐││││ ││  ", " │ ├┤ ├┬┘│││"),
    ("└─┘┴ ┴└─┘┴─┘", " ┴ └─┘┴└─┴ ┴"),
)
_LINES = (
    "Say what you want done and press Enter.",
    "The model answers with Python. You read it, then approve,",
    "edit or reject it. It runs in a sandbox that reaches nothing",
    "by itself.",
    "",
    "/help lists the keys",
)


class Welcome(Widget):
    """A name and what to do, centred."""

    def render(self) -> Text:
        dark = self.app.current_theme.dark
        text = Text(justify="center", end="")
        if self.size.height > len(_LOGO) + len(_LINES) + 1:
            for left, right in _LOGO:
                text.append(left, style("reasoning", dark)).append(right, style("code", dark))
                text.append("\n")
            text.append("\n")
        text.append(f"{_LINES[0]}\n", style("bold", dark))
        if self.size.height < len(_LINES):
            return text.append(_LINES[-1], style("quiet", dark))
        if self.size.width >= 62:
            text.append("\n".join(_LINES[1:]), style("quiet", dark))
        else:
            text.append(" ".join(_LINES[1:]), style("quiet", dark))
        return text
