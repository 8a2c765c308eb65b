"""The prompt on a real terminal: its cursor, its history, and the person's own commands."""

from __future__ import annotations

import stat
import termios

import pytest

from tests.e2e.screen import Screen
from tests.servers import OpenAIServer, says

READY = "Ask for something"
WELCOME = "Say what you want done"


@pytest.fixture
def server():
    with OpenAIServer([says("It has 3 lines."), says("Gladly.")]) as server:
        yield server


@pytest.fixture
def start(home, server):
    home.environ |= {"OPENAI_API_KEY": "sk-test-0123456789", "SHELL": "/bin/sh"}

    def start(*argv, **size):
        screen = Screen(home, "-m", "openai/m", "--api-base", server.url, *argv, **size)
        screen.wait_for(WELCOME, READY)
        return screen

    return start


def leave(screen):
    screen.press("\x11")  # Ctrl+Q
    assert screen.end() == 0


def cursor(screen):
    return screen.display.cursor.x, screen.display.cursor.y


def line_of(screen, text):
    return next(n for n, line in enumerate(screen.display.display) if text in line)


@pytest.mark.parametrize("size", [(140, 40), (40, 12)], ids=str)
def test_the_terminals_cursor_stands_where_the_text_goes(start, size):
    screen = start(columns=size[0], rows=size[1])
    screen.press("ab漢字é")
    screen.wait_for("ab")
    screen.until(lambda: cursor(screen) == (3 + 2 + 4 + 1, line_of(screen, "❯ ab")))
    screen.press("\n\n")  # the prompt grows, and all of it moves up
    screen.until(lambda: cursor(screen) == (3, line_of(screen, "❯ ab") + 2))
    screen.press("x\x1b[A\x1b[A")
    screen.until(lambda: cursor(screen) == (4, line_of(screen, "❯ ab")))
    screen.resize(60, 20)
    screen.until(lambda: cursor(screen) == (4, line_of(screen, "❯ ab")))
    leave(screen)


def test_the_history_is_there_in_the_next_session(start, home):
    screen = start()
    screen.press("half a thought")
    screen.wait_for("half a thought")
    screen.press("\x03")
    screen.wait_for(READY, "cleared")
    screen.press("!echo 漢字 $((6*7))\r")
    screen.wait_for("漢字 42")
    leave(screen)
    path = home.folder / "data" / "history"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    screen = start()
    screen.press("\x1b[A")
    screen.wait_for("!echo 漢字 $((6*7))")
    screen.press("\x1b[A")
    screen.wait_for("half a thought")
    screen.press("\x12six")  # Ctrl+R, over what stands there
    screen.wait_for("nothing like that was typed")
    screen.press("\x1b")
    screen.wait_for("❯ half a thought")
    leave(screen)


def test_a_session_that_is_not_kept_leaves_no_history(start, home):
    screen = start("--no-save")
    screen.press("!echo secret $((6*7))\r")
    screen.wait_for("secret 42")
    leave(screen)
    assert not (home.folder / "data" / "history").exists()


def test_a_command_with_the_terminal_to_itself(start, home):
    screen = start()
    modes = termios.tcgetattr(screen.process.child_fd)
    screen.press("! python3 -c \"print('hello', input('name? '))\"\r")
    screen.wait_for("name?")
    screen.press("Ada\r")
    screen.wait_for("hello Ada", "Enter goes back")
    screen.press("\r")
    screen.wait_for(READY)
    assert termios.tcgetattr(screen.process.child_fd)[:4] == modes[:4]
    screen.press("! sleep 1000\r")
    screen.until(lambda: home.child("sleep") is not None)
    screen.press("\x03")
    screen.wait_for("exit code 130")
    screen.press("\r")
    screen.wait_for(READY, "$ sleep 1000")
    leave(screen)
    home.wait_until_gone()


@pytest.mark.parametrize("command", ["sleep 1000", "sleep 1000 & echo behind"])
def test_no_command_outlives_the_screen(start, home, command):
    screen = start()
    screen.press(f"!{command}\r")
    screen.until(lambda: home.child("sleep") is not None)
    leave(screen)
    home.wait_until_gone()


def test_a_file_comes_with_a_task_and_the_session_is_written_out(start, home, server):
    (home.folder / "data.txt").write_text("1\n2\n3\n")
    screen = start()
    screen.press("count @dat")
    screen.wait_for("▸ data.txt")
    screen.press("\t\r")
    screen.wait_for("It has 3 lines.")
    asked = server.requests[0]["body"]["messages"]
    assert "count /in/data.txt" in str(asked) and "@data.txt" not in str(asked)
    screen.press("/btw are you well?\r")
    screen.wait_for("Gladly.", "nothing of it is kept")
    screen.press("\x1b")
    screen.press("/export out.md\r")
    screen.wait_for("this session is in")
    written = (home.folder / "out.md").read_text()
    assert "It has 3 lines." in written and "Gladly." not in written
    screen.press("/export out.md\r")
    screen.wait_for("exists already")
    leave(screen)
