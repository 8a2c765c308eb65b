"""The README's moving picture: whole in its file, the same each time, and of what the app does."""

from __future__ import annotations

import io
import re
import runpy
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console
from rich.text import Text

from smolterm.policy import MODES

DOCS = Path(__file__).parent.parent / "docs"
ANIMATED = runpy.run_path(str(DOCS / "animated.py"))
animate, Frame = ANIMATED["animate"], ANIMATED["Frame"]


def screen(*lines: str, style: str = "bold red on blue"):
    console = Console(record=True, width=20, file=io.StringIO(), force_terminal=True)
    for line in lines:
        console.print(Text(line, style))
    fonts = re.compile(r"@font-face \{.*?\}", re.DOTALL)
    return fonts.sub("", console.export_svg(title="t"))


def texts(svg):
    root = ElementTree.fromstring(svg)
    return [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_each_frame_stands_for_its_share_of_the_time():
    frames = [Frame(screen("one"), "step", "a", "A"), Frame(screen("two"), "plan", "b", "B")]
    svg = animate(frames, 'a "title" & more', seconds=3)
    assert svg == animate(frames, 'a "title" & more', seconds=3)
    assert "animation: f 6s step-end infinite" in svg and "50.0000% { visibility: hidden }" in svg
    assert ".f1 { animation-delay: 3s }" in svg
    assert texts(svg) == ["one", "step", "a", "A", "two", "plan", "b", "B"]


def test_styles_are_written_once_for_all_frames():
    frames = [Frame(screen("one"), "step", "a", "A"), Frame(screen("two"), "step", "b", "B"),
              Frame(screen("three", style="italic green"), "step", "c", "C")]  # fmt: skip
    assert animate(frames, "t").count("font-weight: bold }") == 1


def test_spaces_and_bars_stand_where_they_stood():
    svg = animate([Frame(screen("▌  def  f", "▌"), "step", "a", "A")], "t")
    assert texts(svg)[:2] == ["def", "f"]
    assert 'x="36.6"' in svg and 'x="97.6"' in svg
    assert svg.count('width="6.1" height="48.8"') == 1


def test_what_would_be_fetched_is_refused():
    with pytest.raises(ValueError, match="outside"):
        animate([Frame(screen("see https://example.org"), "step", "a", "A")], "t")


def test_the_picture_in_the_readme_is_one_file_of_every_mode():
    path = DOCS / "modes.svg"
    svg = path.read_text()
    ElementTree.fromstring(svg)
    assert path.stat().st_size < 600_000
    assert not re.search(r"url\(|@import|@font-face|/tmp|/home|href", svg)
    assert 8 <= svg.count('<g class="f f') <= 10
    assert "prefers-reduced-motion" in svg
    assert set(MODES) <= set(texts(svg))
    assert "docs/modes.svg" in (DOCS.parent / "README.md").read_text()


def test_the_picture_can_be_made(tmp_path):
    made = tmp_path / "modes.svg"
    command = [sys.executable, DOCS / "make_recording.py", made]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    assert set(MODES) <= set(texts(made.read_text()))
