"""What the process of the wasm packs may still do, where the system can enforce it.

WebAssembly is the wall around each pack. This is the one around that: should a pack ever break out
of its instance, it finds a process that can read no home, write nothing but what was granted and
the packs' caches, start nothing, and reach the network only if a pack was granted a host.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from smolterm import landlock
from smolterm.loader import python_rules

NAMES = (
    "/etc/gai.conf", "/etc/host.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/resolv.conf",
    "/run/resolvconf", "/run/systemd/resolve",
)  # fmt: skip
"""What looking a host up reads."""
CERTIFICATES = ("/etc/ca-certificates", "/etc/pki", "/etc/ssl")
CERTIFICATE_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
CHANGE = landlock.ALL & ~landlock.EXECUTE


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What a pack needs of its process; no secret in it."""

    network: bool = False
    folder: str | None = None
    write: bool = False

    def __or__(self, other: Reach) -> Reach:
        return Reach(
            network=self.network or other.network,
            folder=self.folder or other.folder,
            write=self.write or other.write,
        )


def confine(
    reach: Reach, image: Path, cache: Path, environ: Mapping[str, str]
) -> Callable[[], None] | None:
    """Return what confines the thread that starts the process, see `spawn`; None: nothing does.

    Args:
        image: the file that instances are made from.
        cache: the folder with the packs' caches.
        environ: the process's environment, which may say where more modules and certificates lie.
    """
    if landlock.abi() < 1:
        return None
    rules = list(_rules(reach, image, cache, environ))
    return lambda: landlock.restrict_thread(rules, network=reach.network)


def _rules(
    reach: Reach, image: Path, cache: Path, environ: Mapping[str, str]
) -> Iterator[tuple[str | Path, int]]:
    yield from python_rules()
    for path in environ.get("PYTHONPATH", "").split(os.pathsep):
        if path:
            yield path, landlock.READ
    yield image, landlock.READ_FILE
    yield cache, CHANGE
    if reach.network:
        told = [environ[name] for name in CERTIFICATE_VARIABLES if environ.get(name)]
        for path in (*NAMES, *CERTIFICATES, *told):
            yield path, landlock.READ
    if reach.folder is not None:
        yield reach.folder, CHANGE if reach.write else landlock.READ
