"""Images are hostile bytes: decoded elsewhere, counted, or refused in words."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import encoded
from PIL import Image

from smolterm import landlock
from smolterm.spawn import plain_environment, spawn
from smolterm.tui.cells import cells
from smolterm.tui.graphics import drawn, way
from smolterm.tui.halves import half_lines, half_style
from smolterm.tui.images import PREVIEW, confinement, decoded, read
from smolterm.tui.pictures import Picture


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_each_kind_is_decoded_and_made_to_fit(kind: str) -> None:
    picture = decoded(encoded(kind, (400, 300)), (40, 60))
    assert (picture.kind, picture.width, picture.height) == (kind, 400, 300)
    assert (picture.across, picture.down, len(picture.pixels)) == (40, 30, 40 * 30 * 3)
    near = [abs(a - b) for a, b in zip(picture.pixels[:3], b"\xf7\x76\x8e", strict=True)]
    assert max(near) < 24


def bomb() -> bytes:
    data = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(data, "PNG")
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no PNG"),
        (b"<svg onload=x>", "no PNG"),
        (encoded("TIFF"), "no PNG"),
        (encoded("PNG")[:90], "damaged"),
        (bomb(), "pixels"),
        (b"\x89PNG" + bytes(33 << 20), "MiB"),
    ],
)
def test_what_cannot_be_shown_says_why(data: bytes, why: str) -> None:
    picture = decoded(data, PREVIEW)
    assert why in picture.failure and not picture.pixels


def test_what_can_be_seen_through_lies_on_paper() -> None:
    data = io.BytesIO()
    Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(data, "PNG")
    assert decoded(data.getvalue(), PREVIEW).pixels == b"\xff" * 48


def test_a_broken_decoder_is_not_believed() -> None:
    head = {"width": 9, "height": 9, "kind": "PNG\x1b[31m", "across": 2, "down": 1}
    good = read(msgspec.json.encode(head) + b"\n" + b"abcdef", PREVIEW)
    assert (good.pixels, good.kind, good.failure) == (b"abcdef", "PNG", "")
    for came in (
        b"",
        b"{}\n",
        msgspec.json.encode(head) + b"\nabc",
        msgspec.json.encode(head | {"across": 5_000}) + b"\n" + b"abc" * 5_000,
        msgspec.json.encode(head | {"failure": "x" * 900}) + b"\nabcdef",
    ):
        picture = read(came, PREVIEW)
        assert picture.failure and len(picture.failure) <= 200 and not picture.pixels


@pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
def test_a_decoder_reaches_no_file_and_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    probe = f"""
import pathlib, subprocess
for one in (lambda: pathlib.Path({str(tmp_path)!r}, "secret").read_text(),
            lambda: pathlib.Path({str(tmp_path)!r}, "new").write_text("x"),
            lambda: subprocess.run(["/bin/true"])):
    try:
        one()
        print("reached")
    except OSError:
        print("denied")
"""
    process = spawn([sys.executable, "-I", "-c", probe], plain_environment(), confinement(),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip
    assert process.communicate(timeout=30)[0].split() == [b"denied"] * 3


@given(st.binary(max_size=300))
def test_any_answer_is_read(came: bytes) -> None:
    assert read(came, PREVIEW).failure


def test_half_blocks_keep_proportions_and_colours() -> None:
    picture = Picture(width=8, height=4, kind="PNG", across=8, down=4, pixels=bytes(range(96)))
    lines = half_lines(picture, 4, 12)
    assert [line.text for line in lines] == ["▀▀▀▀"]
    upper, lower = lines[0].spans[0].style.split()
    look = half_style(f"{upper} {lower}")
    assert look.color is not None and look.bgcolor is not None and upper != lower


@given(st.integers(1, 200), st.integers(1, 140), st.integers(1, 120), st.integers(1, 40))
def test_a_preview_fits_its_room(across: int, down: int, width: int, tallest: int) -> None:
    picture = Picture(across=across, down=down, pixels=bytes(across * down * 3))
    lines = half_lines(picture, width, tallest)
    assert 1 <= len(lines) <= tallest
    assert {cells(line.text) for line in lines} <= {len(lines[0].text)}
    assert 1 <= len(lines[0].text) <= width


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({"TERM": "xterm-kitty"}, "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "kitty"),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1", "TMUX": "x"}, "blocks"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "sixel"),
        ({"TERM": "foot"}, "sixel"),
        ({"TERM": "xterm-256color"}, "blocks"),
        ({"TERM": "xterm-256color", "SMOLTERM_IMAGES": "Sixel"}, "sixel"),
        ({"TERM": "xterm-kitty", "SMOLTERM_IMAGES": "blocks"}, "blocks"),
        ({}, "blocks"),
    ],
)
def test_how_pictures_are_shown(environ: dict[str, str], found: str) -> None:
    assert way(environ) == found


def test_the_terminal_is_asked_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    picture = Picture(width=2, height=1, across=2, down=1, pixels=b"abcdef")
    assert type(drawn(picture, "kitty")).__name__ == "TGPImage"
    assert "sixel" in type(drawn(picture, "sixel")).__module__
    assert drawn(picture, "blocks") is None
    assert capfd.readouterr().out == ""
