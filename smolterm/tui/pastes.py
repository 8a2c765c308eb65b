"""Large pasted text, folded: in the field stands a token, in what is sent the text. Pure.

Text that is larger still goes as a file into the sandbox, and its path stands in what is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smolterm.mentions import IN
from smolterm.printable import printable

FOLD_LINES, FOLD_CHARACTERS = 10, 1_000
"""Pasted text with more of either is folded."""
MOST_TEXT = 20_000
"""Bytes that are sent as text; what is larger is attached."""
MOST_BYTES = 32 * 1024 * 1024


class Pastes:
    """The folded texts of one field, by their tokens."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._texts)

    def fold(self, text: str) -> str:
        """Return what stands for a text in the field: itself where it is short."""
        lines = text.count("\n") + 1
        if lines <= FOLD_LINES and len(text) <= FOLD_CHARACTERS:
            return text
        size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
        if len(text.encode()) > MOST_TEXT:
            self._count += 1
            name = f"pasted-{self._count}.txt"
            token = f"[{name}: {size}]"
            self._names[token] = name
        else:
            token, number = f"[pasted {size}]", 2
            while token in self._texts:
                token, number = f"[pasted {size}, {number}]", number + 1
        self._texts[token] = text
        return token

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where tokens stand in a text."""
        if self._texts:
            for match in self._pattern.finditer(text):
                yield match.span()

    def whole(self, token: str) -> str | None:
        """Return the text behind a token that can be unfolded; None where it goes as a file."""
        return None if token in self._names else self._texts[token]

    def unfolded(self, text: str) -> tuple[str, dict[str, bytes]]:
        """Return a text as it is sent, and the files that come with it by their paths."""
        files: dict[str, bytes] = {}

        def sent(match: re.Match[str]) -> str:
            token = match[0]
            if token not in self._names:
                return self._texts[token]
            path = IN + self._names[token]
            files[path] = self._texts[token].encode("utf-8", "replace")
            return path

        return (self._pattern.sub(sent, text) if self._texts else text), files

    @property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self._texts)))

    def forget(self, text: str) -> None:
        """Keep what stands in a text alone; names of files are not used twice."""
        kept = {text[start:end] for start, end in self.spans(text)}
        self._texts = {token: whole for token, whole in self._texts.items() if token in kept}
        self._names = {token: name for token, name in self._names.items() if token in kept}


def clean(text: str) -> tuple[str, int]:
    """Return pasted text without what a terminal would obey, and how many characters went."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    cleaned = printable(text)
    return cleaned, len(text) - len(cleaned)
