"""The person's own editor and pager, with the app's terminal to themselves."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import Any

from textual.app import App, SuspendNotSupported

from smolterm.external import Edited, Ended, borrowed, command, edit, page, to_its_end

__all__ = ["Edited", "command", "edit_text", "open_pager", "run_on_terminal"]


async def edit_text(app: App[Any], text: str, suffix: str = ".py") -> Edited:
    """Let the person change a text in $VISUAL or $EDITOR.

    The app goes on meanwhile, but draws nothing and reads no key.

    Args:
        suffix: of the file's name, by which editors know the language.
    """
    return await edit(text, suffix, partial(_run, app))


async def open_pager(app: App[Any], text: str, name: str = "output.txt") -> str:
    """Show a text in $PAGER, without what a terminal would obey; say why it could not be shown.

    Args:
        name: what the file is called; its folders and odd characters are dropped.
    """
    return await page(text, name, partial(_run, app))


async def run_on_terminal(app: App[Any], argv: list[str]) -> str:
    """Give a command of the person's own the terminal; say why it could not have it."""
    return (await _run(app, argv)).problem


async def _run(app: App[Any], argv: list[str]) -> Ended:
    """Run a command on the app's terminal, to its end, and give the terminal back as it was."""
    try:
        with ExitStack() as stack:
            if app.is_headless:
                terminal = None
            else:
                # Nothing may be drawn meanwhile: the thread that writes has been stopped.
                stack.enter_context(app.batch_update())
                stack.enter_context(app.suspend())
                terminal = stack.enter_context(borrowed())
            return await to_its_end(argv, terminal)
    except SuspendNotSupported:
        return Ended(1, "only a real terminal can show it, not a browser")
