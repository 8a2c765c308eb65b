"""Commands on this machine: what a model can call."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from smolterm.pack import ToolError, files, tool

from smolterm_shell.command import run

MOST_SECONDS = 50.0
"""Below what the engine gives a call, after which it ends the pack's process."""
LONGEST = 100_000


@tool(effect="danger")
def run_command(command: str, timeout: float = 30.0, input: str = "") -> dict[str, object]:
    """Run a line of shell in the granted folder; everything it started ends with it.

    Args:
        command: for /bin/sh.
        timeout: seconds, at most 50.
        input: what it reads from standard input.

    Returns:
        {"code": 0, "output": "...", "errors": "", "timed_out": False, "cut": False}: the exit code,
        -9 for a process that was killed; what it wrote, of long text the start and the end.

    Example:
        done = run_command("python -m pytest -q")
        print(done["code"], done["output"])
    """
    if not command.strip() or "\0" in command or len(command) > LONGEST:
        raise ToolError(f"`command` is text of 1 to {LONGEST} characters.")
    if not 0 < timeout <= MOST_SECONDS:
        raise ToolError(f"`timeout` is more than 0 and at most {MOST_SECONDS:g} seconds.")
    # A command may change what it likes, so it runs only where files may be changed.
    files.place("smolterm-shell", write=True)
    return run(command, Path.cwd(), timeout, input.encode(errors="replace"))


@tool(effect="read")
def which_program(name: str) -> str | None:
    """Tell where a program lies; None where it is not installed.

    Args:
        name: such as "python3", without a folder.
    """
    if not re.fullmatch(r"[\w.+-]{1,100}", name):
        raise ToolError(f"{name[:100]!r} is no name of a program.")
    return shutil.which(name)
