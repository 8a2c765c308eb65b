"""Every way a command can be ended from outside, at every moment of its life."""

from __future__ import annotations

import os
import signal

import pytest

from smolterm import events as e
from tests.e2e.driving import Home, Terminal, block, shows_our_traceback, wait_for_end
from tests.packs.building import build_pack
from tests.servers import OpenAIServer, says

SLOW_TOOL = '''
import time
from smolterm.pack import progress

def wait(seconds: float) -> str:
    """Wait."""
    progress("It sleeps.")
    time.sleep(seconds)
    return "waited"
'''
BUSY = "print('it ' 'runs')\nwhile True: pass"
STUBBORN = (
    "print('it ' 'runs')\nwhile True:\n  try:\n    while True: pass\n  except BaseException: pass"
)

CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
SCRIPTS = {
    "the model is silent": says("Well", hang=True),
    "a question is open": says(block("1")),
    "an edit is open": says(block("1")),
    "code runs": says(block(BUSY)),
    "code runs that ignores it": says(block(STUBBORN)),
    "a tool runs": says(block("print('it ' 'runs')\nwait(100)")),
}


def install_slow(home: Home) -> None:
    """Install and trust a pack whose tool does not return."""
    build_pack(home.folder / "packs", "slow", SLOW_TOOL, tools={"wait": "pure"})
    home.environ["PYTHONPATH"] = str(home.folder / "packs")
    assert home.run("packs", "add", "slow", "--yes")[0] == 0


def bring_to(home: Home, moment: str, server: OpenAIServer) -> Terminal:
    """Start a task on a terminal and return once it is at the moment."""
    install_slow(home)
    seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url, "--pack", "slow")
    if moment == "the model is silent":
        server.wait_for_requests(1)
        seen.expect_exact("Well")
        return seen
    if moment == "a question is open":
        seen.expect_exact("Step 1,")
        seen.wait_for_mode(cooked=False)
    elif moment == "an edit is open":
        seen.answer("Step 1,", "e\r")
        seen.expect_exact("Alt+Enter")
    else:
        seen.answer("Step 1,", "a\r")
        seen.expect_exact("It sleeps." if moment == "a tool runs" else "it runs")
    return seen


@pytest.mark.parametrize(
    ("moment", "number"),
    [
        *((moment, signal.SIGTERM) for moment in SCRIPTS),
        *((moment, signal.SIGINT) for moment in SCRIPTS),
        *((moment, signal.SIGHUP) for moment in ("a question is open", "code runs")),
    ],
)
def test_a_signal_ends_a_task_in_order(home, moment, number):
    with OpenAIServer([SCRIPTS[moment]]) as server:
        seen = bring_to(home, moment, server)
        os.kill(seen.pid, number)
        code, shown = seen.end()
    assert code == CODES[number], shown
    assert not shows_our_traceback(shown)
    assert home.out() == ""
    home.wait_until_gone()


@pytest.mark.parametrize("moment", ["a question is open", "an edit is open"])
def test_the_terminal_is_as_it_was_after_a_signal(home, moment):
    with OpenAIServer([SCRIPTS[moment]]) as server:
        before = Terminal("/bin/sh", ["-c", "sleep 100"]).modes()
        seen = bring_to(home, moment, server)
        assert seen.modes() != before
        os.kill(seen.pid, signal.SIGTERM)
        wait_for_end(seen.pid, 5)
        assert seen.modes() == before
        seen.end()


@pytest.mark.parametrize("moment", ["a question is open", "code runs", "the model is silent"])
def test_ctrl_c_on_the_keyboard_interrupts(home, moment):
    with OpenAIServer([SCRIPTS[moment]]) as server:
        seen = bring_to(home, moment, server)
        seen.send("\x03")
        code, shown = seen.end()
    assert code == 130, shown
    assert home.events()[-1].reason == "interrupted"
    home.wait_until_gone()


@pytest.mark.parametrize("moment", ["a question is open", "code runs"])
def test_a_terminal_that_is_closed_leaves_nothing_behind(home, moment):
    with OpenAIServer([SCRIPTS[moment]]) as server:
        seen = bring_to(home, moment, server)
        os.close(seen.child_fd)
        home.wait_until_gone(5)


@pytest.mark.parametrize(
    "moment",
    ["the model is silent", "a question is open", "code runs that ignores it", "a tool runs"],
)
def test_after_kill_9_the_children_go_and_the_session_file_holds_what_was_shown(home, moment):
    with OpenAIServer([SCRIPTS[moment]]) as server:
        seen = bring_to(home, moment, server)
        os.kill(seen.pid, signal.SIGKILL)
        assert seen.end()[0] == 137
        home.wait_until_gone(2)
    events = home.events()
    text = "".join(x.text for x in events if isinstance(x, e.OutputAdded))
    said = "".join(x.text for x in events if isinstance(x, e.ReplyDelta))
    if moment == "the model is silent":
        assert said == "Well"
    elif moment == "a question is open":
        assert isinstance(events[-1], e.ApprovalRequested)
    else:
        assert text == "it runs\n"


def test_no_child_is_left_by_a_sigterm_at_any_time_of_the_start(home):
    with OpenAIServer([says("Well", hang=True)], loop=True) as server:
        for wait in range(0, 600, 100):
            process = home.start("-p", "x", "-m", "openai/x", "--api-base", server.url)
            # What is swept is the time itself.
            wait_for_end(process.pid, wait / 1000)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=10)
            assert process.returncode in (143, -signal.SIGTERM)
            assert not shows_our_traceback(err.decode())
            home.wait_until_gone()


@pytest.mark.parametrize(
    ("word", "code"),
    [("broker.ts", BUSY), ("packs.host", "print('it ' 'runs')\nwait(100)")],
    ids=["sandbox", "pack"],
)
def test_a_task_survives_a_child_that_is_killed(home, word, code):
    install_slow(home)
    with OpenAIServer([says(block(code)), says(block("final_answer(sum([2, 3]))"))]) as server:
        seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url,
                             "--pack", "slow", "--yes")  # fmt: skip
        seen.expect_exact("it runs")
        if "wait" in code:
            seen.expect_exact("It sleeps.")
        os.kill(home.child(word), signal.SIGKILL)
        status, shown = seen.end()
    assert (status, home.out()) == (0, "5\n"), shown
    assert "SIGKILL" in shown
    assert "SIGKILL" in server.requests[1]["body"]["messages"][-1]["content"]
    home.wait_until_gone()


def test_a_model_host_that_is_killed_is_to_be_tried_again(home):
    with OpenAIServer([says("Well", hang=True)]) as server:
        process = home.start("-p", "x", "-m", "openai/x", "--api-base", server.url)
        server.wait_for_requests(1)
        os.kill(home.child("models.host"), signal.SIGKILL)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 75
    assert b"SIGKILL" in err
    home.wait_until_gone()


def test_questions_fit_a_narrow_terminal(home):
    with OpenAIServer([says(block("1" * 90)), says("done")]) as server:
        seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url, columns=40)
        seen.answer("Step 1,", "r\r")
        seen.answer("Why", "a reason that is much longer than the forty columns of this terminal\r")
        code, shown = seen.end()
    assert (code, home.out()) == (0, "done\n"), shown
    assert (
        "longer than the forty columns of this"
        in server.requests[1]["body"]["messages"][-1]["content"]
    )


def test_keys_typed_before_a_question_answer_nothing(home):
    with OpenAIServer([says(block("1"), delay=0.3)]) as server:
        seen = home.terminal("-p", "x", "-m", "openai/x", "--api-base", server.url)
        server.wait_for_requests(1)
        seen.send("a\ra\ra\r")
        seen.answer("Step 1,", "s\r")
        assert seen.end()[0] == 3
    assert not [x for x in home.events() if isinstance(x, e.CellStarted)]
