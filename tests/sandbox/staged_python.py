"""Python over the sandbox's file system and real staged files, without the wall: see staged.ts."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path
from typing import Any

from smolterm.sandbox.assets import Assets
from smolterm.sandbox.files import StagedFiles

SCRIPT = Path(__file__).with_name("staged.ts")


class StagedPython:
    """One interpreter and its staged files; `run` is one cell."""

    def __init__(self, assets: Assets, deno_dir: Path, disk: int = 64 << 20) -> None:
        self.files = StagedFiles()
        self.asked: list[tuple[str, str]] = []
        self.interrupt_next = False
        self._process = subprocess.Popen(
            [assets.deno, "run", "--quiet", "--no-prompt", "--no-remote", "--no-npm", "--no-check",
             "--no-config", "--no-lock", "--allow-read", "--allow-env", "--allow-sys",
             f"--import-map={assets.import_map}", str(SCRIPT), f"{assets.pyodide}/",
             str(assets.stdlib), str(disk)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={"DENO_DIR": str(deno_dir), "DENO_NO_UPDATE_CHECK": "1", "NO_COLOR": "1"},
        )  # fmt: skip
        self._read()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self.files.close()

    def mount(self, source: Path, **options: Any) -> str:
        """Mount a file or folder; returns where."""
        mount = self.files.mount(source, **options)
        self.do(op="mount", mounts=self.files.mounts)
        return mount.at

    def run(self, code: str) -> Any:
        """Run a cell; its last expression is a JSON string, or None."""
        return self.do(op="run", code=code)

    def changes(self) -> list[dict[str, Any]]:
        return self.do(op="changes")["changes"]

    async def ask(
        self, op: str, args: dict[str, Any], raw: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        """As `Interpreter.ask`."""
        done = self.do(op=op, raw=base64.b64encode(raw).decode(), **args)
        return ({}, base64.b64decode(done)) if op == "fetch" else (done, b"")

    def do(self, **message: Any) -> Any:
        self._write(json.dumps(message).encode() + b"\n")
        reply = self._read()
        assert "failed" not in reply, reply["failed"][-2000:]
        return reply.get("done")

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            assert line, "the interpreter ended"
            message = json.loads(line)
            if "ask" not in message:
                return message
            if self.interrupt_next:
                self.interrupt_next = False
                self._write(b"-1\n")
                continue
            question = json.loads(message["ask"])
            self.asked.append((question["op"], question["path"]))
            answer = self.files.answer(message["ask"])
            self._write(b"%d\n" % len(answer) + answer)

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()
