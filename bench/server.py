"""A server in a process of its own that speaks the OpenAI protocol and always says the same."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from bench.measure import ROOT, Failed, Stage


def serve(stage: Stage, name: str, reply: dict[str, Any]) -> str:
    """Start a server that runs as long as the stage and return its URL."""
    script = stage.folder / f"{name}.json"
    script.write_text(json.dumps([reply]))
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.servers", str(script), "--loop"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    stage.closing.callback(server.wait)
    assert server.stdin is not None and server.stdout is not None
    stage.closing.callback(server.stdin.close)
    stage.closing.callback(server.stdout.close)
    url = server.stdout.readline().strip()
    if not url:
        raise Failed("the loopback server did not start")
    return url
