"""Raw bytes at a question, and the person's own editor, on a real terminal."""

from __future__ import annotations

import sys
import termios
import time

import pytest

from smolterm import events as e
from tests.e2e.driving import block
from tests.e2e.screen import Screen
from tests.e2e.test_screen import ASKED, start
from tests.servers import OpenAIServer, says


def ready(screen: Screen) -> None:
    """Wait until the question takes keys; `f12` is one that means nothing."""
    screen.answer(ASKED, "")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b"pasted junk", "pasted junk"),
        (b"approve\rs\r", "approve"),
        (b"\x1b[Aa\x1b[B", "Ask for something"),
        (b"\x1b]11;rgb:aaaa/aaaa/aaaa\x1b\\a\x1b[?1;2c", ASKED),
        (b"\x1ba\x1b[1;5Aa\x1b[O", ASKED),
        (b"a" * 200, ASKED),
    ],
    ids=["text", "lines", "arrows", "a report", "sequences", "held down"],
)  # fmt: skip
def test_a_burst_of_bytes_answers_nothing(home, sent, kept):
    with OpenAIServer([says(block("print('ran')"))]) as server:
        screen = start(home, server, "go")
        ready(screen)
        screen.process.send(sent)
        screen.wait_for(kept)
        screen.press("\x1b[200~ \x1b[201~")  # once this is there, all before it was read
        screen.press("\x11")
        assert screen.end() == 0
    assert not any(isinstance(event, e.DecisionMade) for event in home.events())


def test_bytes_one_by_one_answer_nothing_while_they_run(home):
    with OpenAIServer([says(block("print('ran')"))]) as server:
        screen = start(home, server, "go")
        ready(screen)
        for byte in b"a sentence as people type it, and so on and so on":
            screen.process.send(bytes([byte]))
        screen.wait_for("a sentence as people type it, and so on and so on")
        screen.press("\x11")
        assert screen.end() == 0
    assert not any(isinstance(event, e.DecisionMade) for event in home.events())


def answer_until(screen: Screen, wanted: str) -> None:
    """Press `a` now and then, as somebody does who sees that it was not taken."""
    for _ in range(20):
        screen.press("a")
        deadline = time.monotonic() + 1.5
        while wanted not in screen.text and screen._read(deadline):
            pass
        if wanted in screen.text:
            return
    raise AssertionError(screen.text)


def tool(home, body: str) -> str:
    path = home.folder / "tool"
    path.write_text(
        f"#!{sys.executable}\nimport os, signal, sys, termios, tty\npath = sys.argv[-1]\n{body}\n"
    )
    path.chmod(0o700)
    return str(path)


WILD = """
tty.setraw(0)
sys.stdout.write("\\x1b[?1049h\\x1b[?25l\\x1b[?1000hEDITOR IS UP"); sys.stdout.flush()
"""


def test_an_editor_has_the_terminal_and_what_it_saves_runs(home):
    body = (
        WILD
        + "assert os.read(0, 1) == b'w'\nopen(path, 'w').write(\"final_answer('from outside')\")"
    )
    home.environ["VISUAL"] = tool(home, body)
    with OpenAIServer([says(block("print('ran')"))]) as server:
        screen = start(home, server, "go")
        ready(screen)
        screen.press("\x07")  # Ctrl+G
        screen.wait_for("EDITOR IS UP")
        screen.press("w")
        screen.wait_for("from outside", "idle")
        screen.press("\x11")
        assert screen.end() == 0
    made = [event for event in home.events() if isinstance(event, e.DecisionMade)]
    assert [event.decision for event in made] == ["edit"]


@pytest.mark.parametrize("end", ["signal.SIGKILL", "signal.SIGSEGV", "signal.SIGINT"])
def test_an_editor_that_dies_leaves_the_question_and_the_terminal(home, end):
    home.environ["VISUAL"] = tool(home, WILD + f"os.kill(os.getpid(), {end})")
    with OpenAIServer([says(block("print('ran')")), says("Done, all of it.")]) as server:
        screen = Screen(home, "--version")
        fresh = termios.tcgetattr(screen.process.child_fd)
        screen.end()
        screen = start(home, server, "go")
        ready(screen)
        screen.press("\x07")
        screen.wait_for("nothing runs, the question is still open")
        answer_until(screen, "Done, all of it.")
        screen.press("\x11")
        screen.read_to_end()
        assert termios.tcgetattr(screen.process.child_fd)[:4] == fresh[:4]
    assert not list(home.folder.glob("smolterm-*"))


def test_ctrl_c_in_a_pager_does_not_reach_the_session(home):
    home.environ["PAGER"] = tool(
        home,
        "print('PAGER IS UP', flush=True)\nsignal.pause()",
    )
    with OpenAIServer([says(block("print('ran')")), says("Done, all of it.")]) as server:
        screen = start(home, server, "go")
        ready(screen)
        screen.press("v")
        screen.wait_for("PAGER IS UP")
        screen.press("\x03")
        answer_until(screen, "Done, all of it.")
        screen.press("\x11")
        assert screen.end() == 0


def test_closing_the_terminal_takes_the_editor_along(home):
    home.environ["VISUAL"] = tool(home, WILD + "while True: signal.pause()")
    with OpenAIServer([says(block("print('ran')"))]) as server:
        screen = start(home, server, "go")
        ready(screen)
        screen.press("\x07")
        screen.wait_for("EDITOR IS UP")
        screen.process.kill(15)
        assert screen.end() == 143
        home.wait_until_gone()
