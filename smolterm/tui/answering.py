"""The part of the app that takes a person's answers to the session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smolterm.events import ApprovalRequested
from smolterm.policy import Decision, Edit
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.base import Base
from smolterm.tui.prompt import Prompt
from smolterm.tui.steps import Steps

if TYPE_CHECKING:
    from smolterm.tui.editor import Editor


class Answering(Base):
    """Shows what waits for the person, and passes on what they decide."""

    def show_question(self) -> None:
        """Bring the question up that waits, or take away one that does not any more."""
        steps, bar = self.query_one(Steps), self.query_one(ApprovalBar)
        request = next(iter(self.view.pending.values()), None)
        if request is bar.request:
            return
        asked_before = bar.has_focus_within
        bar.ask(request)
        if request is None and asked_before:
            self.query_one(Prompt).focus()
        self.query("Editor").remove()
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

    async def on_approval_bar_edit_asked(self, event: ApprovalBar.EditAsked) -> None:
        from smolterm.tui.editor import Editor

        request, dark = event.request, self.current_theme.dark
        editor = Editor(request.step, request.code, dark=dark)
        await self.mount(editor, after=self.query_one(ApprovalBar))
        self.query_one(ApprovalBar).display = False
        editor.focus()

    async def on_editor_run_asked(self, event: Editor.RunAsked) -> None:
        await self.query("Editor").remove()
        self._decide(event.step, Edit(event.code), None)

    async def on_editor_cancelled(self) -> None:
        await self.query("Editor").remove()
        bar = self.query_one(ApprovalBar)
        bar.display = bar.request is not None
        (bar if bar.display else self.query_one(Prompt)).focus()

    def on_approval_bar_paged(self, event: ApprovalBar.Paged) -> None:
        self.query_one(Steps).press(event.key)

    def on_approval_bar_pasted(self, event: ApprovalBar.Pasted) -> None:
        prompt = self.query_one(Prompt)
        prompt.insert(event.text)
        prompt.focus()

    def on_approval_bar_copy_asked(self, event: ApprovalBar.CopyAsked) -> None:
        self.copy(event.text, "code")


def _asked_step(request: ApprovalRequested | None) -> int | None:
    """Return the step to read before answering; a tool's call is in the question itself."""
    return None if request is None or request.call is not None else request.step
