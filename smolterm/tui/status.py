"""The footer: what happens now on the left, what it costs on the right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rich.text import Text
from textual.widget import Widget

from smolterm.printable import printable
from smolterm.tui.items import Totals
from smolterm.tui.layout import STACKED_BELOW
from smolterm.tui.palette import style

LONGEST_NAME = 28
"""Cells for the model's name."""
ROOMY = 60
"""Cells from which numbers come with words."""

_GLYPHS = {
    "idle": ("○", "idle", "quiet"),
    "thinking": ("●", "thinking", "reasoning"),
    "waiting": ("◌", "waiting", "warning"),
    "asking": ("●", "needs you", "asking"),
    "running": ("●", "running", "output"),
}
_MODES = {
    "step": ("◇", "info"),
    "effects": ("◈", "code"),
    "plan": ("□", "reasoning"),
    "auto": ("▶", "asking"),
}
"""A mark and a look for each mode; the word stands beside them."""


class Facts(NamedTuple):
    """Everything the footer says."""

    totals: Totals = Totals()
    state: str = "idle"
    now: float = 0.0
    below: bool = False
    hint: str = ""
    """Said instead of the state for a while."""
    mode: str = "step"
    files: int = 0
    """Staged files that wait for a decision."""
    queued: int = 0
    """Messages that wait for the running task."""
    keys: tuple[tuple[str, str], ...] = ()
    """What could be pressed now, and what it does."""


class Status(Widget):
    """One line, or two where the screen is narrow."""

    def __init__(self) -> None:
        super().__init__()
        self._facts = Facts()
        self._drawn: Text | None = None

    def show(self, facts: Facts) -> None:
        """Draw the facts, if that looks different from what is there."""
        self._facts = facts
        if self._drawn is None or self._text() != self._drawn:
            self.refresh()

    def render(self) -> Text:
        self._drawn = self._text()
        return self._drawn

    def _text(self) -> Text:
        return status_text(self._facts, self.size.width, dark=self.app.current_theme.dark)


def status_text(facts: Facts, width: int, *, dark: bool) -> Text:
    """Return the footer for a width; the numbers needed least go first."""
    narrow = width < STACKED_BELOW
    text = Text(no_wrap=True, overflow="ellipsis", end="")
    mode = _mode(facts, dark)
    left = _left(facts, width, dark)
    if narrow:
        left.truncate(max(width - mode.cell_len - 2, 1), overflow="ellipsis")
        right = Text("  ").join(_fitting(_numbers(facts, dark, width), width - 2))
        text.append_text(left).append(" " * max(width - left.cell_len - mode.cell_len - 1, 1))
        return text.append_text(mode).append("\n ").append_text(right)
    left.append("   ").append_text(mode)
    room = width - left.cell_len - 4
    right = Text("  ").join(_fitting(_numbers(facts, dark, room), room))
    between = width - left.cell_len - right.cell_len - 1
    text.append_text(left)
    keys = key_line(facts.keys, dark, between - 8)
    if keys:
        text.append("    ").append_text(keys)
        between -= keys.cell_len + 4
    return text.append(" " * max(between, 1)).append_text(right)


def key_line(keys: Iterable[tuple[str, str]], dark: bool, room: int) -> Text:
    """Return as many keys with their words as fit; an action is named once, by its first key."""
    text, seen = Text(no_wrap=True, overflow="ellipsis", end=""), set[str]()
    for key, words in keys:
        if words in seen or not words:
            continue
        seen.add(words)
        part = Text("  " if text else "", end="")
        part.append(key, style("name", dark)).append(
            f" {words[:1].lower()}{words[1:]}", style("quiet", dark)
        )
        if text.cell_len + part.cell_len > room:
            break
        text.append_text(part)
    return text


def _mode(facts: Facts, dark: bool) -> Text:
    glyph, look = _MODES.get(facts.mode, ("◇", "info"))
    words = f"{glyph} {printable(facts.mode)}"
    return Text(words, style(look, dark) + style("italic" if facts.mode == "plan" else "", dark))


def _left(facts: Facts, width: int, dark: bool) -> Text:
    totals, text = facts.totals, Text(" ")
    glyph, word, look = _GLYPHS[facts.state]
    text.append(f"{glyph} ", style(look, dark))
    if facts.hint:
        text.append(printable(facts.hint), style("bold", dark))
        if totals.loading is not None:
            gauge = _gauge("loading the model", totals.loading, width, dark)
            text.append("   ").append_text(gauge)
        return text
    text.append(word, style(look, dark))
    if facts.state == "waiting":
        left = max(totals.waiting_until - facts.now, 0)
        text.append(f": {printable(totals.waiting)}, {left:.0f} s", style("warning", dark))
    elif totals.started is not None and facts.state != "asking":
        text.append(f" {_clock(facts.now - totals.started)}", style("quiet", dark))
    if totals.loading is not None:
        text.append("   ").append_text(_gauge("loading the model", totals.loading, width, dark))
    elif totals.reading is not None and facts.state == "thinking":
        text.append("   ").append_text(_gauge("reading the prompt", totals.reading, width, dark))
    elif totals.sandbox in ("preparing", "starting", "died"):
        text.append("   ").append_text(_sandbox(totals, width, dark))
    if facts.below:
        text.append("   ↓ new output below, End", style("code", dark))
    return text


def _sandbox(totals: Totals, width: int, dark: bool) -> Text:
    if totals.sandbox == "died":
        return Text("sandbox died", style("error", dark))
    text = _gauge(f"{totals.sandbox} the sandbox", totals.fraction, width, dark)
    if totals.detail and width >= STACKED_BELOW:
        text.append(f" {printable(totals.detail)}", style("quiet", dark))
    return text


def _gauge(words: str, fraction: float | None, width: int, dark: bool) -> Text:
    """Return words and how far it has come, where that is known."""
    text = Text(words, style("info", dark))
    if fraction is not None:
        size = min(max(width // 8, 4), 20)
        full = round(min(max(fraction, 0.0), 1.0) * size)
        text.append(" ").append("━" * full, style("output", dark))
        text.append("━" * (size - full), style("rule", dark))
        text.append(f" {fraction:.0%}", style("quiet", dark))
    return text


def _context(totals: Totals, room: int) -> str:
    """Return the size of the last prompt, and how much of it was there already."""
    said = f"ctx {_short(totals.context)}"
    if room >= ROOMY and totals.cached_tokens and totals.context:
        said += f", {min(totals.cached_tokens / totals.context, 1.0):.0%} reused"
    return said


def _numbers(facts: Facts, dark: bool, room: int) -> list[tuple[int, Text]]:
    """Return (rank, text) in the order they are shown; rank 0 is needed most."""
    totals = facts.totals
    cost = "–" if totals.cost is None else f"${totals.cost:.4f}"
    tokens = f"{_short(totals.prompt_tokens)}↑ {_short(totals.completion_tokens)}↓"
    found = [
        (5, _name(printable(totals.model))),
        (4, f"sandbox {totals.sandbox}" if totals.sandbox in ("ready", "busy", "closed") else ""),
        (0, f"{facts.files} file{'s' * (facts.files != 1)} to review" if facts.files else ""),
        (0, f"{facts.queued} queued" if facts.queued else ""),
        (1, tokens),
        (0, cost),
        (0, _context(totals, room)),
        (3, "" if totals.steps_left is None else f"{totals.steps_left} steps left"),
        (3, _time_left(facts)),
    ]
    if room < ROOMY:
        found = [(rank, said.removesuffix(" to review")) for rank, said in found]
    return [(rank, Text(said, style("quiet", dark))) for rank, said in found if said]


def _name(model: str) -> str:
    """Keep the end of a long name: it tells more than the start of a path."""
    return model if len(model) <= LONGEST_NAME else "…" + model[1 - LONGEST_NAME :]


def _time_left(facts: Facts) -> str:
    deadline = facts.totals.deadline
    if deadline is None or facts.totals.started is None:
        return ""
    return f"{_clock(deadline - facts.now)} left"


def _fitting(parts: list[tuple[int, Text]], room: int) -> list[Text]:
    kept = list(parts)
    while kept and sum(text.cell_len + 2 for _, text in kept) - 2 > room:
        kept.remove(max(kept, key=lambda part: part[0]))
    return [text for _, text in kept]


def _short(number: int) -> str:
    if number < 1_000:
        return str(number)
    if number < 999_950:
        return f"{number / 1_000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(int(seconds), 0), 60)
    return f"{minutes}:{rest:02}" if minutes else f"{rest} s"
