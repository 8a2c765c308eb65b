"""`smolterm repl`: a session inline, on a terminal as a person sees it, and as lines alone."""

from __future__ import annotations

import json
import signal
import termios
import time

import pytest

from smolterm import events as e
from tests.e2e.driving import SECONDS, block, shows_our_traceback
from tests.e2e.screen import Screen
from tests.servers import OpenAIServer, says

KEY = {"OPENAI_API_KEY": "sk-test-0123456789"}


class Inline(Screen):
    def __init__(self, home, server, *argv: str, columns: int = 100, rows: int = 40) -> None:
        home.environ |= KEY
        super().__init__(
            home, "repl", "-m", "openai/gpt-test", "--api-base", server.url, "--no-packs", *argv,
            columns=columns, rows=rows,
        )  # fmt: skip
        self.display.write_process_input = self.process.send
        self.modes_before = termios.tcgetattr(self.process.child_fd)
        self.wait_for("/help")

    def type(self, text: str, *wanted: str) -> str:
        self.wait_until_raw()
        self.press(text + "\r")
        return self.wait_for(*wanted)

    def choose(self, question: str, keys: str, *wanted: str) -> str:
        """Answer a question once it reads keys; what comes before is dropped."""
        self.wait_for(question)
        return self.type(keys, *wanted)

    def wait_until_raw(self) -> None:
        """Return once a line editor reads the keys one by one."""
        deadline = time.monotonic() + SECONDS
        while termios.tcgetattr(self.process.child_fd)[3] & termios.ICANON:
            assert time.monotonic() < deadline
            self._read(time.monotonic() + 0.01)


@pytest.fixture
def sitting(home):
    made: list[Inline] = []

    def start(script, *argv: str, **options) -> Inline:
        server = OpenAIServer(script)
        server.__enter__()
        made.append(Inline(home, server, *argv, **options))
        made[-1].server = server
        return made[-1]

    yield start
    for one in made:
        one.process.close(force=True)
        one.server.__exit__(None, None, None)


def test_a_sitting_with_every_kind_of_answer(home, sitting):
    screen = sitting([
        says(block("first = [1, 2, 3]\nprint(len(first))")),
        says(block("first.clear()")),
        says(block("total = 0")),
        says(block("final_answer(total)")),
    ])  # fmt: skip
    screen.type("add them", "Step 1, run it?", "print(len(first))")
    screen.choose("Step 1,", "a", "(approved)", "Step 2, run it?")
    screen.choose("Step 2,", "r", "Why (may be empty)")
    screen.choose("Why", "keep them", "(declined)", "Step 3, run it?")
    screen.choose("Step 3,", "e", "Alt+Enter")
    screen.press("\x15total = sum(first)\x1b\r")
    screen.wait_for("(edited)", "Step 4, run it?")
    screen.choose("Step 4,", "a", "tokens read")
    assert "\n6\n" in screen.text
    screen.type("/variables", "total: int", "first: list")
    screen.type("/quit", "Go on with: smolterm --resume")
    assert screen.end() == 0
    events = home.events()
    assert events[-1].answer == "6"
    assert [x.reason for x in events if isinstance(x, e.DecisionMade)][1] == "keep them"
    assert "keep them" in str(screen.server.requests[2]["body"])
    home.wait_until_gone()


def test_a_rule_is_shown_in_full_and_then_no_question_comes(sitting):
    screen = sitting([
        says(block("a = 1")), says(block("b = 2")), says(block("final_answer(a + b)")),
    ])  # fmt: skip
    screen.type("go", "Step 1, run it?", "p rule")
    screen.choose("Step 1,", "p", "Which (empty: none)", "1. ")
    screen.choose("Which", "1", "tokens read")
    assert "Step 2, run it?" not in screen.text
    assert "\n3\n" in screen.text


def test_names_commands_and_files_are_completed(home, sitting):
    (home.folder / "report-2026.csv").write_text("n\n1\n")
    screen = sitting([says(block("quantities = [1]\nfinal_answer(1)")), says("Final answer: ok")])
    screen.type("go", "Step 1,")
    screen.choose("Step 1,", "a", "tokens read")
    screen.press("what is in quan\t")
    screen.wait_for("what is in quantities")
    screen.press("\x15/var")
    screen.wait_for("the sandbox's variables")
    screen.press("\x15read @rep")
    screen.wait_for("report-2026.csv")
    screen.press("\t")
    screen.wait_for("@report-2026.csv")
    screen.press("\r")  # takes what was chosen
    screen.type("", "\nok\n")
    assert "/in/report-2026.csv" in str(screen.server.requests[-1]["body"])


def test_lines_are_recalled_and_go_over_several_rows(home, sitting):
    screen = sitting([says("Final answer: one"), says("Final answer: two")])
    screen.press("first line\x1b\rsecond line")
    screen.wait_for("second line")
    screen.type("", "one")
    screen.press("\x1b[A\x1b[A")
    screen.wait_for("second line\n")
    screen.press("\x15")
    screen.type("another", "two")
    assert "first line\nsecond line" in screen.server.requests[0]["body"]["messages"][-1]["content"]
    assert "another" in (home.folder / "data" / "history").read_text()


@pytest.mark.parametrize("when", ["thinking", "asking", "running"])
def test_ctrl_c_ends_the_task_at_once_and_twice_leaves(home, sitting, when):
    hang = says("", chunks=["I think "], hang=True)
    script = {"thinking": [hang], "asking": [says(block("1"))],
              "running": [says(block("while True: pass"))]}[when]  # fmt: skip
    screen = sitting(script)
    screen.type("go", {"thinking": "I think", "asking": "Step 1,", "running": "Step 1,"}[when])
    if when == "running":
        screen.choose("Step 1,", "a", "(approved)")
    screen.press("\x03")
    screen.wait_for("The task was interrupted.")
    screen.wait_for("tokens read")
    screen.wait_until_raw()
    screen.press("\x03")
    screen.wait_for("Press Ctrl+C again")
    screen.press("\x03")
    screen.wait_for("Go on with: smolterm --resume")
    assert screen.end() == 0
    assert not shows_our_traceback(screen.text)
    home.wait_until_gone()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(home, sitting, number):
    screen = sitting([says(block("1"))])
    before = screen.modes_before
    screen.type("go", "Step 1,")
    screen.process.kill(number)
    screen.read_to_end()
    assert termios.tcgetattr(screen.process.child_fd)[3] == before[3]
    assert screen.end() == 128 + number
    assert not shows_our_traceback(screen.text)
    home.wait_until_gone()


def test_it_goes_back_and_on_with_another_session(home, sitting):
    screen = sitting([
        says(block("x = 1\nx")), says("Final answer: done"),
        says(block("x = 5\nx")), says("Final answer: again"),
    ], "--mode", "effects")  # fmt: skip
    screen.type("first", "done")
    screen.type("/rewind 1", "kept as branch 1")
    screen.type("/variables", "There are none yet.")
    screen.type("second", "again")
    screen.type("/sessions", "second")
    _, listed, _ = home.run("sessions", "--json")
    name = json.loads(listed)["sessions"][0]["id"]
    screen.type("/fork", "This is session")
    screen.type("/variables", "x: int = 5")
    screen.type(f"/resume {name}", f"This is session {name} now")
    screen.type("/quit", f"--resume {name}")


def test_a_command_of_ones_own_has_the_terminal(sitting):
    screen = sitting([])
    screen.type("!test -t 0 && echo a terminal; exit 3", "a terminal", "It ended with 3.")
    screen.type("/nothing", "There is no command /nothing")
    screen.type("/theme", "belongs to the screen")


def test_plain_is_lines_alone(home):
    home.environ |= KEY
    with OpenAIServer([
        says("I add.\n" + block("print('a\\tb')\nx = 1\nx")), says(block("final_answer(x)")),
    ]) as server:  # fmt: skip
        lines = b"add\na\na\n/variables\n/mode plan\n/quit\n"
        code, out, err = home.run(
            "repl", "--plain", "-m", "openai/gpt-test", "--api-base", server.url, "--no-packs",
            stdin=lines,
        )  # fmt: skip
    text = out.decode()
    assert code == 0, err
    assert "\x1b" not in text
    assert "\r" not in text
    said = ("Reasoning: I add.", "Code of step 1:", "1: print('a\\tb')", "Decided: approved.",
            "Printed: a\tb", "Value: 1", "Answer: 1", "x: int = 1", "The mode is plan now.",
            "Go on with: smolterm --resume")  # fmt: skip
    at = [text.index(line) for line in said]
    assert at == sorted(at)
    home.wait_until_gone()


def test_plain_ends_with_its_input_and_runs_nothing_unasked(home):
    home.environ |= KEY
    with OpenAIServer([says(block("print('ran')"))]) as server:
        code, out, _ = home.run(
            "repl", "--plain", "-m", "openai/gpt-test", "--api-base", server.url, "--no-packs",
            stdin=b"go\nx\nv\n",
        )  # fmt: skip
    assert code == 0
    assert out.count(b"print('ran')") == 2  # proposed, and viewed without a pager
    assert b"Printed: ran" not in out
    assert not any(isinstance(event, e.CellStarted) for event in home.events())
