"""Processes end with everything they started, and nobody else's ends with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from smolterm.spawn import kill_group, spawn

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no process groups")

PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
{end}
"""


def start(end):
    process = spawn([sys.executable, "-c", PARENT.format(end=end)], {}, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE)  # fmt: skip
    assert int(process.stdout.readline()) > 0
    return process


def test_what_a_process_started_ends_with_it():
    process = start("input()")
    kill_group(process)
    # Its child held the other end of the pipe: only when that is gone too does the pipe end.
    out, _ = process.communicate(timeout=20)
    assert out == b""
    assert process.returncode < 0


def test_what_a_process_started_ends_when_the_process_has_ended_before():
    process = start("")
    process.wait(timeout=20)
    kill_group(process)
    out, _ = process.communicate(timeout=20)
    assert (out, process.returncode) == (b"", 0)


def test_a_number_that_somebody_else_bears_by_now_is_left_alone():
    process = start("")
    process.wait(timeout=20)
    stranger = spawn([sys.executable, "-c", "print('lives', flush=True); input()"], {},
                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    try:
        own, process.pid = process.pid, stranger.pid
        kill_group(process)
        assert stranger.stdout.readline() == b"lives\n"
        assert stranger.communicate(b"\n", timeout=20)[0] == b""
        assert stranger.returncode == 0
    finally:
        process.pid = own
        kill_group(process)
        process.communicate(timeout=20)


def test_ending_twice_is_no_error():
    process = start("input()")
    kill_group(process)
    process.communicate(timeout=20)
    kill_group(process)
