"""The clipboard: the terminal's own, then whatever tool the platform has.

OSC 52 reaches the clipboard of the machine that a person sits at, over SSH too, but many terminals
refuse it and none says so; a tool reaches this machine's. So both are used, and what was used is
said.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TextIO

from smolterm.printable import printable

MOST_OSC52 = 74_994
"""Bytes of text: what xterm and tmux take in one sequence once it is encoded."""
SECONDS = 2.0
"""For a tool, after which it counts as broken."""


def clean(text: str) -> str:
    """Return text as it may be pasted anywhere: no sequences, no half characters."""
    return printable(text).encode("utf-8", "replace").decode()


def osc52(text: str) -> str | None:
    """Return the sequence that hands text to the terminal; None when it is too long for that."""
    data = text.encode()
    if len(data) > MOST_OSC52:
        return None
    return f"\x1b]52;c;{base64.b64encode(data).decode()}\x07"


def tool(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> list[str] | None:
    """Return the command that takes text for the clipboard, if one is here that can work."""
    wanted: list[tuple[bool, list[str]]] = [
        (bool(environ.get("TMUX")), ["tmux", "load-buffer", "-w", "-"]),
        (platform == "darwin", ["pbcopy"]),
        (bool(environ.get("WAYLAND_DISPLAY")), ["wl-copy"]),
        (bool(environ.get("DISPLAY")), ["xclip", "-selection", "clipboard", "-in"]),
        (bool(environ.get("DISPLAY")), ["xsel", "--clipboard", "--input"]),
        (bool(environ.get("WSL_DISTRO_NAME")), ["clip.exe"]),
        (bool(environ.get("TERMUX_VERSION")), ["termux-clipboard-set"]),
    ]
    path = environ.get("PATH")
    return next((argv for fits, argv in wanted if fits and shutil.which(argv[0], path=path)), None)


async def hand_over(text: str, argv: list[str]) -> bool:
    """Give text to a tool; False when it failed or did not end in time."""
    try:
        # A session of its own: some keep the text in a process that outlives this one.
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    except OSError:
        return False
    try:
        await asyncio.wait_for(process.communicate(text.encode()), SECONDS)
    except (TimeoutError, OSError):
        return False
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode == 0


def said(what: str, text: str, ways: list[str]) -> str:
    """Return what a person reads after copying."""
    if not text:
        return "nothing to copy"
    lines = text.count("\n") + 1
    size = f"{lines} line{'s' * (lines != 1)}"
    if not ways:
        return f"the {what} is too long for this terminal's clipboard, and no tool for it is here"
    return f"copied the {what}, {size}, by {' and '.join(ways)}"


async def copy_out(text: str, out: TextIO) -> str:
    """Copy from a program that draws nothing; returns what a person reads.

    Args:
        out: where the terminal listens.
    """
    text, ways = clean(text), []
    if text and out.isatty() and (sequence := osc52(text)):
        out.write(sequence)
        out.flush()
        ways.append("the terminal")
    argv = tool() if text else None
    if argv is not None and await hand_over(text, argv):
        ways.append(argv[0])
    return said("text", text, ways)
