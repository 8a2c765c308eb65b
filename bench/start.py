"""Topic: from the command to its first word, without any work."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, command, spawned

ROWS = (Row(key="start.version", label="process start (`--version`)", unit="ms"),)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, the floor that any Python program has, and the peers."""
    commands = {
        OURS: [command(), "--version"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    for peer, name, flag in (
        ("llm", "llm", "--version"),
        ("gptme", "gptme", "--version"),
        ("smolagents", "smolagent", "--help"),
    ):
        if path := stage.peers.command(peer, name):
            commands[peer] = [path, flag]
    for who, argv in commands.items():
        yield Case(who=who, take=lambda argv=argv: {"start.version": spawned(argv, stage)})
