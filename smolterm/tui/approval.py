"""The question before something runs, and the only place where it is answered.

Keys that were meant for something else must not answer it: for half a second after it appears
nothing does, a key answers only when it stands alone, and text that is typed or pasted here goes to
the prompt. `guard` decides which is which.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from rich.style import Style
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.css.query import NoMatches
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from smolterm.events import ApprovalRequested
from smolterm.policy import Approve, Decision, Reject, Stop
from smolterm.printable import revealed
from smolterm.tui.guard import DECIDING, HOLD, OPENING, Guard
from smolterm.tui.keys import keys_of, shown_key
from smolterm.tui.palette import style
from smolterm.tui.patience import Patience
from smolterm.tui.touching import (
    FEW,
    call_text,
    hidden_words,
    is_folded,
    marked,
    outside_text,
    touched,
)

CHOICES = ("approve", "edit", "reject", "rule", "stop", "copy", "zoom")
"""In the order in which they are shown; each is an action and, as `approval.…`, a binding."""
WORDS = {"rule": "rule", "zoom": "full screen"}
NARROW = 60
"""Columns; a narrower bar leaves out what can be found by F1."""
PAGES = ("up", "down", "j", "k", "pageup", "pagedown", "home", "end")

SHORT = 16
"""Rows; on fewer the code needs most of them."""

Panel = Literal["main", "reason", "rules", "rule"]


class ApprovalBar(Vertical, can_focus=True):
    """Shows one request; hidden while nothing waits."""

    DEFAULT_CSS = """
    ApprovalBar #detail { height: auto; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve", id="approval.approve"),
        Binding("e", "edit", "Edit, then run", id="approval.edit"),
        Binding("ctrl+g", "edit_outside", "Edit in $EDITOR", id="approval.edit_outside"),
        Binding("r", "reject", "Reject with a reason", id="approval.reject"),
        Binding("p", "rule", "Approve by a rule", id="approval.rule"),
        Binding("s", "stop", "Stop the task", id="approval.stop"),
        Binding("c", "copy", "Copy", id="approval.copy"),
        Binding("z", "zoom", "Full screen", id="approval.zoom"),
        Binding("v", "pager", "All of it in $PAGER", id="approval.pager"),
        Binding("t", "unfold", "All that it touches", id="approval.unfold"),
        Binding("enter", "for_session", "Take the rule for this session", show=False,
                id="approval.for_session"),
        Binding("A", "always", "Take the rule for always", show=False, id="approval.always"),
        Binding("escape", "back", "Back", show=False, id="approval.back"),
    ]  # fmt: skip

    class Answered(Message):
        def __init__(self, request: ApprovalRequested, decision: Decision) -> None:
            super().__init__()
            self.request = request
            self.decision = decision

    class EditAsked(Message):
        def __init__(self, request: ApprovalRequested, *, outside: bool = False) -> None:
            super().__init__()
            self.request = request
            self.outside = outside
            """In $EDITOR."""

    class CopyAsked(Message):
        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class ReadAsked(Message):
        """The person wants all of it before them: full screen, or in $PAGER."""

        def __init__(self, request: ApprovalRequested, *, pager: bool) -> None:
            super().__init__()
            self.request = request
            self.pager = pager

    class Pasted(Message):
        """Text came to the question; it belongs elsewhere."""

        def __init__(self, text: str, *, more: bool = False) -> None:
            super().__init__()
            self.text = text
            self.more = more
            """The rest of it is still to come."""

    class Paged(Message):
        """The person reads on before answering."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    class Said(Message):
        """Something to tell the person for a moment."""

        def __init__(self, hint: str) -> None:
            super().__init__()
            self.hint = hint

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__()
        self._guard = Guard(clock)
        self.request: ApprovalRequested | None = None
        self.panel: Panel = "main"
        self._rule = 0
        self._read_whole = False
        self._unfolded = False
        self._answered = False
        self._typing = False  # text runs in, and goes to the prompt
        self._typing_timer: Timer | None = None
        self._patience = Patience(self, self._guard, self._do)
        self.display = False
        self.styles.max_height = "80%"
        self.styles.overflow_y = "hidden"

    def compose(self) -> ComposeResult:
        yield Static(id="question")
        with VerticalScroll(id="detail", can_focus=False):
            yield Static(id="what")
        yield Static(id="choices")

    @property
    def waiting(self) -> bool:
        """A key was pressed and nothing was done for it yet."""
        return self._guard.pending is not None or self._typing

    def on_mount(self) -> None:
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._draw())

    # Values in

    def ask(self, request: ApprovalRequested | None) -> None:
        """Show a request, or hide with None."""
        if request is self.request:
            return
        self.request, self._answered, self._unfolded = request, False, False
        self._guard.forget()
        self._typing = False
        self.display = request is not None
        self.query(Input).remove()
        if request is not None:
            self.hold()
            self._turn("main")

    def hold(self) -> None:
        """Take no answer for a while."""
        self._guard.hold()
        self._show_choices()
        self.set_timer(HOLD + 0.05, self._show_choices)

    # What is on it

    def _turn(self, panel: Panel) -> None:
        """Show another side of the question."""
        self.panel = panel
        if panel in ("rules", "rule"):
            self._guard.hold()
            self.set_timer(HOLD + 0.05, self._show_choices)
        self._draw()
        self.query_one("#detail", VerticalScroll).scroll_home(animate=False)
        self._read_whole = False
        self.call_after_refresh(self._note_reading)

    def _draw(self) -> None:
        if self.request is not None and self.is_mounted:
            dark = self.app.current_theme.dark
            self.query_one("#question", Static).update(_headline(self.request, self.panel, dark))
            self.query_one("#what", Static).update(self._detail(dark))
            self._show_choices()
            self._fit()

    def _detail(self, dark: bool) -> Text:
        request = self.request
        assert request is not None
        if self.panel == "rules":
            lines = [
                Text(end="")
                .append(f"{n} ", style("asking", dark))
                .append_text(marked(rule, "base", dark))
                for n, rule in enumerate(request.rules[:9], 1)
            ]
            return Text("\n", end="").join(lines)
        if self.panel == "rule":
            return marked(request.rules[self._rule], "bold", dark)
        outside = outside_text(
            request.outside, request.outside_count, dark, whole=self._unfolded
        )  # fmt: skip
        parts = [outside] if outside else []
        if request.tool is not None:
            parts.insert(0, call_text(request, dark, whole=self._unfolded))
        else:
            parts.append(touched(request.touches, dark, whole=self._unfolded))
        if request.why:
            parts.append(marked(request.why, "quiet", dark))
        return Text("\n", end="").join(parts)

    def _fit(self) -> None:
        """Leave the code the room that it needs, and the choices theirs."""
        height, width = self.app.size.height, max(self.size.width - 3, 10)
        call = self.request is not None and self.request.call is not None
        reading = call or self.panel in ("rule", "rules") or self._unfolded
        share = 60 if reading else 35 if height < SHORT else 45
        shown = self.query_one("#choices", Static)
        rows = max(shown.size.height, 1)
        head = -(-max(_headline(self.request, self.panel, True).cell_len, 1) // width)
        room = height * share // 100 - rows - head - (self.panel == "reason")
        self.query_one("#detail").styles.max_height = max(room, 1)

    def on_resize(self) -> None:
        self._show_choices()
        self.call_after_refresh(self._fit)

    def _note_reading(self) -> None:
        """Note whether all of a rule has been on the screen."""
        detail = self.query_one("#detail", VerticalScroll)
        if detail.scroll_offset.y >= detail.max_scroll_y:
            self._read_whole = True
        self._show_choices()

    # Intents out: what a key means; it is done when the key has stood alone

    def action_approve(self) -> None:
        self._choose("approve", DECIDING)

    def action_stop(self) -> None:
        self._choose("stop", DECIDING)

    def action_edit(self) -> None:
        self._choose("edit", OPENING)

    def action_edit_outside(self) -> None:
        self._choose("edit_outside", OPENING)

    def action_reject(self) -> None:
        self._choose("reject", OPENING)

    def action_rule(self) -> None:
        self._choose("rule", OPENING)

    def action_copy(self) -> None:
        self._choose("copy", OPENING)

    def action_zoom(self) -> None:
        self._choose("zoom", OPENING)

    def action_pager(self) -> None:
        self._choose("pager", OPENING)

    def action_unfold(self) -> None:
        self._choose("unfold", OPENING)

    def action_for_session(self) -> None:
        if self.panel == "rule":
            self._choose("for_session", DECIDING, panel="rule")
        else:
            self._page("enter")

    def action_always(self) -> None:
        self._choose("always", DECIDING, panel="rule")

    async def action_back(self) -> None:
        """Take back what was begun: a rejection, a rule."""
        self._guard.forget()
        if self.panel == "rule" and self.request is not None and len(self.request.rules) > 1:
            self._turn("rules")
        elif self.panel != "main":
            await self.query(Input).remove()
            self._turn("main")
        self.focus()
        self._show_choices()

    def _choose(self, name: str, quiet: float, panel: Panel = "main") -> None:
        if self.request is None or self._answered or self.panel != panel:
            return
        if self._guard.choose(name, quiet):
            self._patience.watch()
        self._show_choices()

    async def _do(self, name: str) -> None:
        """Do it now."""
        request = self.request
        if request is None or self._answered:
            return
        match name:
            case "approve":
                self._answer(Approve())
            case "stop":
                self._answer(Stop())
            case "for_session" | "always":
                if self._read_whole:
                    self._answer(Approve(rule=self._rule, always=name == "always"))
                else:
                    self.post_message(self.Said("read the rule to its end first: down"))
            case "reject":
                await self._ask_reason()
            case "edit" | "edit_outside":
                if request.call is None:
                    self.post_message(self.EditAsked(request, outside=name != "edit"))
                else:
                    self.post_message(self.Said("a call is made by code that runs: it has no edit"))
            case "rule":
                self._show_rules(request)
            case "copy":
                self.post_message(self.CopyAsked(_copied(request)))
            case "zoom" | "pager":
                self.post_message(self.ReadAsked(request, pager=name == "pager"))
            case "unfold":
                self._unfolded = not self._unfolded
                self._draw()
            case _:
                self._rule = int(name)
                self._turn("rule")
        self._show_choices()

    def _show_rules(self, request: ApprovalRequested) -> None:
        if not request.rules:
            hint = "no rule can stand for this: it was not shown whole, or must be asked each time"
            self.post_message(self.Said(hint))
        elif len(request.rules) == 1:
            self._rule = 0
            self._turn("rule")
        else:
            self._turn("rules")

    async def _ask_reason(self) -> None:
        reason = Input(placeholder="why? the model reads it; may stay empty")
        await self.mount(reason, before="#choices")
        reason.focus()
        self._turn("reason")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self.panel == "reason":
            self._answer(Reject(event.value.strip()))

    def _answer(self, decision: Decision) -> None:
        if self.request is not None and not self._answered:
            self._answered = True
            self.post_message(self.Answered(self.request, decision))
            self._show_choices()

    # Keys

    def on_key(self, event: events.Key) -> None:
        if not self.has_focus:
            return
        character = event.character if event.is_printable else None
        if self._typing:
            self._type_on(event)
            return
        may_answer = self._guard.key(character)
        self._show_choices()
        reading = set(self._guard.run) <= {"j", "k"}
        if self._guard.is_text and not reading:
            self._begin_typing()
        elif event.key in PAGES and reading:
            self._guard.understood()
            self._page(event.key)
        elif not may_answer and event.key != "escape":
            self.set_timer(HOLD + 0.05, self._show_choices)
        elif self.panel == "rules" and event.key.isdigit():
            self._choose_rule(int(event.key))
        else:
            return
        event.prevent_default().stop()

    def _choose_rule(self, number: int) -> None:
        if self.request is not None and 1 <= number <= len(self.request.rules[:9]):
            self._choose(str(number - 1), OPENING, panel="rules")

    def _page(self, key: str) -> None:
        """Scroll what is to be read here, else the steps."""
        detail = self.query_one("#detail", VerticalScroll)
        here = self.panel in ("rule", "rules") or self._unfolded
        here = here or (self.request is not None and self.request.call is not None)
        if not (here and detail.max_scroll_y and key != "enter"):
            self.post_message(self.Paged(key))
        elif key in ("home", "end"):
            (detail.scroll_home if key == "home" else detail.scroll_end)(animate=False)
        else:
            by = max(detail.size.height - 1, 1) if key.startswith("page") else 1
            down = key in ("down", "j", "pagedown")
            detail.scroll_relative(y=by if down else -by, animate=False)
        self.call_after_refresh(self._note_reading)

    def _begin_typing(self) -> None:
        """Pass on what was typed; what follows without a pause belongs to it."""
        self.post_message(self.Pasted("".join(self._guard.run), more=True))
        self._guard.forget()
        self._typing = True
        self._wait_for_more()

    def _type_on(self, event: events.Key) -> None:
        self._guard.key(None)
        text = (
            event.character if event.is_printable else {"enter": "\n", "tab": "\t"}.get(event.key)
        )
        if text:
            self.post_message(self.Pasted(text, more=True))
            self._wait_for_more()
            event.prevent_default().stop()
        else:
            self._end_typing()

    def _wait_for_more(self) -> None:
        if self._typing_timer is not None:
            self._typing_timer.stop()
        self._typing_timer = self.set_timer(DECIDING, self._end_typing)

    def _end_typing(self) -> None:
        if self._typing_timer is not None:
            self._typing_timer.stop()
        if self._typing:
            self._typing = False
            self.post_message(self.Pasted(""))
            self.hold()

    async def on_click(self, event: events.Click) -> None:
        choice = event.style.meta.get("choice")
        if choice is None or self.request is None:
            return
        event.stop()
        if self._guard.held:
            self.hold()
        elif choice == "back":
            await self.action_back()
        else:
            await self._do(choice)

    def on_paste(self, event: events.Paste) -> None:
        if self.has_focus:
            event.stop()
            self.hold()
            self.post_message(self.Pasted(event.text))

    def watch_has_focus(self, focused: bool) -> None:
        super().watch_has_focus(focused)
        if not focused:
            self._guard.forget()
        self._show_choices()

    # The line of choices

    def _show_choices(self) -> None:
        try:
            line = self.query_one("#choices", Static)
        except NoMatches:
            return
        if self.request is not None:
            line.update(self._choices_text(self.app.current_theme.dark))

    def _choices_text(self, dark: bool) -> Text:
        assert self.request is not None
        if self.panel == "reason":
            return Text("Enter rejects it · esc goes back", style("quiet", dark))
        if not self.has_focus:
            return Text("Tab answers", style("quiet", dark))
        pending = self._guard.pending
        if pending is not None:
            word = {"for_session": "taking the rule", "always": "taking the rule"}.get(
                pending, _DOING.get(pending, "")
            )
            if word:
                text = Text(end="").append(f"{word} …", style("asking", dark))
                return text.append("  any other key takes it back", style("quiet", dark))
        ready = not self._guard.held and not self._answered
        narrow = 0 < self.size.width < NARROW
        if self.panel == "rules":
            choices = [(f"1-{min(len(self.request.rules), 9)}", "choose", "")]
            choices.append(("esc", "back", "back"))
        elif self.panel == "rule":
            ready = ready and self._read_whole
            if self._rule < self.request.step_rules:
                choices = [("enter", "for this step", "for_session")]
            else:
                choices = [("enter", "for this session", "for_session"), ("A", "always", "always")]
            choices += [("esc", "back", "back")]
            if not self._read_whole:
                choices = [("down", "reads on", ""), *choices]
        else:
            choices = self._main_choices(narrow)
        return _choices(choices, self.size.width - 1, ready=ready, dark=dark)

    def _main_choices(self, narrow: bool) -> list[tuple[str, str, str]]:
        request = self.request
        assert request is not None
        found = []
        for name in CHOICES:
            if (
                (name == "edit" and request.call is not None)
                or (name == "rule" and not request.rules)
                or (name in ("copy", "zoom") and narrow)
            ):
                continue
            found.append((self._key(name), WORDS.get(name, name), name))
        long = len(request.arguments) > 4_000 if request.call is not None else False
        detail = self.query_one("#detail", VerticalScroll)
        long = long or is_folded(request.touches) or len(request.outside) > FEW
        long = long or detail.max_scroll_y > 0
        if long and not self._unfolded:
            found.append((self._key("unfold"), "all", "unfold"))
        return found

    def _key(self, name: str) -> str:
        binding = next(each for each in self.BINDINGS if isinstance(each, Binding)
                       and each.id == f"approval.{name}")  # fmt: skip
        key = keys_of(binding, getattr(self.app, "keymap", {}))[0]
        return shown_key(self.app, binding, key)


_DOING = {"approve": "approving", "stop": "stopping the task"}


def _headline(request: ApprovalRequested | None, panel: Panel, dark: bool) -> Text:
    if request is None:
        return Text()
    words = {
        "rules": "Approve this and, from now on, by which rule?",
        "rule": "Approve this, and take this rule?",
    }
    what = "Run this code?" if request.tool is None else "Allow this call?"
    text = Text(end="").append(words.get(panel, what), style("asking", dark))
    text.append(f"  step {request.step}", style("quiet", dark))
    if request.tool is not None and panel in ("main", "reason"):
        text.append(f"  {revealed(request.effect)}", style("warning", dark))
        if request.line is not None:
            text.append(f"  line {request.line}", style("quiet", dark))
    if request.outside:
        text.append("  ⚠ outside", style("warning", dark))
    hidden = (
        hidden_words(request.code, "in the code")
        if request.tool is None
        else hidden_words(request.arguments + request.tool, "in the arguments")
    )
    if hidden:
        text.append(f"  {hidden}", style("error_last", dark))
    return text


def _copied(request: ApprovalRequested) -> str:
    if request.tool is None:
        return request.code
    return f"{request.tool}({request.arguments})"


def _choices(choices: list[tuple[str, str, str]], width: int, *, ready: bool, dark: bool) -> Text:
    """Return the choices in as many rows as they need, none of them broken in two."""
    text, at = Text(end=""), 0
    gap = 2 if 0 < width < NARROW else 3
    for key, word, name in choices:
        size = len(key) + 1 + len(word)
        if at and 0 < width < at + gap + size:
            text.append("\n")
            at = 0
        text.append(" " * gap if at else "")
        at += size + (gap if at else 0)
        mark = Style(meta={"choice": name}) if name else Style()
        text.append(key, style("asking" if ready else "quiet", dark) + mark)
        text.append(f" {word}", style("base" if ready else "quiet", dark) + mark)
    return text
