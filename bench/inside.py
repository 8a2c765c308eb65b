"""Measurements that run inside a fresh process of ours: `python -m bench.inside WHAT`.

Each prints `NAME VALUE` lines. All warm up first: what is measured here is the work, not imports.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

STEPS = 100
DELTAS = 2000


async def engine() -> None:
    """Steps through a session with its file, then deltas through another."""
    await _steps(10)
    print("engine.step", await _steps(STEPS) / STEPS * 1e6)
    await _deltas(10)
    print("engine.deltas", await _deltas(DELTAS) * 1e3)


async def hosted(url: str) -> None:
    """Read a long reply through the model host."""
    from smolterm.models import Message
    from smolterm.models.hosted import HostedModel

    model = HostedModel("openai/scripted", api_base=url)
    try:
        for _ in range(2):
            began = time.perf_counter()
            parts = [p async for p in model.reply([Message(role="user", content="hi")])]
            taken = time.perf_counter() - began
        assert "".join(getattr(part, "text", "") for part in parts) == "word " * DELTAS
        print("stream.chunks", taken * 1e3)
    finally:
        await model.close()


async def openai(url: str) -> None:
    """Read the same reply with nothing but the SDK."""
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=url, api_key="none-needed")
    messages: Any = [{"role": "user", "content": "hi"}]
    for _ in range(2):
        began = time.perf_counter()
        stream = await client.chat.completions.create(
            model="scripted", messages=messages, stream=True
        )
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        taken = time.perf_counter() - began
    assert "".join(texts) == "word " * DELTAS
    print("stream.chunks", taken * 1e3)


class Talker:
    """A model that says one reply in many deltas."""

    name = "fake/talker"

    def __init__(self, count: int) -> None:
        self._count = count

    async def reply(
        self, messages: Sequence[Any], *, format: Any = None
    ) -> AsyncGenerator[Any, None]:
        from smolterm.models import Delta, Done

        for _ in range(self._count):
            yield Delta(channel="reply", text="word ")
        yield Done()

    async def close(self) -> None:
        pass


async def _steps(count: int) -> float:
    """Return the seconds that so many steps take."""
    from tests.fakes import FakeModel, FakeSandbox, answer, block, value

    replies = [block(f"x = {number}") for number in range(count)]
    model = FakeModel(*replies, block("final_answer('done')"))
    return await _seconds(model, FakeSandbox(*[value("1", "x")] * count, answer("done")))


async def _deltas(count: int) -> float:
    from tests.fakes import FakeSandbox

    return await _seconds(Talker(count), FakeSandbox())


async def _seconds(model: Any, box: Any) -> float:
    """Return the seconds of one task in a session that keeps its file."""
    from smolterm.clock import Budget
    from smolterm.events import Finished
    from smolterm.policy import Policy
    from smolterm.session import Session

    policy, budget = Policy(mode="auto"), Budget(max_steps=0)
    async with Session(model=model, sandbox=box, policy=policy, budget=budget) as session:
        began = time.perf_counter()
        last = None
        async for event in session.run("Go."):
            last = event
        taken = time.perf_counter() - began
    assert isinstance(last, Finished) and last.reason == "answer", last
    return taken


if __name__ == "__main__":
    named = {"engine": engine, "hosted": hosted, "openai": openai}
    asyncio.run(named[sys.argv[1]](*sys.argv[2:]))
