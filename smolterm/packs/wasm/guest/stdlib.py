"""The standard library in the image: what is used often imported, the rest as packed code."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path

from smolterm.packs.wasm.guest.importing import pack_code

USED = (
    "abc", "argparse", "array", "ast", "asyncio", "base64", "binascii", "bisect", "calendar",
    "cmath", "codecs", "collections.abc", "concurrent.futures", "configparser", "contextlib",
    "contextvars", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "email.message",
    "email.parser", "email.policy", "email.utils", "enum", "fnmatch", "fractions", "functools",
    "glob", "graphlib", "gzip", "hashlib", "heapq", "hmac", "html", "html.entities", "html.parser",
    "http", "http.client", "http.cookies", "importlib.metadata", "importlib.resources", "inspect",
    "io", "ipaddress", "itertools", "json", "locale", "logging", "math", "mimetypes", "numbers",
    "operator", "os", "pathlib", "pickle", "pkgutil", "platform", "posixpath", "pprint", "queue",
    "random", "re", "reprlib", "secrets", "shlex", "shutil", "sqlite3", "statistics", "string",
    "struct", "tempfile", "textwrap", "threading", "time", "timeit", "tomllib", "traceback",
    "types", "typing", "unicodedata", "unittest.mock", "urllib.error", "urllib.parse",
    "urllib.request", "uuid", "warnings", "weakref", "xml.dom.minidom", "xml.etree.ElementTree",
    "xml.sax", "zipfile", "zlib", "zoneinfo",
)  # fmt: skip
"""Imported into the image, so that an instance has them at once."""
LEFT_OUT = {
    "__pycache__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test",
    "tests", "tkinter", "turtledemo", "venv",
}  # fmt: skip


def packed(root: str) -> dict[str, bytes]:
    """Return the code by path, packed; an instance has no folder to read sources from.

    Args:
        root: what the paths are told to begin with.
    """
    place = next(Path(path) for path in sys.path if (Path(path) / "os.py").exists())
    found: dict[str, bytes] = {}
    for file in sorted(place.rglob("*.py")):
        path = file.relative_to(place)
        if not LEFT_OUT & set(path.parts):
            # Some are there to be wrong.
            with contextlib.suppress(SyntaxError, ValueError):
                code = compile(file.read_bytes(), f"{root}/{path.as_posix()}", "exec")
                found[path.as_posix()] = pack_code(code)
    return found


def import_used() -> None:
    """Import what is used often; a module that this Python lacks is left out."""
    for name in USED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
