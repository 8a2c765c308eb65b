"""The files that a sandbox starts from: Deno's binary, Pyodide, and a compiled standard library.

Deno's own client fetches Pyodide once, against the committed lock, into a folder of smolterm's in
the user's cache. Every start verifies the SHA-256 of what it is about to run, and needs no network.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from smolterm.errors import NoDeno, SetupFailed
from smolterm.spawn import plain_environment
from smolterm.store import cache_folder as cache_folder

HERE = Path(__file__).parent
FETCH_SECONDS = 900
FOR_FETCHING = (
    "ALL_PROXY", "DENO_CERT", "DENO_TLS_CA_STORE", "HTTPS_PROXY", "HTTP_PROXY",
    "NODE_EXTRA_CA_CERTS", "NO_PROXY", "NPM_CONFIG_REGISTRY", "SSL_CERT_DIR", "SSL_CERT_FILE",
    "all_proxy", "http_proxy", "https_proxy", "no_proxy",
)  # fmt: skip

_FINDING = threading.Lock()

Progress = Callable[[str, float | None], None]
"""Told what happens and how far it is, 0 to 1; None where that cannot be known."""


class Pinned(msgspec.Struct, frozen=True):
    """The committed version of Pyodide and the SHA-256 of each of its files that is used."""

    version: str
    files: dict[str, str]


class Assets(msgspec.Struct, frozen=True, kw_only=True):
    """Paths of everything that a start needs, verified."""

    deno: str
    pyodide: Path
    stdlib: Path
    import_map: Path
    deno_dir: Path
    """Read-only: filled once, and nothing is cached while user code runs."""
    snapshot: Path | None
    """Memory with Python started and the driver in it; None: start from nothing."""

    @property
    def wasm(self) -> Path:
        return self.pyodide / "pyodide.asm.wasm"


def pinned() -> Pinned:
    return msgspec.json.decode((HERE / "pyodide.json").read_bytes(), type=Pinned)


def find_deno() -> str:
    """Return Deno's binary: `SMOLTERM_DENO`, or the one of the PyPI package.

    Raises:
        NoDeno: there is none.
    """
    if set_to := os.environ.get("SMOLTERM_DENO"):
        if not os.access(set_to, os.X_OK):
            raise NoDeno(f"SMOLTERM_DENO names {set_to}, which cannot be run.", next="Unset it.")
        return set_to
    with contextlib.suppress(ImportError, FileNotFoundError):
        import deno

        # It reads sysconfig, whose first use is not safe in two threads at once.
        with _FINDING:
            found = str(deno.find_deno_bin())
        if os.access(found, os.X_OK):
            return found
    # Never from PATH: the version there is not known to hold.
    raise NoDeno(
        "Deno, which runs the sandbox, is not installed.",
        kept="Nothing ran.",
        next="Install it: pip install 'deno>=2.9.8,<3'.",
    )


def find_assets(cache: Path | None = None) -> Assets | None:
    """Return verified assets, or None where they must be set up first.

    Raises:
        NoDeno: the runtime is missing.
    """
    cache = cache or cache_folder()
    deno = find_deno()
    pin = pinned()
    pyodide = _fetched(cache, pin.version)
    # They import this.
    from smolterm.sandbox.prepare import is_intact, note_use, start_folder, stdlib_folder

    stdlib, start = stdlib_folder(cache, pin), start_folder(cache, pin, deno)
    if pyodide is None or not is_intact(stdlib) or not is_intact(start):
        return None
    try:
        for name, digest in pin.files.items():
            if name != "python_stdlib.zip" and sha256(pyodide / name) != digest:
                return None
    except OSError:
        return None
    note_use(start)
    return assets_in(deno, pyodide, stdlib, start)


async def set_up(progress: Progress | None = None, cache: Path | None = None) -> Assets:
    """Return assets, fetching and compiling what is missing or damaged.

    Raises:
        NoDeno: the runtime is missing.
        SetupFailed: no network, a broken lock, a full disk.
    """
    cache = cache or cache_folder()
    found = await asyncio.to_thread(find_assets, cache)
    if found is not None:
        return found
    from smolterm.sandbox.prepare import prepare, stdlib_folder

    tell = progress or (lambda text, fraction: None)
    deno = find_deno()
    pin = pinned()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        pyodide = await _fetch(deno, cache, pin, tell)
        start = await prepare(deno, cache, pin, pyodide, tell)
    except OSError as error:
        raise SetupFailed(
            f"The sandbox could not be prepared in {cache}: {error.strerror or error}.",
            kept="Nothing else was changed.",
            next="Free space there, or set SMOLTERM_CACHE to another folder.",
        ) from None
    tell("The sandbox is ready", 1.0)
    return assets_in(deno, pyodide, stdlib_folder(cache, pin), start)


def assets_in(deno: str, pyodide: Path, stdlib: Path, start: Path) -> Assets:
    """Return the assets whose made parts lie in these folders."""
    return Assets(
        deno=deno,
        pyodide=pyodide,
        stdlib=stdlib / "stdlib.zip",
        import_map=start / "imports.json",
        deno_dir=start / "deno",
        snapshot=start / "snapshot",
    )


def _fetched(cache: Path, version: str) -> Path | None:
    """Return the folder of Pyodide in Deno's cache; its parent is named after the registry."""
    found = sorted((cache / "deno" / "npm").glob(f"*/pyodide/{version}"))
    return found[0] if found else None


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(pyodide: Path, pin: Pinned) -> str | None:
    for name, digest in pin.files.items():
        try:
            if sha256(pyodide / name) != digest:
                return name
        except OSError:
            return name
    return None


async def _fetch(deno: str, cache: Path, pin: Pinned, tell: Progress) -> Path:
    found = _fetched(cache, pin.version)
    if found is not None and _damaged(found, pin) is None:
        return found
    if found is not None:
        tell("Pyodide in the cache is damaged; fetching it again", None)
        # The whole cache: what else is in it is no more to be trusted.
        await asyncio.to_thread(shutil.rmtree, cache / "deno", True)
    tell("Fetching Pyodide (about 6 MB, once)", 0.0)
    await _run_deno_install(deno, cache)
    found = _fetched(cache, pin.version)
    broken = "its files" if found is None else _damaged(found, pin)
    if found is None or broken is not None:
        raise SetupFailed(
            f"What was fetched as Pyodide {pin.version} is not it: {broken} differs.",
            kept="It was not run.",
            next="Reinstall smolterm; if that does not help, report it.",
        )
    tell("Pyodide is verified", 0.4)
    return found


async def _run_deno_install(deno: str, cache: Path) -> None:
    environment = plain_environment(DENO_DIR=str(cache / "deno"), DENO_NO_UPDATE_CHECK="1",
                                    DENO_TLS_CA_STORE="mozilla,system", NO_COLOR="1")  # fmt: skip
    environment |= {name: os.environ[name] for name in FOR_FETCHING if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        deno, "install", "--frozen", f"--config={HERE / 'deno.json'}",
        f"--lock={HERE / 'deno.lock'}", "--entrypoint", str(HERE / "worker.ts"),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        cwd=cache, env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(FETCH_SECONDS):
            _, errors = await process.communicate()
    except TimeoutError:
        raise SetupFailed(
            f"Fetching Pyodide took longer than {FETCH_SECONDS // 60} minutes.",
            kept="Nothing was installed.", next="Try again with `smolterm setup`.",
        ) from None  # fmt: skip
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise _explained(errors.decode(errors="replace"))


def _explained(errors: str) -> SetupFailed:
    """Turn what Deno printed into what a person can do about it."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    # The first line says what could not be done, a later one why.
    causes = [line for line in lines if "rror sending" in line or "onnect" in line]
    said = next((line for line in causes or lines if "rror" in line), "")
    said = said or (lines[-1] if lines else "Deno gave no reason.")
    said = "".join(c for c in said if c.isprintable())[:300]
    low = errors.lower()
    if "certificate" in low:
        return SetupFailed(
            f"The package registry's certificate is not trusted. {lines[-1][:200]}",
            kept="Nothing was installed.",
            next="Behind a proxy that inspects traffic, set DENO_CERT to its CA file.",
        )
    if "integrity" in low or "checksum" in low:
        return SetupFailed(
            f"Pyodide's checksum is not the one of the lock file. {said}",
            kept="It was not installed.",
            next="Reinstall smolterm; if that does not help, somebody altered the package.",
        )
    if "lock" in low and "network" not in low and "sending request" not in low:
        return SetupFailed(
            f"The lock file {HERE / 'deno.lock'} cannot be used. {said}",
            kept="Nothing was installed.",
            next="Reinstall smolterm.",
        )
    return SetupFailed(
        f"Pyodide could not be fetched. {said}",
        kept="Nothing was installed.",
        next="It needs the network once: connect and run `smolterm setup`. Behind a proxy, set "
        "HTTPS_PROXY.",
    )
