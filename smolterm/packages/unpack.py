"""Putting a wheel into a folder. Runs inside the sandbox, and on the host to judge a wheel.

The standard library alone, and nothing of ours: its text is handed to the sandbox as it is. No
member is written before all of them have been judged, and nothing of a wheel is ever run here.
"""

from __future__ import annotations

import csv
import importlib
import io
import os
import re
import stat
import sys
import zipfile
from collections.abc import Iterable

SITE = "/lib/python3.14/site-packages"
LIBRARIES = "/usr/lib"
MOST_FILES = 50_000
MOST_BYTES = 1 << 30
"""Unpacked. A zip of a few kilobytes can hold terabytes."""
_LIBRARY = re.compile(r"\.so(\.\d+)*$")
_FOREIGN = re.compile(r"\.(cpython|pypy|jython)-\d+\w*-(?!wasm32)[\w-]*\.so$")


class BadWheel(ValueError):
    """A wheel that would write elsewhere, or is none."""


def members(
    archive: zipfile.ZipFile, kind: str = "package"
) -> list[tuple[zipfile.ZipInfo, str, str]]:
    """Return [(member, scheme, path)] of everything that a wheel wants to have written.

    Args:
        kind: "package", or "shared_library" for an archive of libraries that others link to.

    Returns:
        `scheme` is "site", "data" or "library"; `path` is relative to that folder.

    Raises:
        BadWheel: a path leaves its folder, a member is a link, twice there, or there is too much.
    """
    found: list[tuple[zipfile.ZipInfo, str, str]] = []
    seen: set[tuple[str, str]] = set()
    size = 0
    infos = archive.infolist()
    if len(infos) > MOST_FILES:
        raise BadWheel(f"it has {len(infos)} files")
    for info in infos:
        name = info.filename
        parts = name.rstrip("/").split("/")
        # The name as stored: zipfile itself cuts it at a NUL and mends what Windows wrote.
        if "\0" in info.orig_filename or "\\" in info.orig_filename:
            raise BadWheel(f"{name!r} is no path")
        if name.startswith("/") or ":" in parts[0] or {"", ".", ".."} & set(parts):
            raise BadWheel(f"{name!r} leads out of its folder")
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise BadWheel(f"{name!r} is a link or a device")
        if info.flag_bits & 1:
            raise BadWheel(f"{name!r} is encrypted")
        if info.is_dir():
            continue
        size += info.file_size
        if size > MOST_BYTES:
            raise BadWheel(f"it unpacks to more than {MOST_BYTES >> 20} MB")
        placed = ("library", name) if kind == "shared_library" else _placed(parts)
        if placed is None:
            continue
        if placed in seen:
            raise BadWheel(f"{name!r} is there twice")
        seen.add(placed)
        found.append((info, *placed))
    files = {path for _, _, path in found}
    for _, _, path in found:
        above = path.rpartition("/")[0]
        while above:
            if above in files:
                raise BadWheel(f"{above!r} is a file and a folder")
            above = above.rpartition("/")[0]
    if kind != "shared_library" and not any(
        path.count("/") == 1 and path.endswith(".dist-info/METADATA") for path in files
    ):
        raise BadWheel("it has no METADATA")
    return found


def _placed(parts: list[str]) -> tuple[str, str] | None:
    """Return where a member of a wheel belongs; None for what has no use in a sandbox."""
    if not parts[0].endswith(".data"):
        return "site", "/".join(parts)
    if len(parts) < 3:
        return None
    inner = "/".join(parts[2:])
    if parts[1] in ("purelib", "platlib"):
        return "site", inner
    # Scripts have nobody to start them, headers no compiler to read them.
    return ("data", inner) if parts[1] == "data" else None


def import_names(paths: Iterable[str]) -> list[str]:
    """Return the top-level names that can be imported from these paths below site-packages."""
    names = set()
    for path in paths:
        top, _, rest = path.partition("/")
        if top.endswith((".dist-info", ".data")) or top == "__pycache__":
            continue
        if not rest:
            if not top.endswith((".py", ".so")) or _FOREIGN.search(top):
                continue
            top = top.split(".")[0]
        elif not rest.endswith((".py", ".so")):
            continue
        if top.isidentifier():
            names.add(top)
    return sorted(names)


def libraries(paths: Iterable[str]) -> list[str]:
    """Return those of the paths that are native code of this platform."""
    return [path for path in paths if _LIBRARY.search(path) and not _FOREIGN.search(path)]


def unpack(
    data: bytes,
    kind: str = "package",
    site: str = SITE,
    prefix: str | None = None,
    library: str = LIBRARIES,
) -> tuple[list[str], list[str]]:
    """Unpack a wheel, or an archive of shared libraries, and return (names, natives).

    Args:
        data: the bytes of the archive.
        kind: see `members`.
        site, prefix, library: where packages, data files and shared libraries go.

    Returns:
        The top-level names that can now be imported, and the paths of native code, which
        `load_native` can load at once.

    Raises:
        BadWheel: see `members`; nothing was written then. Also when a member is damaged.
        OSError: the disk is full.
    """
    folders = {"site": site, "data": prefix or sys.prefix, "library": library}
    made: set[str] = set()
    written: list[tuple[str, str, str]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info, scheme, path in members(archive, kind):
                content = archive.read(info)
                if path.endswith(".dist-info/RECORD"):
                    content = _record(content, site, folders["data"])
                full = f"{folders[scheme].rstrip('/')}/{path}"
                folder = full.rpartition("/")[0]
                if folder not in made:
                    os.makedirs(folder, exist_ok=True)  # noqa: PTH103  pathlib is slower here
                    made.add(folder)
                with open(full, "wb", buffering=0) as file:  # noqa: PTH123
                    file.write(content)
                written.append((scheme, path, full))
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError) as error:
        raise BadWheel(str(error)) from None
    if kind != "shared_library" and site not in sys.path:
        sys.path.append(site)
    importlib.invalidate_caches()
    # Data files hold no modules; what is native in them is still found by its full path.
    names = import_names(path for scheme, path, _ in written if scheme == "site")
    return names, libraries([full for _, _, full in written])


def _record(content: bytes, site: str, prefix: str) -> bytes:
    """Return RECORD with the paths at which the files of a `.data` folder really are."""
    if b".data/" not in content:
        return content
    rows = []
    for row in csv.reader(io.StringIO(content.decode("utf-8", "replace"))):
        placed = _placed(row[0].split("/")) if row else None
        if placed is None:
            continue
        scheme, path = placed
        if scheme == "data":
            path = os.path.relpath(f"{prefix}/{path}", site)
        rows.append([path, *row[1:]])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def load_native(paths: Iterable[str], shared: bool = False) -> dict[str, str]:
    """Load native code now, so that a checkpoint made after it holds.

    Args:
        shared: its symbols are for others to link to, as a "shared_library" archive's are.

    Returns:
        {path: why} of those that cannot be loaded yet, such as one that needs another package.
    """
    import _ctypes

    mode = 2 | (256 if shared else 0)  # RTLD_NOW, RTLD_GLOBAL in Emscripten
    failed: dict[str, str] = {}
    left = list(paths)
    # Libraries may need each other, in any order: go round as long as one more loads.
    while left:
        again = []
        for path in left:
            try:
                _ctypes.dlopen(path, mode)
                failed.pop(path, None)
            except OSError as error:
                failed[path] = str(error)
                again.append(path)
        if len(again) == len(left):
            break
        left = again
    return failed
