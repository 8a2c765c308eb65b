"""Modes, rules, budgets and messages, in the engine over fakes."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.clock import Budget
from smolterm.context import SUMMARISE
from smolterm.errors import UsageError
from smolterm.events import Usage
from smolterm.gate import PLAN
from smolterm.models import Delta, Done
from smolterm.policy import MODES, Approve, Edit, Policy, Reject, Stop
from smolterm.prompt import Prompt
from smolterm.rules import RulesFile
from smolterm.sandbox import Call, Printed
from smolterm.session import Session
from tests.fakes import FakeModel, FakeSandbox, answer, block, call, events_of, value
from tests.test_context import Windowed
from tests.test_session import deciding, double, launch, only, run, save

TOOLS = [double, save, launch]
AUTO = Policy(mode="auto")


def calling(*calls):
    """Return a sandbox whose one cell makes these calls and answers."""
    numbered = [call(name, *args, number=n) for n, (name, *args) in enumerate(calls, 1)]
    return FakeSandbox([*numbered, *answer("ok")])


def asked(events):
    return [(event.tool, event.arguments) for event in only(events, e.ApprovalRequested)]


# What asks in which mode


@pytest.mark.parametrize(
    ("mode", "questions"),
    [("step", [None, "launch"]), ("effects", ["save", "launch"]), ("auto", ["save", "launch"])],
)
def test_what_each_mode_asks_about(mode, questions):
    sandbox = calling(("double", 2), ("save", "a"), ("launch",))
    model = FakeModel(block("double(2); save('a'); launch()"))
    events = run(model, sandbox, tools=TOOLS, policy=Policy(mode=mode),
                 react=deciding(*[Approve()] * 3))  # fmt: skip
    assert [tool for tool, _ in asked(events)] == questions
    assert [done[1] for done in sandbox.answers] == [4, "saved a", "launched"]


def test_plan_mode_asks_nothing_and_lets_no_effect_happen():
    sandbox = calling(("double", 2), ("save", "a"))
    policy = Policy(mode="plan", allow=frozenset({"write"}))
    events = run(FakeModel(block("save('a')")), sandbox, tools=TOOLS, policy=policy)
    assert asked(events) == []
    assert sandbox.answers == [(1, 4, None, False), (2, None, f"save: {PLAN}", True)]
    assert [event.tool for event in only(events, e.ToolCalled)] == ["double"]


@pytest.mark.parametrize("mode", MODES)
def test_the_same_code_three_times_asks_in_every_mode(mode):
    sandbox = FakeSandbox(value("1"), value("1"))
    decisions = [Approve(), Approve(), Stop()] if mode == "step" else [Stop()]
    events = run(FakeModel(*[block("loop()")] * 3), sandbox, policy=Policy(mode=mode),
                 react=deciding(*decisions))  # fmt: skip
    assert len(sandbox.ran) == 2
    assert only(events, e.ApprovalRequested)[-1].why == "The same code was proposed 3 times."
    assert only(events, e.ApprovalRequested)[-1].rules == ()


@pytest.mark.parametrize(("claimed", "told"), [(2, 2), (0, None), (3, None), (None, None)])
def test_the_question_about_a_call_shows_its_line_and_what_the_code_touches(claimed, told):
    calls = Call(call=1, tool="save", args=["a"], kwargs={}, line=claimed)
    sandbox = FakeSandbox([calls, *answer("ok")])
    events = run(FakeModel(block("x = 'a'\nsave(x)")), sandbox, tools=TOOLS,
                 policy=Policy(mode="effects"), react=deciding(Approve()))  # fmt: skip
    (question,) = only(events, e.ApprovalRequested)
    assert question.line == told
    assert [(touch.what, touch.line) for touch in question.touches] == [("save", 2)]
    assert only(events, e.ToolCalled)[0].line == told


def test_a_question_about_code_shows_what_it_touches():
    events = run(FakeModel(block("save('a')\nopen('b', 'w')")), FakeSandbox(), tools=TOOLS,
                 react=deciding(Stop()))  # fmt: skip
    (question,) = only(events, e.ApprovalRequested)
    assert [(touch.kind, touch.what) for touch in question.touches] == [
        ("tool", "save"), ("write", "b"),
    ]  # fmt: skip


# Another mode meanwhile


def test_another_mode_counts_from_the_next_judgement_on():
    modes = iter(["effects", "plan"])

    def react(session, event):
        if isinstance(event, e.ApprovalRequested):
            session.set_mode(next(modes))
            session.decide(event.step, Approve(), call=event.call)

    sandbox = FakeSandbox([call("save", "a", number=1), call("save", "b", number=2), *answer("ok")])
    events = run(FakeModel(block("save('a'); save('b')")), sandbox, tools=TOOLS, react=react)
    # The code was read in `step`, the first call came in `effects`, the second in `plan`.
    assert asked(events) == [(None, ""), ("save", "'a'")]
    assert [denied for *_, denied in sandbox.answers] == [False, True]
    assert [event.mode for event in only(events, e.ModeChanged)] == ["effects", "plan"]


def test_another_mode_answers_no_open_question():
    async def work():
        sandbox = FakeSandbox(value("1"))
        model = FakeModel(block("1"), "done")
        async with Session(model=model, sandbox=sandbox, save=False) as session:
            question = asyncio.Event()

            def react(event):
                if isinstance(event, e.ApprovalRequested):
                    question.set()

            running = asyncio.create_task(events_of(session, "go", react))
            await question.wait()
            session.set_mode("auto")
            for _ in range(20):
                await asyncio.sleep(0)
            assert sandbox.ran == []
            assert session.decide(1, Approve())
            await running
            assert session.mode == "auto"

    asyncio.run(work())


def test_a_mode_that_is_none_changes_nothing():
    session = Session(model=FakeModel(), sandbox=FakeSandbox(), save=False)
    with pytest.raises(UsageError):
        session.set_mode("yolo")  # type: ignore[arg-type]
    assert session.mode == "step"


def test_the_mode_never_changes_what_the_model_was_told():
    def react(session, event):
        if isinstance(event, e.StepStarted):
            session.set_mode(MODES[event.step % 4])
        if isinstance(event, e.ApprovalRequested):
            session.decide(event.step, Approve(), call=event.call)

    model = FakeModel(*[block(f"x = {n}") for n in range(5)], "done")
    run(model, FakeSandbox(*[value("1")] * 5), tools=TOOLS, react=react)
    for before, after in zip(model.asked, model.asked[1:], strict=False):
        assert after[: len(before)] == before


# Rules


def test_a_rule_that_was_offered_counts_for_the_session():
    sandbox = FakeSandbox([call("save", "a"), *value("1")], [call("save", "a"), *value("1")],
                          [call("save", "b"), *answer("ok")])  # fmt: skip
    model = FakeModel(*[block(f"f({n})") for n in range(3)])
    events = run(model, sandbox, tools=TOOLS, policy=AUTO,
                 react=deciding(Approve(rule=0), Reject()))  # fmt: skip
    first, second = only(events, e.ApprovalRequested)
    assert (first.arguments, second.arguments) == ("'a'", "'b'")
    made = [event for event in only(events, e.DecisionMade) if event.call is not None]
    assert [(one.by, one.rule) for one in made] == [
        ("person", first.rules[0]), ("policy", first.rules[0]), ("person", ""),
    ]  # fmt: skip
    assert made[0].granted
    assert not made[1].granted


def test_a_rule_about_code_lets_the_next_step_run():
    sandbox = FakeSandbox(value("1"), [call("save", "a"), *value("2")],
                          [call("save", "b", number=2), *answer("ok")])  # fmt: skip
    model = FakeModel(block("x = 1"), block("save('a')"), block("y = 2"))
    events = run(model, sandbox, tools=TOOLS,
                 react=deciding(Approve(rule=0), Approve(), Reject()))  # fmt: skip
    by = [(one.by, one.step) for one in only(events, e.DecisionMade) if one.call is None]
    assert by == [("person", 1), ("person", 2), ("policy", 3)]
    # Nobody read the third step's code, so its call asks, whatever was read before.
    assert asked(events) == [(None, ""), (None, ""), ("save", "'b'")]


def test_a_rule_for_always_is_in_the_file_and_counts_in_the_next_session(tmp_path):
    def one(*decisions):
        sandbox = calling(("save", "a"))
        file = RulesFile(tmp_path / "rules.toml")
        return run(FakeModel(block("f()")), sandbox, tools=TOOLS, policy=AUTO, rules=file,
                   react=deciding(*decisions))  # fmt: skip

    one(Approve(rule=1, always=True))
    assert "Let `save(text: str) -> str` (write)" in (tmp_path / "rules.toml").read_text()
    assert asked(one()) == []
    (tmp_path / "rules.toml").write_text('[[deny]]\ntool = "save"\n')
    assert only(one(), e.ToolReturned)[0].result == "This session does not allow it."


def test_a_rule_that_was_not_offered_approves_and_saves_nothing(tmp_path):
    sandbox = calling(("save", "\u202e"), ("save", "b"))
    events = run(FakeModel(block("f()")), sandbox, tools=TOOLS, policy=AUTO,
                 rules=RulesFile(tmp_path / "rules.toml"),
                 react=deciding(Approve(rule=0, always=True), Approve(rule=9)))  # fmt: skip
    assert only(events, e.ApprovalRequested)[0].rules == ()
    assert len(sandbox.answers) == len(asked(events)) == 2
    assert not any(one.rule for one in only(events, e.DecisionMade))
    assert not (tmp_path / "rules.toml").exists()


def test_a_damaged_file_is_told_and_asks(tmp_path):
    (tmp_path / "rules.toml").write_text("[[allow")
    events = run(FakeModel(block("f()")), calling(("save", "a")), tools=TOOLS, policy=AUTO,
                 rules=RulesFile(tmp_path / "rules.toml"), react=deciding(Approve()))  # fmt: skip
    assert len(asked(events)) == 1
    assert any("rules.toml cannot be used" in one.text for one in only(events, e.Notice))


DECISIONS = st.lists(
    st.one_of(
        st.builds(Approve, rule=st.none() | st.integers(-1, 3)),
        st.just(Edit("save('z')")), st.just(Reject("no")),
    ),
    min_size=12, max_size=12,
)  # fmt: skip
CALLS = st.lists(
    st.tuples(st.sampled_from(["save", "double", "launch"]), st.integers(0, 2)), max_size=3
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(CALLS, min_size=1, max_size=3), DECISIONS, st.sampled_from(MODES),
    st.frozensets(st.sampled_from(["write", "danger"])),
)  # fmt: skip
def test_what_was_rejected_never_runs_and_what_is_denied_never_happens(
    cells, decisions, mode, deny
):
    scripts = []
    number = 0
    for cell in cells:
        script = []
        for name, argument in cell:
            number += 1
            args = [] if name == "launch" else [argument if name == "double" else str(argument)]
            script.append(call(name, *args, number=number))
        scripts.append([*script, *value("1")])
    sandbox = FakeSandbox(*scripts)
    left = list(decisions)
    rejected: list[tuple[int, int | None]] = []

    def react(session, event):
        if isinstance(event, e.ApprovalRequested):
            decision = left.pop(0)
            # An edit is no answer to a call: it does not happen.
            if isinstance(decision, Reject) or (isinstance(decision, Edit) and event.call):
                rejected.append((event.step, event.call))
            session.decide(event.step, decision, call=event.call)

    model = FakeModel(*[block(f"x = {n}") for n in range(len(cells))], "done")
    events = run(model, sandbox, tools=TOOLS, react=react,
                 policy=Policy(mode=mode, deny=frozenset(deny)))  # fmt: skip
    made = {(event.step, event.call) for event in only(events, e.ToolCalled)}
    ran = {(event.step, None) for event in only(events, e.CellStarted)}
    assert not set(rejected) & (made | ran)
    for event in only(events, e.ToolCalled):
        assert event.effect not in deny
        assert mode != "plan" or event.effect == "pure"
    for event in only(events, e.DecisionMade):
        assert event.by == "person" or event.rule or mode != "step"


# Budgets


class Costly(FakeModel):
    """Each reply takes 100 tokens and a dime, or has no price."""

    def __init__(self, *replies, cost=0.1):
        super().__init__(*replies)
        self.cost = cost

    async def reply(self, messages, *, format=None):
        self.asked.append(list(messages))
        yield Delta(channel="reply", text=self.replies.pop(0))
        yield Done(usage=Usage(prompt_tokens=80, completion_tokens=20, cost=self.cost))


@pytest.mark.parametrize(
    ("budget", "reason", "asked_times"),
    [
        (Budget(max_tokens=100), "tokens", 1),
        (Budget(max_tokens=101), "tokens", 2),
        (Budget(max_cost=0.1), "cost", 1),
        (Budget(max_cost=0.15), "cost", 2),
        (Budget(), "answer", 4),
        (Budget(max_tokens=1000, max_cost=1), "answer", 4),
    ],
)
def test_tokens_and_money_are_budgeted_before_each_request(budget, reason, asked_times):
    model = Costly(*[block(f"x = {n}") for n in range(3)], "done")
    events = run(model, FakeSandbox(*[value("1")] * 3), policy=AUTO, budget=budget)
    assert events[-1].reason == reason
    assert len(model.asked) == asked_times
    assert reason == "answer" or "used its" in events[-1].message


def test_a_summary_is_paid_for_too():
    def work(**budget):
        replies = [block(f"x = {number}") for number in range(12)]
        model = Windowed(*replies, block("final_answer(1)"))
        cells = [[Printed(stream="stdout", text="z" * 560), *value("1")] for _ in range(12)]
        events = run(model, FakeSandbox(*cells, answer("1")), policy=AUTO,
                     budget=Budget(**budget))  # fmt: skip
        return [said[0].content == SUMMARISE for said in model.asked], events[-1].reason

    summaries, _ = work()
    first = summaries.index(True)
    tokens = 15 * first
    assert work(max_tokens=tokens) == (summaries[:first], "tokens")
    assert work(max_tokens=tokens + 1) == (summaries[: first + 1], "tokens")


def test_each_task_has_a_budget_of_its_own():
    events = run(Costly("one", "two"), FakeSandbox(), tasks=("a", "b"),
                 budget=Budget(max_tokens=100))  # fmt: skip
    assert [event.answer for event in only(events, e.Finished)] == ["one", "two"]


def test_without_a_price_the_limit_of_money_says_once_that_it_does_not_hold():
    model = Costly(block("1"), block("2"), "done", cost=None)
    events = run(model, FakeSandbox(value("1"), value("2")), policy=AUTO,
                 budget=Budget(max_cost=0.01))  # fmt: skip
    assert events[-1].reason == "answer"
    (notice,) = only(events, e.Notice)
    assert "fake/model" in notice.text


def test_without_a_limit_of_money_no_price_is_missed():
    assert not only(run(Costly("done", cost=None), FakeSandbox()), e.Notice)


# Messages while a task runs


class Interrupting:
    """Says something to the session, once, at a place of the task's way."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.session: Session | None = None

    def __call__(self, place: str) -> None:
        if place == self.place and self.session is not None:
            self.place = ""
            assert self.session.add_message("use metric units")


class HeardModel(FakeModel):
    def __init__(self, say, *replies):
        super().__init__(*replies)
        self.say = say

    async def reply(self, messages, *, format=None):
        self.say("asked")
        async for part in super().reply(messages, format=format):
            yield part
            self.say("streams")


class HeardSandbox(FakeSandbox):
    def __init__(self, say, *scripts):
        super().__init__(*scripts)
        self.say = say

    async def cell(self, code, *, limits=None):
        self.say("runs")
        async for part in super().cell(code, limits=limits):
            yield part


def heard(place, replies, *scripts, **options):
    """Run a task during which the person says something; returns (events, model)."""
    say = Interrupting(place)
    model = HeardModel(say, *replies)

    def react(session, event):
        say.session = session
        if isinstance(event, e.ApprovalRequested):
            say("question")
            session.decide(event.step, Approve(), call=event.call)

    async def work():
        sandbox = HeardSandbox(say, *scripts)
        async with Session(model=model, sandbox=sandbox, save=False, **options) as session:
            say.session = session
            return await events_of(session, "do it", lambda event: react(session, event))

    return asyncio.run(work()), model


@pytest.mark.parametrize("place", ["asked", "streams", "question", "runs"])
def test_what_the_person_says_is_read_with_the_next_prompt(place):
    events, model = heard(place, [block("x = 1"), "done"], value("1"))
    assert len(only(events, e.MessageAdded)) == 1
    first, second = model.asked
    assert second[: len(first)] == first
    assert [message.role for message in second] == ["system", "user", "assistant", "user"]
    assert second[2].content == block("x = 1")
    assert second[3].content == "Value: 1\n\nThe person says: use metric units"


def test_an_answer_that_came_before_it_was_read_does_not_end_the_task():
    events, model = heard("streams", ["20 miles", "32 km"])
    assert [message.content for message in model.asked[1][2:]] == [
        "20 miles", "The person says: use metric units",
    ]  # fmt: skip
    assert [event.answer for event in only(events, e.Finished)] == ["32 km"]


def test_a_final_answer_that_came_before_it_was_read_does_not_end_the_task():
    replies = [block("final_answer('20 miles')"), "32 km"]
    events, model = heard("runs", replies, answer("20 miles"))
    assert model.asked[1][-1].content == "The person says: use metric units"
    assert events[-1].answer == "32 km"


class AtTheEnd:
    """A review in which the person still says something."""

    def __init__(self):
        self.session = None
        self.steps = []

    async def after_step(self, step):
        for event in ():
            yield event

    async def at_answer(self, step, finished, clock, repairs_left):
        self.steps.append(step)
        if self.session is not None and step == 1:
            assert self.session.add_message("in km")
        for event in ():
            yield event


def test_what_is_said_during_a_review_goes_before_the_answer():
    review = AtTheEnd()
    model = FakeModel("20 miles", "32 km")

    def react(session, event):
        review.session = session

    events = run(model, FakeSandbox(), react=react, reviews=(review,))
    assert events[-1].answer == "32 km"
    assert "in km" in model.asked[1][-1].content


@pytest.mark.parametrize("first", ["20 miles", block("final_answer('20 miles')")])
def test_an_answer_that_does_not_count_is_not_reviewed(first):
    review = AtTheEnd()
    heard("streams", [first, "32 km"], answer("20 miles"), reviews=(review,),
          policy=AUTO)  # fmt: skip
    assert review.steps == [2]


def test_what_an_interrupted_task_left_unread_is_read_with_the_next_one():
    async def work():
        model = FakeModel(None, "done")
        async with Session(model=model, sandbox=FakeSandbox(), save=False) as session:
            running = asyncio.create_task(events_of(session, "one"))
            await model.hanging.wait()
            assert session.add_message("in km")
            await session.interrupt()
            await running
            await events_of(session, "two")
        return model.asked[1][-1].content

    assert asyncio.run(work()) == "Task: one\n\nThe person says: in km\n\nTask: two"


def test_nothing_can_be_said_where_nobody_would_read_it():
    heard = []

    def react(session, event):
        if isinstance(event, e.SessionStarted | e.Finished):
            heard.append(session.add_message("hello"))
        if isinstance(event, e.StepStarted):
            heard.append(session.add_message(" \n"))

    async def work():
        async with Session(model=FakeModel("done"), sandbox=FakeSandbox(), save=False) as session:
            assert not session.add_message("hello")
            await events_of(session, "one", lambda event: react(session, event))
            assert not session.add_message("hello")

    asyncio.run(work())
    assert heard[1:] == [False, False]


def test_a_session_read_again_from_its_events_sends_the_same_prompt():
    replies = ["20 miles", block("x"), "32 km"]
    events, model = heard("streams", replies, value("1"), tools=TOOLS)
    prompt = Prompt([one.spec for one in TOOLS])
    asked_again = []
    for event in events:
        if isinstance(event, e.ReplyFinished):
            asked_again.append(prompt.messages)
        prompt.apply(event)
    assert asked_again == model.asked
