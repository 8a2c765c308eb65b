"""Lines of output know the line of code that caused them, and the way back."""

from __future__ import annotations

from stories import proposed

from smolterm import events as ev
from smolterm.tui.fold import View
from smolterm.tui.items import Step
from smolterm.tui.lines import Line
from smolterm.tui.links import caused, frames, next_place
from smolterm.tui.panes import Room, output_lines

TRACEBACK = """\
Traceback (most recent call last):
  File "<step 1>", line 5, in <module>
    load(rows)
  File "<step 1>", line 2, in load
    return rows[0]
  File "/lib/other.py", line 5, in inside
    raise IndexError
IndexError: list index out of range"""


def test_every_frame_of_a_traceback_points_at_its_line() -> None:
    assert frames(TRACEBACK, (5, 2)) == [2, 5, 5, 2, 2, 0, 0, 2]
    assert frames(TRACEBACK, ()) == [0] * 8
    assert frames("Boom: [x]", (3,)) == [3]


def step_of(*events: ev.Event) -> Step:
    view = View()
    for event in events:
        view.apply(event, 0.0)
    step = view.at(1)
    assert step is not None
    return step


def test_a_call_and_what_it_returned_belong_to_the_line_it_stands_in() -> None:
    step = step_of(
        *proposed(),
        ev.OutputAdded(step=1, stream="stdout", text="before\n"),
        ev.ToolCalled(step=1, call=1, tool="weather", arguments="", effect="network", line=4),
        ev.ToolReturned(step=1, call=1, tool="weather", ok=False, result="no\nway", seconds=0.1),
        ev.CellFinished(
            step=1, error=ev.CellError(type="E", message="m", traceback="E: m"), lines=(6,)
        ),
    )
    lines = output_lines(step, Room(), full=False)
    assert [line.code for line in lines] == [0, 4, 4, 4, 6]
    assert caused(lines) == {4: 1, 6: 4}


def test_places_are_gone_through_in_both_directions_and_round() -> None:
    lines = [Line("a"), Line("b", code=4), Line("c", code=4), Line("d", code=2)]
    assert next_place(2, None, lines, 1) == (2, 1)
    assert next_place(2, (2, 1), lines, 1) == (2, 3)
    assert next_place(2, (2, 3), lines, 1) == (2, 1)
    assert next_place(2, (2, 2), lines, -1) == (2, 1)
    assert next_place(1, None, lines, 1) == (1, 1)
    assert next_place(1, (1, 1), lines, 1) == (1, 3)
    assert next_place(1, (1, 1), lines, -1) == (1, 3)
    assert next_place(0, (1, 1), lines, 1) == (2, 1)
    assert next_place(2, None, [Line("a")], 1) is None
