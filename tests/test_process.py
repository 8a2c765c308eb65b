"""How a command ends: codes, signals and broken pipes, each in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, sys
from smolterm.errors import RateLimited, SandboxError, UsageError
from smolterm.process import run_to_exit

async def main():
    try:
        {body}
    finally:
        print("cleaned up", file=sys.stderr, flush=True)

sys.exit(run_to_exit(main(){more}))
"""
WAITING = "print('waits', flush=True); await asyncio.sleep(60)"


def start(body, more=""):
    return subprocess.Popen([sys.executable, "-c", PROGRAM.format(body=body, more=more)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


def end(process):
    _, err = process.communicate(timeout=10)
    return process.returncode, err.decode()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        ("return 0", 0, ""),
        ("return 3", 3, ""),
        ("raise UsageError('What.', kept='Kept.', next='Next.')", 1, "smolterm: What. Kept. Next."),
        ("raise SandboxError('bad \\x1b[2J thing')", 2, "smolterm: bad  thing"),
        ("raise RateLimited('later')", 75, "smolterm: later"),
        ("raise BrokenPipeError", 141, ""),
    ],
)
def test_each_end_has_its_code(body, code, words):
    status, err = end(start(body))
    assert status == code
    assert err == f"cleaned up\n{words}" + ("\n" if words else "")


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_it_in_order(number, code):
    process = start(WAITING)
    assert process.stdout.readline() == b"waits\n"
    process.send_signal(number)
    assert end(process) == (code, "cleaned up\n")


def test_a_ctrl_c_that_is_taken_care_of_goes_on_and_the_second_one_ends_it():
    process = start(WAITING, ", lambda: print('heard', flush=True) is None")
    assert process.stdout.readline() == b"waits\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"heard\n"
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, "cleaned up\n")


def test_a_ctrl_c_that_nobody_takes_ends_it():
    process = start(WAITING, ", lambda: False")
    assert process.stdout.readline() == b"waits\n"
    process.send_signal(signal.SIGINT)
    assert end(process)[0] == 130


def test_two_signals_end_it_in_order_too():
    process = start(WAITING)
    assert process.stdout.readline() == b"waits\n"
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    code, err = end(process)
    # The second may find the loop closed; by then everything is cleaned up.
    assert code in (129, 143, -signal.SIGTERM)
    assert err == "cleaned up\n"


def test_our_own_mistake_is_not_hidden():
    code, err = end(start("1 / 0"))
    assert code == 1
    assert "ZeroDivisionError" in err
