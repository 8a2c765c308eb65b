"""A real sandbox, in the user's cache like everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from smolterm.sandbox import CellDone
from smolterm.sandbox.deno import Sandbox


class Runner:
    """A sandbox and the loop it lives on, for tests that are not coroutines themselves."""

    def __init__(self, loop: asyncio.Runner, sandbox: Sandbox) -> None:
        self._loop = loop
        self.sandbox = sandbox

    def do(self, coroutine: Any) -> Any:
        return self._loop.run(coroutine)

    def run(self, code: str, **options: Any) -> tuple[CellDone, str, str]:
        """Run a cell; returns (end, stdout, stderr). A sandbox that died is started anew first."""
        said: dict[str, list[str]] = {"stdout": [], "stderr": []}

        async def work() -> CellDone:
            return await self.sandbox.run(
                code, on_output=lambda part: said[part.stream].append(part.text), **options
            )

        done = self.do(work())
        return done, "".join(said["stdout"]), "".join(said["stderr"])

    def value(self, code: str, **options: Any) -> Any:
        done, _, _ = self.run(code, **options)
        assert done.error is None, done.error
        return done.value_data


@pytest.fixture(scope="session")
def start_sandbox() -> Iterator[Callable[..., Runner]]:
    """Start sandboxes that are all closed when the tests end."""
    with asyncio.Runner() as loop:
        started: list[Sandbox] = []

        def start(**options: Any) -> Runner:
            sandbox = Sandbox(**options)
            started.append(sandbox)
            loop.run(sandbox.start())
            return Runner(loop, sandbox)

        yield start
        for sandbox in started:
            loop.run(sandbox.close())


@pytest.fixture(scope="session")
def shared(start_sandbox: Callable[..., Runner]) -> Runner:
    """One sandbox for all tests that leave it as they found it."""
    return start_sandbox()
