"""Ends a reply where its one block of code closes; what a model imagines behind it is dropped.

No stop sequence can do this: the fence that closes a block is the text that opens one, and a reply
may begin with it. So the lines are followed here, for every provider.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from smolterm.models import Delta

BlockDialect: TypeAlias = Literal["", "fence", "tags"]

READ_ON = 40
"""Pieces that are read behind a closed block: the usage comes with the last one."""
_PYTHON = frozenset({"python", "py", "python3", "py3", "ipython", "pycon", "tool_code", "pyodide"})
_OPENER = re.compile(r"[ \t]*(`{3,})[ \t]*([\w+#.-]*)[ \t]*\Z")


class BlockCutter:
    """Cuts streamed text behind the line that closes the first block of Python.

    Args:
        dialect: what stands around the code; empty: nothing is cut.
    """

    def __init__(self, dialect: BlockDialect) -> None:
        self._dialect = dialect
        self._line = ""
        self._code: list[str] = []
        self._fence = ""
        """What closes the block that is open."""
        self._is_ours = False
        self.closed = False
        """The block is complete; what comes after it is dropped."""

    def cut(self, deltas: Iterable[Delta]) -> Iterator[Delta]:
        """Yield what stays of streamed parts; reasoning may hold anything."""
        for delta in deltas:
            if delta.channel != "reply":
                yield delta
            elif text := self.feed(delta.text):
                yield Delta(channel="reply", text=text)

    def feed(self, text: str) -> str:
        """Take the next piece and return what stays of it."""
        if self.closed:
            return ""
        if not self._dialect:
            return text
        at = 0
        while (end := text.find("\n", at)) >= 0:
            self._line += text[at:end]
            if self._ends_with_line():
                return text[:end]
            at = end + 1
        self._line += text[at:]
        if self._fence == "</code>" and (place := self._line.find("</code>")) >= 0:
            return self._closed_inside(text, place)
        return text

    def _ends_with_line(self) -> bool:
        """Take in the line that is complete; say whether it closes the block."""
        line, self._line = self._line, ""
        if not self._fence:
            self._open(line)
        elif line.strip() == self._fence or (self._is_tag and self._fence in line):
            self.closed = self._is_ours and self._is_whole()
            self._fence = "" if not self._is_ours else self._fence
            if self._is_ours and not self.closed:
                self._code.append(line)
        else:
            self._code.append(line)
        return self.closed

    @property
    def _is_tag(self) -> bool:
        return self._fence.startswith("<")

    def _open(self, line: str) -> None:
        self._code = []
        if self._dialect == "tags" and line.strip() == "<code>":
            self._fence, self._is_ours = "</code>", True
        elif match := _OPENER.match(line):
            self._fence, language = match[1], match[2].lower()
            # A block without a language may be data, and the code may stand in the next one.
            self._is_ours = language in _PYTHON

    def _closed_inside(self, text: str, place: int) -> str:
        """Close behind a tag that no line end follows yet."""
        if not self._is_whole(self._line[:place]):
            return text
        self.closed = True
        too_much = len(self._line) - place - len("</code>")
        return text[: len(text) - too_much] if too_much else text

    def _is_whole(self, last: str = "") -> bool:
        """Say whether no long string is open, in which a fence is only text."""
        code = "\n".join([*self._code, last])
        return all(code.count(quotes) % 2 == 0 for quotes in ('"""', "'''"))


def up_to_block(text: str, dialect: BlockDialect) -> str | None:
    """Return a reply up to the end of its first block of Python; None where none is closed."""
    cutter = BlockCutter(dialect)
    kept = cutter.feed(text)
    if not cutter.closed:
        kept = (kept + cutter.feed("\n")).removesuffix("\n")
    return kept if cutter.closed else None
