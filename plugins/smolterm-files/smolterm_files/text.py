"""Bytes to text, without being told how they were written."""

from __future__ import annotations

import codecs

from smolterm.pack import ToolError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def decoded(content: bytes, path: str) -> str:
    """Return the text, or raise a ToolError that says it is none."""
    found = decoded_or_none(content)
    if found is None:
        raise ToolError(f"{path!r} is not text.", next=f"Use read_bytes({path!r}).")
    return found


def decoded_or_none(content: bytes, *, whole: bool = True) -> str | None:
    """Return the text with plain line ends, or None for what is not text.

    Args:
        whole: False where the content may be cut in the middle of a character.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _plain(content.decode(name, "replace"))
    if b"\0" in content[:8192]:
        return None
    try:
        return _plain(codecs.getincrementaldecoder("utf-8")().decode(content, final=whole))
    except UnicodeDecodeError:
        # Old files of Windows; every byte but five has a character there.
        return _plain(content.decode("cp1252", "replace"))


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n") if "\r\n" in text else text
