"""The two themes, and what each style name looks like in them."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

DARK = Theme(
    name="smolterm-dark",
    dark=True,
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#e0af68",
    success="#73daca",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0e8",
    background="#11131c",
    surface="#161926",
    panel="#1d2233",
)
LIGHT = Theme(
    name="smolterm-light",
    dark=False,
    primary="#2e5fd0",
    secondary="#7a3fc4",
    accent="#8f5e15",
    success="#0f766e",
    warning="#8f5e15",
    error="#b4233f",
    foreground="#262a3b",
    background="#fbfbfd",
    surface="#f1f2f7",
    panel="#e6e9f2",
)

# name: (dark colour, light colour, attributes); "" keeps the colour below.
_STYLES: dict[str, tuple[str, str, str]] = {
    "base": ("#c8d0e8", "#262a3b", ""),
    "quiet": ("#6b7394", "#6d7389", ""),
    "rule": ("#2a3049", "#d5d9e6", ""),
    "label": ("#59618a", "#858ba3", ""),
    "gutter": ("#434b6b", "#aeb4c8", ""),
    "fold": ("#7f88ad", "#5d6480", "italic"),
    "thinking": ("#7b84a8", "#6d7389", "italic"),
    "bold": ("#e8ecfa", "#10131f", "bold"),
    "italic": ("", "", "italic"),
    "strike": ("#6b7394", "#6d7389", "strike"),
    "heading": ("#bb9af7", "#7a3fc4", "bold"),
    "quote": ("#8f98bd", "#565d78", "italic"),
    "link": ("#7aa2f7", "#2e5fd0", "underline"),
    "mono": ("#9ece6a", "#3f6f1b", ""),
    "keyword": ("#bb9af7", "#7a3fc4", ""),
    "string": ("#9ece6a", "#3f6f1b", ""),
    "escape": ("#89ddff", "#0b6e86", ""),
    "number": ("#ff9e64", "#a8480b", ""),
    "comment": ("#636c91", "#777d94", "italic"),
    "name": ("#7aa2f7", "#2e5fd0", "bold"),
    "call": ("#7aa2f7", "#2e5fd0", ""),
    "hidden": ("#11131c on #f7768e", "#ffffff on #b4233f", "bold"),
    "stderr": ("#e0af68", "#8f5e15", ""),
    "tool": ("#7dcfff", "#0b6e86", ""),
    "value": ("#9ece6a", "#3f6f1b", ""),
    "error": ("#f7768e", "#b4233f", ""),
    "error_last": ("#f7768e", "#b4233f", "bold"),
    "warning": ("#e0af68", "#8f5e15", ""),
    "info": ("#8f98bd", "#565d78", ""),
    "asking": ("#e0af68", "#8f5e15", "bold"),
    "answer": ("#73daca", "#0f766e", "bold"),
    "task": ("#e8ecfa", "#10131f", "bold"),
    "prompt": ("#7aa2f7", "#2e5fd0", "bold"),
    "reasoning": ("#bb9af7", "#7a3fc4", ""),
    "code": ("#7aa2f7", "#2e5fd0", ""),
    "output": ("#73daca", "#0f766e", ""),
    "chosen": ("on #191d2c", "on #eef0f7", ""),
    "below": ("on #11131c", "on #fbfbfd", ""),
    "marked": ("on #2a2f4a", "on #dfe6fb", "bold"),
    "running": ("on #1c2f2c", "on #dcf1ec", ""),
    "pointer": ("#e0af68", "#8f5e15", "bold"),
    "table_head": ("#e8ecfa", "#10131f", "bold"),
    "row": ("on #262d47", "on #dde4fb", ""),
    "selected": ("on #33406b", "on #c9d6fb", ""),
}


@lru_cache(maxsize=256)
def style(name: str, dark: bool) -> Style:
    """Return the look of one style name; an unknown name looks like plain text."""
    on_dark, on_light, attributes = _STYLES.get(name, ("", "", ""))
    return Style.parse(f"{on_dark if dark else on_light} {attributes}".strip() or "none")
