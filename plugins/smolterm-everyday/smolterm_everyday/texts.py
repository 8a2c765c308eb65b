"""Texts: fingerprints, encodings, differences."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import html
import json
from typing import Literal
from urllib.parse import quote, unquote

from smolterm.pack import ToolError, tool

MOST_LINES = 20_000
LONGEST_DIFFERENCE = 50_000


@tool
def hash_text(
    text: str | bytes,
    algorithm: Literal["sha256", "sha512", "sha1", "md5", "sha3_256", "blake2b"] = "sha256",
) -> str:
    """Return the fingerprint of a text or of bytes, in hexadecimal.

    Args:
        text: text counts as UTF-8.
        algorithm: "sha256", "sha512", "sha1", "md5", "sha3_256" or "blake2b".

    Example:
        print(hash_text("hello"))
    """
    raw = text.encode() if isinstance(text, str) else text
    return hashlib.new(algorithm, raw, usedforsecurity=False).hexdigest()


@tool
def encode_text(
    text: str | bytes, form: Literal["base64", "base64url", "hex", "url", "html", "json"]
) -> str:
    """Encode a text, or bytes, as Base64, hex, for a URL, for HTML or as a JSON string.

    Args:
        text: text counts as UTF-8.
        form: "base64", "base64url", "hex", "url", "html" or "json".

    Example:
        print(encode_text("user:password", "base64"))
    """
    raw = text.encode() if isinstance(text, str) else text
    if form == "base64":
        return base64.b64encode(raw).decode()
    if form == "base64url":
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    if form == "hex":
        return raw.hex()
    if form == "url":
        return quote(raw, safe="")
    written = raw.decode("utf-8", "replace")
    return html.escape(written) if form == "html" else json.dumps(written, ensure_ascii=False)


@tool
def decode_text(
    text: str, form: Literal["base64", "base64url", "hex", "url", "html", "json"]
) -> str | bytes:
    """Decode what encode_text made: text where the result is UTF-8, else bytes.

    Args:
        text: what is encoded; spaces and line ends in Base64 and hex do not matter.
        form: "base64", "base64url", "hex", "url", "html" or "json".

    Example:
        print(decode_text("aGVsbG8=", "base64"))
    """
    bare = "".join(text.split())
    try:
        if form in ("base64", "base64url"):
            padded = bare.rstrip("=").replace("-", "+").replace("_", "/")
            return _text(base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True))
        if form == "hex":
            return _text(bytes.fromhex(bare.removeprefix("0x")))
        if form == "url":
            return unquote(text)
        if form == "html":
            return html.unescape(text)
        return str(json.loads(text))
    except (binascii.Error, ValueError, RecursionError):
        raise ToolError(f"The text is not {form}.", next="Check that it is whole.") from None


@tool
def compare_texts(old: str, new: str, context: int = 3) -> dict[str, object]:
    """Tell what changed between two texts, line by line.

    Args:
        old: the text before.
        new: the text after.
        context: how many unchanged lines to show around a change.

    Returns:
        {"same": False, "added": 3, "removed": 1, "likeness": 0.94, "difference": the lines with
        "+", "-" or " " before each, as diff -u writes them}.

    Example:
        print(compare_texts("one\\ntwo", "one\\n2")["difference"])
    """
    before, after = old.splitlines(), new.splitlines()
    if len(before) + len(after) > MOST_LINES:
        raise ToolError(f"The texts have more than {MOST_LINES} lines.", next="Compare parts.")
    lines = list(difflib.unified_diff(before, after, "old", "new", n=max(0, context), lineterm=""))
    changes = lines[2:]
    return {
        "same": old == new,
        "added": sum(line.startswith("+") for line in changes),
        "removed": sum(line.startswith("-") for line in changes),
        "likeness": round(difflib.SequenceMatcher(None, before, after).ratio(), 4),
        "difference": "\n".join(lines)[:LONGEST_DIFFERENCE],
    }


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
