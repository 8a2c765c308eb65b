"""Pyodide's own collection: 280 packages that were compiled for it, named with their hashes by the
lock file that comes with it, and served by its CDN."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal

import msgspec

from smolterm.errors import SetupFailed
from smolterm.packages import Item

LOCK = "pyodide-lock.json"
LOCKS = {"314.0.7": "5dc2fc119108bc148c7457dc86e7675b5c87e1cafd420b9c34c1eaef7b36c010"}
_BASE = re.compile(r"packageBaseUrl\?\?`(https://[^`]+)`")


class Info(msgspec.Struct):
    abi_version: str
    arch: str
    platform: str
    python: str


class _Package(msgspec.Struct):
    name: str
    version: str
    file_name: str
    sha256: str
    package_type: Literal["package", "shared_library"]
    imports: list[str]
    depends: list[str]


class _Lock(msgspec.Struct):
    info: Info
    packages: dict[str, _Package]


class Collection:
    """What the lock file says, and where its files are served."""

    def __init__(self, lock: bytes, *, base_url: str = "") -> None:
        read = msgspec.json.decode(lock, type=_Lock)
        self.info = read.info
        self.base_url = base_url if base_url.endswith("/") else base_url + "/"
        # Tests were cut out of their packages and are of no use here.
        self._packages = {
            normal(name): package
            for name, package in read.packages.items()
            if package.file_name.endswith(".whl") or package.package_type == "shared_library"
        }

    @cached_property
    def markers(self) -> dict[str, str]:
        """The environment in which requirements hold or not, as PEP 508 names it."""
        full = self.info.python
        return {
            "implementation_name": "cpython",
            "implementation_version": full,
            "os_name": "posix",
            "platform_machine": self.info.arch,
            "platform_python_implementation": "CPython",
            "platform_release": self.info.platform.removeprefix("emscripten_").replace("_", "."),
            "platform_system": "Emscripten",
            "platform_version": "#1",
            "python_full_version": full,
            "python_version": ".".join(full.split(".")[:2]),
            "sys_platform": "emscripten",
        }

    @property
    def platforms(self) -> tuple[str, ...]:
        """Platform tags that fit, best first."""
        abi, arch = self.info.abi_version, self.info.arch
        return f"pyemscripten_{abi}_{arch}", f"pyodide_{abi}_{arch}"

    @cached_property
    def providers(self) -> Mapping[str, str]:
        """The package that a top-level module is in, by the module's name."""
        return {module: name for name, p in self._packages.items() for module in p.imports}

    def item(self, name: str) -> Item | None:
        found = self._packages.get(name)
        if found is None:
            return None
        return Item(
            name=name,
            version=found.version,
            filename=found.file_name,
            sha256=found.sha256,
            kind=found.package_type,
            origin="pyodide",
            needs=tuple(normal(other) for other in found.depends),
            imports=tuple(found.imports),
        )

    def items(self) -> Iterable[Item]:
        return (item for name in self._packages if (item := self.item(name)) is not None)

    def closure(self, names: Iterable[str]) -> list[Item]:
        """Return these packages and everything they need, each before what needs it.

        Raises:
            KeyError: one of them is not in the collection.
        """
        done: dict[str, Item] = {}
        open_names: set[str] = set()

        def visit(name: str) -> None:
            if name in done or name in open_names:
                return
            open_names.add(name)
            item = self.item(name)
            if item is None:
                raise KeyError(name)
            for other in item.needs:
                visit(other)
            done[name] = item

        for name in names:
            visit(name)
        return list(done.values())

    def url(self, item: Item) -> str:
        return self.base_url + item.filename


def read_collection(pyodide: Path, version: str) -> Collection:
    """Read the lock file beside a verified Pyodide; its files are where that would look for them.

    Raises:
        SetupFailed: the lock file is damaged.
    """
    try:
        lock = (pyodide / LOCK).read_bytes()
        if hashlib.sha256(lock).hexdigest() != LOCKS[version]:
            raise ValueError
        loader = (pyodide / "pyodide.mjs").read_text(encoding="utf-8")
        return Collection(lock, base_url=cdn_of(loader, version))
    except (OSError, ValueError, KeyError, msgspec.DecodeError):
        raise SetupFailed(
            f"The list of packages that came with Pyodide {version} is damaged.",
            kept="Nothing was downloaded.",
            next="Run `smolterm setup --again`.",
        ) from None


def cdn_of(source: str, version: str) -> str:
    """Return the address that Pyodide's own loader would fetch packages from."""
    found = _BASE.search(source)
    if found is None:
        return ""
    return re.sub(r"\$\{\w+\}", lambda _: version, found[1])


def normal(name: str) -> str:
    """Return a project's name as all indexes spell it."""
    return re.sub(r"[-_.]+", "-", name).lower()
