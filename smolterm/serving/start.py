"""Starting the server and ending it, with nothing left behind."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress

from smolterm.errors import MissingExtra, UsageError
from smolterm.printable import printable
from smolterm.process import run_to_exit
from smolterm.serving.door import Door

SECONDS_TO_CLOSE = 10.0
_HELLO = """\
Open that in a browser on this machine. Who has the address can do all that you can: keep it.
Each page is a session of its own; it ends with its page, and all end with ctrl+c here.
"""


def run_server(argv: Sequence[str], *, port: int, opens: bool = False) -> int:
    """Serve until a signal ends it, and return the exit code.

    Args:
        argv: the flags of every session.
        port: 0 for any that is free.
        opens: open the person's browser too.

    Raises:
        MissingExtra: textual-serve is not installed.
        UsageError: the port is taken.
    """
    for name in ("aiohttp", "textual_serve"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtra(
                f"The screen in a browser needs {name}, which is not installed.",
                next="pip install 'smolterm[serve]'",
            )
    try:
        # No name, which may lead elsewhere.
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be had: {error.strerror}.", next="Leave --port out for a free one."
        ) from None
    with listener:
        return run_to_exit(_serve(argv, listener, opens=opens))


async def _serve(argv: Sequence[str], listener: socket.socket, *, opens: bool) -> int:
    from aiohttp import web

    from smolterm.serving.browser import opened
    from smolterm.serving.server import Server

    door = Door(listener.getsockname()[1])
    # -P: what lies in the current folder is no module of ours.
    command = [sys.executable, "-P", "-m", "smolterm.serving.inside", *argv]
    server = Server(command, door, _say)
    # No log of requests: the token stands in one of them.
    runner = web.AppRunner(server.app(), access_log=None, shutdown_timeout=SECONDS_TO_CLOSE)
    await runner.setup()
    try:
        await web.SockSite(runner, listener).start()
        sys.stdout.write(f"{door.address}\n")
        sys.stdout.flush()
        _say(_HELLO)
        async with opened(door.address if opens else "", _say):
            await asyncio.Event().wait()
    finally:
        await server.end()
        await runner.cleanup()
    return 0


def _say(text: str) -> None:
    """Talk to whoever started the server, if their terminal is still there."""
    with suppress(OSError, ValueError):
        sys.stderr.write(printable(text))
        sys.stderr.flush()
