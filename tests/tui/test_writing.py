"""Every key of the prompt, and what becomes of what was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from scripted import Clock, Scripted, play, screen_text, settle
from stories import asked, ran
from textual import events
from textual.pilot import Pilot

from smolterm.events import Finished, TaskStarted
from smolterm.history import History
from smolterm.store import StoredSession
from smolterm.tui.besides import Besides
from smolterm.tui.prompt import Prompt
from smolterm.tui.suggest import Menu
from smolterm.tui.waiting import Waiting

ANSWERED = Finished(reason="answer", answer="ok")


def prompt(pilot: Pilot[int]) -> Prompt:
    return pilot.app.query_one(Prompt)


def menu(pilot: Pilot[int]) -> Menu:
    return pilot.app.query_one(Menu)


async def type_in(pilot: Pilot[int], text: str, *then: str) -> None:
    """Type in one burst, as a slow line delivers it."""
    for key in (*("space" if c == " " else c for c in text), *then):
        character = " " if key == "space" else key if len(key) == 1 else None
        pilot.app.post_message(events.Key(key, character))
    await settle(pilot)


async def send(pilot: Pilot[int], text: str) -> None:
    await type_in(pilot, text, "enter")


async def paste(pilot: Pilot[int], text: str) -> None:
    pilot.app.post_message(events.Paste(text))
    await settle(pilot)


async def until(pilot: Pilot[int], text: str) -> None:
    """Wait until something stands on the screen."""
    while text not in screen_text(pilot.app):
        await pilot.pause(0.005)


class Slow(Scripted):
    """Answers a task when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.ends: asyncio.Queue[Finished] = asyncio.Queue()
        self.takes_messages = True

    async def run(self, task, *, files=None):  # type: ignore[no-untyped-def, override]
        self.tasks.append(task)
        self.files.append(dict(files or {}))
        yield TaskStarted(task=task)
        yield await self.ends.get()

    async def interrupt(self) -> None:
        self.calls.append("interrupt")
        self.ends.put_nowait(Finished(reason="interrupted"))

    def add_message(self, text: str) -> bool:
        self.calls.append(f"add {text}")
        return self.takes_messages

    async def end(self, pilot: Pilot[int], reason: str = "answer") -> None:
        self.ends.put_nowait(Finished(reason=reason, answer="ok"))  # type: ignore[arg-type]
        await settle(pilot)


# Editing


def test_lines_and_their_edges() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "old")
        for key in ("ctrl+j", "shift+enter", "alt+enter", "ctrl+enter"):
            await pilot.press("x", key)
        assert prompt(pilot).text == "x\nx\nx\nx\n"
        await pilot.press("up", "up", "up", "up")
        assert prompt(pilot).cursor_location[0] == 0
        assert prompt(pilot).text == "x\nx\nx\nx\n"
        await pilot.press("up")  # from the first line on it is the history
        assert prompt(pilot).text == "old"
        await pilot.press("down")  # and what was being written comes back
        assert prompt(pilot).text == "x\nx\nx\nx\n"

    play(Scripted(ANSWERED), test)


def test_every_editing_key() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "one two three")
        for keys, text in (
            (["backspace"], "one two thre"),
            (["ctrl+z"], "one two three"),
            (["ctrl+y"], "one two thre"),
            (["ctrl+w"], "one two "),
            (["home", "delete"], "ne two "),
            (["ctrl+right", "ctrl+k"], "ne"),
            (["ctrl+a", "o"], "one"),
            (["ctrl+e", "s", "left", "left", "right", "E"], "oneEs"),
            (["ctrl+u"], "s"),
            (["end", "shift+home", "x"], "x"),
            (["a", "b", "shift+left", "shift+left", "ctrl+x"], "x"),
            (["ctrl+v"], "xab"),
            (["ctrl+left", "ctrl+d", "alt+d"], ""),
        ):
            await pilot.press(*keys)
            assert prompt(pilot).text == text, keys

    play(Scripted(), test)


def test_keys_typed_in_one_burst_keep_their_order() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await type_in(pilot, "ab", "backspace", "c", "enter", "d", "e", "enter", "f")
        assert session.tasks == ["ac"]
        assert [each.text for each in pilot.app._waiting] == ["de"]
        assert prompt(pilot).text == "f"

    play(Slow(), test)


def test_undo_brings_back_what_the_history_replaced() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "old")
        await pilot.press("n", "e", "w", "up")
        assert prompt(pilot).text == "old"
        await pilot.press("ctrl+z")
        assert prompt(pilot).text == "new"

    play(Scripted(ANSWERED), test)


def test_undoing_many_lines_from_their_end_is_no_crash() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        prompt(pilot).put("line\n" * 30)
        await settle(pilot)
        for key, lines in (("ctrl+z", 1), ("ctrl+y", 31), ("ctrl+z", 1)):
            await type_in(pilot, "", key)
            assert prompt(pilot).document.line_count == lines

    play(Scripted(), test)


# The history


class Kept(Scripted):
    saves = True


def test_the_history_outlives_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))

    async def first(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "remember me")

    async def second(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await pilot.press("up")
        assert prompt(pilot).text == "remember me"

    play(Kept(ANSWERED), first)
    play(Kept(), second)
    assert History(tmp_path / "history").entries == ["remember me"]


def test_a_session_that_is_not_kept_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "secret")
        await pilot.press("up")
        assert prompt(pilot).text == "secret"

    play(Scripted(ANSWERED), test)
    assert list(tmp_path.iterdir()) == []


def test_searching_the_history() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        for text in ("plot sales", "sum sales", "other"):
            await send(pilot, text)
        await type_in(pilot, "dr")
        await pilot.press("ctrl+r")
        assert "nothing like that was typed" in screen_text(pilot.app)
        await pilot.press("backspace", "backspace")
        await type_in(pilot, "sales")
        text = screen_text(pilot.app)
        assert "▸ sum sales" in text and "plot sales" in text
        await pilot.press("ctrl+r")
        assert "▸ plot sales" in screen_text(pilot.app)
        await pilot.press("up", "down", "enter")
        assert prompt(pilot).text == "plot sales"
        assert not menu(pilot).is_open and len(session.tasks) == 3
        await pilot.press("enter")
        await settle(pilot)
        assert session.tasks[-1] == "plot sales"
        await type_in(pilot, "draft")
        await pilot.press("ctrl+r", "x", "escape")
        assert prompt(pilot).text == "draft" and not menu(pilot).is_open

    play(Scripted(ANSWERED), test)


# Completion


def test_commands_are_completed_with_their_arguments() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "/")
        assert "/help" in screen_text(pilot.app) and "the keys and commands" in screen_text(
            pilot.app
        )
        await type_in(pilot, "co")
        assert "▸ /copy [code|output|reasoning]" in screen_text(pilot.app)
        await pilot.press("tab")
        assert prompt(pilot).text == "/copy "
        assert "reasoning" in screen_text(pilot.app)
        await pilot.press("down", "down", "enter")
        assert prompt(pilot).text == "/copy output" and session.tasks == []
        assert not menu(pilot).is_open

    play(Scripted(), test)


def test_enter_sends_while_the_list_was_only_looked_at() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "/mode plan")
        assert not menu(pilot).is_open  # nothing is left to complete
        await pilot.press("enter")
        assert session.mode == "plan"
        await type_in(pilot, "/mode s")
        assert menu(pilot).is_open
        await pilot.press("enter")
        await settle(pilot)
        assert session.mode == "plan" and "no mode s" in screen_text(pilot.app)

    play(Scripted(), test)


def test_escape_closes_the_list_and_a_click_takes() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "/the")
        await pilot.press("escape")
        assert not menu(pilot).is_open and prompt(pilot).text == "/the"
        await pilot.press("m")
        assert await pilot.click(Menu, offset=(5, 0))
        await settle(pilot)
        assert prompt(pilot).text == "/theme "

    play(Scripted(), test)


def test_tab_leaves_where_there_is_nothing_to_complete() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "go")
        await type_in(pilot, "text")
        await pilot.press("tab")
        assert not prompt(pilot).has_focus

    play(Scripted(*ran(), ANSWERED), test)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sales.csv").write_bytes(b"a,b\n\xff")
    (tmp_path / "my notes.txt").write_text("notes")
    return tmp_path


def test_files_are_completed_and_come_with_the_task(folder: Path) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        session.folder = folder
        await type_in(pilot, "sum @dsal")
        await until(pilot, "data/sales.csv")
        await pilot.press("tab")
        assert prompt(pilot).text == "sum @data/sales.csv "
        await type_in(pilot, "and @note")
        await until(pilot, "my notes.txt")
        await pilot.press("down", "enter")
        assert prompt(pilot).text == 'sum @data/sales.csv and @"my notes.txt" '
        await pilot.press("enter")
        while not session.tasks:
            await pilot.pause(0.005)
        assert session.tasks == ["sum /in/sales.csv and /in/my_notes.txt"]
        assert session.files == [{"/in/sales.csv": b"a,b\n\xff", "/in/my_notes.txt": b"notes"}]
        assert prompt(pilot).text == ""

    play(Scripted(ANSWERED), test)


def test_folders_are_gone_into(folder: Path) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, f"@{folder}/d")
        await until(pilot, "▸")
        await pilot.press("tab")
        assert prompt(pilot).text == f"@{folder}/data/"
        await until(pilot, "data/sa")  # the list cuts a long path
        await pilot.press("tab")
        assert prompt(pilot).text == f"@{folder}/data/sales.csv "

    play(Scripted(), test)


def test_a_missing_file_keeps_the_text_and_a_second_enter_insists(folder: Path) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        session.folder = folder
        await type_in(pilot, "sum @no.csv")
        await pilot.press("enter")
        await until(pilot, "There is no file no.csv")
        assert prompt(pilot).text == "sum @no.csv" and session.tasks == []
        await pilot.press("enter")
        while not session.tasks:
            await pilot.pause(0.005)
        assert session.tasks == ["sum @no.csv"]

    play(Scripted(ANSWERED), test)


def test_what_is_no_file_is_never_sent_as_one(folder: Path) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        session.folder = folder
        for _ in range(2):
            await type_in(pilot, "read @data/") if not prompt(pilot).text else None
            await pilot.press("escape", "enter")
            await until(pilot, "is a folder")
        assert session.tasks == [] and prompt(pilot).text == "read @data/"

    play(Scripted(), test)


# Pasted text


def test_a_large_paste_is_folded_and_sent_whole() -> None:
    lines = "\n".join(f"line {n}" for n in range(312))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "see ")
        await paste(pilot, lines)
        assert prompt(pilot).text == "see [pasted 312 lines]"
        await paste(pilot, lines.upper())
        assert prompt(pilot).text == "see [pasted 312 lines][pasted 312 lines, 2]"
        await pilot.press("left", "backspace")  # past the second, and the first goes whole
        assert prompt(pilot).text == "see [pasted 312 lines, 2]"
        await pilot.press("right", "right", "ctrl+w")
        assert prompt(pilot).text == "see "
        await pilot.press("ctrl+z", "enter")
        await settle(pilot)
        assert session.tasks == [f"see {lines.upper()}"]

    play(Scripted(ANSWERED), test)


def test_a_folded_paste_is_unfolded_by_a_key() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await paste(pilot, "x\n" * 20)
        await pilot.press("ctrl+o")
        assert prompt(pilot).text == "x\n" * 20
        await pilot.press("ctrl+o")
        assert "nothing that was pasted" in screen_text(pilot.app)

    play(Scripted(), test)


def test_what_is_larger_still_goes_as_a_file() -> None:
    text = "\n".join(["x" * 100] * 300)

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "count ")
        await paste(pilot, text)
        assert prompt(pilot).text == "count [pasted-1.txt: 300 lines]"
        assert "it goes as a file" in screen_text(pilot.app)
        await pilot.press("ctrl+o")
        assert "too large to be shown" in screen_text(pilot.app)
        await pilot.press("enter")
        await settle(pilot)
        assert session.tasks == ["count /in/pasted-1.txt"]
        assert session.files == [{"/in/pasted-1.txt": text.encode()}]

    play(Scripted(ANSWERED), test)


def test_pasted_controls_are_left_out_and_said() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await paste(pilot, "rm\x1b[8m -rf\x07\r\nnext\u202e")
        assert prompt(pilot).text == "rm -rf\nnext"
        assert "6 control characters were left out" in screen_text(pilot.app)

    play(Scripted(), test)


# While a task runs


def test_messages_wait_their_turn() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        for text in ("second", "third", "fourth"):
            await send(pilot, text)
        text = screen_text(pilot.app)
        assert "1 ▏second" in text and "3 ▏fourth" in text and session.tasks == ["first"]
        await pilot.press("up")
        assert prompt(pilot).text == "fourth" and "fourth" in screen_text(pilot.app)
        await pilot.press("ctrl+u")
        await session.end(pilot)
        assert session.tasks == ["first", "second"]
        await session.end(pilot)
        assert session.tasks == ["first", "second", "third"]
        await session.end(pilot)
        assert len(session.tasks) == 3 and not pilot.app.query_one(Waiting).display

    play(Slow(), test)


@pytest.mark.parametrize("reason", ["interrupted", "failed", "stopped", "steps"])
def test_after_anything_but_an_answer_they_stay(reason: str) -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        await send(pilot, "second")
        await send(pilot, "third")
        await session.end(pilot, reason)
        assert session.tasks == ["first"]
        assert "⏎ sends the next one" in screen_text(pilot.app)
        await pilot.press("enter")
        await settle(pilot)
        assert session.tasks == ["first", "second"]
        await session.end(pilot)
        assert session.tasks == ["first", "second", "third"]

    play(Slow(), test)


def test_a_message_steers_at_once() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        await type_in(pilot, "use polars")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert "add use polars" in session.calls and prompt(pilot).text == ""
        session.takes_messages = False
        await type_in(pilot, "again")
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert prompt(pilot).text == "again"
        await session.end(pilot)
        await pilot.press("ctrl+s")
        await settle(pilot)
        assert session.tasks == ["first", "again"]

    play(Slow(), test)


def test_typing_while_a_question_waits_answers_nothing() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "go")
        prompt(pilot).focus()
        clock.now += 5
        await send(pilot, "approve a s r e")
        await paste(pilot, "a")
        assert session.decisions == []
        assert [each.text for each in pilot.app._waiting] == ["approve a s r e"]

    play(Scripted(*asked()), test)


# Interrupting


def test_ctrl_c_clears_what_was_written_then_leaves() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "half a task")
        await pilot.press("ctrl+c")
        assert prompt(pilot).text == "" and pilot.app.is_running
        await pilot.press("up")
        assert prompt(pilot).text == "half a task"
        await pilot.press("ctrl+c", "ctrl+c")
        assert pilot.app.is_running
        await pilot.press("ctrl+c")

    assert play(Scripted(), test).return_value == 0


def test_ctrl_c_interrupts_a_task_whatever_is_written_or_open() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        await type_in(pilot, "/he")
        await pilot.press("shift+home", "ctrl+c")
        await settle(pilot)
        assert "interrupt" in session.calls
        assert prompt(pilot).text == "/he"

    play(Slow(), test)


# A question aside


def test_a_question_aside_leaves_no_trace() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        items = len(pilot.app.view.items)
        await type_in(pilot, "/btw is it so?")
        await pilot.press("enter")
        await until(pilot, "It is so.")
        assert "is it so?" in screen_text(pilot.app)
        assert session.calls[-1] == "aside is it so?"
        assert len(pilot.app.view.items) == items and session.tasks == ["first"]
        await pilot.press("escape")
        await settle(pilot)
        assert not pilot.app.query_one(Besides).display
        assert "It is so." not in screen_text(pilot.app)

    play(Slow(), test)


class Thoughtful(Scripted):
    def __init__(self) -> None:
        super().__init__()
        self.closed = asyncio.Event()

    async def aside(self, question: str):  # type: ignore[no-untyped-def, override]
        try:
            yield "Let me see"
            await asyncio.Event().wait()
        finally:
            self.closed.set()


@pytest.mark.parametrize("key", ["escape", "ctrl+c"])
def test_closing_it_stops_the_answer(key: str) -> None:
    async def test(pilot: Pilot[int], session: Thoughtful, clock: Clock) -> None:
        await type_in(pilot, "/btw why?")
        await pilot.press("enter")
        await until(pilot, "… esc closes it")
        await pilot.press(key)
        await session.closed.wait()
        await settle(pilot)
        assert not pilot.app.query_one(Besides).display and pilot.app.is_running

    play(Thoughtful(), test)


# The person's own commands


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/sh")


@pytest.mark.usefixtures("shell")
def test_a_command_runs_in_the_shell_and_the_model_is_not_told() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "!echo $((6*7)); exit 3")
        assert "$" in str(pilot.app.query_one("#mark").render())
        await pilot.press("enter")
        await until(pilot, "[exit code 3]")
        assert "42" in screen_text(pilot.app) and "$ echo $((6*7))" in screen_text(pilot.app)
        await send(pilot, "go")
        assert session.tasks == ["go"] and session.files == [{}]

    play(Scripted(ANSWERED), test)


@pytest.mark.usefixtures("shell")
def test_with_two_marks_the_next_task_comes_with_its_output() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "!!echo hello")
        await pilot.press("enter")
        await until(pilot, "the next task comes with its output")
        await send(pilot, "go")
        said = "go\n\nI ran `echo hello` (exit code 0); its output is in /in/output.txt."
        assert session.tasks == [said]
        assert session.files == [{"/in/output.txt": b"hello\n"}]
        await send(pilot, "again")
        assert session.tasks[-1] == "again"

    play(Scripted(ANSWERED), test)


@pytest.mark.usefixtures("shell")
def test_ctrl_c_interrupts_a_command() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "!echo begun; sleep 1000")
        await pilot.press("enter")
        while pilot.app.view.items[-1].text.count("begun") < 2:
            await pilot.pause(0.005)
        await pilot.press("ctrl+c")
        await until(pilot, "[exit code 130]")
        assert pilot.app.is_running

    play(Scripted(), test)


@pytest.mark.usefixtures("shell")
def test_what_a_command_leaves_running_ends_with_the_app(tmp_path: Path) -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "!sleep 1000 & echo pid $!")
        await pilot.press("enter")
        await until(pilot, "pid ")
        while len(pilot.app.view.items[-1].text.split()) < 8:
            await pilot.pause(0.005)
        while pilot.app.commands_running:
            await pilot.pause(0.005)
        assert pilot.app._commands[0].lingers
        pilot.app.end_commands()

    play(Scripted(), test)


@pytest.mark.usefixtures("shell")
def test_a_command_that_needs_the_terminal_is_given_it() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "! exit 4")
        await pilot.press("enter")
        await until(pilot, "ended with code 4")
        assert "$ exit 4" in screen_text(pilot.app)

    play(Scripted(), test)


# Commands


def test_commands_reach_the_session() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await send(pilot, "/undo-files")
        assert "as before: /files/a.txt" in screen_text(pilot.app)
        await send(pilot, "/undo-context")
        assert "nothing of this session is sent shortened" in screen_text(pilot.app)
        await send(pilot, "/copy nonsense")
        assert "/copy code" in screen_text(pilot.app)
        await send(pilot, "/theme nonsense")
        assert "no theme nonsense" in screen_text(pilot.app)
        await send(pilot, "/rewind 9")
        assert "there is no step 9" in screen_text(pilot.app)
        await send(pilot, "/rename New name")
        await send(pilot, "/fork")
        await send(pilot, "/resume x")
        assert "sessions are not kept here" in screen_text(pilot.app)
        await send(pilot, "/nonsense")
        assert "no command /nonsense" in screen_text(pilot.app)
        assert session.tasks == []
        await send(pilot, "/etc/hosts: what is it?")
        assert session.tasks == ["/etc/hosts: what is it?"]

    play(Scripted(ANSWERED), test)


class Shelf:
    """Two sessions, and what was asked of them."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def find(self, words: str = "", limit: int = 200) -> list[StoredSession]:
        return [StoredSession(id=f"2026-{n}", title="x", started=1, changed=1) for n in (1, 2)]

    def open(self, session: str) -> Scripted:
        self.calls.append(f"open {session}")
        return Scripted()

    def fork(self, session: str, step: int | None, branch: int | None = None) -> Scripted:
        self.calls.append(f"fork {session} {step}")
        return Scripted()

    def rename(self, session: str, title: str) -> None:
        self.calls.append(f"rename {session} {title}")


def test_commands_reach_the_sessions_that_are_kept() -> None:
    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        shelf = pilot.app.sessions = Shelf()
        await send(pilot, "go")
        await send(pilot, "/rename New  title")
        assert shelf.calls == ["rename 20261121-1 New  title"]
        await send(pilot, "/rewind 1")
        assert session.calls[-1] == "rewind 1"
        await send(pilot, "/resume 2026")
        assert "2 sessions begin with 2026" in screen_text(pilot.app)
        await type_in(pilot, "/resume ")
        assert "2026-2" in screen_text(pilot.app)
        await type_in(pilot, "2026-2", "enter")
        await send(pilot, "/fork")
        assert shelf.calls[1:] == ["open 2026-2", "fork 20261121-1 None"]

    play(Scripted(*ran(), ANSWERED), test)


def test_some_commands_wait_for_the_task() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        await send(pilot, "/model x")
        assert "not possible now: a task is running" in screen_text(pilot.app)
        assert session.calls == ["prepare"]

    play(Slow(), test)


def test_the_editor_changes_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\ntr a-z A-Z <"$1" >"$1.new" && mv "$1.new" "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))

    async def test(pilot: Pilot[int], session: Scripted, clock: Clock) -> None:
        await type_in(pilot, "some text ")
        await paste(pilot, "line\n" * 12)
        await pilot.press("ctrl+g")
        while "SOME" not in prompt(pilot).text:
            await pilot.pause(0.005)
        assert prompt(pilot).text == "SOME TEXT " + "LINE\n" * 11 + "LINE"
        await pilot.press("ctrl+z")
        assert prompt(pilot).text == "some text [pasted 13 lines]"
        await pilot.press("ctrl+u")
        await send(pilot, "/editor from here")
        while prompt(pilot).text != "FROM HERE":
            await pilot.pause(0.005)

    play(Scripted(), test)


def test_all_works_on_a_small_screen() -> None:
    async def test(pilot: Pilot[int], session: Slow, clock: Clock) -> None:
        await send(pilot, "first")
        await send(pilot, "second")
        await type_in(pilot, "/")
        text = screen_text(pilot.app)
        assert "▸ /help" in text and "❯" in text and "1 of" in text

    play(Slow(), test, (40, 12))
