"""`smolterm packs new NAME`: a pack that works, with a test, for somebody to change."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from smolterm import __version__
from smolterm.errors import ExitCode, UsageError
from smolterm.packs.manifest import Kind

TEMPLATE = Path(__file__).parent / "template"
NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
LONGEST = 40
KIND_LINES = {
    "wasm": "Kind `wasm`: it runs in WebAssembly, and what it may do is enforced.",
    "native": "Kind `native`: it runs as a process of its own, and what it may do is trusted.",
}


def new_pack(name: str, *, native: bool = False, below: Path | None = None) -> int:
    """Write a pack into `smolterm-NAME`.

    Args:
        native: a process of its own instead of WebAssembly.
        below: the folder to write into; the current one by default.

    Raises:
        UsageError: the name is none for a pack, or there is something already.
    """
    name = name.removeprefix("smolterm-")
    if not NAME.fullmatch(name) or len(name) > LONGEST:
        raise UsageError(
            f"{name[:100]!a} is no name for a pack.",
            next="Use small letters and digits, words joined by -: my-pack.",
        )
    folder = (below or Path()) / f"smolterm-{name}"
    try:
        folder.mkdir()
    except FileExistsError:
        raise UsageError(
            f"{folder} is there already.", kept="Nothing was changed.", next="Choose another name."
        ) from None
    except OSError as error:
        raise UsageError(f"{folder} cannot be made: {error.strerror}.") from None
    try:
        for path, text in _files(name, "native" if native else "wasm").items():
            (folder / path).parent.mkdir(exist_ok=True)
            (folder / path).write_text(text)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise UsageError(f"{folder} cannot be written: {error.strerror}.") from None
    sys.stderr.write(
        f"{folder} holds a pack that works. Next:\n"
        f"  smolterm packs test {folder}\n"
        f"  smolterm packs add {folder}\n"
    )
    return ExitCode.OK


def _files(name: str, kind: Kind) -> dict[str, str]:
    """Return the new pack's files by path."""
    module = f"smolterm_{name.replace('-', '_')}"
    words = {
        "name": name, "module": module, "kind": kind, "kind_line": KIND_LINES[kind],
        "version": __version__,
    }  # fmt: skip
    places = {
        "pyproject.toml": "pyproject.toml.in",
        "README.md": "README.md.in",
        f"{module}/__init__.py": "init.py.in",
        f"{module}/pack.toml": "pack.toml.in",
        f"tests/test_{name.replace('-', '_')}.py": "test.py.in",
    }
    return {path: _filled((TEMPLATE / source).read_text(), words)
            for path, source in places.items()}  # fmt: skip


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: words[match[1]], text)
