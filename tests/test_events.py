"""Facts as lines and back."""

from __future__ import annotations

import typing

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.events import Event, Finished, TaskStarted, from_line, to_line
from smolterm.transcript import Transcript

KINDS = typing.get_args(Event)
# Lone surrogates are no text that a file can hold; who makes events replaces them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def a(kind: type) -> st.SearchStrategy:
    hints = typing.get_type_hints(kind)
    return st.builds(kind, **{name: a_value(hints[name]) for name in kind.__struct_fields__})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def a_value(hint: typing.Any) -> st.SearchStrategy:
    if hint is typing.Any:
        return st.just(msgspec.UNSET) | JSON
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return a(hint)
    simple = {str: TEXT, int: st.integers(0, 2**53), float: NUMBERS, bool: st.booleans(),
              type(None): st.none(), bytes: st.binary()}  # fmt: skip
    if hint in simple:
        return simple[hint]
    if typing.get_origin(hint) is typing.Literal:
        return st.sampled_from(typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return st.lists(a_value(typing.get_args(hint)[0]), max_size=3).map(tuple)
    return st.one_of([a_value(part) for part in typing.get_args(hint)])


EVENTS = st.one_of([a(kind) for kind in KINDS])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_event_comes_back_from_its_line(kind):
    @given(a(kind))
    def check(event):
        line = to_line(event)
        assert line.count(b"\n") == 1
        assert line.endswith(b"\n")
        assert from_line(line) == event

    check()


@given(st.lists(EVENTS, max_size=20))
def test_any_order_of_events_folds(events):
    transcript = Transcript()
    for event in events:
        transcript.apply(event)
    assert len(transcript.tasks) == sum(isinstance(event, TaskStarted) for event in events)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_a_decode_error(data):
    try:
        from_line(data)
    except msgspec.DecodeError:
        pass


def test_a_line_of_a_later_version_reads():
    line = to_line(Finished(reason="answer", answer="x")).replace(b"{", b'{"new":1,', 1)
    assert from_line(line).answer == "x"
