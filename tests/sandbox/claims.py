"""What a process claims to have changed, true or not, and the folder that it is about."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from smolterm.sandbox.changes import Changes, collect
from smolterm.sandbox.files import StagedFiles

BEFORE = {"a.txt": "one\ntwo\n", "b.txt": "bee\n", "sub/c.sh": "#!/bin/sh\n"}
AFTER = {"a.txt": "one\ntwo\n", "new/n.txt": "new\n", "sub/c.sh": "#!/bin/sh\ntrue\n"}


class Claims:
    """A process that says whatever it likes."""

    def __init__(self, changes: Any, data: dict[str, bytes] | None = None) -> None:
        self.changes = changes
        self.data = data or {}
        self.fetched: list[str] = []

    async def ask(
        self, op: str, args: dict[str, Any], raw: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        if op == "changes":
            return self.changes, b""
        self.fetched.append(args["path"])
        data = self.data[args["path"]]
        return {}, data[args["offset"] : args["offset"] + args["length"]]


def collected(files: StagedFiles, *told: dict[str, Any], **data: bytes) -> Changes:
    by_path = {f"/files/data/{name}": value for name, value in data.items()}
    return asyncio.run(collect(files, Claims({"changes": list(told)}, by_path).ask))


def version(files: StagedFiles, name: str) -> str:
    return files.entry(f"/files/data/{name}").version


def three(files: StagedFiles) -> Changes:
    """One file changed, one created, one deleted."""
    return asyncio.run(collect(files, Claims(
        {"changes": [
            {"path": "/files/data/sub/c.sh", "kind": "changed", "base": version(files, "sub/c.sh")},
            {"path": "/files/data/new/n.txt", "kind": "created", "mode": 0o644},
            {"path": "/files/data/b.txt", "kind": "deleted", "base": version(files, "b.txt")},
        ]},
        {"/files/data/sub/c.sh": b"#!/bin/sh\ntrue\n", "/files/data/new/n.txt": b"new\n"},
    ).ask))  # fmt: skip


def state(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text()
            for path in folder.rglob("*") if path.is_file()}  # fmt: skip
