"""The part of the app that takes a person's answers to the session."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Static

from smolterm.errors import SmoltermError
from smolterm.events import ApprovalRequested, FilesRequested
from smolterm.policy import Approve, Decision, Edit
from smolterm.printable import reveal, revealed
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.base import Base
from smolterm.tui.prompt import Prompt
from smolterm.tui.steps import Steps

if TYPE_CHECKING:
    from smolterm.tui.editor import Editor


class FilesWait(Static):
    """A line that says that staged changes wait for a decision."""

    DEFAULT_CSS = """
    FilesWait { height: 1; background: $surface; color: $warning; padding: 0 1; display: none;
                text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def on_click(self) -> None:
        self.app.run_worker(self.app.run_action("files"))


class Answering(Base):
    """Shows what waits for the person, and passes on what they decide."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f6", "files", "Changed files", priority=True, id="app.files"),
    ]
    _files_shown: FilesRequested | None = None

    # Code and calls

    def show_question(self) -> None:
        """Bring the question up that waits, or take away one that does not any more."""
        self.show_files()
        steps, bar = self.query_one(Steps), self.query_one(ApprovalBar)
        request = next(iter(self.view.pending.values()), None)
        if request is bar.request:
            return
        asked_before = bar.has_focus_within or bool(self.query("EditorBox"))
        bar.ask(request)
        if request is None and asked_before:
            self.query_one(Prompt).focus()
        self.query("EditorBox").remove()
        self.call_after_refresh(steps.attend, _asked_step(request))
        if request is not None:
            self._offer_focus(bar)

    def _offer_focus(self, bar: ApprovalBar) -> None:
        """Give the question the keys, unless the person is in the middle of writing."""
        if not self.query_one(Prompt).text:
            bar.focus()

    def on_approval_bar_answered(self, event: ApprovalBar.Answered) -> None:
        self._decide(event.request.step, event.decision, event.request.call)

    def _decide(self, step: int, decision: Decision, call: int | None) -> None:
        if not self.session.decide(step, decision, call=call):
            self.view.pending.pop((step, call), None)
            self.redraw()

    def on_approval_bar_paged(self, event: ApprovalBar.Paged) -> None:
        self.query_one(Steps).press(event.key)

    def on_approval_bar_pasted(self, event: ApprovalBar.Pasted) -> None:
        prompt = self.query_one(Prompt)
        if event.text:
            prompt.insert(event.text)
        if not event.more:
            prompt.focus()
            self.say("that was typed, so it is in the prompt; Tab goes back to the question")

    def on_approval_bar_copy_asked(self, event: ApprovalBar.CopyAsked) -> None:
        self.copy(event.text, "code")

    def on_approval_bar_said(self, event: ApprovalBar.Said) -> None:
        self.say(event.hint)

    def on_approval_bar_read_asked(self, event: ApprovalBar.ReadAsked) -> None:
        request, step = event.request, self.view.at(event.request.step)
        if event.pager:
            self.run_worker(self._read_in_pager(request), group="pager", exclusive=True)
        elif step is not None:
            self.query_one(Steps).post_message(Steps.ReadAsked(step, None))

    async def _read_in_pager(self, request: ApprovalRequested) -> None:
        from smolterm.tui.external import open_pager

        text = request.code
        if request.tool is not None:
            text = f"{request.tool}({request.arguments})\n\n{request.code}"
        problem = await open_pager(self, revealed(text), f"step-{request.step}.py")
        self.query_one(ApprovalBar).hold()
        if problem:
            self.say(problem)

    # Editing

    async def on_approval_bar_edit_asked(self, event: ApprovalBar.EditAsked) -> None:
        if event.outside:
            request = event.request
            self.run_worker(self._edit_outside(request, request.code), group="editor")
        else:
            await self._edit_here(event.request, event.request.code)

    async def _edit_here(self, request: ApprovalRequested, text: str) -> None:
        """Show the editor with a text, or put the text into the one that is there."""
        from smolterm.tui.editor import EditorBox

        if self.query(EditorBox):
            self.query_one(EditorBox).put(text)
            return
        box = EditorBox(request.step, request.code, request.code, dark=self.current_theme.dark)
        await self.mount(box, after=self.query_one(ApprovalBar))
        self.query_one(ApprovalBar).display = False
        if text != request.code:
            box.put(text)

    def on_editor_outside_asked(self, event: Editor.OutsideAsked) -> None:
        request = self.query_one(ApprovalBar).request
        if request is not None:
            self.run_worker(self._edit_outside(request, event.editor.text), group="editor")

    async def _edit_outside(self, request: ApprovalRequested, text: str) -> None:
        """Let the person edit code in $EDITOR; it runs when they saved it and nothing is odd.

        Nothing runs that nobody saved: where the editor failed, or what was saved does not parse or
        holds what cannot be seen, it comes into the editor here, with what is to be known of it.
        """
        from smolterm.tui.editor import syntax_error
        from smolterm.tui.external import edit_text

        edited = await edit_text(self, text)
        bar, here = self.query_one(ApprovalBar), bool(self.query("EditorBox"))
        bar.hold()
        saved = edited.text if text.endswith("\n") else edited.text.removesuffix("\n")
        if bar.request is not request:
            self.say("nothing waited for it any more: nothing runs")
        elif saved == text or not saved.strip():
            reason = edited.problem or (
                "the file was empty" if saved != text else "nothing changed"
            )
            self.say(f"{reason}: nothing runs, the question is still open")
        elif here or edited.problem or reveal(saved)[1] or syntax_error(saved):
            await self._edit_here(request, saved)
            self.say(edited.problem or "look at it once more: ctrl+s runs it")
        else:
            self._decide(request.step, Edit(saved), None)

    async def on_editor_run_asked(self, event: Editor.RunAsked) -> None:
        request = self.query_one(ApprovalBar).request
        await self.query("EditorBox").remove()
        self.query_one(Prompt).focus()
        same = request is not None and event.code == request.code
        self._decide(event.step, Approve() if same else Edit(event.code), None)

    async def on_editor_cancelled(self) -> None:
        await self.query("EditorBox").remove()
        bar = self.query_one(ApprovalBar)
        bar.display = bar.request is not None
        bar.hold()
        (bar if bar.display else self.query_one(Prompt)).focus()

    # The staged files

    def show_files(self) -> None:
        """Bring up staged changes that wait, unless the person is in the middle of something."""
        asked = self.view.files_asked
        if asked is self._files_shown:
            return
        self._files_shown = asked
        self._show_that_files_wait(asked)
        if asked is not None and len(self.screen_stack) == 1 and not self.query_one(Prompt).text:
            self.action_files()

    def _show_that_files_wait(self, asked: FilesRequested | None) -> None:
        waits = self.query(FilesWait)
        if asked is None:
            waits.remove()
            return
        count = len(asked.files)
        said = f"▎ {count} changed file{'s' * (count != 1)} wait for you · F6 shows them"
        if waits:
            waits.first().update(said)
        else:
            line = FilesWait(said, markup=False)
            line.styles.display = "block"
            self.mount(line, after=self.query_one(ApprovalBar))

    def action_files(self) -> None:
        """Show the staged changes that wait; with none, ask the session for them."""
        from smolterm.tui.review import Review

        if isinstance(self.screen, Review):
            self.screen.action_leave()
        elif self.view.files_asked is not None and self.view.files_asked.files:
            self.push_screen(Review(self.view.files_asked))
        else:
            self.run_worker(self._ask_for_files(), group="files", exclusive=True)

    async def _ask_for_files(self) -> None:
        try:
            await self.session.review_files()
        except SmoltermError as error:
            self.say(str(error))
            return
        if self.view.files_asked is None:
            self.say("no staged file is changed")


def _asked_step(request: ApprovalRequested | None) -> int | None:
    """Return the step to read before answering; a tool's call is in the question itself."""
    return None if request is None or request.call is not None else request.step
