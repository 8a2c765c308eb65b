"""A real sandbox, in the user's cache like everybody's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smolterm.sandbox import CellDone
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.files import StagedFiles
from tests.sandbox.staged_python import StagedPython


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


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StagedPython]:
    """Staged files seen from inside, one interpreter for a file of tests."""
    python = StagedPython(asyncio.run(set_up()), tmp_path_factory.mktemp("deno"))
    python.run("import json, os, shutil")
    yield python
    python.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What is about to be changed: `claims.BEFORE`."""
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text("one\ntwo\n")
    (folder / "b.txt").write_text("bee\n")
    (folder / "sub" / "c.sh").write_text("#!/bin/sh\n")
    (folder / "sub" / "c.sh").chmod(0o750)
    return folder


@pytest.fixture
def files(folder: Path) -> Iterator[StagedFiles]:
    files = StagedFiles()
    files.mount(folder, writable=True)
    yield files
    files.close()
