"""The fold takes any events in any order and says the truth about whole streams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from stories import ANSWER, CODE, REASONING, asked, failed, proposed, ran, streamed

from smolterm import events as ev
from smolterm.tui.block import layout
from smolterm.tui.fold import View
from smolterm.tui.items import Ending, Note, Step, split_reply

STORY: list[ev.Event] = [
    ev.SessionStarted(session="s", version="1", model="m"),
    ev.TaskStarted(task="go"),
    *streamed(1),
    ev.ReplyDropped(step=1),
    ev.ModelWaiting(step=1, why="rate limited", seconds=3, attempt=1),
    *asked(1),
    ev.DecisionMade(step=1, decision="edit", by="person", code="x = 1"),
    ev.CellStarted(step=1, code="x = 1"),
    *ran(2)[3:],
    ev.ApprovalRequested(step=2, code="", call=9, tool="send", arguments="1"),
    ev.DecisionMade(step=2, decision="reject", by="person", call=9, reason="no"),
    ev.MistakeFound(step=3, text="no code", repairs_left=1),
    ev.SandboxChanged(state="died", lost=("x",)),
    ev.Notice(text="note"),
    *failed(4),
    ev.ObservationMade(step=4, text="o"),
    *ANSWER,
]


def folded(events: list[ev.Event]) -> View:
    view = View()
    for event in events:
        view.apply(event, 0.0)
    return view


@given(st.lists(st.sampled_from(STORY), max_size=40), st.sampled_from([38, 78, 118]))
def test_any_events_in_any_order_fold_and_lay_out(events: list[ev.Event], width: int) -> None:
    view = folded(events)
    for item in view.items:
        assert layout(item, width).height > 0


@given(st.integers(0, len(STORY)))
def test_any_prefix_of_a_stream_folds(length: int) -> None:
    view = folded(STORY[:length])
    assert view.state in ("idle", "thinking", "waiting", "asking", "running")
    assert all(layout(item, 100).height > 0 for item in view.items)


def test_nothing_waits_after_the_end() -> None:
    view = folded([ev.TaskStarted(task="t"), *asked(), *ANSWER])
    assert not view.pending and view.state == "idle"
    assert isinstance(view.items[-1], Ending)


def test_edited_code_replaces_what_was_proposed() -> None:
    view = folded([*asked(), ev.DecisionMade(step=1, decision="edit", by="person", code="x = 2")])
    step = view.at(1)
    assert step is not None and step.code == "x = 2" and step.decision == "edited"


def test_a_call_refused_unasked_does_not_look_as_if_it_was_given_nothing() -> None:
    refused = ev.ToolReturned(step=1, call=1, tool="save", ok=False, result="plan mode", seconds=0)
    step = folded([*proposed(1), refused]).at(1)
    assert step is not None and step.pieces[-1].arguments == "…"


def test_a_dropped_reply_is_void() -> None:
    view = folded([*streamed(), ev.ReplyDropped(step=1)])
    step = view.at(1)
    assert step is not None and step.shown_reply() == ("", "")


def test_costs_and_tokens_add_up() -> None:
    totals = folded([*proposed(1), *proposed(2)]).totals
    assert (totals.prompt_tokens, totals.completion_tokens, totals.context) == (4620, 480, 2310)
    assert totals.cost == 0.0062


def test_an_answer_in_prose_is_not_shown_twice() -> None:
    view = folded(
        [
            ev.TaskStarted(task="t"),
            ev.ReplyFinished(step=1, text="It is 4."),
            ev.Finished(reason="answer", answer="It is 4."),
        ]
    )
    step = view.at(1)
    assert isinstance(step, Step) and step.answered_below


@given(st.integers(0, 400))
def test_a_growing_reply_never_shows_half_a_marker(length: int) -> None:
    whole = f"{REASONING}\n```python\n{CODE}\n```\n"
    text, code = split_reply(whole[:length])
    assert "``" not in text and REASONING.startswith(text.rstrip()) and CODE.startswith(code)


def test_code_tags_are_split_too() -> None:
    assert split_reply("First.\n<code>\nx = 1\n</code> rest") == ("First.", "x = 1")
    assert split_reply("First <co") == ("First ", "")


def test_text_from_outside_marks_the_call_that_brought_it_and_files_that_were_opened() -> None:
    source = ev.Source(kind="tool", what="page", arguments="'a'", step=1)
    given = ev.Source(kind="file", what="/in/given.txt")
    opened = ev.Source(kind="file", what="/files/a.txt", step=1)
    view = folded([
        ev.TaskStarted(task="go", files=("/in/given.txt",)),
        ev.OutsideArrived(step=0, source=given),
        ev.StepStarted(step=1, steps_left=1),
        ev.CellStarted(step=1, code="page('a')"),
        ev.ToolCalled(step=1, call=1, tool="page", arguments="'a'", effect="network"),
        ev.ToolCalled(step=1, call=2, tool="add", arguments="1", effect="pure"),
        ev.ToolProgress(step=1, call=1, tool="page", done=3, total=20),
        ev.OutsideArrived(step=1, source=source, call=1),
        ev.OutsideArrived(step=1, source=opened),
        ev.PackDenied(step=1, pack="web", text="web tried it"),
        ev.PackDenied(step=7, pack="web", text="web tried it then"),
        ev.PackSaid(pack="web", kind="log", text="hidden"),
    ])  # fmt: skip
    step = view.step
    assert step is not None
    assert [(str(one.text), one.outside, one.result) for one in step.pieces] == [
        ("page", True, "3 of 20"), ("add", False, ""),
        ("text from outside: /files/a.txt", False, ""), ("web tried it", False, ""),
    ]  # fmt: skip
    assert [item.text for item in view.items if isinstance(item, Note)] == [
        "Denied: web tried it then"
    ]
    view.apply(ev.CellFinished(step=1, value="None", outside=("page",)), 2.0)
    assert step.pieces[-1].kind == "denied"
    view.apply(ev.CellFinished(step=1, value="1", outside=("page",)), 2.0)
    assert [one.kind for one in step.pieces[-2:]] == ["value", "outside"]
    assert str(step.pieces[-1].text) == "may hold text from outside: page"


def test_progress_of_a_call_that_is_not_shown_is_nothing() -> None:
    view = folded([
        ev.ToolProgress(step=3, tool="page", text="x"),
        ev.StepStarted(step=4, steps_left=1),
        ev.ToolProgress(step=4, tool="page", text="x"),
    ])  # fmt: skip
    assert [item for item in view.items if isinstance(item, Step) and item.pieces] == []
