"""Topic: from the command to its first word, without any work."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.measure import OURS, Case, Row, Stage, command, spawned
from bench.peers import LOCAL_PRICES

ROWS = (Row(key="start.version", label="process start (`--version`)", unit="ms"),)


def cases(stage: Stage) -> Iterator[Case]:
    """Yield ours, the floor that any Python program has, and the peers."""
    ours = {OURS: [command(), "--version"], "python -c pass": [sys.executable, "-c", "pass"]}
    theirs = {name: [path, peer.flag] for name, peer, path in stage.peers.programs()}
    home = stage.folder / "home"
    home.mkdir()
    for who, argv in (ours | theirs).items():
        more = LOCAL_PRICES | {"HOME": str(home)} if who in theirs else {}
        yield Case(
            who=who,
            take=lambda argv=argv, more=more: {"start.version": spawned(argv, stage, more=more)},
        )
