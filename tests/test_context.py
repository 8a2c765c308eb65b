"""A context that runs short: what goes first, what never goes, what the person sees and undoes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.context import KEPT_STEPS, SUMMARISE, Meter, made, plan, summary, undone
from smolterm.errors import ContextTooLong, Overloaded
from smolterm.models import Format, Message
from smolterm.policy import Approve, Policy, Reject
from smolterm.prompt import Prompt
from smolterm.sandbox import CellDone, Printed
from smolterm.session import Session
from smolterm.sessions.book import Book
from smolterm.telling import shown
from tests.fakes import FakeModel, FakeSandbox, answer, block, events_of

AUTO = Policy(mode="auto")
LONG = "data " * 400


def prompt_of(steps: int, size: int = 2000) -> Prompt:
    """Return the prompt after so many steps with outputs of so many characters."""
    prompt = Prompt()
    prompt.apply(e.TaskStarted(task="Count the sheep."))
    for step in range(1, steps + 1):
        code = f"sheep_{step}()"
        prompt.apply(e.StepStarted(step=step, steps_left=9))
        prompt.apply(e.ReplyFinished(step=step, text=block(code)))
        prompt.apply(e.ActionProposed(step=step, reasoning="I will run this.", code=code))
        prompt.apply(e.ObservationMade(step=step, text=f"Printed:\n{'x' * size} end {step}"))
    return prompt


def all_text(prompt: Prompt) -> str:
    return "\n".join(message.content for message in prompt.messages)


def shorten(prompt: Prompt, window: int) -> list[e.ContextShortened]:
    """Apply what would be shortened, as the agent does."""
    done: list[e.ContextShortened] = []
    while len(done) < 2:
        what = plan(prompt, Meter(), window=window, reserve=500)
        if what is None:
            break
        text = summary(what, prompt, "Ten sheep.") if what.level == "steps" else ""
        done.append(made(what, prompt, Meter(), text=text))
        prompt.apply(done[-1])
    return done


def test_nothing_is_shortened_while_there_is_room() -> None:
    prompt = prompt_of(6)
    assert plan(prompt, Meter(), window=100_000, reserve=2000) is None
    assert plan(prompt, Meter(), window=None, reserve=2000) is None


def test_old_observations_go_first() -> None:
    prompt = prompt_of(6)
    (event,) = shorten(prompt, 5000)
    assert (event.level, event.first, event.last) == ("observations", 1, 6 - KEPT_STEPS)
    assert event.tokens_after < event.tokens_before
    text = all_text(prompt)
    assert text.count("characters left out") == 4
    assert all(f"end {step}" in text and f"sheep_{step}()" in text for step in range(1, 7))
    assert "x" * 2000 + " end 6" in text


def test_then_steps_become_a_summary_and_the_task_stays() -> None:
    prompt = prompt_of(20, 400)
    (event,) = shorten(prompt, 2500)
    assert (event.level, event.first, event.last) == ("steps", 1, 18)
    text = all_text(prompt)
    assert "Task: Count the sheep." in text
    assert "Ten sheep." in text
    assert "sheep_18()" not in text
    assert "sheep_19()" in text and "sheep_20()" in text
    roles = [message.role for message in prompt.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]


def test_a_summary_is_summarised_again_with_what_came_after() -> None:
    prompt = prompt_of(20, 400)
    shorten(prompt, 2500)
    for step in range(21, 41):
        prompt.apply(e.StepStarted(step=step, steps_left=9))
        prompt.apply(e.ReplyFinished(step=step, text=block(f"late_{step}()")))
        prompt.apply(e.ObservationMade(step=step, text="y" * 400))
    (event,) = shorten(prompt, 2500)
    assert (event.first, event.last) == (1, 38)
    assert all_text(prompt).count("Ten sheep.") == 1


def test_what_the_person_said_is_never_shortened() -> None:
    prompt = prompt_of(3)
    said = "The person declined this code; nothing ran. They said: " + "only read, " * 100
    prompt.apply(e.StepStarted(step=4, steps_left=9))
    prompt.apply(e.ReplyFinished(step=4, text=block("remove()")))
    prompt.apply(e.ObservationMade(step=4, text=said))
    prompt.apply(e.TaskStarted(task="And the goats: " + "all of them, " * 60))
    for step in range(5, 12):
        prompt.apply(e.StepStarted(step=step, steps_left=9))
        prompt.apply(e.ReplyFinished(step=step, text=block("go()")))
        prompt.apply(e.ObservationMade(step=step, text=LONG))
    events = shorten(prompt, 2600)
    assert [event.level for event in events] == ["observations", "steps"]
    text = all_text(prompt)
    assert said in text
    assert "Count the sheep." in text and "all of them, " * 60 in text
    assert "remove()" not in text


def test_an_undo_sends_everything_again_and_it_stays_until_it_must() -> None:
    prompt = prompt_of(6)
    before = prompt.messages
    shorten(prompt, 5000)
    event = undone(prompt, Meter())
    assert event is not None and event.level == "undone"
    assert event.tokens_after > event.tokens_before
    prompt.apply(event)
    assert prompt.messages == before
    assert plan(prompt, Meter(), window=5000, reserve=500) is None
    assert plan(prompt, Meter(), window=4000, reserve=500) is not None
    assert undone(prompt, Meter()) is None


def test_an_undo_foretells_the_size_that_comes_of_it() -> None:
    prompt = prompt_of(6)
    shorten(prompt, 5000)
    prompt.apply(e.TaskStarted(task="Count the goats too. " * 40))
    event = undone(prompt, Meter())
    assert event is not None
    prompt.apply(event)
    assert event.tokens_after == pytest.approx(Meter().tokens(prompt.messages), rel=0.02)


def test_without_the_models_words_each_steps_lines_stand_for_it() -> None:
    prompt = prompt_of(20, 40)
    what = plan(prompt, Meter(), window=900, reserve=100)
    assert what is not None and what.level == "steps"
    text = summary(what, prompt, "  ")
    assert "3. sheep_3()" in text and "end 3" in text


@given(st.integers(1, 1_000_000), st.integers(-5, 10**12))
def test_a_server_that_counts_nonsense_changes_little(characters: int, tokens: int) -> None:
    meter = Meter()
    prompt = prompt_of(1, 2000)
    usual = meter.tokens(prompt.messages)
    meter.learn(prompt.messages, tokens)
    assert usual / 4 < meter.tokens(prompt.messages) < usual * 4


STEPS = st.lists(
    st.sampled_from(["step", "long", "task", "shorten", "undo", "decline"]), max_size=25
)


@given(STEPS)
def test_any_course_keeps_the_rules_and_the_persons_words(course: list[str]) -> None:
    prompt, events, said = Prompt(), [], []

    def happens(*new: e.Event) -> None:
        for event in new:
            prompt.apply(event)
            events.append(event)

    happens(e.TaskStarted(task="task 0"))
    said.append("task 0")
    for number, what in enumerate(course, 1):
        if what == "task":
            said.append(f"task {number}.")
            happens(e.TaskStarted(task=said[-1]))
        elif what == "undo":
            if (event := undone(prompt, Meter())) is not None:
                happens(event)
        elif what == "shorten":
            if (which := plan(prompt, Meter(), window=None, reserve=9, must=True)) is not None:
                text = summary(which, prompt, "so far") if which.level == "steps" else ""
                happens(made(which, prompt, Meter(), text=text))
        else:
            told = {"long": LONG, "step": "Value: 1"}.get(what)
            if told is None:
                said.append(f"The person declined this code. They said: no {number}.")
                told = said[-1]
            happens(
                e.StepStarted(step=number, steps_left=1),
                e.ReplyFinished(step=number, text=block("x")),
                e.ActionProposed(step=number, reasoning="I will run this.", code="x"),
                e.ObservationMade(step=number, text=told),
            )
        messages = prompt.messages
        roles = [message.role for message in messages[1:]]
        assert roles == (["user", "assistant"] * len(roles))[: len(roles)]
        assert all(message.content.strip() for message in messages)
        text = all_text(prompt)
        assert all(word in text for word in said)
    again = Prompt()
    for event in events:
        again.apply(e.from_line(e.to_line(event)))
    assert again.messages == prompt.messages


class Windowed(FakeModel):
    """A model with a small context that summarises when it is asked to."""

    context_window = 2500

    def reply(self, messages: Sequence[Message], *, format: Format | None = None) -> Any:
        if messages[0].content == SUMMARISE:
            self.replies.insert(0, "Nothing but numbers.")
        return super().reply(messages, format=format)


def printing(text: str) -> list[object]:
    return [Printed(stream="stdout", text=text), CellDone()]


def test_the_agent_shortens_tells_and_asks_the_model_for_the_summary() -> None:
    replies = [block(f"x = {number}") for number in range(12)]
    model = Windowed(*replies, block("final_answer(1)"))
    sandbox = FakeSandbox(*[printing("z" * 560) for _ in range(12)], answer("1"))

    async def work() -> list[e.Event]:
        async with Session(model=model, sandbox=sandbox, save=False, policy=AUTO) as session:
            return await events_of(session, "count")

    events = asyncio.run(work())
    shortened = next(event for event in events if isinstance(event, e.ContextShortened))
    assert shortened.level == "steps"
    assert "Nothing but numbers." in shortened.text
    assert shortened.usage.prompt_tokens
    asked = next(n for n, said in enumerate(model.asked) if said[0].content == SUMMARISE)
    assert "count" in model.asked[asked][1].content
    assert "Nothing but numbers." in model.asked[asked + 1][1].content
    assert isinstance(events[-1], e.Finished) and events[-1].reason == "answer"


def test_a_prompt_that_is_refused_is_shortened_and_asked_again() -> None:
    refusal = ContextTooLong("too long")
    steps = [block(f"x = {number}") for number in range(5)]
    model = FakeModel(*steps, refusal, refusal, Overloaded("no summary"), "Done.")
    sandbox = FakeSandbox(*[printing(LONG) for _ in range(5)])

    async def work() -> list[e.Event]:
        async with Session(model=model, sandbox=sandbox, save=False, policy=AUTO) as session:
            return await events_of(session, "count")

    events = asyncio.run(work())
    levels = [event.level for event in events if isinstance(event, e.ContextShortened)]
    assert levels == ["observations", "steps"]
    assert isinstance(events[-1], e.Finished) and events[-1].answer == "Done."


def test_one_output_that_is_too_long_for_the_context_goes_too() -> None:
    model = FakeModel(block("x = 1"), ContextTooLong("too long"), "Done.", "And again.")

    async def work() -> list[e.Event]:
        sandbox = FakeSandbox(printing(LONG))
        async with Session(model=model, sandbox=sandbox, save=False, policy=AUTO) as session:
            events = await events_of(session, "count")
            return events + await events_of(session, "go on")

    events = asyncio.run(work())
    levels = [event.level for event in events if isinstance(event, e.ContextShortened)]
    assert levels == ["observations"]
    answers = [event.answer for event in events if isinstance(event, e.Finished)]
    assert answers == ["Done.", "And again."]
    assert "characters left out" in model.asked[2][-1].content


def test_the_newest_output_stays_whole_while_there_is_any_room() -> None:
    prompt = prompt_of(1, size=2000)
    tokens = Meter().tokens(prompt.messages)
    assert plan(prompt, Meter(), window=round(tokens * 1.2), reserve=0) is None
    assert shorten(prompt, window=round(tokens * 1.02))[0].level == "observations"


def test_a_prompt_that_cannot_be_shortened_ends_the_task() -> None:
    model = FakeModel(ContextTooLong("too long"))

    async def work() -> list[e.Event]:
        async with Session(model=model, sandbox=FakeSandbox(), save=False) as session:
            return await events_of(session, "count")

    last = asyncio.run(work())[-1]
    assert isinstance(last, e.Finished) and last.error == "ContextTooLong"


def test_a_session_read_from_its_file_sends_the_same_prompt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path))
    replies = [block(f"x = {number}") for number in range(12)]
    model = Windowed(*replies, "Done.", "And done.")
    sandbox = FakeSandbox(*[printing("z" * 560) for _ in range(12)])
    heard: list[e.Event] = []

    async def work() -> str:
        async with Session(model=model, sandbox=sandbox, policy=AUTO) as session:
            session.listen(heard.append)
            await events_of(session, "count")
            assert session.undo_shortening()
            await events_of(session, "again")
            return session.id

    session = asyncio.run(work())
    assert [type(event) for event in heard if isinstance(event, e.ContextShortened)]
    prompt = Prompt()
    with Book() as book:
        for event in book.events(session):
            prompt.apply(event)
    assert prompt.messages[: len(model.asked[-1])] == model.asked[-1]


def test_every_shortening_is_told_in_words() -> None:
    for level in ("observations", "steps", "undone"):
        event = e.ContextShortened(
            level=level, first=1, last=4, tokens_before=9000, tokens_after=3000, text="So far: 3."
        )  # fmt: skip
        assert "9,000" in shown(event) and "3,000" in shown(event)
    one = msgspec.structs.replace(event, first=4)
    assert shown(one).startswith("Step 4 is sent in full again")


def test_decisions_can_still_be_made_while_it_is_short() -> None:
    model = Windowed(block("a"), block("b"), "Done.")

    def react(session: Session, event: e.Event) -> None:
        if isinstance(event, e.ApprovalRequested):
            session.decide(event.step, Approve() if event.code == "a" else Reject("no"))

    async def work() -> list[e.Event]:
        box = FakeSandbox(printing(LONG * 3))
        async with Session(model=model, sandbox=box, save=False) as session:
            return await events_of(session, "go", lambda event: react(session, event))

    assert isinstance(asyncio.run(work())[-1], e.Finished)
