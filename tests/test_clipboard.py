"""Text on its way to a clipboard: the sequence, the tool that is here, and one that fails."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.clipboard import MOST_OSC52, clean, hand_over, osc52, said, tool


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@given(st.text(max_size=200))
def test_the_sequence_holds_the_text_and_nothing_else(text):
    text = clean(text)
    sequence = osc52(text)
    assert sequence.startswith("\x1b]52;c;") and sequence.endswith("\x07")
    assert base64.b64decode(sequence[7:-1]).decode() == text


def test_what_is_too_long_for_the_terminal_is_not_sent():
    assert osc52("x" * MOST_OSC52) is not None
    assert osc52("é" * MOST_OSC52) is None


def test_copied_text_is_clean():
    assert clean("\x1b[31mred\x1b[0m\x1b]52;c;AAAA\x07 \ud800") == "red �"


@pytest.mark.parametrize(
    ("environ", "platform", "found"),
    [
        ({}, "linux", None),
        ({"DISPLAY": ":0"}, "linux", "xclip"),
        ({"DISPLAY": ":0", "WAYLAND_DISPLAY": "w"}, "linux", "wl-copy"),
        ({"TMUX": "x", "DISPLAY": ":0"}, "linux", "tmux"),
        ({}, "darwin", "pbcopy"),
        ({"WSL_DISTRO_NAME": "Debian"}, "linux", "clip.exe"),
    ],
)
def test_the_tool_is_one_that_is_here_and_fits(tmp_path, environ, platform, found):
    for name in ("tmux", "pbcopy", "wl-copy", "xclip", "clip.exe"):
        program(tmp_path / "bin", name, "cat >/dev/null")
    chosen = tool({**environ, "PATH": str(tmp_path / "bin")}, platform)
    assert (chosen and chosen[0]) == found
    assert tool({**environ, "PATH": str(tmp_path)}, platform) is None


def test_a_tool_is_handed_the_text(tmp_path):
    program(tmp_path / "bin", "good", f"cat >{tmp_path}/got")
    program(tmp_path / "bin", "bad", "exit 3")
    folder = tmp_path / "bin"
    assert asyncio.run(hand_over("zwei\nZeilen é", [str(folder / "good")]))
    assert (tmp_path / "got").read_text() == "zwei\nZeilen é"
    assert not asyncio.run(hand_over("x", [str(folder / "bad")]))
    assert not asyncio.run(hand_over("x" * 1_000_000, [str(folder / "missing")]))


def test_a_person_reads_what_was_done():
    assert said("code", "a\nb", ["the terminal", "tmux"]) == (
        "copied the code, 2 lines, by the terminal and tmux"
    )
    assert said("code", "", []) == "nothing to copy"
    assert "too long" in said("output", "x", [])
