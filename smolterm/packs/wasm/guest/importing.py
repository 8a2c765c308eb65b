"""Imports and data files from memory: an instance has no folder to import from."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import io
import marshal
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources.abc import Traversable, TraversableResources
from types import CodeType, ModuleType
from typing import Any

Files = Mapping[str, bytes]
"""By path below the root, with slashes."""


class MemoryFinder(importlib.abc.MetaPathFinder):
    """Finds modules, their data files and their distributions' metadata among files in memory.

    Args:
        root: what their paths are told to begin with; nothing lies there.
        code: of some of the sources, compiled by this very Python; compressed.

    Attributes:
        compiled: what had to be compiled, in that form.
    """

    def __init__(self, root: str, files: Files, code: Files | None = None) -> None:
        self.root = root
        self.files = files
        self.compiled: dict[str, bytes] = {}
        self._code = code or {}
        self._folders = {folder for path in files for folder in _parents(path)}

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        base = fullname.replace(".", "/")
        for file in (f"{base}/__init__.py", f"{base}.py"):
            if file in self.files:
                return importlib.util.spec_from_file_location(
                    fullname, f"{self.root}/{file}", loader=MemoryLoader(self, file),
                    submodule_search_locations=_within(self.root, file, base),
                )  # fmt: skip
        if base not in self._folders:
            return None
        loader = FolderLoader(self, base)
        spec = importlib.machinery.ModuleSpec(fullname, loader, is_package=True)
        spec.submodule_search_locations = [f"{self.root}/{base}"]
        return spec

    def find_distributions(
        self, context: importlib.metadata.DistributionFinder.Context
    ) -> Iterable[importlib.metadata.Distribution]:
        for folder in sorted(self._folders):
            if folder.endswith(".dist-info") and (
                context.name is None or _plain(folder.split("-")[0]) == _plain(context.name)
            ):
                yield MemoryDistribution(self, folder)

    def read(self, path: str) -> bytes:
        """Return a file by its path below the root.

        Raises:
            FileNotFoundError: there is none.
        """
        try:
            return self.files[path]
        except KeyError:
            raise FileNotFoundError(2, "No such file in the pack", path) from None

    def code(self, file: str) -> CodeType:
        """Return a source's code, compiled where that was not done before."""
        packed = self._code.get(file)
        if packed is not None:
            made: CodeType = marshal.loads(zlib.decompress(packed))  # noqa: S302 - our own
            return made
        code = compile(self.read(file), f"{self.root}/{file}", "exec", dont_inherit=True)
        self.compiled[file] = pack_code(code)
        return code

    def inside(self, path: object) -> str | None:
        """Return where a path that begins with the root lies below it; None for any other."""
        text = str(path)
        return text[len(self.root) + 1 :] if text.startswith(f"{self.root}/") else None

    def below(self, folder: str) -> list[str]:
        """Return the names in a folder."""
        start = f"{folder}/" if folder else ""
        paths = [*self.files, *self._folders]
        return sorted({p[len(start) :].split("/")[0] for p in paths if p.startswith(start)})

    def is_folder(self, path: str) -> bool:
        return not path or path in self._folders


class MemoryLoader(importlib.abc.InspectLoader):
    """Runs one module's source."""

    def __init__(self, finder: MemoryFinder, file: str) -> None:
        self._finder = finder
        self._file = file

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - importing is this

    def get_code(self, fullname: str) -> CodeType:
        return self._finder.code(self._file)

    def get_source(self, fullname: str) -> str:
        return importlib.util.decode_source(self._finder.read(self._file))

    def is_package(self, fullname: str) -> bool:
        return self._file.endswith("/__init__.py")

    def get_data(self, path: str) -> bytes:
        return self._finder.read(self._finder.inside(path) or path)

    def get_filename(self, fullname: str) -> str:
        return f"{self._finder.root}/{self._file}"

    def get_resource_reader(self, fullname: str) -> TraversableResources:
        return MemoryResources(MemoryPath(self._finder, self._file.rpartition("/")[0]))


class FolderLoader(importlib.abc.Loader):
    """Makes a package of a folder without an `__init__.py`."""

    def __init__(self, finder: MemoryFinder, folder: str) -> None:
        self._folder = MemoryPath(finder, folder)

    def exec_module(self, module: ModuleType) -> None:
        """There is nothing to run."""

    def get_resource_reader(self, fullname: str) -> TraversableResources:
        return MemoryResources(self._folder)


class MemoryResources(TraversableResources):
    """A package's data files, for `importlib.resources`."""

    def __init__(self, folder: MemoryPath) -> None:
        self._folder = folder

    def files(self) -> Traversable:
        return self._folder


class MemoryPath(Traversable):
    """A file or folder in memory."""

    def __init__(self, finder: MemoryFinder, path: str) -> None:
        self._finder = finder
        self._path = path

    @property
    def name(self) -> str:
        return self._path.rpartition("/")[2]

    def iterdir(self) -> Iterator[Traversable]:
        return (self.joinpath(name) for name in self._finder.below(self._path))

    def is_dir(self) -> bool:
        return self._finder.is_folder(self._path)

    def is_file(self) -> bool:
        return self._path in self._finder.files

    def joinpath(self, *descendants: Any) -> MemoryPath:
        return MemoryPath(self._finder, "/".join([self._path, *map(str, descendants)]).strip("/"))

    def __truediv__(self, child: Any) -> MemoryPath:
        return self.joinpath(child)

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        raw = io.BytesIO(self.read_bytes())
        return raw if "b" in mode else io.TextIOWrapper(raw, *args, **kwargs)

    def read_bytes(self) -> bytes:
        return self._finder.read(self._path)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def __str__(self) -> str:
        return f"{self._finder.root}/{self._path}"


class MemoryDistribution(importlib.metadata.Distribution):
    """What an installer wrote of a distribution, for `importlib.metadata`."""

    def __init__(self, finder: MemoryFinder, folder: str) -> None:
        self._finder = finder
        self._folder = folder

    def read_text(self, filename: str) -> str | None:
        raw = self._finder.files.get(f"{self._folder}/{filename}")
        return None if raw is None else raw.decode(errors="replace")

    def locate_file(self, path: Any) -> Any:
        return MemoryPath(self._finder, str(path))


def pack_code(code: CodeType) -> bytes:
    """Return code in the form that a finder takes."""
    return zlib.compress(marshal.dumps(code), 1)


def finders() -> Iterator[MemoryFinder]:
    """Yield those that are in use."""
    return (finder for finder in sys.meta_path if isinstance(finder, MemoryFinder))


def _within(root: str, file: str, base: str) -> list[str] | None:
    return [f"{root}/{base}"] if file.endswith("/__init__.py") else None


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
