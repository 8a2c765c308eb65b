"""The doors of a native pack, in its own process."""

from __future__ import annotations

from collections.abc import Callable

from smolterm.pack.bridge import _bind
from smolterm.packs.doors import Doors
from smolterm.packs.doors.grant import Grant
from smolterm.packs.notice import PackNotice


def bind(
    grant: Grant,
    on_denied: Callable[[str], None] | None = None,
    on_notice: Callable[[PackNotice], None] | None = None,
) -> Doors:
    """Answer `smolterm.pack` in this process; for the host, before the pack is imported.

    `secrets[...]` gives the secret itself here, because a native pack opens sockets of its own.
    """
    doors = Doors(grant, on_denied=on_denied, on_notice=on_notice, native=True)
    _bind(doors.call)
    return doors
