"""The programs that a platform has for its desktop, and running them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile

from smolterm.pack import ToolError

SECONDS = 10.0
NOTIFY = (
    "on run argv\n"
    "display notification (item 2 of argv) with title (item 1 of argv)\n"
    "end run"
)  # fmt: skip


def pasted(longest: int) -> str:
    """Return the clipboard's text."""
    command = _chosen(
        ("WAYLAND_DISPLAY", ["wl-paste", "--no-newline", "--type", "text"]),
        ("DISPLAY", ["xclip", "-selection", "clipboard", "-out", "-target", "UTF8_STRING"]),
        ("DISPLAY", ["xsel", "--clipboard", "--output"]),
        ("darwin", ["pbpaste"]),
        what="the clipboard", install="wl-clipboard, xclip or xsel",
    )  # fmt: skip
    with tempfile.TemporaryFile() as out:
        code, error = _run(command, stdout=out.fileno())
        if code:
            # What all of them say of an empty clipboard, and of one that holds a picture.
            if any(
                each in error.lower()
                for each in ("nothing is copied", "not available", "no suitable")
            ):
                return ""
            raise ToolError(f"{command[0]} cannot read the clipboard: {error}")
        out.seek(0)
        raw = out.read(longest * 4 + 1)
    text = raw.decode(errors="replace")
    if len(text) > longest:
        raise ToolError(f"The clipboard holds more than {longest} characters.")
    return text


def copied(text: str) -> None:
    """Put text into the clipboard."""
    command = _chosen(
        ("WAYLAND_DISPLAY", ["wl-copy", "--type", "text/plain;charset=utf-8"]),
        ("DISPLAY", ["xclip", "-selection", "clipboard", "-in"]),
        ("DISPLAY", ["xsel", "--clipboard", "--input"]),
        ("darwin", ["pbcopy"]),
        what="the clipboard", install="wl-clipboard, xclip or xsel",
    )  # fmt: skip
    code, error = _run(command, text.encode(errors="replace"))
    if code:
        raise ToolError(f"{command[0]} cannot fill the clipboard: {error}")


def notified(title: str, text: str, urgent: bool) -> None:
    """Show a notification."""
    level = "critical" if urgent else "normal"
    command = _chosen(
        ("linux", ["notify-send", "--app-name=smolterm", f"--urgency={level}", "--", title, text]),
        ("darwin", ["osascript", "-e", NOTIFY, "--", title, text]),
        what="notifications", install="libnotify-bin",
    )  # fmt: skip
    code, error = _run(command)
    if code:
        raise ToolError(f"{command[0]} cannot show it: {error}")


def opened(url: str) -> None:
    """Open an address in the person's browser."""
    command = _chosen(
        ("linux", ["xdg-open", url]), ("darwin", ["open", url]),
        what="the browser", install="xdg-utils",
    )  # fmt: skip
    code, error = _run(command)
    if code:
        raise ToolError(f"{command[0]} cannot open it: {error}")


def _chosen(*commands: tuple[str, list[str]], what: str, install: str) -> list[str]:
    """Return the first command that is here, of those whose variable is set or platform it is."""
    for needs, command in commands:
        fits = needs == sys.platform or (needs.isupper() and bool(os.environ.get(needs)))
        found = shutil.which(command[0]) if fits else None
        if found:
            return [found, *command[1:]]
    raise ToolError(
        f"Nothing on this machine reaches {what}.",
        next=f"The person needs a desktop, and {install} installed.",
    )


def _run(
    command: list[str], given: bytes = b"", stdout: int = subprocess.DEVNULL
) -> tuple[int, str]:
    """Return the exit code, and the start of what it complained about.

    Some stay to hand the clipboard's text out: their streams are files, which nobody waits for, and
    their session is their own, so that they outlive the pack.
    """
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
        stdin.write(given)
        stdin.seek(0)
        process = subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=stderr, start_new_session=True
        )
        try:
            code = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise ToolError(f"{command[0]} took longer than {SECONDS:g} s.") from None
        finally:
            process.kill()
            process.wait()
        stderr.seek(0)
        return code, stderr.read(500).decode(errors="replace").strip() or f"exit code {code}"
