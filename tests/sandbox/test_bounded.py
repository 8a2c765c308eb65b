"""JSON is read only where it is known to stay small."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.sandbox import bounded
from smolterm.sandbox.bounded import loads


@pytest.mark.parametrize(
    "value",
    [
        list(range(300_000)),
        "x" * 10_000_000,
        'a,b,{}\\["\n' * 1_000_000,
        ["\\" * 3_000_000, "\\" * 3_000_001, '"' * 1_000_000],
        {str(n): n for n in range(300_000)},
    ],
    ids=["numbers", "text", "text with marks", "backslashes", "object"],
)
def test_what_is_large_and_honest_is_read(value):
    assert loads(json.dumps(value)) == value


@pytest.mark.parametrize("item", ["[]", "{}", "1", '""', '"a,b\\\\"', '{"":1}', '"\\"["'])
def test_too_many_entries_are_refused_before_they_are_made(monkeypatch, item):
    made = []
    monkeypatch.setattr(json, "loads", made.append)
    with pytest.raises(ValueError, match="too many entries"):
        loads("[" + f"{item}," * 1_100_000 + "1]")
    assert made == []


NO_JSON = ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "", "[1", "1" * 5_000, '"\\', '"\\\\']


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_is_refused(text):
    with pytest.raises(ValueError, match=r"nested|Expecting|digits|Unterminated"):
        loads(text)


def test_too_much_text_is_refused():
    with pytest.raises(ValueError, match="too long"):
        loads('"' + "x" * bounded.MOST_TEXT + '"')


def entries(value):
    if isinstance(value, list | dict):
        inner = value if isinstance(value, list) else value.values()
        return max(1, len(value)) + sum(map(entries, inner))
    return 0


HARD = st.text(alphabet='\\",[{:}] a', max_size=8)
JSON = st.recursive(
    HARD | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HARD, inner, max_size=3),
    max_leaves=12,
)


@given(JSON, st.integers(1, 9))
def test_entries_are_told_from_what_stands_in_strings(value, piece):
    text = json.dumps(value)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounded, "PIECE", piece)
        patch.setattr(bounded, "MOST_ENTRIES", entries(value))
        assert loads(text) == value
        patch.setattr(bounded, "MOST_ENTRIES", entries(value) - 1)
        with pytest.raises(ValueError, match="too many entries"):
            loads(text)
