"""What a running pack tells beside its results: plain data that the session makes events of."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

NoticeKind: TypeAlias = Literal["denied", "log", "progress", "started", "stopped"]


class PackNotice(msgspec.Struct, frozen=True, kw_only=True):
    """One fact about a pack, for a person to see; its text is masked already."""

    pack: str
    kind: NoticeKind
    text: str = ""
    """One sentence. Hostile: a pack may have written it."""
    tool: str = ""
    """The tool that ran just then; empty where none did."""
    done: float | None = None
    """Progress only: how much of `total`, in the pack's own unit."""
    total: float | None = None
