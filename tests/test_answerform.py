"""Answers that must fit a JSON Schema."""

from __future__ import annotations

import json

import pytest

from smolterm import events as e
from smolterm.answerform import AnswerForm, value_of
from smolterm.clock import Budget
from smolterm.errors import UsageError
from smolterm.policy import Policy
from smolterm.sandbox import CellDone
from tests.fakes import FakeModel, FakeSandbox, answer, block
from tests.test_session import only, run

AUTO = Policy(mode="auto")
SCHEMA = {
    "type": "object",
    "properties": {"total": {"type": "number"}, "name": {"type": "string", "minLength": 1}},
    "required": ["total"],
    "additionalProperties": False,
}


def form(schema=SCHEMA):
    return AnswerForm(json.dumps(schema), named="schema.json")


def given(data):
    return [CellDone(answered=True, answer=repr(data), answer_data=data)]


def task(*cells, schema=SCHEMA, budget=None):
    replies = [block(f"final_answer({n})") for n in range(len(cells))]
    model = FakeModel(*replies)
    events = run(model, FakeSandbox(*cells), policy=AUTO, reviews=[form(schema)],
                 budget=budget or Budget())  # fmt: skip
    return events, model


def test_an_answer_that_fits_ends_the_task_as_json():
    events, _ = task(given({"total": 3.5, "name": "città"}))
    assert events[-1].data == {"total": 3.5, "name": "città"}
    assert events[-1].answer == '{"total": 3.5, "name": "città"}'


def test_what_does_not_fit_is_told_and_answered_again():
    events, model = task(given({"total": "3", "more": 1}), given({"total": 3}))
    assert events[-1].answer == '{"total": 3}'
    told = model.asked[1][-1].content
    assert "$.total: '3' is not of type 'number'" in told
    assert "'more' was unexpected" in told
    assert only(events, e.MistakeFound)[0].repairs_left == 4


def test_answers_that_never_fit_use_the_repairs_up():
    wrong = [given({"total": "no"}) for _ in range(3)]
    events, _ = task(*wrong, budget=Budget(max_repairs=2))
    assert (events[-1].reason, events[-1].answer) == ("repairs", None)


def test_a_step_between_two_wrong_answers_counts_anew():
    cells = given({}), [CellDone(value="1")], given({}), given({"total": 1})
    events, _ = task(*cells, budget=Budget(max_repairs=1, max_steps=9))
    # The last two fail in a row: one repair is left for the second.
    assert events[-1].reason == "answer"


@pytest.mark.parametrize(
    "text",
    ['{"total": 1}', ' {"total": 1}\n', '```json\n{"total": 1}\n```', '```\n{"total": 1}```'],
)
def test_text_that_is_json_is_read(text):
    events, _ = task(answer(text))
    assert events[-1].data == {"total": 1}


def test_text_that_is_no_json_is_a_text():
    events, _ = task(answer("Paris"), schema={"type": "string"})
    assert (events[-1].answer, events[-1].data) == ('"Paris"', "Paris")


def test_null_is_a_value():
    events, _ = task(given(None), schema={"type": ["null", "string"]})
    assert (events[-1].answer, events[-1].data) == ("null", None)


@pytest.mark.parametrize("text", ["[" * 5000, "NaN", "[NaN]", "\ud800", "{'a': 1}", ""])
def test_any_text_has_a_value(text):
    assert value_of(e.Finished(reason="answer", answer=text)) == text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "no JSON"),
        ("[1]", "neither an object"),
        ('{"type": "objekt"}', "$.type"),
        ('{"$ref": "https://example.com/other.json"}', "not fetched"),
        ('{"$ref": "#/$defs/none"}', "cannot be followed"),
        ("[" * 100_000, "no JSON"),
        (f'{{"title": "{"x" * 100_000}"}}', "longer"),
    ],
    ids=["json", "kind", "schema", "remote", "missing", "deep", "long"],
)
def test_what_is_no_schema_is_refused_before_anything_runs(text, words):
    with pytest.raises(UsageError) as refused:
        AnswerForm(text, named="schema.json")
    assert "schema.json" in str(refused.value)
    assert words in str(refused.value)


def test_what_is_told_is_short_whatever_the_answer_is():
    _, model = task(given({"total": ["x" * 100_000], "name": 7}), given({"total": 1}))
    assert len(model.asked[1][-1].content) < 2_000


def test_the_model_is_told_the_schema():
    assert json.dumps(SCHEMA) in form().note()


def test_draft_7_is_read_as_draft_7():
    schema = {"$schema": "http://json-schema.org/draft-07/schema#",
              "definitions": {"n": {"type": "integer"}}, "$ref": "#/definitions/n"}  # fmt: skip
    events, _ = task(given(3), schema=schema)
    assert events[-1].data == 3
