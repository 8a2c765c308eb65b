"""From requirements to files: Pyodide's collection first, then the package index."""

from __future__ import annotations

import re
import tempfile
import zipfile
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from smolterm.errors import PackageConflict, PackageError, PackageMissing, UsageError
from smolterm.packages import Item
from smolterm.packages.collection import Collection, normal
from smolterm.packages.pip import Chosen, Index, PipSettings, ask_pip

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.requirements import Requirement

_NO_EXTRA = re.compile(r"WARNING: (\S+) \S+ does not provide the extra")
# Preferred to a wheel of the same version by pip, and by nobody else: it never leaves this file.
_BUILD = "999999smolterm"


class Located(msgspec.Struct, frozen=True):
    """A chosen file and where it can be had now."""

    item: Item
    url: str


def parsed(text: str) -> Requirement:
    """Read what a person asks for: a name, extras and versions, and nothing that names a place.

    Raises:
        UsageError: it is something else.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
        if requirement.url:
            raise InvalidRequirement("an address")
    except InvalidRequirement:
        raise UsageError(
            f"{text!r} is not a package's name with versions, such as 'pandas' or 'pandas>=3'."
        ) from None
    return requirement


def from_collection(
    requirements: Iterable[Requirement], collection: Collection, given: dict[str, str]
) -> list[Located] | None:
    """Return files of Pyodide's collection alone; None where it does not have them all.

    Args:
        given: versions that are in use already and must stay, by name.
    """
    names = []
    for requirement in requirements:
        item = collection.item(normal(requirement.name))
        if item is None or item.kind != "package" or requirement.extras:
            return None
        if not requirement.specifier.contains(item.version, prereleases=True):
            return None
        names.append(item.name)
    try:
        items = collection.closure(names)
    except KeyError:
        return None
    if any(given.get(item.name, item.version) != item.version for item in items):
        return None
    return [Located(item, collection.url(item)) for item in items]


async def from_index(
    requirements: Sequence[Requirement],
    collection: Collection,
    index: Index,
    given: dict[str, str],
    *,
    settings: PipSettings,
    with_collection: bool,
    lacking: Container[str] = (),
    alone: bool = False,
) -> list[Located]:
    """Let pip choose; what Pyodide's collection has it prefers to take from there.

    Args:
        settings: see `pip_settings`; what of them holds where the index is one place alone.
        with_collection: False when the collection's files cannot be had.
        lacking: names of the collection that cannot be had.
        alone: the packages named and not what they need.

    Raises:
        PackageMissing, PackageConflict, FetchFailed: see `ask_pip`.
    """
    texts = [str(requirement) for requirement in requirements]
    kept = [f"{name}=={version}" for name, version in given.items()]

    async def ask(constraints: list[str], stubs: Path | None) -> tuple[list[Chosen], str]:
        return await ask_pip(
            texts, markers=collection.markers, platforms=collection.platforms, index=index,
            settings=settings, constraints=constraints, find_links=stubs, alone=alone,
        )  # fmt: skip

    if not with_collection:
        chosen, _ = await ask(kept, None)
        return _located(chosen, collection, None, alone=alone)
    with tempfile.TemporaryDirectory(prefix="smolterm-stubs-") as folder:
        stubs = Path(folder)
        # The collection does not say what its extras need; the index does.
        unknown = {normal(r.name) for r in requirements if r.extras}
        for item in collection.items():
            if item.kind == "package" and item.name not in unknown and item.name not in lacking:
                _write_stub(stubs, item, collection)
        while True:
            pins = [f"{i.name}=={i.version}" for i in collection.items()
                    if i.name not in given and _stub(stubs, i, collection).is_file()]  # fmt: skip
            try:
                chosen, said = await ask(kept + pins, stubs)
            except (PackageConflict, PackageMissing):
                # Somebody needs another version than the collection's.
                chosen, said = await ask(kept, stubs)
            without_extras = [
                stub
                for name in _NO_EXTRA.findall(said)
                if (one := collection.item(normal(name))) is not None
                and (stub := _stub(stubs, one, collection)).is_file()
            ]
            if not without_extras:
                return _located(chosen, collection, stubs)
            for stub in without_extras:
                stub.unlink()


def _stub(folder: Path, item: Item, collection: Collection) -> Path:
    tag = f"cp{collection.markers['python_version'].replace('.', '')}"
    name = item.name.replace("-", "_")
    return folder / f"{name}-{item.version}-{_BUILD}-{tag}-{tag}-{collection.platforms[0]}.whl"


def _write_stub(folder: Path, item: Item, collection: Collection) -> None:
    """Write a wheel with nothing but metadata, so that pip need not download to compare."""
    info = f"{item.name.replace('-', '_')}-{item.version}.dist-info"
    needs = [n for n in item.needs if (i := collection.item(n)) and i.kind == "package"]
    lines = ["Metadata-Version: 2.1", f"Name: {item.name}", f"Version: {item.version}"]
    lines += [f"Requires-Dist: {need}" for need in needs]
    with zipfile.ZipFile(_stub(folder, item, collection), "w") as stub:
        stub.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        stub.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
        stub.writestr(f"{info}/RECORD", "")


def _located(
    chosen: Sequence[Chosen], collection: Collection, stubs: Path | None, alone: bool = False
) -> list[Located]:
    found: dict[str, Located] = {}
    versions = {normal(one.metadata.name): one.metadata.version for one in chosen}
    from_stubs = stubs.resolve().as_uri() + "/" if stubs is not None else None
    for one in chosen:
        name = normal(one.metadata.name)
        if from_stubs is not None and one.download_info.url.startswith(from_stubs):
            # Libraries that it links to are unknown to pip.
            for each in collection.closure([name]):
                if each.name == name or each.kind == "shared_library":
                    found[each.name] = Located(each, collection.url(each))
        else:
            needs = () if alone else _needs(one, collection, versions)
            found[name] = _from_report(one, needs)
    return list(found.values())


def _from_report(one: Chosen, needs: tuple[str, ...]) -> Located:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    url = one.download_info.url
    filename = unquote(urlsplit(url).path.rpartition("/")[2])
    name = normal(one.metadata.name)
    archive = one.download_info.archive_info
    sha256 = (archive.hashes if archive is not None else {}).get("sha256", "")
    try:
        named, version, _, _ = parse_wheel_filename(filename)
        if named != name or re.fullmatch(r"[\w.+!-]+", filename, re.ASCII) is None:
            raise InvalidWheelFilename
    except InvalidWheelFilename:
        raise PackageError(f"The package index names a file of {name} that is none.") from None
    if re.fullmatch(r"[0-9a-f]{64}", sha256) is None:
        raise PackageError(
            f"The package index gives no SHA-256 of {filename}.", kept="It was not downloaded."
        )
    item = Item(
        name=name,
        version=str(version),
        filename=filename,
        sha256=sha256,
        needs=needs,
    )
    return Located(item, url)


def _needs(one: Chosen, collection: Collection, versions: dict[str, str]) -> tuple[str, ...]:
    """Return the names that a package needs here, after a check that pip chose all of them."""
    from packaging.requirements import InvalidRequirement, Requirement

    needs = []
    for text in one.metadata.requires_dist:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        marker = requirement.marker
        extras = one.requested_extras or [""]
        if marker is not None and not any(
            marker.evaluate({**collection.markers, "extra": extra}) for extra in extras
        ):
            continue
        name = normal(requirement.name)
        version = versions.get(name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            raise PackageError(
                f"pip left out {requirement}, which {one.metadata.name} needs in the sandbox.",
                next="Upgrade it: pip install --upgrade pip.",
            )
        needs.append(name)
    return tuple(dict.fromkeys(needs))
