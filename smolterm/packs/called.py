"""A pack's tool as the engine calls it, whatever kind its pack is."""

from __future__ import annotations

from typing import Any, Protocol

from smolterm.packs.types import Checks
from smolterm.tools import ToolSpec


class Caller(Protocol):
    """A pack that takes checked arguments to where its code runs."""

    async def call(self, tool: str, given: dict[str, Any]) -> Any: ...


class PackTool:
    """One tool of a pack; has what the engine uses of a `Tool`.

    Attributes:
        spec: what the model, the policy and the sandbox need to know.
    """

    def __init__(self, pack: Caller, spec: ToolSpec) -> None:
        self.spec = spec
        self._pack = pack
        self._checks = Checks(spec)

    async def call(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Call the tool where its pack runs; what goes in and what comes out is checked here.

        Raises:
            ToolError: they do not fit, or it refused, failed, hung or its process ended.
        """
        given = self._checks.bind(args, kwargs)
        return self._checks.checked(await self._pack.call(self.spec.name, given))
