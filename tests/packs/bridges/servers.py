"""MCP servers for tests, added as a person adds them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from smolterm.packs.bridges.adding import add_server
from smolterm.packs.notice import PackNotice
from smolterm.packs.using import Leave, packs_named

SERVER = Path(__file__).parent / "mcp_server.py"


def tool(name: str, description: str = "A tool.", **properties: Any) -> dict[str, Any]:
    """Return a definition whose arguments must all be given."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "inputSchema": schema}


def define(place: Path, *tools: dict[str, Any], **more: Any) -> Path:
    """Write what the server says of itself, and return the file."""
    path = place / "definitions.json"
    path.write_text(json.dumps({"tools": tools, **more}))
    return path


def add(name: str, definitions: Path, **options: Any) -> None:
    """Add the server, as `smolterm packs add --mcp NAME --yes -- ...` does."""
    command = [sys.executable, str(SERVER), str(definitions)]
    assert add_server(name, command, "", yes=True, **options) == 0


class Used:
    """One server in use, as a session has it.

    Attributes:
        told: what it told besides results.
    """

    def __init__(self, name: str) -> None:
        (self.pack,) = packs_named([name], Leave())
        self.told: list[PackNotice] = []
        self.pack.on_notice = self.told.append
        self.specs = {each.spec.name: each.spec for each in self.pack.tools}

    async def call(self, tool: str, *args: Any, **kwargs: Any) -> Any:
        found = next(each for each in self.pack.tools if each.spec.name == tool)
        return await found.call(list(args), kwargs)

    async def __aenter__(self) -> Used:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pack.close()
