"""The standard library in the image: what is used often imported, the rest as packed sources."""

from __future__ import annotations

import contextlib
import importlib
import sys
import zlib
from pathlib import Path

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


def packed() -> dict[str, bytes]:
    """Return the sources by path, compressed; an instance has no folder to read them from."""
    place = next(Path(path) for path in sys.path if (Path(path) / "os.py").exists())
    found = {path.relative_to(place): path for path in sorted(place.rglob("*.py"))}
    return {
        path.as_posix(): zlib.compress(file.read_bytes(), 9)
        for path, file in found.items()
        if not LEFT_OUT & set(path.parts)
    }


def import_used() -> None:
    """Import what is used often; a module that this Python lacks is left out."""
    for name in USED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
