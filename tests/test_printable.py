"""Nothing that reaches the terminal may steer it, and nothing in code may hide."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import printable as module
from smolterm.printable import printable, reveal, revealed

ANY_TEXT = st.text(alphabet=st.one_of(st.characters(), st.sampled_from("\x1b\r\n[]mP\\\x9b;")))


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain [brackets]\n\tkept", "plain [brackets]\n\tkept"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]52;c;aGk=\x1b\\after", "after"),
        ("\x1b]0;never ended\nnext line", "\nnext line"),
        ("\x1bPq#0\x1b\\sixel", "sixel"),
        ("\x9b31mred", "red"),
        ("10%\r20%\r30%", "30%"),
        ("10%\r20%\r", "20%"),
        ("one\r\ntwo\r\n", "one\ntwo\n"),
        ("a\x00b\x07c\x08d", "abcd"),
        ("ab\u202ecd", "abcd"),
        ("half \ud800 pair", "half \ufffd pair"),
        ("naïve 日本 👩\u200d💻", "naïve 日本 👩\u200d💻"),
        ("\x1b", ""),
    ],
)
def test_output_is_made_printable(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(ANY_TEXT)
def test_no_control_character_is_left(text: str) -> None:
    left = set(printable(text)) - {"\n", "\t"}
    assert not {c for c in left if unicodedata.category(c) in {"Cc", "Cs"}}


def overwritten(text: str) -> str:
    """What carriage returns leave of a text, said by patterns that take quadratic time."""
    text = re.sub(r"\r+(?=\n|\Z)", "", module._SEQUENCE.sub("", text))
    text = re.sub(r"[^\n]*\r(?=[^\n])", "", text)
    return module._SURROGATE.sub("\ufffd", module._CONTROL.sub("", text))


@given(
    st.text(alphabet=st.sampled_from("\r\r\r\n\nab\x1b[m\x07\x85\u2028"), max_size=30) | ANY_TEXT
)
def test_carriage_returns_leave_the_last_part_of_each_line(text: str) -> None:
    assert printable(text) == overwritten(text)


MILLION = 1_000_000


# A quadratic filter takes hours for each.
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\r" * MILLION + "x", "x"),
        ("\r" * MILLION, ""),
        ("x\ry\n" + "a" * MILLION, "y\n" + "a" * MILLION),
        ("a" * MILLION + "\r", "a" * MILLION),
        ("a\r" * MILLION + "b", "b"),
        ("\r\n" * MILLION, "\n" * MILLION),
        ("\x1b[" + "0" * MILLION, "0" * MILLION),
        ("\x1b[" + "0" * MILLION + " " * MILLION, "0" * MILLION + " " * MILLION),
        ("\x1b" * MILLION, ""),
        ("\x1b[" * MILLION, ""),
        ("\x9b0" * MILLION, "0" * MILLION),
        ("\x1b]" * MILLION, ""),
        ("\x90\n" * MILLION, "\n" * MILLION),
        ("\x1b " * MILLION, " " * MILLION),
    ],
    ids=range(14),
)
def test_a_long_text_takes_no_longer_than_many_short_ones(raw: str, shown: str) -> None:
    # Compared outside the assertion: nobody wants to read the difference.
    same = printable(raw) == shown
    assert same


@given(ANY_TEXT)
def test_printable_text_stays_as_it_is(text: str) -> None:
    once = printable(text)
    assert printable(once) == once


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("x = 1\n\ty = 2", "x = 1\n\ty = 2"),
        ("if ok\u202e:", "if ok<U+202E>:"),
        ("a\u200bb", "a<U+200B>b"),
        ("a\u00a0b", "a<U+00A0>b"),
        ("a\rb", "a<U+000D>b"),
        ("\x1b[2J", "<U+001B>[2J"),
        ("\u3164 = 1", "<U+3164> = 1"),
        ("x\ufe0f", "x<U+FE0F>"),
        ("\U000e0041", "<U+E0041>"),
        ("\ud800", "<U+D800>"),
        ("naïve = '日本'", "naïve = '日本'"),
    ],
)
def test_hidden_characters_in_code_are_revealed(raw: str, shown: str) -> None:
    assert revealed(raw) == shown


@given(ANY_TEXT)
def test_marks_point_at_what_was_revealed(code: str) -> None:
    text, marks = reveal(code)
    assert all(text[start:end].startswith("<U+") for start, end in marks)
    assert len(text) - sum(end - start for start, end in marks) == len(code) - len(marks)
