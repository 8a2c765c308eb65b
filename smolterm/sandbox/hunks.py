"""Which lines two texts differ in, cut into hunks that can be taken one by one.

The texts come from hostile code and from everybody's files, so the work is bounded: lines that
occur once on both sides are matched first, the rest between them by edit distance as far as a
budget goes, and what is left is shown as replaced whole.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence

import msgspec

CONTEXT = 3
"""Lines shown around a change."""
MOST_STEPS = 1_000_000
"""Of comparing, about a second."""
MOST_EDITS = 400
"""In one gap between matched lines."""
MOST_TEXT = 4 * 1024 * 1024
"""Bytes. Larger files are taken or left whole."""

Block = tuple[int, int, int, int]
"""Lines [0:1] of the one text stand for lines [2:3] of the other."""


class Hunk(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that lie close together."""

    number: int
    """From 1."""
    blocks: tuple[Block, ...]
    text: str
    """As in a unified diff, with its @@ line; the files' own text, terminal sequences and all."""


def is_text(data: bytes) -> bool:
    """Tell whether bytes can be shown line by line."""
    if b"\0" in data or len(data) > MOST_TEXT:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def find_hunks(before: bytes, after: bytes) -> tuple[Hunk, ...]:
    """Return the hunks that lead from one text to the other; one without lines for other bytes."""
    if before == after:
        return ()
    if not is_text(before) or not is_text(after):
        text = f"Binary files differ: {len(before)} bytes, then {len(after)}.\n"
        return (Hunk(number=1, blocks=(), text=text),)
    old, new = lines_of(before), lines_of(after)
    groups: list[list[Block]] = []
    for block in differing(old, new):
        if groups and block[0] - groups[-1][-1][1] <= 2 * CONTEXT:
            groups[-1].append(block)
        else:
            groups.append([block])
    return tuple(
        Hunk(number=number, blocks=tuple(group), text=_shown(old, new, group))
        for number, group in enumerate(groups, 1)
    )


def apply_hunks(
    before: bytes, after: bytes, hunks: Sequence[Hunk], numbers: Collection[int]
) -> bytes:
    """Return the first text with only some of the hunks that lead to the second."""
    if any(not hunk.blocks for hunk in hunks):
        return after if numbers else before
    old, new = lines_of(before), lines_of(after)
    made: list[bytes] = []
    at = 0
    for hunk in hunks:
        for i1, i2, j1, j2 in hunk.blocks:
            made += old[at:i1]
            made += new[j1:j2] if hunk.number in numbers else old[i1:i2]
            at = i2
    return b"".join(made + old[at:])


def lines_of(data: bytes) -> list[bytes]:
    """Split at newlines only; each line keeps its own."""
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])


def differing(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[Block]:
    """Yield the blocks in which two lists of lines differ, in order."""
    steps = MOST_STEPS + 4 * (len(old) + len(new))
    todo = [(0, len(old), 0, len(new))]
    while todo:
        i1, i2, j1, j2 = todo.pop()
        while i1 < i2 and j1 < j2 and old[i1] == new[j1]:
            i1, j1 = i1 + 1, j1 + 1
        while i1 < i2 and j1 < j2 and old[i2 - 1] == new[j2 - 1]:
            i2, j2 = i2 - 1, j2 - 1
        if i1 == i2 or j1 == j2:
            if i1 < i2 or j1 < j2:
                yield i1, i2, j1, j2
            continue
        steps -= i2 - i1 + j2 - j1
        pairs = _once(old[i1:i2], new[j1:j2]) if steps > 0 else []
        if not pairs:
            pairs, taken = _by_edits(old[i1:i2], new[j1:j2], steps)
            steps -= taken
        if not pairs:
            yield i1, i2, j1, j2
            continue
        gaps, x, y = [], i1, j1
        for i, j in pairs:
            gaps.append((x, i1 + i, y, j1 + j))
            x, y = i1 + i + 1, j1 + j + 1
        gaps.append((x, i2, y, j2))
        todo += reversed(gaps)


def _once(old: Sequence[bytes], new: Sequence[bytes]) -> list[tuple[int, int]]:
    """Pair the lines that occur once on each side, as many as keep their order."""
    places: dict[bytes, int] = {}
    for number, line in enumerate(new):
        places[line] = -1 if line in places else number
    seen: dict[bytes, int] = {}
    for number, line in enumerate(old):
        seen[line] = -1 if line in seen else number
    pairs = [(i, places[line]) for line, i in seen.items() if i >= 0 and places.get(line, -1) >= 0]
    pairs.sort()
    # The longest rising sequence of places.
    tails: list[int] = []
    ends: list[int] = []
    back: list[int] = []
    for index, (_, j) in enumerate(pairs):
        at = bisect_left(tails, j)
        back.append(ends[at - 1] if at else -1)
        tails[at : at + 1] = [j]
        ends[at : at + 1] = [index]
    chain: list[tuple[int, int]] = []
    index = ends[-1] if ends else -1
    while index >= 0:
        chain.append(pairs[index])
        index = back[index]
    return chain[::-1]


def _by_edits(
    old: Sequence[bytes], new: Sequence[bytes], most: int
) -> tuple[list[tuple[int, int]], int]:
    """Pair equal lines so that the fewest edits are left (Myers); no pairs past the budget."""
    n, m = len(old), len(new)
    if set(old).isdisjoint(new):
        return [], n + m
    reached = {1: 0}
    trace: list[dict[int, int]] = []
    taken = 0
    for edits in range(min(n + m, MOST_EDITS) + 1):
        trace.append(dict(reached))
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
            start = x = reached[k + 1] if down else reached[k - 1] + 1
            while x < n and x - k < m and old[x] == new[x - k]:
                x += 1
            taken += 1 + x - start
            reached[k] = x
            if x >= n and x - k >= m:
                return _walk_back(trace, n, m), taken
        taken += len(reached)
        if taken > most:
            break
    return [], taken


def _walk_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        reached, k = trace[edits], x - y
        down = k == -edits or (k != edits and reached[k - 1] < reached[k + 1])
        before = k + 1 if down else k - 1
        from_x = reached[before]
        from_y = from_x - before
        while x > from_x and y > from_y and x > 0 and y > 0:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = from_x, from_y
    return pairs[::-1]


def _shown(old: Sequence[bytes], new: Sequence[bytes], group: Sequence[Block]) -> str:
    first, last = group[0], group[-1]
    i1, i2 = max(0, first[0] - CONTEXT), min(len(old), last[1] + CONTEXT)
    j1, j2 = first[2] - (first[0] - i1), last[3] + (i2 - last[1])
    shown = [f"@@ -{_range(i1, i2)} +{_range(j1, j2)} @@\n"]
    at = i1
    for a, b, c, d in group:
        shown += [_line(" ", line) for line in old[at:a]]
        shown += [_line("-", line) for line in old[a:b]]
        shown += [_line("+", line) for line in new[c:d]]
        at = b
    shown += [_line(" ", line) for line in old[at:i2]]
    return "".join(shown)


def _range(start: int, end: int) -> str:
    length = end - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _line(sign: str, line: bytes) -> str:
    text = sign + line.decode()
    return text if text.endswith("\n") else text + "\n\\ No newline at end of file\n"
