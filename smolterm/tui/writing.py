"""The part of the app that takes what is written in the prompt, and keeps what has to wait."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea
from textual.worker import Worker, get_current_worker

from smolterm.errors import SmoltermError, UsageError
from smolterm.findfiles import Files
from smolterm.history import History, history_path
from smolterm.mentions import Attached, attach, mentions
from smolterm.threads import in_daemon_thread
from smolterm.tui import suggest
from smolterm.tui.approval import ApprovalBar
from smolterm.tui.besides import Besides
from smolterm.tui.commands import Commanding
from smolterm.tui.prompt import Prompt
from smolterm.tui.shelling import Shelling
from smolterm.tui.steps import Steps
from smolterm.tui.suggest import Menu
from smolterm.tui.waiting import Message, Waiting


class Writing(Commanding, Shelling):
    """Knows what a line that was sent means, and when its turn comes."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[Message] = []
        self._held = False  # what waits is sent by the person alone
        self._insisted = ""  # a text whose files are missing, and which is meant as it is
        self._aside: Worker[None] | None = None
        self._files: Files | None = None
        self._wanted: suggest.Asked | None = None
        self._finding = False

    def compose_prompt(self) -> ComposeResult:
        """Yield what stands between the steps and the footer."""
        yield Besides()
        yield Waiting()
        menu = Menu()
        # What lies over the steps takes no room, which its parent without height sees to.
        with Vertical(id="over") as over:
            over.styles.height = 0
            yield menu
        with Horizontal(id="line"):
            yield Static("❯", id="mark", markup=False)
            prompt = Prompt(
                "Ask for something", menu, History(history_path() if self.session.saves else None)
            )
            prompt.look_up, prompt.take_back = self.look_up, self._take_back
            prompt.running = lambda: self.view.running
            yield prompt

    @property
    def queue_length(self) -> int:
        return len(self._waiting)

    @property
    def folder(self) -> Path:
        """Where `@file` looks: the folder that was granted, else the current one."""
        return self.session.folder or Path.cwd()

    # What was sent

    def on_prompt_submitted(self, event: Prompt.Submitted) -> None:
        prompt, text = self.query_one(Prompt), event.text.strip()
        whole = prompt.pastes.unfolded(text)[0]
        if not text:
            self._send_held()
        elif text.startswith("!"):
            self._accept(text) if self.shell(whole) else prompt.give_back(event.text)
        elif text.startswith("/") and self.command(whole):
            self._accept(text)
        elif self.switching is not None:
            self._refuse(text, "another model is being loaded: your text is kept here")
        elif mentions(text):
            self.run_worker(self._with_files(text, steer=event.steer), group="send")
        else:
            self._deliver(text, Attached(text, {}), steer=event.steer)

    def _accept(self, sent: str) -> None:
        self.query_one(Prompt).accept(sent, keep=self.session.saves, forget=not self._waiting)

    def _refuse(self, sent: str, why: str) -> None:
        for prompt in self.query(Prompt):
            prompt.give_back(sent)
        self.say(why)

    async def _with_files(self, typed: str, *, steer: bool) -> None:
        """Send a text with the files that it names, or say what is wrong and leave it there."""
        insisted, self._insisted = typed == self._insisted, ""
        try:
            found = await in_daemon_thread(attach, typed, self.folder, lenient=insisted)
        except UsageError as error:
            again = "" if error.next else " Enter again sends it as text."
            self._insisted = "" if error.next else typed
            self._refuse(typed, f"{error}{again}")
        except asyncio.CancelledError:
            self._refuse(typed, "not sent")
            raise
        else:
            self._deliver(typed, found, steer=steer)

    def _deliver(self, typed: str, found: Attached, *, steer: bool) -> None:
        text, pasted = self.query_one(Prompt).pastes.unfolded(found.text)
        message = Message(typed, text, {**found.files, **pasted})
        if steer and self.view.running:
            self._steer(message)
        elif self.view.running:
            self._waiting.append(message)
            self._accept(typed)
            self._show_waiting()
        else:
            self._accept(typed)
            self._start(message)

    def _steer(self, message: Message) -> None:
        if message.files:
            self._refuse(message.typed, "files come with a task, not in between: Enter queues it")
        elif self.session.add_message(message.text):
            self._accept(message.typed)
            self.say("the model reads it before its next step")
        else:
            self._refuse(message.typed, "the task cannot be told any more: Enter queues it")

    def _start(self, message: Message) -> None:
        self.start(*self.tell_all(message.text, message.files))

    # What waits

    def task_ended(self, reason: str) -> None:
        """Go on with what waits, after an answer; anything else is for the person to judge."""
        self._held = bool(self._waiting) and (self._held or reason != "answer")
        if self._waiting and not self._held:
            self._start(self._waiting.pop(0))
        self._show_waiting()

    def _send_held(self) -> None:
        if self._waiting and not self.view.running and self.switching is None:
            self._held = False
            self._start(self._waiting.pop(0))
            self._show_waiting()

    def _take_back(self) -> str | None:
        if not self._waiting:
            return None
        message = self._waiting.pop()
        self._show_waiting()
        return message.typed

    def _show_waiting(self) -> None:
        self._held = self._held and bool(self._waiting)
        held = self._held or not self.view.running
        for waiting in self.query(Waiting):
            waiting.show([message.typed for message in self._waiting], held=held)
        self.redraw()  # the status line counts them

    # A question aside

    def command_btw(self, rest: str) -> None:
        if not rest:
            self.say("/btw QUESTION asks aside, without a trace")
            return
        self._close_aside()
        self._aside = self.run_worker(self._ask_aside(rest), group="aside")

    async def _ask_aside(self, question: str) -> None:
        box = self.query_one(Besides)
        box.ask(question)
        loop = asyncio.get_running_loop()
        drawn = loop.time()
        try:
            async with aclosing(self.session.aside(question)) as pieces:
                async for piece in pieces:
                    box.add(piece)
                    if loop.time() > drawn + 1 / 30:
                        drawn = loop.time()
                        box.draw()
        except SmoltermError as error:
            box.end(str(error))
        else:
            box.end()
        finally:
            if self._aside is get_current_worker():
                self._aside = None

    def _close_aside(self) -> bool:
        """Take the box away, and what fills it; False when there is none."""
        box = self.query_one(Besides)
        was_open = bool(box.display)
        if self._aside is not None:
            self._aside.cancel()
            self._aside = None
        box.close()
        return was_open

    # Interrupting

    def interrupt_own(self) -> bool:
        """End what was started from the prompt and is no task; False when nothing is."""
        commands, asked = self.interrupt_commands(), self._aside is not None
        if asked:
            self._close_aside()
        sending = [each for each in self.workers if each.group == "send" and each.is_running]
        for worker in sending:
            worker.cancel()
        return commands or asked or bool(sending)

    def clear_prompt(self) -> bool:
        """Empty the prompt and keep what stood there in the history; False when nothing did."""
        prompt = next((each for each in self.query(Prompt) if each.has_focus and each.text), None)
        if prompt is None:
            return False
        self._accept(prompt.take())
        self.say("cleared; up brings it back")
        return True

    # What the prompt asks for

    def on_prompt_files_asked(self, event: Prompt.FilesAsked) -> None:
        self._wanted = event.asked
        if not self._finding:
            self._finding = True
            self.run_worker(self._find_files(), group="files")

    async def _find_files(self) -> None:
        """Look for files in a thread, one search after another; only the newest question counts."""
        try:
            while (asked := self._wanted) is not None:
                self._wanted = None
                if self._files is None or self._files.folder != self.folder:
                    self._files = Files(self.folder)
                found = await in_daemon_thread(self._files.find, asked.typed)
                for prompt in self.query(Prompt):
                    prompt.offer(asked, suggest.files(found))
        finally:
            self._finding = False

    def on_menu_clicked(self) -> None:
        self.query_one(Prompt).take_clicked()

    def on_prompt_said(self, event: Prompt.Said) -> None:
        self.say(event.hint)

    def on_prompt_typed(self) -> None:
        bar = self.query_one(ApprovalBar)
        if bar.request is not None:
            bar.hold()

    def on_prompt_left(self) -> None:
        bar, steps = self.query_one(ApprovalBar), self.query_one(Steps)
        (bar if bar.display else steps).focus()

    def on_prompt_closed(self) -> None:
        self._close_aside()

    def on_prompt_paged(self, event: Prompt.Paged) -> None:
        box = self.query_one(Besides)
        if box.display and box.max_scroll_y:
            box.scroll_relative(y=event.by * max(box.size.height - 1, 1), animate=False)
        else:
            self.query_one(Steps).action_page(event.by)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if isinstance(event.text_area, Prompt):
            shell = event.text_area.text.startswith("!")
            self.query_one("#mark", Static).update("$" if shell else "❯", layout=False)

    def on_prompt_editor_asked(self) -> None:
        self.run_worker(self._edit(), group="editor")

    def command_editor(self, rest: str) -> None:
        self.run_worker(self._edit(rest), group="editor")

    async def _edit(self, text: str | None = None) -> None:
        """Let the person write in their own editor; the text comes back into the prompt."""
        from smolterm.tui.external import edit_text

        prompt = self.query_one(Prompt)
        async with self.terminal:
            edited = await edit_text(self, text or prompt.whole_text, ".md")
        if edited.problem:
            self.say(edited.problem)
        else:
            prompt.put(edited.text.rstrip("\n"))
        prompt.focus()
