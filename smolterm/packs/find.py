"""Finding the installed packs without running a line of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import PackError
from smolterm.packs.manifest import FILE, Manifest, read_manifest
from smolterm.store import data_folder

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from importlib.metadata import EntryPoint

GROUP = "smolterm.packs"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """An installed pack: its manifest, or the one line that says why it cannot be used."""

    name: str
    """The entry point's name."""
    module: str
    folder: Path | None = None
    """Where the module and its manifest lie."""
    manifest: Manifest | None = None
    error: PackError | None = None


def find_packs() -> list[Found]:
    """Return the installed packs by name; a broken one is in the list with its `error`."""
    found: dict[str, Found] = {}
    for entry, distribution in _entry_points():
        if entry.name in found:
            what = f"Two packs are named {entry.name}; that of {distribution} is left out."
            error = PackError(what, next="Uninstall one of them.")
            found[f"{entry.name} ({distribution})"] = Found(
                name=entry.name, module=entry.value, error=error
            )
        else:
            found[entry.name] = read_pack(entry.name, entry.value)
    for name in _made():
        found.setdefault(name, read_pack_in(name, module_of(name), made_folder() / name))
    return [found[name] for name in sorted(found)]


def made_folder() -> Path:
    """Return where packs lie that smolterm made of other things, a folder each."""
    return data_folder() / "made-packs"


def module_of(name: str) -> str:
    """Return the name by which a pack that smolterm made is imported."""
    return "made_" + name.replace("-", "_")


def _made() -> list[str]:
    try:
        return sorted(each.name for each in made_folder().iterdir() if each.name.isidentifier())
    except OSError:
        return []


def read_pack(name: str, module: str) -> Found:
    """Read the manifest of one module."""
    try:
        folder = folder_of(module)
    except PackError as error:
        return _left_out(name, module, None, error)
    return read_pack_in(name, module, folder)


def read_pack_in(name: str, module: str, folder: Path) -> Found:
    """Read the manifest of one module that lies in a folder, installed or not."""
    try:
        manifest = read_manifest(folder / FILE)
        if manifest.name != name:
            raise PackError(f"{folder / FILE}: `name` is not {name!r}, the entry point's name.")
    except PackError as error:
        return _left_out(name, module, folder, error)
    return Found(name=name, module=module, folder=folder, manifest=manifest)


def _left_out(name: str, module: str, folder: Path | None, error: PackError) -> Found:
    told = PackError(f"The pack {name} is left out: {error.what}", next=error.next)
    return Found(name=name, module=module, folder=folder, error=told)


def _entry_points() -> Iterator[tuple[EntryPoint, str]]:
    # Slow to import, and not needed where what is installed is known already.
    import importlib.metadata

    seen: set[tuple[str, str]] = set()
    for distribution in importlib.metadata.distributions():
        # Reading the text first is several times faster than parsing what is not ours.
        text = distribution.read_text("entry_points.txt")
        if not text or GROUP not in text:
            continue
        name = str(distribution.metadata["Name"])
        for entry in distribution.entry_points:
            # The same distribution can lie on the path twice; the first one is imported.
            if entry.group == GROUP and (name, entry.name) not in seen:
                seen.add((name, entry.name))
                yield entry, name


def folder_of(module: str) -> Path:
    """Return a package's folder. Only `find_spec` on a dotted name would import its parents.

    Raises:
        PackError: there is no such package.
    """
    import importlib.util
    from importlib.machinery import PathFinder

    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
        name = top
        for part in rest:
            name = f"{name}.{part}"
            spec = PathFinder.find_spec(name, _places(spec))
    except (ImportError, ValueError, AttributeError):
        spec = None
    places = _places(spec)
    if not places:
        raise PackError(f"its package {module!r} is not there.", next="Install it again.")
    return Path(places[0])


def _places(spec: ModuleSpec | None) -> list[str]:
    return list(spec.submodule_search_locations or ()) if spec is not None else []
