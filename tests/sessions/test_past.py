"""Which events are in force: any prefix folds, and a rewind takes back exactly what came after."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.sessions.past import (
    GONE,
    branch,
    cell_for,
    in_force,
    last_step,
    mode_of,
    names_of,
    next_cell,
)
from tests.test_events import EVENTS

TIME = {"at": 1.0}


def step(number: int) -> list[e.Event]:
    return [
        e.StepStarted(step=number, steps_left=1, **TIME),
        e.CellStarted(step=number, code="", cell=number, **TIME),
        e.CellFinished(step=number, names=(f"v{number}",), **TIME),
    ]


def task(text: str, first: int, last: int) -> list[e.Event]:
    steps = [event for number in range(first, last + 1) for event in step(number)]
    return [e.TaskStarted(task=text, **TIME), *steps, e.Finished(reason="answer", **TIME)]


def rewound(number: int, to: int) -> e.Rewound:
    return e.Rewound(step=to, branch=number, names=(f"v{to - 1}",), **TIME)


@st.composite
def sessions(draw: st.DrawFn) -> tuple[list[e.Event], list[int]]:
    """Return a session of tasks and rewinds, and the steps that are in force at its end."""
    events: list[e.Event] = [e.SessionStarted(session="s", version="1", model="m", **TIME)]
    steps: list[int] = []
    branches = 0
    for _ in range(draw(st.integers(0, 6))):
        if steps and draw(st.booleans()):
            to = draw(st.sampled_from(steps))
            branches += 1
            events.append(rewound(branches, to))
            steps = [number for number in steps if number < to]
        else:
            first = len(steps) + 1
            last = first + draw(st.integers(0, 3)) - 1
            events += task("do", first, last)
            steps += range(first, last + 1)
    return events, steps


def steps_of(events: list[e.Event]) -> list[int]:
    return [event.step for event in events if isinstance(event, e.StepStarted)]


@given(sessions())
def test_the_steps_in_force_are_those_that_no_rewind_took_back(made):
    events, steps = made
    kept = in_force(events)
    assert steps_of(kept) == steps
    assert last_step(kept) == (steps[-1] if steps else 0)
    # A session of before has all its branches still.
    rewinds = [event for event in events if isinstance(event, e.Rewound)]
    assert [event for event in kept if isinstance(event, e.Rewound)] == rewinds
    assert [event for event in kept if isinstance(event, e.SessionStarted)] == events[:1]


@given(sessions(), st.data())
def test_any_prefix_folds_and_folding_again_changes_nothing(made, data):
    events, _ = made
    part = events[: data.draw(st.integers(0, len(events)))]
    kept = in_force(part)
    assert in_force(kept) == kept
    numbers = steps_of(kept)
    assert numbers == list(range(1, len(numbers) + 1))


@given(st.lists(EVENTS, max_size=12))
def test_whatever_comes_folds(events):
    kept = in_force(events)
    assert in_force(kept) == kept
    names_of(kept)
    next_cell(kept)
    cell_for(kept, 1)


@given(sessions())
def test_each_branch_is_what_was_in_force_before_its_rewind(made):
    events, _ = made
    places = [at for at, event in enumerate(events) if isinstance(event, e.Rewound)]
    for number, at in enumerate(places, 1):
        assert branch(events, number) == in_force(events[:at])


def test_the_first_step_of_a_task_takes_the_task_along():
    events = [*task("one", 1, 2), *task("two", 3, 4)]
    tasks = lambda events: [ev.task for ev in events if isinstance(ev, e.TaskStarted)]  # noqa: E731
    assert tasks(in_force([*events, rewound(1, 4)])) == ["one", "two"]
    assert tasks(in_force([*events, rewound(1, 3)])) == ["one"]
    assert tasks(in_force([*events, rewound(1, 1)])) == []
    # One that ended before its first step is none of the next one's.
    early = [e.TaskStarted(task="none", **TIME), e.Finished(reason="interrupted", **TIME)]
    assert tasks(in_force([*early, *task("one", 1, 1), rewound(1, 1)])) == ["none"]


def test_the_variables_are_those_after_the_newest_fact_that_tells_them():
    events = task("one", 1, 3)
    assert names_of(events) == ("v3",)
    assert names_of(in_force([*events, rewound(1, 3)])) == ("v2",)
    died = e.CellError(type="SandboxDied", message="", traceback="")
    lost = e.SandboxChanged(state="died", lost=("v3",), **TIME)
    assert names_of([*events, lost, e.CellFinished(step=4, error=died, **TIME)]) == ()
    kept = e.SessionResumed(session="s", version="1", model="m", names=("a",), lost=("v3",), **TIME)
    assert names_of([*events, kept]) == ("a",)


def test_the_cell_to_go_back_to_and_those_that_went_with_a_process():
    events = task("one", 1, 3)
    assert [cell_for(events, number) for number in (1, 3, 4)] == [1, 3, None]
    assert next_cell(events) == 4
    resumed = e.SessionResumed(session="s", version="1", model="m", cell=2, **TIME)
    after = [*events, resumed, e.CellStarted(step=4, code="", cell=2, **TIME)]
    # State 2 came along, so everything up to it can be had; the one before cell 3 is gone.
    assert [cell_for(after, number) for number in (1, 2, 3, 4)] == [1, 2, GONE, 2]
    # A step without code is as the next that has some.
    assert cell_for([*step(1), e.StepStarted(step=2, steps_left=1), *step(3)], 2) == 3
    assert cell_for([e.CellStarted(step=1, code="")], 1) == GONE


def test_the_mode_is_the_last_that_was_told():
    started = e.SessionStarted(session="s", version="1", model="m", mode="plan")
    assert mode_of([]) == ""
    assert mode_of([started]) == "plan"
    assert mode_of([started, e.ModeChanged(mode="auto")]) == "auto"
