"""The open questions of a session."""

from __future__ import annotations

import asyncio

from smolterm.approval import Approvals
from smolterm.policy import Approve, Reject


def test_a_decision_that_comes_while_the_engine_already_waits_is_heard():
    async def run():
        approvals = Approvals()
        approvals.ask(1)
        waiting = asyncio.create_task(approvals.answer(1))
        await asyncio.sleep(0)  # the engine now waits; a question taken out of the table is lost
        assert approvals.decide(1, Approve())
        async with asyncio.timeout(5):
            assert await waiting == Approve()

    asyncio.run(run())


def test_a_decision_that_comes_before_the_engine_waits_is_kept():
    async def run():
        approvals = Approvals()
        approvals.ask(1)
        assert approvals.decide(1, Approve())
        assert await approvals.answer(1) == Approve()

    asyncio.run(run())


def test_the_first_decision_wins():
    async def run():
        approvals = Approvals()
        approvals.ask(1)
        assert approvals.decide(1, Reject("no"))
        assert not approvals.decide(1, Approve())
        assert await approvals.answer(1) == Reject("no")

    asyncio.run(run())


def test_nothing_can_be_decided_that_was_not_asked():
    async def run():
        approvals = Approvals()
        approvals.ask(1, 4)
        assert not approvals.decide(1, Approve())
        assert not approvals.decide(2, Approve())
        assert approvals.decide(1, Approve(), 4)

    asyncio.run(run())


def test_a_cancelled_wait_closes_its_question():
    async def run():
        approvals = Approvals()
        approvals.ask(1)
        waiting = asyncio.create_task(approvals.answer(1))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert not approvals.decide(1, Approve())

    asyncio.run(run())
