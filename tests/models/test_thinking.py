from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.models.thinking import ThinkSplitter


def split(*pieces: str) -> tuple[str, str]:
    splitter = ThinkSplitter()
    deltas = [delta for piece in pieces for delta in splitter.feed(piece)]
    deltas += splitter.finish()
    texts = {"reasoning": "", "reply": ""}
    for delta in deltas:
        texts[delta.channel] += delta.text
    return texts["reasoning"], texts["reply"]


@pytest.mark.parametrize(
    ("text", "reasoning", "reply"),
    [
        ("plain", "", "plain"),
        ("<think>a\nb</think>\nc", "a\nb", "\nc"),
        ("\n <thinking>a</thinking>b", "a", "b"),
        ("[THINK]a[/THINK]b", "a", "b"),
        ("<think>never closed", "never closed", ""),
        ("one\n<think>two</think>three", "two", "one\nthree"),
        ('print("<think>")\n', "", 'print("<think>")\n'),
        ("<thin ice", "", "<thin ice"),
        ("<think>a</thinking></think>b", "a</thinking>", "b"),
        ("<think>a</think><think>b</think>c", "ab", "c"),
        ("<think>a</thi", "a</thi", ""),
        ("    indented\n\n  x\n", "", "    indented\n\n  x\n"),
        ("<", "", "<"),
    ],
)
def test_reasoning_is_taken_out(text, reasoning, reply):
    assert split(text) == (reasoning, reply)
    assert split(*text) == (reasoning, reply)


@given(st.lists(st.sampled_from(["<think>", "</think>", "<th", "ink>", "\n", " ", "x", "</"])))
def test_any_cutting_of_a_text_gives_the_same(pieces):
    assert split(*pieces) == split("".join(pieces)) == split(*"".join(pieces))
