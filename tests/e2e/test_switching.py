"""Sessions picked up, gone back in and left for others, on a real terminal with real children."""

from __future__ import annotations

from tests.e2e.driving import Home, block
from tests.e2e.screen import Screen
from tests.servers import OpenAIServer, says

ASKED, READY = "Run this code?", "Ask for something"
F3, F7, F8 = "\x1bOR", "\x1b[18~", "\x1b[19~"
DOWN = "\x1b[B"


def start(home: Home, server: OpenAIServer, *argv: str) -> Screen:
    home.environ |= {"OPENAI_API_KEY": "sk-test-0123456789"}
    return Screen(home, "-m", "openai/m", "--api-base", server.url, *argv)


def brokers(home: Home) -> list[int]:
    """Return the sandboxes that run."""
    found = []
    for pid in home.processes():
        with open(f"/proc/{pid}/cmdline", "rb") as line:
            if b"broker.ts" in line.read():
                found.append(pid)
    return found


def test_another_session_is_picked_up_with_its_variables_and_gone_back_in(home: Home) -> None:
    script = [
        says(block("kept = 41")),
        says("It is kept."),
        says(block("final_answer(kept + 1)")),
    ]
    with OpenAIServer(script) as server:
        screen = start(home, server, "keep a number")
        screen.answer(ASKED, "a")
        screen.wait_for("It is kept.", "idle")
        screen.press(F3)
        screen.wait_for("Variables", "+ kept", "41")
        screen.press("\x11")
        assert screen.end() == 0

        screen = start(home, server)
        screen.wait_for(READY, "sandbox ready")
        left = set(brokers(home))
        screen.press(F7)
        screen.wait_for("Sessions", "keep a number", "2 steps")
        screen.press(DOWN)
        screen.wait_for("fork")
        screen.press("\r")
        screen.wait_for("❯ keep a number", "It is kept.", READY)
        screen.until(lambda: bool(brokers(home)) and not left & set(brokers(home)))
        screen.press("add one\r")
        screen.answer(f"{ASKED}  step 3", "a")
        screen.wait_for("42", "idle")

        screen.press(F8)
        screen.wait_for("Rewind", "final_answer(kept + 1)", "kept = 41")
        screen.press("\r")
        screen.wait_for("Back to before step 3", "❯ add one")
        screen.press("\x03")  # what stands in the prompt goes first
        screen.press("\x11")
        screen.read_to_end()
        assert screen.end() == 0
    home.wait_until_gone()
