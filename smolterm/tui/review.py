"""The staged changes before a byte of them reaches the disk: files, hunks, and a decision.

Enter writes what is marked, and like every answer it counts only when it stands alone and not in
the first half second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from smolterm.errors import SmoltermError
from smolterm.events import FileChange, FilesRequested
from smolterm.policy import FilesDecision, RefuseFiles
from smolterm.printable import revealed
from smolterm.tui.diffing import diff_lines, side_by_side
from smolterm.tui.external import open_pager
from smolterm.tui.guard import DECIDING, Guard
from smolterm.tui.lines import Line, Span, styled
from smolterm.tui.marking import Marks, is_divisible
from smolterm.tui.page import Page
from smolterm.tui.palette import style
from smolterm.tui.patience import Patience
from smolterm.tui.sheet import Sheet
from smolterm.tui.touching import outside_text

KINDS = {"created": "new", "changed": "changed", "deleted": "deleted"}
DECIDES = ("enter", "r", "u")


class Review(Page):
    """Lists the files, shows the diff of the chosen one, and takes the decision."""

    NAME = "Staged files"
    DEFAULT_CSS = """
    Review #both { height: 1fr; layout: horizontal; }
    Review #files { width: 38%; border-right: solid $panel; }
    Review #diff { width: 1fr; }
    Review #outside { height: auto; max-height: 5; padding: 0 1; background: $surface; }
    Review #about { height: auto; max-height: 2; padding: 0 1; background: $surface; }
    Review.-narrow #both { layout: vertical; }
    Review.-narrow #files { width: 100%; height: 35%; border-right: none;
                            min-height: 4; border-bottom: solid $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "write", "Write", id="review.write"),
        Binding("space", "mark", "Mark", id="review.mark"),
        Binding("a", "all", "All", id="review.all"),
        Binding("n", "none", "None", id="review.none"),
        Binding("d", "sides", "Side by side", id="review.sides"),
        Binding("r", "refuse", "Refuse", id="review.refuse"),
        Binding("v", "whole", "In $PAGER", id="review.whole"),
        Binding("u", "undo", "Undo what was written last", id="review.undo"),
        Binding("c", "copy", "Copy the diff", id="review.copy"),
        Binding("up,k", "choose(-1)", "Before", show=False, id="review.before"),
        Binding("down,j", "choose(1)", "Next", show=False, id="review.next"),
        Binding("left,h", "side('files')", "Files", show=False, id="review.files"),
        Binding("right,l", "side('diff')", "Hunks", show=False, id="review.hunks"),
        Binding("tab,shift+tab", "other_side", "Files or hunks", show=False, id="review.side"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="review.page_up"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="review.page_down"),
    ]

    def __init__(self, asked: FilesRequested) -> None:
        super().__init__()
        self.asked = asked
        self.marks = Marks(asked.files)
        self._file = 0
        self._hunk = 0
        self._sides = False
        self._hunks_at: list[range] = []
        self._files_at: list[range] = []
        self._answered = False

    def body(self) -> Iterable[Widget]:
        if self.asked.outside:
            yield Static(id="outside", markup=False)
        with Horizontal(id="both"):
            yield Sheet(id="files")
            yield Sheet(id="diff")
        yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        self._guard = Guard(self.base.clock)
        self._patience = Patience(self, self._guard, self._do)
        self._guard.hold()
        self.app.theme_changed_signal.subscribe(self, lambda theme: self._restyle())
        self.query_one("#files").focus()
        self._draw()

    def renew(self) -> None:
        """Leave when the question is no more; what is marked stays otherwise."""
        if self.base.view.files_asked is not self.asked and self.is_current:
            self.dismiss()

    # What is on it

    @property
    def file(self) -> FileChange:
        return self.asked.files[self._file]

    def _draw(self) -> None:
        files, diff = self.query_one("#files", Sheet), self.query_one("#diff", Sheet)
        files.show(self._file_lines)
        diff.show(self._diff_lines)
        self.call_after_refresh(self._mark)
        count, total = self.marks.count, len(self.asked.files)
        added, removed = (sum(getattr(each, n) for each in self.asked.files)
                          for n in ("added", "removed"))  # fmt: skip
        self.head(f"step {self.asked.step}   {total} changed  +{added:,} −{removed:,}   "
                  f"{count} marked")  # fmt: skip
        if asked := self.asked.outside:
            shown = outside_text(asked, self.asked.outside_count, self.dark, whole=False)
            self.query_one("#outside", Static).update(shown)
        self._about()

    def _restyle(self) -> None:
        self._draw()
        self.show_keys()

    def _about(self) -> None:
        pending = self._guard.pending
        if pending == "write":
            words = Text(end="").append("writing …", style("asking", self.dark))
            words.append("  any other key takes it back", style("quiet", self.dark))
        elif self.query(Input):
            words = Text("Enter refuses all of it · esc goes back", style("quiet", self.dark))
        else:
            count, total = self.marks.count, len(self.asked.files)
            said = f"Enter writes {count} of {total}" if count else "nothing is marked"
            words = Text(end="").append(said, style("asking", self.dark))
            later = " · esc decides later" if self.size.width >= 60 else ""
            words.append(f" · r refuses{later}", style("quiet", self.dark))
        self.query_one("#about", Static).update(words)

    def _mark(self) -> None:
        files, diff = self.query_one("#files", Sheet), self.query_one("#diff", Sheet)
        if self._file < len(self._files_at):
            files.mark(self._files_at[self._file])
        inside = self._hunk < len(self._hunks_at)
        diff.mark(self._hunks_at[self._hunk] if inside else range(0), reveal=diff.has_focus)

    def _file_lines(self, width: int) -> list[Line]:
        lines: list[Line] = []
        self._files_at = []
        for file in self.asked.files:
            first = len(lines)
            sign, path = self.marks.sign(file), revealed(file.path)
            look = {"created": "value", "deleted": "error"}.get(file.kind, "base")
            lead_style = "error" if file.refused else "asking"
            lines.append(Line(path, (Span(0, len(path), look),), f"{sign} ", "    ", lead_style))
            facts = f"{KINDS[file.kind]}  {_size(file)}"
            lines += styled(facts, "quiet", lead="    ")
            if file.refused:
                lines += styled(revealed(file.refused), "error", lead="    ")
            self._files_at.append(range(first, len(lines)))
        return lines

    def _diff_lines(self, width: int) -> list[Line]:
        file = self.file
        lines = styled(revealed(file.path), "bold")
        self._hunks_at = []
        if file.refused:
            lines += styled(f"cannot be written: {revealed(file.refused)}", "error")
        if file.binary:
            size = "" if file.size is None else f", {file.size:,} bytes"
            lines += styled(f"no text{size}: there is nothing to show of it", "quiet")
        elif not file.hunks:
            lines += styled("nothing to show of it", "quiet")
        for number, hunk in enumerate(file.hunks, 1):
            first = len(lines)
            if is_divisible(file):
                sign = "[x]" if self.marks.has(file, number) else "[ ]"
                lines += styled(f"{sign} hunk {number} of {len(file.hunks)}", "asking")
            text = hunk.rstrip("\n")
            lines += side_by_side(text, width) if self._sides else diff_lines(text)
            self._hunks_at.append(range(first, len(lines)))
        if not file.shown_whole:
            lines += styled("… too long to be shown here: v opens all of it in $PAGER", "fold")
        return lines

    # Keys

    def on_key(self, event: events.Key) -> None:
        if self.query(Input):
            return
        held = self._guard.held
        alone = self._guard.key(None)
        self._about()
        if event.key in DECIDES and (held or not alone):
            event.prevent_default().stop()
            if held:
                self.say("it takes no answer in its first half second")

    def action_choose(self, by: int) -> None:
        diff = self.query_one("#diff", Sheet)
        if not diff.has_focus:
            self._file = min(max(self._file + by, 0), len(self.asked.files) - 1)
            self._hunk = 0
            diff.scroll_home(animate=False)
            self._draw()
            return
        here = self._hunks_at[self._hunk] if self._hunk < len(self._hunks_at) else range(0)
        tall = by > 0 and not diff.is_all_shown(here)
        if tall or not 0 <= self._hunk + by < len(self._hunks_at):
            diff.scroll_relative(y=by * max(diff.size.height // 2, 1), animate=False)
            return
        self._hunk += by
        self._mark()

    def action_side(self, side: Literal["files", "diff"]) -> None:
        self.query_one(f"#{side}").focus()
        self._mark()

    def action_other_side(self) -> None:
        self.action_side("files" if self.query_one("#diff").has_focus else "diff")

    def action_page(self, by: int) -> None:
        diff = self.query_one("#diff", Sheet)
        diff.scroll_relative(y=by * max(diff.size.height - 1, 1), animate=False)

    def action_mark(self) -> None:
        if self.file.refused:
            self.say(f"cannot be written: {self.file.refused}")
            return
        inside = self.query_one("#diff").has_focus and is_divisible(self.file)
        self.marks.toggle(self.file, self._hunk + 1 if inside else None)
        self._draw()

    def action_all(self) -> None:
        self.marks.mark_all()
        self._draw()

    def action_none(self) -> None:
        self.marks.mark_none()
        self._draw()

    def action_sides(self) -> None:
        self._sides = not self._sides
        self._draw()

    def action_copy(self) -> None:
        self.base.copy("\n".join(self.file.hunks), "diff")

    def action_write(self) -> None:
        self._choose("write")

    def action_refuse(self) -> None:
        self._choose("refuse")

    def action_undo(self) -> None:
        self._choose("undo")

    def _choose(self, name: str) -> None:
        if not self._answered and self._guard.choose(name, DECIDING):
            self._patience.watch()
        self._about()

    @property
    def waiting(self) -> bool:
        """A key was pressed and nothing was done for it yet."""
        return self._guard.pending is not None

    async def _do(self, name: str) -> None:
        if name == "write":
            decision = self.marks.decision()
            if decision is None:
                self.say("nothing is marked: space marks, r refuses")
            else:
                self._decide(decision)
        elif name == "refuse":
            reason = Input(placeholder="why? the model reads it; may stay empty")
            await self.mount(reason, before="#about")
            reason.focus()
        else:
            await self._undo()
        self._about()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._decide(RefuseFiles(event.value.strip()))

    def _decide(self, decision: FilesDecision) -> None:
        self._answered = True
        if not self.base.session.decide_files(self.asked.step, decision):
            self.base.view.files_asked = None
            self.base.say("nothing waited for this any more: nothing was written")
        self.dismiss()

    async def _undo(self) -> None:
        try:
            paths = await self.base.session.undo_files()
        except SmoltermError as error:
            self.say(str(error))
            return
        self.say(f"as before: {', '.join(paths)}" if paths else "nothing was written so far")

    def action_whole(self) -> None:
        self.run_worker(self._open_whole(self.file), group="pager", exclusive=True)

    async def _open_whole(self, file: FileChange) -> None:
        if file.binary:
            self.say("no text: there is nothing to show of it")
            return
        try:
            whole = file if file.shown_whole else await self.base.session.file_change(file.path)
        except SmoltermError as error:
            self.say(str(error))
            return
        text = "\n".join(revealed(hunk.rstrip("\n")) for hunk in whole.hunks)
        said = "" if whole.shown_whole else "\n… the rest is longer than can be shown"
        problem = await open_pager(self.app, f"{revealed(file.path)}\n{text}{said}\n", "diff.txt")
        self._guard.hold()
        if problem:
            self.say(problem)

    def action_leave(self) -> None:
        if self.query(Input):
            self.query(Input).remove()
            self.query_one("#files").focus()
            self.call_after_refresh(self._about)
            return
        self.base.say("the files still wait for you: F6 shows them")
        self.dismiss()

    def on_sheet_clicked(self, event: Sheet.Clicked) -> None:
        places = self._files_at if event.sheet.id == "files" else self._hunks_at
        at = next((n for n, lines in enumerate(places) if event.index in lines), None)
        if at is None:
            return
        if event.sheet.id == "files":
            moved, self._file = at != self._file, at
            self._hunk = 0 if moved else self._hunk
        else:
            self._hunk = at
        if event.x < 3 and event.index == places[at].start:
            self.action_mark()
        else:
            self._draw()


def _size(file: FileChange) -> str:
    size = "" if file.size is None else f"  {file.size:,} bytes"
    if file.binary:
        return f"no text{size}"
    return f"+{file.added:,} −{file.removed:,}{size}"
