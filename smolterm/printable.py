"""Text from a model or a program, made fit for a terminal. Pure.

Such text may hold escape sequences, characters that reorder their neighbours and half surrogates:
`printable` drops them from what is only read, `revealed` spells them out in code that a person is
about to approve, where a dropped character would be a lie.
"""

from __future__ import annotations

import re
import unicodedata

_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, clipboard, links
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x9c\n]*(?:\x1b\\|\x9c)?"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*[0-~]"
)
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # bidi controls
    "\ufff9-\ufffb\U000e0000-\U000e007f]"  # interlinear marks, tags
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[\n\t -~]*")

# Blank to the eye or part of their neighbour, though Unicode calls them letters or symbols.
_BLANK = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
    + "".join(
        map(chr, (*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400), *range(0xE0100, 0xE01F0)))
    )
)
_HIDDEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})


def printable(text: str) -> str:
    """Return `text` without escape sequences and controls; `\\n` and `\\t` stay.

    A carriage return is taken as a terminal takes it: of `10%\\r20%` the last part is left.
    """
    if _PLAIN.fullmatch(text):
        return text
    text = _SEQUENCE.sub("", text)
    if "\r" in text:
        text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def revealed(code: str) -> str:
    """Return `code` with every character that cannot be seen written as `<U+202E>`."""
    return reveal(code)[0]


def reveal(code: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the revealed code and where in it (start, end) the marks stand."""
    if _PLAIN.fullmatch(code):
        return code, []
    parts: list[str] = []
    marks: list[tuple[int, int]] = []
    length = 0
    for character in code:
        part = character
        if _is_hidden(character):
            part = f"<U+{ord(character):04X}>"
            marks.append((length, length + len(part)))
        parts.append(part)
        length += len(part)
    return "".join(parts), marks


def _is_hidden(character: str) -> bool:
    if character in "\n\t ":
        return False
    return character in _BLANK or unicodedata.category(character) in _HIDDEN
