"""The prompt of `smolterm py`, on a terminal as a person sees it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import termios
import time

import pytest

from smolterm.sandbox.assets import cache_folder
from tests.e2e.driving import SECONDS, Home, shows_our_traceback
from tests.e2e.screen import Screen
from tests.packages.wheels import digest, filename, make_wheel


class Prompt(Screen):
    """A terminal that says where its cursor is when it is asked."""

    def __init__(self, home: Home, *argv: str, columns: int = 100) -> None:
        super().__init__(home, "py", *argv, columns=columns)
        self.display.write_process_input = self.process.send

    def type(self, text: str, *wanted: str) -> str:
        """Type lines, Enter at the end of each, and wait for something to be shown."""
        self.press(text.replace("\n", "\r") + "\r")
        return self.wait_for(*wanted)

    def wait_until_cooked(self) -> None:
        """Return once the line editor has let go of the terminal, and Ctrl-C is a signal."""
        deadline = time.monotonic() + SECONDS
        while not termios.tcgetattr(self.process.child_fd)[3] & termios.ICANON:
            assert time.monotonic() < deadline
            self._read(time.monotonic() + 0.01)


@pytest.fixture
def prompt(home):
    started: list[Prompt] = []

    def start(*argv: str, **options) -> Prompt:
        started.append(Prompt(home, *argv, **options))
        started[-1].wait_for("1 >>>")
        return started[-1]

    yield start
    for one in started:
        one.process.close(force=True)


def test_a_sitting(home, prompt):
    screen = prompt()
    screen.type("20 + 1", "\n21\n", "2 >>>")
    screen.type("None", "3 >>>")
    screen.type("def double(x):\nreturn x * 2\n", "  ...     return x * 2", "4 >>>")
    screen.type("double(\n_ // 7 + 1)", "\n8\n", "5 >>>")
    screen.type("print('no newline', end='')", "\nno newline\n6 >>>")
    screen.type("1 / 0", 'File "<cell 6>"', "ZeroDivisionError", "7 >>>")
    screen.type("double", "<function double", "8 >>>")
    screen.type("input('name? ')", "name? ")
    screen.type("Ada", "name? Ada\n'Ada'\n9 >>>")
    assert "None\n" not in screen.text.replace(">>> None\n", "")
    screen.press("\x04")
    assert screen.end() == 0
    assert not shows_our_traceback(screen.text)
    home.wait_until_gone()


def test_names_are_completed_from_what_lives_inside(prompt):
    screen = prompt()
    screen.type("class A:\nwonderful = 42\n", "2 >>>")
    screen.press("A.wond\t")
    screen.wait_for("2 >>> A.wonderful")
    screen.type("", "\n42\n", "3 >>>")
    screen.press(":rew\t")
    screen.wait_for("3 >>> :rewind")


def test_ctrl_c_stops_what_runs_and_nothing_else(prompt):
    screen = prompt()
    screen.type("kept = 'still here'", "2 >>>")
    for step in (2, 3):
        screen.type("while True: print(end='')\n", f"{step} >>> while True")
        screen.wait_until_cooked()
        screen.press("\x03")
        screen.wait_for("KeyboardInterrupt", f"{step + 1} >>>")
    screen.type("input('asked: ')", "asked: ")
    screen.press("\x03")
    screen.wait_for("5 >>>")
    # No reader was left behind that takes what is typed now.
    screen.type("kept", "'still here'", "6 >>>")
    screen.press("abandoned\x03")
    screen.wait_for("6 >>> abandoned\n6 >>>")
    screen.process.kill(signal.SIGINT)
    screen.wait_for("6 >>> abandoned\n6 >>>\n6 >>>")
    screen.press("\x04")
    assert screen.end() == 0


@pytest.mark.parametrize(
    ("leave", "status"),
    [("exit", 0), ("exit()", 0), ("exit(7)", 7), ("raise SystemExit('a')", 1), (":no\n\x04", 0)],
)  # fmt: skip
def test_leaving(home, prompt, leave, status):
    screen = prompt()
    screen.press(leave.replace("\n", "\r") + "\r" * (not leave.endswith("\x04")))
    assert screen.end() == status
    home.wait_until_gone()


@pytest.mark.parametrize("code", ["", "while True: pass\n\n", "input('> ')\n"])
def test_a_signal_leaves_the_terminal_as_it_was(home, prompt, code):
    screen = prompt()
    if code:
        screen.press(code.replace("\n", "\r"))
        screen.wait_until_cooked()
    screen.process.kill(signal.SIGTERM)
    screen.wait_until_cooked()
    assert screen.end() == 143
    home.wait_until_gone()


def test_a_death_is_told_and_the_sitting_goes_on(prompt):
    screen = prompt()
    screen.type("import os; os._exit(3)", "sandbox died", "2 >>>")
    screen.type("'alive'", "\n'alive'\n", "3 >>>")


def test_a_process_that_is_killed_between_cells_is_replaced(home, prompt):
    screen = prompt()
    screen.type("x = 'back'", "2 >>>")
    os.kill(home.child("broker.ts"), signal.SIGKILL)
    screen.type("x", "process is gone", "Variables and files are back", "\n'back'\n", "3 >>>")


def test_states_are_rewound_saved_and_restored(home, prompt):
    screen = prompt()
    screen.type("x = [1]", "2 >>>")
    screen.type("x.append(2)", "3 >>>")
    screen.type(":rewind 2", "Before cell 2", "Variables: x.", "\n2 >>>")
    screen.type("x", "\n[1]\n", "3 >>>")
    screen.type(":save kept.state", "Saved to kept.state.", "\n3 >>>")
    screen.type("del x", "4 >>>")
    screen.type(":restore kept.state", "Before cell 3", "\n3 >>>")
    screen.type("x + [9]", "\n[1, 9]\n")
    assert stat.S_IMODE((home.folder / "kept.state").stat().st_mode) == 0o600


def test_what_the_code_changed_is_shown_committed_and_undone(home, prompt):
    data = home.folder / "data"
    data.mkdir()
    (data / "a.txt").write_text("one\n")
    screen = prompt()
    screen.type(":mount data:rw", "The code sees it as /files/data.")
    screen.type("open('/files/data/a.txt', 'a').write('two\\n')", "\n4\n", "2 >>>")
    screen.type("open('/out/r.txt', 'w').write('r')", "\n1\n", "3 >>>")
    screen.type(":changes", "changed /files/data/a.txt", "\n+two\n", "result /out/r.txt, 1 bytes")
    screen.type(":commit", "changed ", "what was there before is in")
    assert (data / "a.txt").read_text() == "one\ntwo\n"
    screen.type(":undo", "brought back")
    assert (data / "a.txt").read_text() == "one\n"
    screen.type(":out made", "created ")
    assert (home.folder / "made" / "r.txt").read_text() == "r"


@pytest.mark.parametrize(("answer", "text"), [("y", "two"), ("n", "one"), ("\x03", "one")])
def test_who_leaves_is_asked_about_what_is_not_written(home, prompt, answer, text):
    (home.folder / "a.txt").write_text("one")
    screen = prompt("--mount", "a.txt:rw")
    screen.type("open('/files/a.txt', 'w').write('two')", "2 >>>")
    screen.press("\x04")
    screen.wait_for(f"changed {home.folder}/a.txt", "Write these? [y/N]")
    screen.press(answer + "\r" * (answer != "\x03"))
    assert screen.end() == 0
    assert (home.folder / "a.txt").read_text() == text


def test_commands_say_what_is_wrong(prompt):
    screen = prompt()
    screen.type(":help", ":rewind N", "Ctrl-D leaves")
    screen.type(":nothing", "There is no command :nothing")
    screen.type(":rewind", "It is :rewind N.")
    screen.type(":rewind x", "no number of a cell")
    screen.type(":rewind 99", "no step 99")
    screen.type(":save '", "cannot be read")
    screen.type(":restore nothing", "nothing")
    assert not shows_our_traceback(screen.text)


def test_what_is_shown_cannot_command_the_terminal(prompt):
    screen = prompt()
    screen.type("print('\\x1b]0;title\\x07a\\x1b[2J\\x1b[Hb')", "\nab\n", "2 >>>")
    screen.type("class E:\ndef __repr__(self): return 'c\\x1b[2Jd'\n\n", "3 >>>")
    screen.type("E()", "\ncd\n", "4 >>>")
    screen.type("raise ValueError('e\\x1b[2Jf')", "ValueError: ef", "5 >>>")
    assert screen.display.title != "title"


def test_what_was_typed_is_there_the_next_day_for_its_owner_alone(home, prompt):
    screen = prompt()
    screen.type("'remembered'", "2 >>>")
    screen.press("\x04")
    assert screen.end() == 0
    history = home.folder / "data" / "py-history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    again = prompt()
    again.press("\x1b[A")
    again.wait_for("1 >>> 'remembered'")


def test_a_start_that_fails_is_told_and_tried_again(home, prompt):
    home.environ["SMOLTERM_CACHE"] = os.devnull
    screen = prompt()
    screen.type("1", "smolterm: ", "\n1 >>>")
    assert not shows_our_traceback(screen.text)
    screen.press("\x04")
    assert screen.end() == 0


@pytest.fixture
def index(home):
    """One place with one package that nobody has seen before; it leaves the cache with the test."""
    wheel = make_wheel(
        "smol-trial", files={"smol_trial.py": f"made = {os.urandom(8)!r}\nfine = 7\n"}
    )
    wheels = home.folder / "wheels"
    wheels.mkdir()
    (wheels / filename("smol-trial")).write_bytes(wheel)
    home.environ |= {
        "SMOLTERM_INDEX": str(wheels),
        "SMOLTERM_PACKAGES_LOCK": str(home.folder / "lock.json"),
    }
    yield
    cache, sha = cache_folder() / "packages", digest(wheel)
    shutil.rmtree(cache / "wheels" / sha, ignore_errors=True)
    for path in cache.glob(f"prepared/*/{sha}-*"):
        path.unlink()
    for path in cache.glob("plans/*.json"):
        if sha in path.read_text():
            path.unlink()


def test_a_package_is_asked_about_before_it_is_fetched(index, prompt):
    screen = prompt()
    screen.type("import smol_trial", "Look it up? [y/N]")
    screen.press("\x03")
    screen.wait_for("KeyboardInterrupt", "2 >>>")
    screen.type("import smol_trial", "[y/N]\n")
    screen.type("n", "was not allowed", "3 >>>")
    screen.type(":packages smol-trial", "smol-trial 1.0", "Download? [y/N]")
    screen.type("y", "Ready.", "\n3 >>>")
    screen.type("import smol_trial; smol_trial.fine", "\n7\n")


def test_packages_of_the_command_line_are_asked_about_beside_the_prompt(index, prompt):
    screen = prompt("--with", "smol-trial")
    screen.wait_for("Download? [y/N]")
    screen.type("y", "1 >>>")
    screen.type("import smol_trial; smol_trial.fine", "\n7\n", "2 >>>")
    screen.press("\x04")
    assert screen.end() == 0


def test_a_no_beside_the_prompt_leaves_it_there(index, prompt):
    screen = prompt("--with", "smol-trial")
    screen.wait_for("Download? [y/N]")
    screen.press("\x03")
    screen.wait_for("was not allowed", "\n1 >>>")
    screen.type("'here'", "\n'here'\n", "2 >>>")
