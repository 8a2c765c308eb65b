"""Sessions that go on in another process, with the real sandbox: variables, steps, words."""

from __future__ import annotations

import asyncio

import pytest

from smolterm import events as e
from smolterm.errors import SandboxError, StoreError, UsageError
from smolterm.policy import Policy
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.saved import read
from smolterm.session import Session
from smolterm.sessions.book import Book
from smolterm.sessions.past import Past
from smolterm.sessions.states import state_path
from smolterm.threads import in_daemon_thread
from tests.fakes import FakeModel, FakeSandbox, block, events_of, value

AUTO = Policy(mode="auto")
FIRST = (block("x = 1"), block("y = x + 1"), block("print(x, y)"), "Two.")


def session(*replies: str, resume: Past | None = None, brief: bool = False) -> Session:
    return Session(
        model=FakeModel(*replies), sandbox=Sandbox(), policy=AUTO, resume=resume, brief=brief
    )


async def first(*replies: str, brief: bool = False) -> str:
    """Run a session of three cells, or others, to its end; returns its id."""
    async with session(*(replies or FIRST), brief=brief) as one:
        await events_of(one, "add")
        return one.id


def past(name: str) -> Past:
    with Book() as book:
        return book.past(name)


def forked(name: str, step: int | None = None, branch: int | None = None) -> Past:
    with Book() as book:
        return book.forked(name, step, branch)


def outputs(events: list[e.Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, e.OutputAdded))


def resumed(events: list[e.Event]) -> e.SessionResumed:
    (event,) = [event for event in events if isinstance(event, e.SessionResumed)]
    return event


def test_it_goes_on_with_its_variables_steps_and_words() -> None:
    async def work() -> None:
        name = await first()
        async with session(block("print(x * 10 + y)"), "Done.", resume=past(name)) as again:
            assert again.id == name
            assert [step.number for step in again.transcript.steps] == [1, 2, 3, 4]
            assert [type(event) for event in again.past].count(e.StepStarted) == 4
            spent = again.transcript.usage
            assert spent.completion_tokens == 4 * 5
            events = await events_of(again, "more")
            model = again.model
        assert outputs(events) == "12\n"
        assert resumed(events).lost == ()
        assert set(resumed(events).names) == {"x", "y"}
        assert [ev.step for ev in events if isinstance(ev, e.StepStarted)] == [5, 6]
        asked = model.asked[0]
        assert asked[1].content.startswith("add") or "add" in asked[1].content
        assert "Two." in asked[-2].content
        assert "gone" not in asked[-1].content
        with Book() as book:
            kept = book.events(name)
        assert sum(isinstance(event, e.TaskStarted) for event in kept) == 2
        assert not [event for event in kept if isinstance(event, e.ReplyDelta)]

    asyncio.run(work())


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        (FIRST, "by running the cells again"),
        ((block("x = 1"), block("y = x + 1\n1 / 0"), "No."), "from the kept state"),
    ],
)
def test_a_brief_session_keeps_its_cells_where_none_failed(cells: tuple[str], how: str) -> None:
    async def work() -> None:
        name = await first(*cells, brief=True)
        assert (read(state_path(name)).state is None) == (how != "from the kept state")
        async with session(block("print(x * 10 + y)"), "Done.", resume=past(name)) as again:
            events = await events_of(again, "more")
        assert outputs(events) == "12\n"
        assert resumed(events).lost == ()
        assert how in resumed(events).detail
        assert read(state_path(name)).state is not None

    asyncio.run(work())


def test_variables_that_are_gone_are_named_to_person_and_model() -> None:
    async def work() -> None:
        name = await first()
        state_path(name).unlink()
        async with session("I see.", resume=past(name)) as again:
            events = await events_of(again, "more")
            told = again.model.asked[0][-1].content
        assert set(resumed(events).lost) == {"x", "y"}
        assert "gone: x, y" in told

    asyncio.run(work())


@pytest.mark.parametrize("junk", [b"", b"junk", b"smolterm sandbox state 1\n{}\n"])
def test_a_damaged_state_is_refused_and_the_session_goes_on_without_it(junk: bytes) -> None:
    async def work() -> None:
        name = await first()
        state_path(name).write_bytes(junk)
        async with session(block("print('x' in dir())"), "I see.", resume=past(name)) as again:
            events = await events_of(again, "more")
        assert outputs(events) == "False\n"
        assert set(resumed(events).lost) == {"x", "y"}
        assert "cannot be restored" in resumed(events).detail

    asyncio.run(work())


def test_a_session_is_open_once_and_free_again_when_it_is_closed() -> None:
    async def work() -> None:
        name = await first()
        taken = session(resume=past(name))
        with pytest.raises(StoreError, match="open in this process"):
            past(name)
        with Book() as book:
            assert [one.running for one in book.find()] == [True]
            with pytest.raises(StoreError, match="open in this process"):
                book.delete(name)
        await taken.close()
        with Book() as book:
            assert [one.running for one in book.find()] == [False]
            book.delete(name)
            assert book.find() == []

    asyncio.run(work())


def test_a_rewind_brings_variables_and_record_back_and_keeps_the_branch() -> None:
    async def work() -> None:
        shown: list[e.Event] = []
        async with session(*FIRST, block("print(sorted(v for v in 'xy' if v in globals()))"),
                           "So.") as one:  # fmt: skip
            one.listen(shown.append)
            await events_of(one, "add")
            await one.rewind(2)
            (event,) = [event for event in shown if isinstance(event, e.Rewound)]
            assert (event.step, event.branch, event.names, event.task) == (2, 1, ("x",), "")
            assert [step.number for step in one.transcript.steps] == [1]
            # What was spent is spent.
            assert one.transcript.usage.completion_tokens == 20
            events = await events_of(one, "what is there?")
            assert outputs(events) == "['x']\n"
            asked = one.model.asked[-2]
            assert "print(x, y)" not in "".join(message.content for message in asked)
            name = one.id
        with Book() as book:
            (about,) = book.find()
            assert (about.branches, about.steps, about.tasks) == (1, 3, 2)
            codes = [ev.code for ev in book.events(name, 1) if isinstance(ev, e.CellStarted)]
            assert codes == ["x = 1", "y = x + 1", "print(x, y)"]
        async with session(block("print(x + y)"), "So.", resume=forked(name, None, 1)) as other:
            assert outputs(await events_of(other, "add")) == "3\n"

    asyncio.run(work())


def test_a_rewind_to_a_first_step_takes_the_task_back_too() -> None:
    async def work() -> None:
        shown: list[e.Event] = []
        async with session(*FIRST) as one:
            one.listen(shown.append)
            await events_of(one, "add")
            await one.rewind(1)
            assert one.transcript.tasks == []
        (event,) = [event for event in shown if isinstance(event, e.Rewound)]
        assert (event.task, event.names) == ("add", ())

    asyncio.run(work())


def test_after_a_resume_steps_of_before_can_be_gone_back_to() -> None:
    async def work() -> None:
        name = await first()
        again = session(block("print('y' in globals())"), "So.", resume=past(name))
        async with again:
            await again.prepare()
            await again.rewind(2)
            assert outputs(await events_of(again, "is it?")) == "False\n"
        # The rewind was kept though no task had run yet.
        with Book() as book:
            assert [e.step for e in book.events(name) if type(e).__name__ == "StepStarted"] == [
                1, 2, 3,
            ]  # fmt: skip

    asyncio.run(work())


def test_what_went_with_a_process_cannot_be_gone_back_to_and_a_fork_is_offered() -> None:
    async def work() -> None:
        name = await first()
        state_path(name).unlink()
        async with session(block("z = 1"), "So.", resume=past(name)) as again:
            await events_of(again, "go on")
            with pytest.raises(SandboxError, match="--fork") as caught:
                await again.rewind(3)
            assert caught.value.kept
            await again.rewind(5)
            with pytest.raises(UsageError, match="no step 99"):
                await again.rewind(99)

    asyncio.run(work())


def test_a_fork_begins_as_the_other_was_and_leaves_it_alone() -> None:
    async def work() -> None:
        name = await first()
        beginning = forked(name, 3)
        async with session(block("print(x, y)"), "So.", resume=beginning) as other:
            assert other.id != name
            events = await events_of(other, "go on")
            assert outputs(events) == "1 2\n"
            # Nothing ran in step 3 of this one, so nothing of it is in its prompt.
            assert "print(x, y)" not in other.model.asked[0][-1].content
        async with session(block("print('y' in globals())"), "So.",
                           resume=forked(name, 2)) as third:  # fmt: skip
            assert outputs(await events_of(third, "go on")) == "False\n"
        with Book() as book:
            assert {one.id for one in book.find()} == {name, other.id, third.id}
            assert book.about(name).steps == 4
            book.delete(name)
            assert [ev.task for ev in book.events(other.id) if isinstance(ev, e.TaskStarted)] == [
                "add", "go on",
            ]  # fmt: skip
            with pytest.raises(UsageError, match="no step 99"):
                book.forked(other.id, 99)

    asyncio.run(work())


def test_a_fork_without_a_task_leaves_nothing() -> None:
    async def work() -> None:
        name = await first()
        async with session(resume=forked(name)) as other:
            await other.prepare()
        with Book() as book:
            assert [one.id for one in book.find()] == [name]

    asyncio.run(work())


def test_what_a_thread_tells_of_a_download_is_kept_like_everything_else() -> None:
    class Downloading(FakeSandbox):
        async def start(self) -> None:
            # Before it is there: the task waits for it, and hears of it.
            await in_daemon_thread(one._progress, "numpy", 0.5)
            await super().start()

    one = Session(model=FakeModel(block("1"), "So."), policy=AUTO,
                  sandbox=Downloading(value("1")))  # fmt: skip

    async def work() -> None:
        async with one:
            events = await events_of(one, "go")
        assert not [event for event in events if isinstance(event, e.Notice)]
        told = [ev for ev in events if isinstance(ev, e.SandboxChanged) and ev.fraction == 0.5]
        assert told

    asyncio.run(work())
