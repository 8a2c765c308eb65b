"""Hunks: from one text to another, whole or in part, whatever the bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.sandbox.hunks import apply_hunks, find_hunks

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"a", b"\r\n", b"\n", "ü\n".encode()]))


@settings(max_examples=300, deadline=None)
@given(LINES.map(b"".join), LINES.map(b"".join), st.sets(st.integers(1, 5)))
def test_hunks_lead_from_one_text_to_the_other(before, after, chosen):
    hunks = find_hunks(before, after)
    numbers = [hunk.number for hunk in hunks]
    assert numbers == list(range(1, len(hunks) + 1))
    assert apply_hunks(before, after, hunks, numbers) == after
    assert apply_hunks(before, after, hunks, []) == before
    # Those that were not taken are what is left to be taken.
    some = apply_hunks(before, after, hunks, chosen)
    left = find_hunks(some, after)
    assert apply_hunks(some, after, left, [hunk.number for hunk in left]) == after


@settings(max_examples=200, deadline=None)
@given(st.binary(), st.binary())
def test_any_bytes_have_hunks(before, after):
    hunks = find_hunks(before, after)
    assert apply_hunks(before, after, hunks, [hunk.number for hunk in hunks]) == after


def test_a_hunk_reads_as_in_any_diff():
    before = b"".join(b"%d\n" % n for n in range(20))
    after = before.replace(b"3\n", b"three\n", 1).replace(b"18\n", b"")[:-1]
    first, second = find_hunks(before, after)
    assert first.text == "@@ -1,7 +1,7 @@\n 0\n 1\n 2\n-3\n+three\n 4\n 5\n 6\n"
    assert second.text == (
        "@@ -16,5 +16,4 @@\n 15\n 16\n 17\n-18\n-19\n+19\n\\ No newline at end of file\n"
    )
    assert find_hunks(b"", b"new\n")[0].text == "@@ -0,0 +1 @@\n+new\n"
    assert "Binary files differ" in find_hunks(b"\0", b"1")[0].text


@pytest.mark.parametrize("lines", [["a"], ["a", "b"], [str(n) for n in range(97)]])
def test_the_work_on_hostile_text_is_bounded(lines):
    before = "\n".join(lines[n % len(lines)] for n in range(200_000)).encode()
    after = "\n".join(lines[n * n % 31 % len(lines)] for n in range(200_000)).encode()
    hunks = find_hunks(before, after)
    assert apply_hunks(before, after, hunks, [hunk.number for hunk in hunks]) == after
