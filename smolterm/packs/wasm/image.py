"""The image that every instance starts from: what it is made of, and how an engine runs it."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import smolterm
from smolterm.errors import PackError

if TYPE_CHECKING:
    from wasmtime import Engine
    from wasmtime.component import Component

FILE = "pack.cwasm"
DIGEST = "pack.sha256"
WORLD = "tool-pack"
APP = "guest_app"
ENTRY = "from smolterm.packs.wasm.guest.app import WitWorld as WitWorld\n"
"""The module that componentize-py starts from."""
BAKED = ("errors.py", "pack", "sandbox/values.py", "packs/wasm/guest")
"""What of smolterm is inside, besides empty packages around it."""
WASI = "0.2.9"
"""The version of WASI's interfaces that componentize-py builds against."""
IMPORTS = frozenset(
    f"wasi:{name}@{WASI}"
    for name in (
        "io/error", "io/poll", "io/streams", "clocks/monotonic-clock", "clocks/wall-clock",
        "random/random", "cli/environment", "cli/exit", "cli/stderr", "cli/stdin", "cli/stdout",
        "cli/terminal-input", "cli/terminal-output", "cli/terminal-stderr", "cli/terminal-stdin",
        "cli/terminal-stdout", "filesystem/preopens", "filesystem/types",
        "sockets/instance-network", "sockets/ip-name-lookup", "sockets/network", "sockets/tcp",
        "sockets/tcp-create-socket", "sockets/udp", "sockets/udp-create-socket",
    )
) | {"call"}  # fmt: skip
"""All that an image may import. The ways into the network among them lead nowhere; see
`Instance`, which replaces them by these names, so that another version must not slip by."""
MADE_BY = ("componentize-py", "wasmtime")
_ROOT = Path(smolterm.__file__).parent


def engine() -> Engine:
    """Return an engine of its own: its epoch stops what runs in it and nothing else."""
    from wasmtime import Config, Engine

    config = Config()
    config.epoch_interruption = True
    # The image is mapped, and of its memory only what an instance writes is its own.
    config.memory_init_cow = True
    return Engine(config)


def check(component: Component, engine: Engine) -> None:
    """Refuse an image that could reach what nobody looked at.

    Raises:
        ValueError: it imports something else than we know.
    """
    names = set(component.type.imports(engine))
    if names != IMPORTS:
        other = ", ".join(sorted(names ^ IMPORTS))
        raise ValueError(f"The image does not import what it should: {other}.")


def sources() -> dict[str, bytes]:
    """Return the files that are baked, by their path below `smolterm`."""
    found: dict[str, bytes] = {}
    for name in BAKED:
        path = _ROOT / name
        files = (
            [path] if path.is_file() else sorted(path.rglob("*.py")) + sorted(path.rglob("*.wit"))
        )
        found |= {str(file.relative_to(_ROOT).as_posix()): file.read_bytes() for file in files}
    return found


def lay_out(folder: Path) -> None:
    """Write the program that is baked."""
    for name, raw in sources().items():
        path = folder / "smolterm" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    for package in [folder / "smolterm", *(folder / "smolterm").rglob("*")]:
        # Ours import what is not inside; a package needs no more than to be there.
        if package.is_dir() and not (package / "__init__.py").exists():
            (package / "__init__.py").touch()
    (folder / f"{APP}.py").write_text(ENTRY)


@functools.cache
def key() -> str:
    """Return what the image depends on, as a short name.

    Raises:
        PackError: a package that makes it is not installed.
    """
    digest = hashlib.sha256()
    for name, raw in sources().items():
        digest.update(f"{name}\0{len(raw)}\0".encode() + raw)
    for name in MADE_BY:
        try:
            digest.update(f"{name} {importlib.metadata.version(name)}\0".encode())
        except importlib.metadata.PackageNotFoundError:
            raise PackError(
                f"{name}, which makes the image for tool packs, is not installed.",
                next="Reinstall smolterm.",
            ) from None
    digest.update(f"{platform.system()} {platform.machine()} {_features()}".encode())
    return digest.hexdigest()[:16]


def folder(cache: Path) -> Path:
    """Return where the image of this version, on this machine, lies."""
    return cache / "wasm" / f"image-{key()}"


def sha256(path: Path) -> str:
    """Return the digest of a file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(where: Path) -> bool:
    """Whether the image was made to its end and is what was made."""
    try:
        return sha256(where / FILE) == (where / DIGEST).read_text()
    except (OSError, UnicodeDecodeError):
        return False


def _features() -> str:
    """Return what tells one processor from another; code made for one may not run on the other."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor()
    told = [line for line in lines if line.startswith(("flags", "Features", "isa"))]
    return " ".join(sorted(set(told[0].split()))) if told else ""
