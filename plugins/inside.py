"""For tests of packs: one in WebAssembly, in the real process of such packs."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playing import folder_of, manifest_of

from smolterm.packs.distributions import closure
from smolterm.packs.doors.grant import Grant
from smolterm.packs.notice import PackNotice
from smolterm.packs.reading import files_in, read_tools
from smolterm.packs.wasm.client import WasmHost, WasmPack
from smolterm.packs.wasm.wall import Reach
from smolterm.store import cache_folder


class Inside:
    """The tools of a pack, called from a test that does not await.

    Attributes:
        told: what the pack told and tried.
        called: the tools that were called.
    """

    def __init__(self, pack: WasmPack, runner: asyncio.Runner) -> None:
        self.told: list[PackNotice] = []
        self.called: set[str] = set()
        self.names = {tool.spec.name for tool in pack.tools}
        self._tools = {tool.spec.name: tool for tool in pack.tools}
        self._runner = runner
        pack.on_notice = self.told.append

    def __getattr__(self, name: str) -> Callable[..., Any]:
        tool = self._tools[name]

        def call(*args: Any, **kwargs: Any) -> Any:
            self.called.add(name)
            return self._runner.run(tool.call(list(args), kwargs))

        return call

    @property
    def denied(self) -> list[str]:
        """Each refusal's sentence."""
        return [notice.text for notice in self.told if notice.kind == "denied"]


@contextmanager
def inside(module: str, grant: Grant) -> Iterator[Inside]:
    """Load a pack with the packages that it declares; its process ends with the block."""
    manifest, folder = manifest_of(module), folder_of(module)

    def files() -> dict[str, bytes]:
        found = {path: raw for each in closure(manifest.capabilities.packages)
                 for path, raw in each.read()}  # fmt: skip
        return found | {
            f"{module}/{path}": (folder / path).read_bytes() for path, _ in files_in(folder)
        }

    reach = Reach(network=bool(grant.hosts), folder=grant.folder, write=bool(grant.write))
    images = cache_folder() / "wasm"
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own, asyncio.Runner() as runner:
        # A cache of its own, where only the image is not built again.
        (Path(own) / "wasm").symlink_to(images)
        pack = WasmPack(
            WasmHost(Path(own)), manifest.name, module, read_tools(folder, module, manifest),
            grant=lambda: grant, files=files, reach=reach,
        )  # fmt: skip
        try:
            yield Inside(pack, runner)
        finally:
            runner.run(pack.close())
