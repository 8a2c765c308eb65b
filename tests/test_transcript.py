"""The fold of a session, and what the model reads of a step."""

from __future__ import annotations

import pytest

from smolterm import events as e
from smolterm.transcript import MOST_OBSERVED, Step, Transcript, add_usage, observe, shorten


def folded(*events: e.Event) -> Transcript:
    transcript = Transcript()
    for event in events:
        transcript.apply(event)
    return transcript


STREAM = (
    e.SessionStarted(session="s", version="1", model="m"),
    e.TaskStarted(task="one"),
    e.StepStarted(step=1, steps_left=9),
    e.ReplyFinished(step=1, text="x", usage=e.Usage(prompt_tokens=3, cost=0.5)),
    e.ActionProposed(step=1, reasoning="why", code="a"),
    e.DecisionMade(step=1, decision="edit", by="person", code="b"),
    e.OutputAdded(step=1, stream="stdout", text="o"),
    e.DecisionMade(step=1, decision="approve", by="person", call=1),
    e.OutputAdded(step=1, stream="stderr", text="e"),
    e.CellFinished(step=1, value="7"),
    e.ObservationMade(step=1, text="Value: 7"),
    e.Finished(reason="answer", answer="7"),
)


def test_a_stream_folds():
    transcript = folded(*STREAM)
    (step,) = transcript.steps
    assert (step.reasoning, step.proposed, step.code, step.output) == ("why", "a", "b", "oe")
    assert step.observation == "Value: 7"
    assert transcript.tasks == ["one"]
    assert transcript.finished == STREAM[-1]
    assert transcript.usage == e.Usage(prompt_tokens=3, cost=0.5)


@pytest.mark.parametrize("length", range(len(STREAM) + 1))
def test_any_prefix_folds_and_goes_on(length):
    transcript = folded(*STREAM[:length])
    for event in STREAM[length:]:
        transcript.apply(event)
    assert transcript == folded(*STREAM)


def test_a_new_task_has_no_end_yet():
    assert folded(*STREAM, e.TaskStarted(task="two")).finished is None


def test_usage_is_summed_and_an_unknown_price_stays_unknown():
    one, other = e.Usage(prompt_tokens=1, cached_tokens=1), e.Usage(completion_tokens=2)
    assert add_usage(one, other) == e.Usage(prompt_tokens=1, cached_tokens=1, completion_tokens=2)
    assert add_usage(one, e.Usage(cost=0.1)).cost == 0.1


def step(**more):
    done = e.CellFinished(step=1, **more)
    return Step(number=1, proposed="a", code="a", finished=done)


@pytest.mark.parametrize(
    ("done", "text"),
    [
        ({}, "The code ran and printed nothing."),
        ({"value": "None"}, "The code ran and printed nothing."),
        ({"value": "7"}, "Value: 7"),
        ({"dropped": 5}, "(5 more bytes were printed and dropped. Print less.)"),
        ({"error": e.CellError(type="E", message="m", traceback="E: m")}, "E: m"),
        ({"error": e.CellError(type="E", message="", traceback="")}, "E"),
    ],
)
def test_observations(done, text):
    assert observe(step(**done)) == text


def test_an_edit_is_told_as_a_difference():
    edited = Step(number=1, proposed="x = 1\ny = 2", code="x = 1\ny = 3")
    assert "-y = 2\n+y = 3" in observe(edited)


def test_long_texts_keep_both_ends():
    text = "start" + "x" * 50_000 + "end"
    short = shorten(text)
    assert len(short) < MOST_OBSERVED + 100
    assert short.startswith("start")
    assert short.endswith("end")
    left_out = (
        len(text)
        - sum(len(part) for part in short.split("\n[... ")[0:1])
        - len(short.split(" ...]\n")[1])
    )
    assert f"{left_out} characters left out" in short
    assert shorten("x" * MOST_OBSERVED) == "x" * MOST_OBSERVED
