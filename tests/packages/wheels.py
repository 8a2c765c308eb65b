"""Wheels made on the spot, good and bad."""

from __future__ import annotations

import hashlib
import io
import stat
import zipfile
from collections.abc import Iterable, Mapping

PLATFORM = "cp314-cp314-pyemscripten_2026_0_wasm32"


def metadata(name: str, version: str, requires: Iterable[str] = ()) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    return "\n".join([*lines, *(f"Requires-Dist: {one}" for one in requires)]) + "\n"


def make_wheel(
    name: str,
    version: str = "1.0",
    files: Mapping[str, str | bytes] | None = None,
    requires: Iterable[str] = (),
    links: Mapping[str, str] | None = None,
) -> bytes:
    """Return a wheel; a module of the package's name with its version when no files are given."""
    inner = name.replace("-", "_")
    info = f"{inner}-{version}.dist-info"
    if files is None:
        files = {f"{inner}.py": f"version = {version!r}\n"}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
        for path, target in (links or {}).items():
            link = zipfile.ZipInfo(path)
            link.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(link, target)
        for path, text in {
            "METADATA": metadata(name, version, requires),
            "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "RECORD": "".join(f"{path},,\n" for path in files),
        }.items():
            archive.writestr(zipfile.ZipInfo(f"{info}/{path}"), text)
    return made.getvalue()


def filename(name: str, version: str = "1.0", tag: str = "py3-none-any") -> str:
    return f"{name.replace('-', '_')}-{version}-{tag}.whl"


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
