"""What one pack may use: the manifest's wishes, as far as the person granted them."""

from __future__ import annotations

import msgspec


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Handed to the pack's process over its standard input; nothing is allowed by default."""

    pack: str
    hosts: tuple[str, ...] = ()
    """As in `hosts.py`, the settings' values in the place of their names."""
    folder: str | None = None
    """An absolute path; None when the person granted none."""
    read: tuple[str, ...] = ()
    """Globs below the folder."""
    write: tuple[str, ...] = ()
    secrets: dict[str, tuple[str, ...]] = {}
    """Each secret's name with the hosts that it may be sent to."""
    secret_values: dict[str, str] = {}
    """Never shown: neither by `repr` nor in any error."""
    env: dict[str, str] = {}
    settings: dict[str, str] = {}
    packages: tuple[str, ...] = ()

    def __repr__(self) -> str:
        known = ", ".join(sorted(self.secret_values)) or "none"
        return f"Grant(pack={self.pack!r}, hosts={self.hosts!r}, secrets known: {known})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        return [("pack", self.pack), ("hosts", self.hosts)]
