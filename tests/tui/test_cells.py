"""Widths hold on every terminal: what is written is what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from smolterm.printable import revealed
from smolterm.tui.cells import cells, clipped, drawable, fitting

JOINED = "👩\u200d👩\u200d👧 🇩🇪 👍🏽 ❤\ufe0f e\u0301 שלום 日本 \u200b\xad\u2060"
TEXT = st.text(st.one_of(st.sampled_from(JOINED), st.characters(exclude_categories=["Cc", "Cs"])))


@given(TEXT, TEXT)
def test_the_parts_of_a_line_add_up(left: str, right: str) -> None:
    assert cells(left + right) == cells(left) + cells(right)


@given(TEXT)
def test_what_is_written_is_as_wide_as_what_was_measured(text: str) -> None:
    assert cell_len(drawable(text)) == cells(text)


def test_code_spells_out_what_is_not_drawn() -> None:
    for code in range(0x110000):
        if not drawable(chr(code)):
            assert "<U+" in revealed(chr(code)), hex(code)


@given(TEXT.filter(bool), st.integers(2, 30))
def test_what_fits_is_as_much_as_fits(text: str, room: int) -> None:
    end = fitting(text, 0, room)
    assert 0 < end <= len(text)
    assert cells(text[:end]) <= room or end == 1
    if end < len(text) and end < 4 * room:
        assert cells(text[: end + 1]) > room


@given(TEXT, st.integers(0, 30))
def test_a_clipped_line_fits(text: str, room: int) -> None:
    assert cells(clipped(text, room)) <= max(room, 0) or room == 1


@pytest.mark.parametrize(
    ("text", "written", "width"),
    [
        ("👩\u200d👧", "👩👧", 4),
        ("👍🏽!", "👍!", 3),
        ("❤\ufe0f", "❤", 1),
        ("e\u0301", "e\u0301", 1),
        ("a\u200bb\xadc", "abc", 3),
        ("日本", "日本", 4),
    ],
)
def test_characters_that_join_are_drawn_apart(text: str, written: str, width: int) -> None:
    assert drawable(text) == written and cells(text) == width
