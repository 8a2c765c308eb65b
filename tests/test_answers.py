"""What an answer is made of, and the reviews that it passes."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.answers import answer_text, as_json
from smolterm.policy import Policy
from smolterm.sandbox import CellDone
from smolterm.sandbox.values import Opaque
from tests.fakes import FakeModel, FakeSandbox, answer, block
from tests.test_session import only, run

AUTO = Policy(mode="auto")


def answered(data, text="repr"):
    return CellDone(answered=True, answer=text, answer_data=data)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("plain", "plain"),
        ([1, {"a": None}], '[1, {"a": null}]'),
        ({"città": 2.5}, '{"città": 2.5}'),
        (42, "repr"),
        (None, "repr"),
        ((1, 2), "repr"),
        ([float("nan")], "repr"),
        ([b"bytes"], "repr"),
        ({1: "a"}, "repr"),
        (["\ud800"], "repr"),
        ([1 << 600], "repr"),
        (Opaque("A", "<A>"), "repr"),
    ],
)
def test_an_answer_reads_as_json_where_json_has_it(data, text):
    assert answer_text(answered(data)) == text


DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner)
    | st.tuples(inner),
)  # fmt: skip


@given(DATA)
def test_what_is_called_json_comes_back_as_it_was(data):
    found = as_json(data)
    if found is not msgspec.UNSET:
        assert json.loads(json.dumps(found, allow_nan=False)) == data
        line = e.to_line(e.Finished(reason="answer", data=found))
        assert e.from_line(line).data == data


def test_what_is_nested_too_deep_is_no_json():
    deep: list = []
    for _ in range(150):
        deep = [deep]
    assert as_json(deep) is msgspec.UNSET


def test_the_end_carries_the_value():
    cell = [answered({"total": 3})]
    events = run(FakeModel(block("final_answer({'total': 3})")), FakeSandbox(cell), policy=AUTO)
    assert (events[-1].answer, events[-1].data) == ('{"total": 3}', {"total": 3})


def test_a_text_is_its_own_value():
    events = run(FakeModel(block("final_answer('x')")), FakeSandbox(answer("x")), policy=AUTO)
    assert (events[-1].answer, events[-1].data) == ("x", msgspec.UNSET)
    assert only(events, e.CellFinished)[0].answer == "x"
