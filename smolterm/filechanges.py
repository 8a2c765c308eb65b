"""Staged changes as an event tells them: every path, and as much of the diffs as can be looked at.

Paths and bytes come from the sandbox, so all sizes are bounded. Where something is left out,
`shown_whole` is False, and a front end must not let it be accepted as if it had been seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from smolterm.events import FileChange
from smolterm.sandbox.changes import Change
from smolterm.sandbox.hunks import is_text

MOST_FILES = 1_000
"""Of one request; the rest is asked about afterwards."""
MOST_OF_FILE = 40_000
"""Characters."""
MOST_OF_ALL = 400_000
MOST_COMPARED = 32 * 1024 * 1024
"""Bytes of both sides that are compared for one event; of what is larger only the size is told."""
MOST_OPENED = 4_000_000
"""Characters of one file that was opened by itself."""


def described(changes: Sequence[Change]) -> tuple[FileChange, ...]:
    """Return what an event holds of these changes."""
    told: list[FileChange] = []
    characters, compared = MOST_OF_ALL, MOST_COMPARED
    for change in changes[:MOST_FILES]:
        compared -= len(change.before or b"") + len(change.after or b"")
        one = describe(change, most=min(MOST_OF_FILE, characters), compare=compared >= 0)
        characters -= sum(map(len, one.hunks))
        told.append(one)
    return tuple(told)


def describe(change: Change, *, most: int = MOST_OPENED, compare: bool = True) -> FileChange:
    """Return one change as an event holds it.

    Args:
        most: characters of its diff.
        compare: look at the lines at all.
    """
    size = None if change.kind == "deleted" else len(change.after or b"")
    told = FileChange(
        path=change.path, kind=change.kind, size=size, refused=change.refused, shown_whole=False
    )
    # Without both sides there is nothing to compare: the original is too large, or unreadable.
    one_sided = change.before is None and change.kind != "created"
    if not compare or one_sided or (change.after is None and change.kind != "deleted"):
        return told
    binary = not (is_text(change.before or b"") and is_text(change.after or b""))
    hunks: list[str] = []
    whole = True
    for hunk in change.hunks:
        if not whole:
            break
        whole = len(hunk.text) <= most
        hunks.append(hunk.text if whole else _cut(hunk.text, most))
        most -= len(hunks[-1])
    return FileChange(
        path=change.path,
        kind=change.kind,
        hunks=tuple(hunks) if not binary else (),
        added=sum(j2 - j1 for hunk in change.hunks for _, _, j1, j2 in hunk.blocks),
        removed=sum(i2 - i1 for hunk in change.hunks for i1, i2, _, _ in hunk.blocks),
        size=size,
        binary=binary,
        refused=change.refused,
        shown_whole=whole,
    )


def _cut(text: str, room: int) -> str:
    """Return whole lines of a hunk, as many as there is room for; its first line at least."""
    head = text[: max(room, 0)]
    return head[: head.rfind("\n") + 1] or text[: text.find("\n") + 1][:200]
