"""What we aim at; the bench says which aims are met, and no test depends on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measure import OURS, Series
from bench.peers import PEERS


@dataclass(frozen=True, kw_only=True)
class Aim:
    """An upper bound for our median: a figure in the row's unit, or so many times a peer's."""

    below: float = 0.0
    peer: str = ""
    times: float = 1.0
    every: bool = False
    """Whether to be below every peer as well."""

    def verdict(self, series: Sequence[Series]) -> str:
        """Say whether one row's series meet it; empty where that cannot be known."""
        medians = {one.who: one.median for one in series}
        bound = medians.get(self.peer, 0.0) * self.times if self.peer else self.below
        if not bound or OURS not in medians:
            return ""
        named = f"{bound:g} {series[0].row.unit}"
        if self.peer:
            named = f"{self.times:g}× {self.peer}"
        if self.peer and self.times == 1:
            named = f"not slower than {self.peer}"
        said = f"{named}: {'met' if medians[OURS] <= bound else 'missed'}"
        return f"{said}{_beside(medians)}" if self.every else said


def _beside(medians: Mapping[str, float]) -> str:
    """Say whether ours is below every peer, and name those that it is not below."""
    peers = PEERS.keys() & medians.keys()
    if not peers:
        return ""
    faster = sorted(who for who in peers if medians[who] <= medians[OURS])
    return f"; below every peer: {'missed by ' + ', '.join(faster) if faster else 'met'}"


AIMS = {
    "start.version": Aim(below=60),
    "prompt.typing": Aim(below=300, every=True),
    "prompt.sent": Aim(peer="smolagents", times=1 / 4),
    "resume.drawn": Aim(below=300),
    "resume.read": Aim(below=100),
    "keys.p95": Aim(below=33),
    "keys.long.p95": Aim(below=33),
    "keys.idle": Aim(below=1),
    "oneshot.answer": Aim(peer="llm"),
    "sandbox.cold": Aim(peer="bare Pyodide", times=1 / 8),
    "sandbox.spare": Aim(below=10),
    "sandbox.step": Aim(below=1000),
    "sandbox.loop": Aim(peer="bare Pyodide", times=1.05),
    "sandbox.call": Aim(below=300),
    "sandbox.rewind.small": Aim(below=50),
    "freeze.loading": Aim(below=50),
    "freeze.writing": Aim(below=50),
}
