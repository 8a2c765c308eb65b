"""Notices that a model says the same thing for ever. Pure."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_CYCLE = 128
"""Tokens."""
TIMES = 8
"""A cycle this often, and the reply is ended."""
LEAST = 256
"""Tokens that a short cycle must fill: rows of a table, or a drawn line, may repeat."""
EVERY = 16
"""Tokens between two looks."""


def repeats(tokens: Sequence[int]) -> bool:
    """Whether the reply ends in a cycle that went round too often.

    Looks at every 16th token only, which ends no reply much later and costs nothing.
    """
    size = len(tokens)
    if size % EVERY or size < LEAST:
        return False
    for cycle in range(1, LONGEST_CYCLE + 1):
        span = max(cycle * TIMES, LEAST)
        if span > size:
            return False
        # A quick look first: most cycles fail at the last token.
        if tokens[-1] == tokens[-1 - cycle] and all(
            tokens[place] == tokens[place - cycle] for place in range(size - span + cycle, size)
        ):
            return True
    return False
