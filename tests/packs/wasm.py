"""Wasm packs for tests: sources as they are written, in the real process, in real instances."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from smolterm.packs.doors.grant import Grant
from smolterm.packs.notice import PackNotice
from smolterm.packs.types import written
from smolterm.packs.wasm.client import WasmHost, WasmPack
from smolterm.packs.wasm.wall import Reach
from smolterm.policy import Effect
from smolterm.tools import ToolSpec

IMAGE = Path("wasm")
"""Where below a cache the image lies; tests with a cache of their own link to it."""


def specs(source: str, effects: Mapping[str, Effect]) -> list[ToolSpec]:
    """Return the public functions of a source as tools; those without an effect are pure."""
    return [
        ToolSpec(
            name=node.name, signature=written(node), doc=ast.get_docstring(node) or "A tool.",
            effect=effects.get(node.name, "pure"),
            parameters=tuple(argument.arg for argument in node.args.args),
        )
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    ]  # fmt: skip


class Used:
    """A pack in use, with all that it told.

    Args:
        files: beside its `__init__.py`.
        grant: what it may use; nothing when None.
    """

    def __init__(
        self,
        host: WasmHost,
        source: str,
        *,
        name: str = "probe",
        effects: Mapping[str, Effect] | None = None,
        files: Mapping[str, bytes] | None = None,
        grant: Grant | None = None,
        **more: Any,
    ) -> None:
        source = textwrap.dedent(source)
        everything = {f"{name}/__init__.py": source.encode(), **(files or {})}
        granted = grant or Grant(pack=name)
        self.told: list[PackNotice] = []
        self.on_notice: Callable[[PackNotice], None] = self.told.append
        self.pack = WasmPack(
            host, name, name, specs(source, effects or {}), grant=lambda: granted,
            files=lambda: everything,
            reach=Reach(network=bool(granted.hosts), folder=granted.folder,
                        write=bool(granted.write)),
            **more,
        )  # fmt: skip
        self.pack.on_notice = lambda notice: self.on_notice(notice)
        self._tools = {tool.spec.name: tool for tool in self.pack.tools}

    async def __call__(self, tool: str, *args: Any, **kwargs: Any) -> Any:
        return await self._tools[tool].call(list(args), kwargs)

    def texts(self, kind: str) -> list[str]:
        """Return what it told of one kind."""
        return [notice.text for notice in self.told if notice.kind == kind]
