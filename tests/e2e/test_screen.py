"""The screen on a real terminal: a whole task, narrow and short windows, and every way out."""

from __future__ import annotations

import os
import signal
import termios

import pytest

from smolterm import events as e
from tests.e2e.driving import SECONDS, Home, block, wait_for_end
from tests.e2e.screen import Screen
from tests.servers import OpenAIServer, says

KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}
ASKED = "Run this code?"


def start(home: Home, server: OpenAIServer, *argv: str, model: str = "openai/m", **size: int):
    home.environ |= KEY
    return Screen(home, "-m", model, "--api-base", server.url, *argv, **size)


@pytest.mark.parametrize("model", ["openai/gpt-test", "litellm/openai/gpt-test"])
def test_a_task_with_a_tool_an_error_an_edit_and_a_rejection(home, model):
    home.use_files()
    (home.folder / "numbers.csv").write_text("n\n20\n22\n")
    script = [
        says(block("rows = read_table('numbers.csv')\nprint(len(rows), 'rows')"), reasoning="Hm."),
        says(block("sum(row['missing'] for row in rows)")),
        says(block("total = 0")),
        says(block("forbidden()")),
        says(block("final_answer(f'The total is {total}.')")),
    ]
    with OpenAIServer(script) as server:
        screen = start(home, server, "add them", "--folder", str(home.folder), model=model)
        screen.wait_for("Reasoning", "Code", "Output", "rows = read_table")
        screen.answer(f"{ASKED}  step 1", "a")
        screen.wait_for("2 rows", "read_table('numbers.csv')")
        screen.answer(f"{ASKED}  step 2", "a")
        screen.wait_for("KeyError")
        screen.answer(f"{ASKED}  step 3", "e")
        screen.wait_for("total = 0", "ctrl+s")
        screen.press("\x01\x0b")  # to the start of the line, and delete to its end
        screen.press("total = sum(row['n'] for row in rows)")
        screen.wait_for("total = sum(row['n']")
        screen.press("\x13")  # Ctrl+S
        screen.answer(f"{ASKED}  step 4", "r")
        screen.wait_for("why?")
        screen.press("not this\r")
        screen.answer(f"{ASKED}  step 5", "a")
        screen.wait_for("The total is 42.")
        screen.press("\x11")  # Ctrl+Q
        assert screen.end() == 0
        told = [request["body"]["messages"][-1]["content"] for request in server.requests]
    assert "-total = 0\n+total = sum(row['n'] for row in rows)" in told[3]
    assert "not this" in told[4]
    events = home.events()
    assert events[-1].answer == "The total is 42."
    assert [x.decision for x in events if isinstance(x, e.DecisionMade)] == [
        "approve", "approve", "edit", "reject", "approve",
    ]  # fmt: skip
    assert not any("forbidden" in x.code for x in events if isinstance(x, e.CellStarted))
    home.wait_until_gone()


def test_keys_in_the_first_half_second_and_pasted_text_answer_nothing(home):
    with OpenAIServer([says(block("print('ran')"))]) as server:
        screen = start(home, server, "go")
        screen.wait_for(ASKED)
        screen.press("\x1b[200~aaaa\x1b[201~")
        screen.wait_for("aaaa")
        screen.press("\x11")
        assert screen.end() == 0
    assert not any(isinstance(event, e.CellStarted) for event in home.events())


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)], ids=str)
def test_every_size_shows_the_code_and_the_question(home, size):
    columns, rows = size
    with OpenAIServer([says(block("print('here')")), says("Done, all of it.")]) as server:
        screen = start(home, server, "go", columns=columns, rows=rows)
        screen.wait_for("print('here')", "approve")
        screen.answer("approve", "a")
        screen.wait_for("Done, all of it.")
        screen.press("\x11")
        assert screen.end() == 0


def test_resizing_while_a_question_is_open_keeps_it(home):
    with OpenAIServer([says(block("print('here')")), says("Done, all of it.")]) as server:
        screen = start(home, server, "go")
        screen.wait_for(ASKED)
        for columns, rows in [(40, 12), (20, 5), (100, 30)]:
            screen.resize(columns, rows)
        screen.wait_for("print('here')", ASKED)
        screen.answer(ASKED, "a")
        screen.wait_for("Done, all of it.")
        screen.press("\x11")
        assert screen.end() == 0


def test_a_later_task_has_the_variables_of_the_first(home):
    script = [says(block("kept = 41\nfinal_answer('one')")), says(block("final_answer(kept + 1)"))]
    with OpenAIServer(script) as server:
        screen = start(home, server, "first")
        screen.answer(f"{ASKED}  step 1", "a")
        screen.wait_for("one", "idle")
        screen.press("second\r")
        screen.answer(f"{ASKED}  step 2", "a")
        screen.wait_for("42", "idle")
        screen.press("\x11")
        assert screen.end() == 0


def test_interrupting_running_code_and_going_on(home):
    script = [says(block("print('bu' + 'sy')\nwhile True: pass")), says("Fine.")]
    with OpenAIServer(script) as server:
        screen = start(home, server, "first")
        screen.answer(ASKED, "a")
        screen.wait_for("running")
        screen.press("\x03")
        screen.wait_for("interrupted")
        screen.press("second\r")
        screen.wait_for("Fine.")
        screen.press("\x11")
        assert screen.end() == 0


def test_a_killed_sandbox_is_said_and_replaced(home):
    script = [
        says(block("kept = 1\nprint('bu' + 'sy')\nwhile True: pass")),
        says(block("print('still', 6 * 7)")),
        says("Fine."),
    ]
    with OpenAIServer(script) as server:
        screen = start(home, server, "first")
        screen.answer(f"{ASKED}  step 1", "a")
        screen.wait_for("busy")
        os.kill(home.child("broker.ts"), signal.SIGKILL)
        screen.wait_for("SIGKILL")
        screen.answer(f"{ASKED}  step 2", "a")
        screen.wait_for("still 42", "Fine.")
        screen.press("\x11")
        assert screen.end() == 0


@pytest.mark.parametrize(
    ("name", "code"), [("SIGTERM", 143), ("SIGHUP", 129), ("SIGINT", 130)], ids=str
)
@pytest.mark.parametrize("moment", ["idle", "silent", "question", "running"])
def test_signals_restore_the_terminal_and_leave_no_child(home, name, code, moment):
    script = {
        "idle": [],
        "silent": [says("", hang=True)],
        "question": [says(block("1"))],
        "running": [says(block("print('bu' + 'sy')\nwhile True: pass"))],
    }[moment]
    with OpenAIServer(script) as server:
        screen = start(home, server, *([] if moment == "idle" else ["go"]))
        before = "Ask for something"
        screen.wait_for(before)
        if moment == "silent":
            server.wait_for_requests(1)
        if moment in ("question", "running"):
            screen.wait_for(ASKED)
        if moment == "running":
            screen.answer(ASKED, "a")
            screen.wait_for("busy")
        os.kill(screen.process.pid, getattr(signal, name))
        tail = b""
        while True:
            try:
                tail += os.read(screen.process.child_fd, 65536)
            except OSError:
                break
        screen.process.close()
        assert screen.process.exitstatus == code
        assert b"\x1b[?1049l" in tail  # out of the alternate screen
        assert b"\x1b[?25h" in tail  # the cursor is visible
        home.wait_until_gone()


@pytest.mark.parametrize("moment", ["idle", "question", "running"])
def test_closing_the_terminal_ends_everything(home, moment):
    with OpenAIServer([says(block("print('bu' + 'sy')\nwhile True: pass"))]) as server:
        screen = start(home, server, *([] if moment == "idle" else ["go"]))
        screen.wait_for("Ask for something" if moment == "idle" else ASKED)
        if moment == "running":
            screen.answer(ASKED, "a")
            screen.wait_for("busy")
        os.close(screen.process.child_fd)
        screen.process.closed = True
        wait_for_end(screen.process.pid, SECONDS)
        assert os.waitpid(screen.process.pid, os.WNOHANG)[0], "it still runs"
        home.wait_until_gone()


def test_the_terminals_modes_are_as_before(home):
    with OpenAIServer([]) as server:
        screen = Screen(home, "--version")
        fresh = termios.tcgetattr(screen.process.child_fd)
        screen.end()
        screen = start(home, server)
        screen.wait_for("Ask for something")
        screen.press("\x11")
        screen.read_to_end()
        # The pty keeps its modes after the command has gone.
        assert termios.tcgetattr(screen.process.child_fd)[:4] == fresh[:4]
