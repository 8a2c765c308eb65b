"""For tests of packs: a native one in its own process, confined as the system can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from smolterm.packs.doors.grant import Grant
from smolterm.packs.find import read_pack
from smolterm.packs.hosted import HostedPack
from smolterm.packs.notice import PackNotice
from smolterm.packs.reading import read_tools


class Hosted:
    """The tools of a pack, called from a test that does not await.

    Attributes:
        told: what the pack told and tried.
        called: the tools that were called.
        names: all that it has.
    """

    def __init__(self, pack: HostedPack, runner: asyncio.Runner) -> None:
        self.told: list[PackNotice] = []
        self.called: set[str] = set()
        self._tools = {tool.spec.name: tool for tool in pack.tools}
        self.names = set(self._tools)
        self._runner = runner
        pack.on_notice = self.told.append

    def __getattr__(self, name: str) -> Callable[..., Any]:
        tool = self._tools[name]

        def call(*args: Any, **kwargs: Any) -> Any:
            self.called.add(name)
            return self._runner.run(tool.call(list(args), kwargs))

        return call


@contextmanager
def hosting(module: str, grant: Grant) -> Iterator[Hosted]:
    """Start a pack as the engine does; its process ends with the block."""
    found = read_pack(grant.pack, module)
    assert found.manifest is not None and found.folder is not None, found.error
    specs = read_tools(found.folder, module, found.manifest)
    pack = HostedPack(found, lambda: grant, specs)
    with asyncio.Runner() as runner:
        try:
            yield Hosted(pack, runner)
        finally:
            runner.run(pack.close())
