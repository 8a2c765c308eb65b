"""Printed escapes pass the filter as nothing; without it a terminal would obey."""

from __future__ import annotations

import asyncio
import re
import time

import pyte
import pytest

from smolterm.printable import printable
from smolterm.sandbox.deno import Sandbox
from tests.attacks.outside import run
from tests.attacks.terminal import SLOW, TERMINAL

DANGER = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e007f"
    "\ud800-\udfff]"
)


@pytest.fixture(scope="module")
def printed():
    """What the host gets of each, out of a real sandbox."""
    with asyncio.Runner() as loop:
        sandbox = Sandbox()
        texts = {}
        for name, text in TERMINAL.items():
            code = f"import sys\nsys.stdout.buffer.write({text.encode('utf-8', 'surrogatepass')!r})"
            texts[name] = run(loop, sandbox, f"{code};sys.stdout.flush();None").out
        for name, text in TERMINAL.items():
            if "surrogate" not in name:
                assert texts[name] == text
        yield texts
        loop.run(sandbox.close())


def shown(text: str) -> list[str]:
    screen = pyte.Screen(60, 10)
    stream = pyte.Stream(screen)
    stream.feed("APPROVE?\r\n")
    stream.feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in screen.display]


@pytest.mark.parametrize("name", TERMINAL)
def test_nothing_that_a_terminal_obeys_is_left(printed, name):
    text = printable(printed[name])
    assert not DANGER.search(text)
    assert shown(text)[0] == "APPROVE?"
    # Also where the text came in pieces, each filtered by itself.
    for at in range(len(printed[name])):
        pieces = printable(printed[name][:at]) + printable(printed[name][at:])
        assert not DANGER.search(pieces)


def test_all_of_them_would_get_through():
    assert [name for name, text in TERMINAL.items() if not DANGER.search(text)] == []


def test_some_of_them_change_what_was_shown(printed):
    changed = {name for name in TERMINAL if shown(printed[name])[0] != "APPROVE?"}
    assert len(changed) >= 8, changed


def test_the_filter_is_no_slower_than_the_text_is_long():
    slow = {}
    with asyncio.Runner() as loop:
        sandbox = Sandbox()
        for name, code in SLOW.items():
            text = run(loop, sandbox, code).out
            # A tenth of it: what is quadratic shows all the same, in seconds instead of hours.
            started = time.monotonic()
            printable(text[: len(text) // 10] + text[-2:])
            seconds = time.monotonic() - started
            if seconds > 1:
                slow[name] = seconds
        loop.run(sandbox.close())
    assert slow == {}
