"""Questions aside: answered beside the task, without a trace in it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from smolterm import events as e
from smolterm.aside import NOTE, with_question
from smolterm.errors import ModelError, UsageError
from smolterm.models import Delta, Done, Message, Waiting
from smolterm.models.hosted import HostedModel
from smolterm.policy import Approve, Policy
from smolterm.session import Session
from tests.fakes import FakeModel, FakeSandbox, block, events_of, value
from tests.servers import OpenAIServer, says


def run(test, model, *scripts, **options):
    async def work():
        sandbox = FakeSandbox(*scripts)
        async with Session(model=model, sandbox=sandbox, save=False, **options) as session:
            async with asyncio.timeout(30):
                return await test(session)

    return asyncio.run(work())


async def answered(session, question="why?"):
    async with aclosing(session.aside(question)) as pieces:
        return "".join([piece async for piece in pieces])


def test_it_is_answered_from_what_the_model_knows_and_leaves_no_trace():
    model = FakeModel(block("x = 1"), "done", "because", "again")

    async def test(session):
        seen = []
        session.listen(seen.append)
        await events_of(session, "one")
        usage = session.transcript.usage
        assert await answered(session) == "because"
        assert seen == []
        assert session.transcript.usage == usage
        await events_of(session, "two")

    run(test, model, value("1"), policy=Policy(mode="auto"))
    _, told, aside, after = model.asked
    assert aside[: len(told)] == told
    assert aside[-1].content.endswith(f"{NOTE}\n\nwhy?")
    assert not any("aside" in message.content for message in after)
    assert after[: len(told)] == told
    form = model.formats[2]
    assert (form.grammar, form.tools, form.stop, form.block) == ("", (), (), "")


@pytest.mark.parametrize("last", ["user", "assistant"])
def test_what_the_model_has_read_stays_as_it_was(last):
    before = [Message(role="system", content="s"), Message(role="user", content="u")]
    if last == "assistant":
        before.append(Message(role="assistant", content="a"))
    asked = with_question(before, "why \ud800?")
    assert [message.role for message in asked[1:]] == ["user", "assistant", "user"][
        : len(asked) - 1
    ]
    assert "\n\n".join(m.content for m in asked).startswith("\n\n".join(m.content for m in before))
    assert "\ud800" not in asked[-1].content


def test_it_can_be_asked_before_the_first_task():
    model = FakeModel("hello")
    assert run(answered, model) == "hello"
    assert [message.role for message in model.asked[0]] == ["system", "user"]


def test_it_can_be_asked_while_a_question_is_open():
    model = FakeModel(block("1"), "because", "done")

    async def test(session):
        texts = []

        async def ask(event):
            texts.append(await answered(session))
            session.decide(event.step, Approve())

        waiting = []

        def react(event):
            if isinstance(event, e.ApprovalRequested):
                waiting.append(asyncio.create_task(ask(event)))

        events = await events_of(session, "go", react)
        assert texts == ["because"]
        assert events[-1].answer == "done"

    run(test, model, value("1"))


class Slow(FakeModel):
    """Says a word and goes on only when it is closed."""

    def __init__(self, *replies, parts=(), route=None):
        super().__init__(*replies)
        self.parts = parts
        self.cancelled = False
        self.route = SimpleNamespace(kind=route)

    async def reply(self, messages, *, format=None):
        if self.replies:
            async for part in super().reply(messages, format=format):
                yield part
            return
        try:
            for part in self.parts:
                yield part
            await asyncio.Event().wait()
        finally:
            self.cancelled = True


def delta(text):
    return Delta(channel="reply", text=text)


def test_closing_it_cancels_the_request():
    model = Slow(parts=[delta("a ")])

    async def test(session):
        pieces = session.aside("why?")
        assert await anext(pieces) == "a "
        await pieces.aclose()
        assert model.cancelled

    run(test, model)


def test_thinking_is_not_the_answer():
    parts = [
        Delta(channel="reasoning", text="hm"),
        delta("<think>so"),
        delta("</think>yes"),
        Done(),
    ]

    async def test(session):
        pieces = session.aside("why?")
        text = ""
        while "yes" not in text:
            text += await anext(pieces)
        await pieces.aclose()
        return text

    assert run(test, Slow(parts=parts)).strip() == "yes"


def test_an_answer_that_breaks_off_is_an_error_and_not_half_of_one():
    again = Waiting(why="cut", seconds=1, attempt=1)
    with pytest.raises(ModelError, match="broke off"):
        run(answered, Slow(parts=[delta("a "), again]))


@pytest.mark.parametrize("question", ["", " \n"])
def test_an_empty_question_is_none(question):
    with pytest.raises(UsageError):
        run(lambda session: answered(session, question), FakeModel("no"))


def test_a_recording_is_not_asked():
    with pytest.raises(UsageError, match="recording"):
        run(answered, Slow("no", route="replay"))


def test_a_model_on_this_machine_says_that_it_is_busy_only_while_it_is():
    model = FakeModel(None, "because")
    model.route = SimpleNamespace(kind="local")

    async def test(session):
        running = asyncio.create_task(events_of(session, "go"))
        await model.hanging.wait()
        with pytest.raises(UsageError, match="one thing at a time"):
            await answered(session)
        await session.interrupt()
        await running
        return await answered(session)

    assert run(test, model) == "because"


def test_a_model_on_this_machine_answers_one_question_aside_at_a_time():
    async def test(session):
        first = session.aside("why?")
        await anext(first)
        with pytest.raises(UsageError):
            await answered(session)
        await first.aclose()

    run(test, Slow(parts=[delta("a")], route="local"))


def test_a_provider_answers_while_it_works_on_the_task():
    def script(body):
        if "why?" in body["messages"][-1]["content"]:
            return says("because of that")
        return says(chunks=["I "], hang=True)

    async def test(session):
        streams = asyncio.Event()

        def react(event):
            if isinstance(event, e.ReplyDelta):
                streams.set()

        running = asyncio.create_task(events_of(session, "go", react))
        await streams.wait()
        assert await answered(session) == "because of that"
        assert not running.done()
        await session.interrupt()
        assert (await running)[-1].reason == "interrupted"

    with OpenAIServer(script) as server:
        run(test, HostedModel("vllm/some-model", api_base=server.url))


def test_closing_it_hangs_up_on_the_provider():
    async def test(session):
        pieces = session.aside("why?")
        assert await anext(pieces) == "I "
        await pieces.aclose()

    with OpenAIServer([says(chunks=["I "], hang=True)]) as server:
        run(test, HostedModel("vllm/some-model", api_base=server.url))
        server.wait_for_hangup()
