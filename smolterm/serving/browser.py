"""The person's own browser, opened without the token on any command line.

Other users of the machine may read command lines. So the browser is given a file that only its
owner may read, and that leads on.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import webbrowser
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from smolterm.threads import in_daemon_thread

_NONE = "No browser can be opened from here: open the address yourself.\n"
_LEAD = """\
<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0;url={address}"><title>smolterm</title>
"""


@asynccontextmanager
async def opened(address: str, say: Callable[[str], None]) -> AsyncIterator[None]:
    """Open the browser on an address, if one is given; what leads it there is gone in the end."""
    if not address:
        yield
        return
    with tempfile.TemporaryDirectory(prefix="smolterm-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "open.html"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(_LEAD.format(address=address))
        opening = asyncio.create_task(_open(path.as_uri(), say))
        try:
            yield
        finally:
            opening.cancel()


async def _open(uri: str, say: Callable[[str], None]) -> None:
    # Without a desktop, webbrowser would start one that draws on this terminal.
    if not has_desktop(os.environ) or not await in_daemon_thread(_try, uri):
        say(_NONE)


def has_desktop(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    names = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return platform == "darwin" or any(environ.get(name) for name in names)


def _try(uri: str) -> bool:
    try:
        return webbrowser.open(uri)
    except webbrowser.Error:
        return False
