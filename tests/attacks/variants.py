"""Sandboxes with a layer of the wall taken away: small named edits of copies of the real files.

An attack that the sandbox stops proves little while nobody has seen it work. Here each layer can be
removed; an edit whose text is not found fails, so that a change of the sandbox cannot make it void.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec

from smolterm.sandbox import interpreter, prepare, wall
from smolterm.sandbox.assets import set_up
from smolterm.sandbox.deno import Sandbox

# Layer -> (file, text, replacement), anchored on short pieces. A layer may need several.
EDITS: dict[str, list[tuple[str, str, str]]] = {
    # The worker may do what its process may.
    "permissions": [("broker.ts", '{ permissions: "none" }', '{ permissions: "inherit" }')],
    # Deno's and the browser's functions stay, the former under names that Pyodide does not know.
    "scrubbing": [
        ("scrub.ts", 'for (const name of ["Deno"',
         "scope._process = scope.process, scope._Deno = scope.Deno, scope._fetch = scope.fetch;\n"
         'for (const name of ["Deno"'),
        ("scrub.ts", "if (KEPT.has(name)) continue;", "continue;"),
    ],
    # Python finds the modules of JavaScript's objects.
    "hidden": [
        ("boot.ts", "jsglobals: Object.create(null)", "jsglobals: globalThis"),
        ("prelude.py", "importhook.unregister_js_module(name)", "pass"),
        ("prelude.py", "del sys.modules[name]", "pass"),
        ("prelude.py", 'sys.modules["pyodide_js._api"] = stand_in', "pass"),
    ],
    # Python reads the attributes of JavaScript's objects, and loads any WebAssembly.
    "objects": [
        ("guard.ts", "if (closed && ", "if (false && "),
        ("guard.ts", "if (!closed || ", "if (true || "),
    ],
    # Questions that come when no cell runs are passed on as the last cell's.
    "late questions": [
        ("broker.ts", "let cell: Cell | null = null;", "let cell: Cell | null = null, last: Cell;"),
        ("broker.ts", "\n  cell = null;\n", "\n  last = cell, cell = null;\n"),
        ("broker.ts", "if (cell === null || !began) {", "cell ??= last;\n  if (false) {"),
    ],
    # What a cell left behind may hold up the next one.
    "turn": [("broker.ts", "}, PATIENCE);", "}, 1e9);")],
    # What was printed when no cell ran is printed by the next one.
    "late output": [
        ("broker.ts", "while (!began && ring", "while (false && ring"),
        ("broker.ts", "if (cell !== null && began) printed", "if (cell !== null) printed"),
    ],
    # Terminals, and addresses for the names of hosts.
    "rest": [("disk.ts", "  limitRest(python);\n", "  void limitRest;\n")],
    # Few files are many: making 100,000 takes seconds.
    "many files": [("disk.ts", "const MOST_FILES = 100_000;", "const MOST_FILES = 2_000;")],
}  # fmt: skip

# Written into Python's heap by the snapshot, so that their edit needs a start without one.
_IN_SNAPSHOT = ("hidden",)


def _allow_all(argv: list[str]) -> list[str]:
    denied = ("--deny-", "--allow-", "--no-remote", "--cached-only", "--no-npm")
    kept = [word for word in argv if not word.startswith(denied)]
    at = kept.index("run") + 1
    return [*kept[:at], "--allow-all", *kept[at:]]


def _allow_code(argv: list[str]) -> list[str]:
    changed = [word.replace("--disallow-code-generation-from-strings,", "") for word in argv]
    assert changed != argv
    return changed


def _unstable(argv: list[str]) -> list[str]:
    at = argv.index("run") + 1
    return [*argv[:at], "--unstable-net", "--unstable-kv", *argv[at:]]


FLAGS: dict[str, Callable[[list[str]], list[str]]] = {
    "permissions": _allow_all,
    "no code from strings": _allow_code,
    "scrubbing": _unstable,
}

LAYERS = frozenset(EDITS.keys() | FLAGS.keys() | {"environment", "system"})

# Everything between Python and a function that runs JavaScript from a string.
JAVASCRIPT = ("hidden", "objects", "no code from strings", "scrubbing")


def _edited(layers: Sequence[str], folder: Path) -> Path:
    """Return a folder with copies of the sandbox's files without these layers."""
    for path in wall.HERE.iterdir():
        if path.is_file():
            shutil.copy(path, folder)
    for layer in layers:
        for name, old, new in EDITS.get(layer, []):
            path = folder / name
            text = path.read_text()
            assert old in text, f"{name} has changed: '{layer}' needs a new anchor than {old!r}."
            path.write_text(text.replace(old, new))
    return folder


@contextlib.contextmanager
def without(
    layers: Sequence[str], folder: Path, *, many: bool = False
) -> Iterator[Callable[..., Sandbox]]:
    """Gives what makes sandboxes without these layers; they must start in here.

    Where many start, they start from a snapshot of their own, in a third of the time.
    """
    assert set(layers) <= LAYERS, f"No such layer: {set(layers) - LAYERS}"
    real, given = wall.command, wall.environment
    assets = asyncio.run(set_up())
    edits = any(EDITS.get(layer) for layer in layers)
    if any(layer in _IN_SNAPSHOT for layer in layers):
        assets = msgspec.structs.replace(assets, snapshot=None)

    def command(*args: Any, **kwargs: Any) -> list[str]:
        argv = real(*args, **kwargs)
        for layer in layers:
            argv = FLAGS.get(layer, list)(argv)
        return argv

    with contextlib.ExitStack() as changes:
        change = changes.enter_context
        if edits:
            change(mock.patch.object(wall, "HERE", _edited(layers, folder)))
            preludes = tuple(
                folder / path.name if (folder / path.name).exists() else path
                for path in wall.PRELUDES
            )
            change(mock.patch.object(wall, "PRELUDES", preludes))
            # Deno compiles the copies, and wants to keep what it made of them.
            shutil.copytree(assets.deno_dir, folder / "deno")
            for path in (folder / "deno").rglob("*"):
                path.chmod(0o700)
            assets = msgspec.structs.replace(assets, deno_dir=folder / "deno")
        change(mock.patch.object(interpreter, "command", command))
        if "environment" in layers:
            change(mock.patch.object(
                interpreter, "environment", lambda assets: {**os.environ, **given(assets)}
            ))  # fmt: skip
        # The system's wall lets nobody write there.
        if edits or "system" in layers:
            change(mock.patch.object(wall, "system_wall", lambda deno: "none"))
        if many and assets.snapshot is None:
            taken = folder / "snapshot"
            taken.write_bytes(asyncio.run(prepare.take_snapshot(assets)))
            assets = msgspec.structs.replace(assets, snapshot=taken)
        yield lambda **options: Sandbox(assets=assets, **options)
