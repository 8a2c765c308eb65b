"""The engine over fakes: what happens, in which order, and what never happens."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.clock import Budget
from smolterm.errors import RateLimited, SandboxDied, UsageError
from smolterm.models import Done
from smolterm.policy import Approve, Edit, Policy, Reject, Stop
from smolterm.sandbox import CellDone, Printed
from smolterm.session import Session
from smolterm.tools import tool
from tests.fakes import (
    FakeModel,
    FakeSandbox,
    HangingSandbox,
    answer,
    block,
    call,
    events_of,
    failure,
    value,
)

AUTO = Policy(mode="auto")


@tool
def double(number: int) -> int:
    """Double a number."""
    return 2 * number


@tool(effect="write", outside=False)
def save(text: str) -> str:
    """Write something down."""
    return f"saved {text}"


@tool(effect="danger", outside=False)
def launch() -> str:
    """Do something that cannot be undone."""
    return "launched"


def run(model, sandbox, *, react=None, tasks=("do it",), **options):
    """Run tasks in one session without a file; returns (events, model, sandbox)."""

    async def work():
        seen = []
        async with Session(model=model, sandbox=sandbox, save=False, **options) as session:

            def reacting(event):
                if react is not None:
                    react(session, event)

            for task in tasks:
                seen += await events_of(session, task, reacting)
        return seen

    return asyncio.run(work())


def deciding(*decisions):
    """React to each question with the next decision."""
    left = list(decisions)

    def react(session, event):
        if isinstance(event, e.ApprovalRequested):
            assert session.decide(event.step, left.pop(0), call=event.call)

    return react


def only(events, kind):
    return [event for event in events if isinstance(event, kind)]


def test_a_task_goes_through_steps_to_its_answer():
    model = FakeModel(block("x = 2"), block("final_answer(x)"))
    sandbox = FakeSandbox(value("2", "x"), answer("two"))
    events = run(model, sandbox, policy=AUTO)
    assert sandbox.ran == ["x = 2", "final_answer(x)"]
    assert events[-1].reason == "answer"
    assert events[-1].answer == "two"
    assert [event.text for event in only(events, e.ObservationMade)] == ["Value: 2"]
    assert only(events, e.StepStarted)[1].steps_left == 19


def test_a_reply_without_code_is_the_answer():
    events = run(FakeModel("Paris, of course."), FakeSandbox())
    assert events[-1].answer == "Paris, of course."
    assert not only(events, e.ApprovalRequested)


def test_nothing_runs_before_the_approval():
    sandbox = FakeSandbox(answer("ok"))
    seen_at_question = []

    def react(session, event):
        if isinstance(event, e.ApprovalRequested):
            seen_at_question.append(list(sandbox.ran))
            session.decide(event.step, Approve())

    run(FakeModel(block("1")), sandbox, react=react)
    assert seen_at_question == [[]]
    assert sandbox.ran == ["1"]


def test_an_edit_runs_what_the_person_wrote_and_the_model_is_told():
    model = FakeModel(block("x = 1"), "Done.")
    sandbox = FakeSandbox(value("2"))
    run(model, sandbox, react=deciding(Edit("x = 2")))
    assert sandbox.ran == ["x = 2"]
    told = model.asked[1][-1].content
    assert "-x = 1" in told
    assert "+x = 2" in told


def test_a_rejection_is_told_neutrally_with_its_reason():
    model = FakeModel(block("remove()"), "I see.")
    sandbox = FakeSandbox()
    run(model, sandbox, react=deciding(Reject("too risky")))
    assert sandbox.ran == []
    told = model.asked[1][-1]
    assert told.role == "user"
    assert "declined" in told.content
    assert "too risky" in told.content
    assert "rror" not in told.content


def test_stop_ends_the_task_with_nothing_run():
    sandbox = FakeSandbox()
    events = run(FakeModel(block("1")), sandbox, react=deciding(Stop()))
    assert events[-1].reason == "stopped"
    assert sandbox.ran == []


@pytest.mark.parametrize(
    "bad", ["", "```python\n```", "<tool_call>{broken"], ids=["empty", "no code", "junk"]
)
def test_a_broken_reply_becomes_an_observation_to_repair_from(bad):
    model = FakeModel(bad, "The answer.")
    events = run(model, FakeSandbox())
    assert only(events, e.MistakeFound)
    assert events[-1].answer == "The answer."
    assert [message.role for message in model.asked[1]] == ["system", "user", "assistant", "user"]
    assert all(message.content for message in model.asked[1])


def test_code_that_was_cut_off_is_not_proposed():
    class Cut(FakeModel):
        async def reply(self, messages, *, format=None):
            stop = "length" if len(self.replies) == 2 else "stop"
            async for part in super().reply(messages, format=format):
                is_end = isinstance(part, Done)
                yield msgspec.structs.replace(part, stop=stop) if is_end else part

    model = Cut("```python\nfor name in names:\n    remove(name)", block("final_answer('less')"))
    sandbox = FakeSandbox(answer("less"))
    events = run(model, sandbox, policy=AUTO)
    (mistake,) = only(events, e.MistakeFound)
    assert "cut off" in mistake.text and "cut off" in model.asked[1][-1].content
    assert sandbox.ran == ["final_answer('less')"]


def test_repairs_in_a_row_are_limited():
    model = FakeModel(*[block("1/0")] * 9)
    sandbox = FakeSandbox(*[failure("ZeroDivisionError")] * 9)
    events = run(model, sandbox, policy=AUTO, react=deciding(*[Approve()] * 9),
                 budget=Budget(max_repairs=2))  # fmt: skip
    assert events[-1].reason == "repairs"
    assert len(sandbox.ran) == 3


def test_a_success_between_failures_resets_the_count():
    model = FakeModel(block("a"), block("b"), block("c"), block("d"), "done")
    sandbox = FakeSandbox(failure("A"), value("1"), failure("B"), failure("C"))
    events = run(model, sandbox, policy=AUTO, budget=Budget(max_repairs=2))
    assert events[-1].reason == "answer"


def test_the_same_code_three_times_asks_even_in_auto_mode():
    model = FakeModel(*[block("loop()")] * 3)
    sandbox = FakeSandbox(value("1"), value("1"))
    events = run(model, sandbox, policy=AUTO, react=deciding(Stop()))
    assert len(sandbox.ran) == 2
    assert len(only(events, e.ApprovalRequested)) == 1


def test_steps_are_budgeted():
    model = FakeModel(block("a"), block("b"), block("c"))
    events = run(model, FakeSandbox(value("1"), value("2")), policy=AUTO,
                 budget=Budget(max_steps=2))  # fmt: skip
    assert events[-1].reason == "steps"


def test_seconds_are_budgeted_while_the_model_is_silent():
    events = run(FakeModel(None), FakeSandbox(), budget=Budget(max_seconds=0.01))
    assert events[-1].reason == "seconds"


def test_a_cell_gets_no_more_seconds_than_the_task_has():
    sandbox = FakeSandbox(answer("ok"))
    run(FakeModel(block("1")), sandbox, policy=AUTO, budget=Budget(max_seconds=5))
    assert 0 < sandbox.limits[0].seconds <= 5


def test_tools_are_called_with_checked_arguments():
    sandbox = FakeSandbox([call("double", 4), call("double", "x", number=2), *answer("ok")])
    events = run(FakeModel(block("double(4)")), sandbox, tools=[double], policy=AUTO)
    assert sandbox.answers[0] == (1, 8, None, False)
    assert "Expected `int`" in sandbox.answers[1][2]
    assert [event.ok for event in only(events, e.ToolReturned)] == [True, False]


def test_an_approval_covers_the_calls_that_the_code_shows():
    sandbox = FakeSandbox([call("save", "a"), *answer("ok")])
    events = run(FakeModel(block("save('a')")), sandbox, tools=[save], react=deciding(Approve()))
    assert len(only(events, e.ApprovalRequested)) == 1
    assert sandbox.answers == [(1, "saved a", None, False)]


def test_a_call_that_the_approved_code_does_not_show_asks_with_its_arguments():
    sandbox = FakeSandbox([call("save", "secret"), *answer("ok")])
    events = run(FakeModel(block("helper()")), sandbox, tools=[save],
                 react=deciding(Approve(), Reject("not that")))  # fmt: skip
    question = only(events, e.ApprovalRequested)[1]
    assert (question.tool, question.arguments, question.effect) == ("save", "'secret'", "write")
    assert sandbox.answers == [(1, None, "save: The person declined it. not that", True)]


def test_a_dangerous_call_asks_although_its_code_was_approved():
    sandbox = FakeSandbox([call("launch"), *answer("ok")])
    events = run(FakeModel(block("launch()")), sandbox, tools=[launch],
                 react=deciding(Approve(), Approve()))  # fmt: skip
    assert len(only(events, e.ApprovalRequested)) == 2
    assert sandbox.answers == [(1, "launched", None, False)]


def test_deny_beats_everything():
    policy = Policy(mode="auto", allow=frozenset({"write"}), deny=frozenset({"write"}))
    sandbox = FakeSandbox([call("save", "a"), *answer("ok")])
    run(FakeModel(block("save('a')")), sandbox, tools=[save], policy=policy)
    assert sandbox.answers[0][3] is True


def test_a_dead_sandbox_is_restarted_and_the_model_told_what_is_gone():
    model = FakeModel(block("x = 1"), block("boom()"), "sorry")
    death = [Printed(stream="stdout", text="bye\n"), SandboxDied("The sandbox died: killed.")]
    sandbox = FakeSandbox(value("1", "x", "y"), death)
    events = run(model, sandbox, policy=AUTO)
    died = next(event for event in only(events, e.SandboxChanged) if event.state == "died")
    assert died.lost == ("x", "y")
    assert sandbox.starts == 2
    assert "x, y" in model.asked[2][-1].content
    assert events[-1].reason == "answer"


def test_a_failing_model_ends_the_task_with_what_to_do():
    error = RateLimited("Too many requests.", next="Wait a minute.")
    events = run(FakeModel(error), FakeSandbox())
    assert events[-1].reason == "failed"
    assert events[-1].error == "RateLimited"
    assert "Wait a minute." in events[-1].message


def test_interrupting_a_silent_model():
    model = FakeModel(None, "second")

    async def work():
        async with Session(model=model, sandbox=FakeSandbox(), save=False) as session:
            running = asyncio.create_task(events_of(session, "one"))
            await model.hanging.wait()
            await session.interrupt()
            assert (await running)[-1].reason == "interrupted"
            assert (await events_of(session, "two"))[-1].answer == "second"

    asyncio.run(work())


def test_interrupting_a_question_runs_nothing():
    sandbox = FakeSandbox()

    async def work():
        async with Session(model=FakeModel(block("1")), sandbox=sandbox, save=False) as session:
            asked = asyncio.Event()

            def react(event):
                if isinstance(event, e.ApprovalRequested):
                    asked.set()

            running = asyncio.create_task(events_of(session, "one", react))
            await asked.wait()
            await session.interrupt()
            events = await running
            assert events[-1].reason == "interrupted"
            assert not session.decide(1, Approve())

    asyncio.run(work())
    assert sandbox.ran == []


def test_interrupting_running_code_ends_it_and_keeps_the_sandbox():
    sandbox = HangingSandbox()

    async def work():
        model = FakeModel(block("while True: pass"))
        async with Session(model=model, sandbox=sandbox, save=False, policy=AUTO) as session:
            running = asyncio.create_task(events_of(session, "one"))
            await sandbox.running.wait()
            await session.interrupt()
            events = await running
            assert events[-1].reason == "interrupted"
            assert only(events, e.CellFinished)[0].error.type == "KeyboardInterrupt"
            assert sandbox.alive

    asyncio.run(work())


def test_one_task_at_a_time():
    async def work():
        async with Session(model=FakeModel(None), sandbox=FakeSandbox(), save=False) as session:
            first = session.run("one")
            await anext(first)
            with pytest.raises(UsageError):
                await anext(session.run("two"))
            await first.aclose()

    asyncio.run(work())


def test_the_prompt_is_append_only_over_tasks():
    model = FakeModel(block("1"), "", "one", block("2/0"), "two")
    sandbox = FakeSandbox(value("1"), failure("ZeroDivisionError"))
    run(model, sandbox, policy=AUTO, tasks=("first", "second"), tools=[double])
    for before, after in zip(model.asked, model.asked[1:], strict=False):
        assert after[: len(before)] == before
    roles = [message.role for message in model.asked[-1]]
    assert roles[0] == "system"
    assert roles[1:] == ["user", "assistant"] * (len(roles) // 2 - 1) + ["user"]


REPLIES = st.lists(
    st.sampled_from(["", "prose", block("a"), block("b"), "```python\n"]), min_size=1, max_size=6
)
DECISIONS = st.lists(
    st.sampled_from([Approve(), Edit("edited"), Reject("r"), Stop()]), min_size=8, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(REPLIES, DECISIONS)
def test_one_end_and_it_is_last_and_only_approved_code_runs(replies, decisions):
    sandbox = FakeSandbox(*[value("1")] * 10)
    approved = []
    left = list(decisions)

    def react(session, event):
        if isinstance(event, e.ApprovalRequested):
            decision = left.pop(0)
            if isinstance(decision, Approve):
                approved.append(event.code)
            elif isinstance(decision, Edit):
                approved.append(decision.code)
            session.decide(event.step, decision)

    model = FakeModel(*replies, "the end")
    events = run(model, sandbox, react=react)
    assert isinstance(events[-1], e.Finished)
    assert len(only(events, e.Finished)) == 1
    assert sandbox.ran == approved


def test_a_cell_that_ends_without_a_result_is_a_death():
    sandbox = FakeSandbox([Printed(stream="stdout", text="x")], [CellDone(value="1")])
    events = run(FakeModel(block("a"), "done"), sandbox, policy=AUTO)
    assert any(event.state == "died" for event in only(events, e.SandboxChanged))


def test_a_tool_that_returns_something_else_than_it_promises_is_an_error():
    @tool
    def count() -> int:
        """Count something."""
        return "many"  # type: ignore[return-value]

    sandbox = FakeSandbox([call("count"), *answer("ok")])
    run(FakeModel(block("count()")), sandbox, tools=[count], policy=AUTO)
    assert "something else than it promises" in sandbox.answers[0][2]
