"""The desktop that the person sits at: what a model can call."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from smolterm.pack import ToolError, tool

from smolterm_desktop import programs

LONGEST = 1_000_000


@tool(effect="read")
def read_clipboard() -> str:
    """Read the text in the clipboard; "" when it is empty."""
    return programs.pasted(LONGEST)


@tool(effect="write")
def write_clipboard(text: str) -> dict[str, object]:
    """Put text into the clipboard, whatever it held before.

    Returns:
        {"characters": 12}
    """
    if "\0" in text or len(text) > LONGEST:
        raise ToolError(f"`text` has at most {LONGEST} characters and no NUL.")
    programs.copied(text)
    return {"characters": len(text)}


@tool(effect="write")
def show_notification(title: str, text: str = "", urgent: bool = False) -> None:
    """Show a notification on the desktop.

    Args:
        title: a few words.
        text: a sentence or two.
        urgent: it stays until the person has seen it, where the desktop does that.
    """
    if not title.strip() or len(title) > 200 or len(text) > 2_000 or "\0" in title + text:
        raise ToolError("`title` has 1 to 200 characters, `text` at most 2,000.")
    programs.notified(title, text, urgent)


@tool(effect="danger")
def open_in_browser(url: str) -> None:
    """Open a web page in the person's own browser, for them to look at.

    Args:
        url: starts with http:// or https://.
    """
    programs.opened(_address(url))


def _address(url: str) -> str:
    wrong = ToolError(
        "This is no address of a web page.", next="Give one such as https://example.org/page."
    )
    # What a shell, or the program that opens it, could take for something else is not let through.
    if len(url) > 2_000 or not re.fullmatch(r"https?://[!#$%&*+,./0-9:;=?@A-Z\[\]_a-z~()-]+", url):
        raise wrong
    try:
        parts = urlsplit(url)
        named = parts.hostname and (parts.port is None or parts.port)
    except ValueError:
        raise wrong from None
    if not named or parts.username is not None or parts.password is not None:
        raise wrong
    return url
