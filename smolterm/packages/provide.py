"""Packages on demand: choose, ask, download, verify, prepare, hand over."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from smolterm.errors import (
    PackageConflict,
    PackageDamaged,
    PackageError,
    PackageMissing,
    PackageRefused,
)
from smolterm.packages import Consent, Item, Plan, Planned, Wheel, megabytes
from smolterm.packages.cache import Cache, unwritable
from smolterm.packages.choose import Chooser, add_command, not_here
from smolterm.packages.collection import Collection, read_collection
from smolterm.packages.lock import Lock, lock_path, read_lock
from smolterm.packages.names import is_standard, may_be_asked_for, package_of
from smolterm.packages.prepare import Compiler, recipe
from smolterm.packages.resolve import Located, parsed
from smolterm.sandbox.assets import Assets, Progress, cache_folder, pinned, set_up

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from smolterm.packages.fetch import FetchLimits

MOST_LOOKUPS = 30
"""Names that code may have looked up in one session: each leaves the machine."""
AT_ONCE = 4


class Packages:
    """What a sandbox may import besides the standard library.

    Args:
        consent: asked once before anything is downloaded, and before a name that only code in the
            sandbox chose is sent to the index. None: nothing is downloaded.
        progress: told what happens and how far it is.
        offline: use what is here alone.
        index: a simple index's address, a folder of wheels, or a folder that `smolterm packages
            mirror` wrote; `SMOLTERM_INDEX` or pip's own configuration when empty.
        pyodide_url: where the files of Pyodide's collection are; `SMOLTERM_PYODIDE_URL` or the
            address that Pyodide itself has when empty.
        cache: the folder to keep packages in.
        lock: the lock file; read at each use.
        assets: what the sandbox starts from; found or set up when None.
        collection: what Pyodide has; read from the assets when None.
        compile_once: add compiled modules, so that imports are several times faster.
        limits: of each download.
    """

    def __init__(
        self,
        *,
        consent: Consent | None = None,
        progress: Progress | None = None,
        offline: bool = False,
        index: str = "",
        pyodide_url: str = "",
        cache: Path | None = None,
        lock: Path | None = None,
        assets: Assets | None = None,
        collection: Collection | None = None,
        compile_once: bool = True,
        limits: FetchLimits | None = None,
    ) -> None:
        self.cache = Cache(cache or cache_folder() / "packages")
        self.lock = lock or lock_path()
        self.offline = offline
        self._consent = consent
        self._progress = progress
        self._index = index or os.environ.get("SMOLTERM_INDEX", "")
        self._pyodide_url = pyodide_url or os.environ.get("SMOLTERM_PYODIDE_URL", "")
        self._assets = assets
        self._collection = collection
        self._compile_once = compile_once
        self._limits = limits
        self._chooser: Chooser | None = None
        self._never: dict[str, PackageError] = {}
        """What an import was answered that is not worth another question."""
        self._lookups = 0
        self._busy = asyncio.Lock()

    @property
    def folder(self) -> Path:
        """Where the packages are kept."""
        return self.cache.folder

    async def provide(self, module: str) -> list[Wheel]:
        """Return the wheels that make a module importable, what they need included.

        Args:
            module: as it was imported; it may come from hostile code.

        Raises:
            PackageMissing, PackageRefused, PackageConflict, PackageDamaged, FetchFailed.
        """
        module = module.partition(".")[0]
        if module in self._never:
            raise self._never[module]
        try:
            async with self._working():
                return await self._provide(module)
        except (PackageMissing, PackageRefused, PackageConflict) as error:
            self._never[module] = error
            raise

    async def resolve(self, requirements: Sequence[str]) -> list[Wheel]:
        """Return the wheels that meet requirements such as `pandas>=3`, named by a person.

        Raises:
            UsageError: one is no requirement.
            PackageMissing, PackageRefused, PackageConflict, PackageDamaged, FetchFailed.
        """
        read = [parsed(text) for text in requirements]
        if not read:
            return []
        async with self._working():
            return (await self._get(read))[1]

    async def renew(
        self, requirements: Sequence[str], keep: Mapping[str, str] | None = None
    ) -> list[Item]:
        """Choose anew for all requirements together, bring everything here, and return it.

        Args:
            keep: versions that should stay where that is possible.
        """
        read = [parsed(text) for text in requirements]
        if not read:
            return []
        async with self._working():
            chooser = await self._begin()
            chooser.given = dict(keep or {})
            try:
                return (await self._get(read, anew=True))[0]
            except (PackageConflict, PackageMissing):
                if not keep:
                    raise
                chooser.given = {}
                return (await self._get(read, anew=True))[0]

    async def ensure(self, items: Iterable[Item]) -> None:
        """Bring the original of each item here, exactly as its hash says.

        Raises:
            PackageRefused, PackageDamaged, FetchFailed.
        """
        async with self._working():
            await self._begin()
            chosen = [Located(item, "") for item in items]
            await self._fetch_missing(chosen, tuple(one.item.name for one in chosen))

    @asynccontextmanager
    async def _working(self) -> AsyncIterator[None]:
        """One thing at a time: what is chosen depends on what was handed out before."""
        async with self._busy:
            try:
                yield
            except OSError as error:
                raise unwritable(self.cache.folder, error) from None

    async def _provide(self, module: str) -> list[Wheel]:
        if not may_be_asked_for(module):
            raise PackageMissing(f"{module[:100]!r} is no name of a module.")
        collection = (await self._begin()).collection
        locked = self._locked().providing(module)
        if locked is not None:
            return await self._ready([Located(item, "") for item in locked], (module,))
        name = collection.providers.get(module)
        if name is None and is_standard(module):
            raise PackageMissing(
                f"{module} is a part of Python's standard library that WebAssembly has not."
            )
        requirement = parsed(name or package_of(module))
        _, wheels = await self._get([requirement], module=module)
        if not any(module in wheel.imports for wheel in wheels):
            raise PackageMissing(
                f"The package {requirement.name} has no module {module}.",
                next="Name the right package: smolterm packages add NAME.",
            )
        return wheels

    async def _get(
        self, requirements: Sequence[Requirement], *, module: str = "", anew: bool = False
    ) -> tuple[list[Item], list[Wheel]]:
        chooser = await self._begin()
        wanted = (module,) if module else tuple(str(one) for one in requirements)
        key = self._key(requirements, chooser.given)
        known = None if anew else self._locked().covering(requirements) or self.cache.recall(key)
        if known is not None:
            wheels = await self._ready([Located(item, "") for item in known], wanted)
            return known, wheels

        async def allow_index() -> None:
            # What a person named may be looked up; what code named may be a message.
            if module:
                await self._ask_to_look_up(requirements[0].name)

        chosen = await chooser.choose(requirements, allow_index)
        wheels = await self._ready(chosen, wanted)
        imports = {wheel.name: wheel.imports for wheel in wheels}
        items = [msgspec.structs.replace(c.item, imports=imports[c.item.name]) for c in chosen]
        self.cache.remember(key, items)
        return items, wheels

    async def _ask_to_look_up(self, name: str) -> None:
        self._lookups += 1
        allowed = self._lookups <= MOST_LOOKUPS and self._consent is not None
        if not allowed or not await self._asked(Plan(wanted=(name,), look_up=name)):
            raise _refused([name])

    async def _asked(self, plan: Plan) -> bool:
        return self._consent is not None and await self._consent(plan)

    async def _ready(self, chosen: Sequence[Located], wanted: tuple[str, ...]) -> list[Wheel]:
        given = (await self._begin()).given
        for one in chosen:
            version = given.get(one.item.name, one.item.version)
            if version != one.item.version:
                raise PackageConflict(
                    f"{', '.join(wanted)} needs {one.item.name} {one.item.version}, and "
                    f"{version} is in use.",
                    next="Start a session with both: smolterm py --with A --with B.",
                )
        key = recipe(pinned().version)
        wheels: dict[str, Wheel] = {}
        for one in chosen if self._compile_once else ():
            made = await asyncio.to_thread(self.cache.prepared, one.item, key)
            # Those of the index have no import names before their wheel was seen.
            if made is not None and (one.item.imports or one.item.kind == "shared_library"):
                wheels[one.item.name] = _wheel(one.item, *made)
        left = [one for one in chosen if one.item.name not in wheels]
        items = await self._fetch_missing(left, wanted)
        total = sum(self.cache.wheel(item).stat().st_size for item in items) or 1
        done = 0
        async with Compiler(self._assets) as compiler:
            for item in items:
                path = self.cache.wheel(item)
                size = path.stat().st_size
                made = await asyncio.to_thread(self.cache.prepared, item, key)
                if item.kind == "shared_library" or not self._compile_once:
                    made = path, item.sha256
                if made is None:
                    tell = self._part(f"Compiling {item.name} (once)", done / total, size / total)
                    data = await compiler.compiled(path, tell)
                    made = await asyncio.to_thread(self.cache.keep_prepared, item, key, data)
                done += size
                wheels[item.name] = _wheel(item, *made)
        if items and self._progress is not None:
            self._progress(f"{', '.join(wanted)}: ready", 1.0)
        given |= {one.item.name: one.item.version for one in chosen}
        return [wheels[one.item.name] for one in chosen]

    async def _fetch_missing(
        self, chosen: Sequence[Located], wanted: tuple[str, ...]
    ) -> list[Item]:
        """Bring originals here, after a question; returns all items, import names filled in."""
        here: list[Located] = []
        missing: list[Located] = []
        for one in chosen:
            held = await asyncio.to_thread(self.cache.holds, one.item)
            (here if held else missing).append(one)
        items = {one.item.name: one.item for one in chosen}
        from smolterm.packages.fetch import judged

        for one in here:
            items[one.item.name] = await asyncio.to_thread(
                judged, one.item, self.cache.wheel(one.item)
            )
        if missing:
            if self.offline:
                raise self._cannot_refetch([one.item for one in missing])
            located = await (await self._begin()).find_again(missing)
            for item in await self._download(located, wanted):
                items[item.name] = item
        return [items[one.item.name] for one in chosen]

    def _cannot_refetch(self, items: Sequence[Item]) -> PackageError:
        damaged = [item.name for item in items if self.cache.wheel(item).is_file()]
        if not damaged:
            return not_here([item.name for item in items])
        return PackageDamaged(
            f"{', '.join(damaged)} in the cache is damaged, and smolterm is offline.",
            kept="It was not used.",
            next=f"Run `{add_command(damaged)}` while connected.",
        )

    async def _download(self, located: Sequence[Located], wanted: tuple[str, ...]) -> list[Item]:
        from smolterm.packages.fetch import server_of, together

        chooser = await self._begin()
        async with await chooser.fetcher() as fetcher:
            slots = asyncio.Semaphore(AT_ONCE)

            async def size(one: Located) -> int | None:
                async with slots:
                    return await chooser.size(fetcher, one)

            sizes = await together(size(one) for one in located)
            plan = Plan(
                wanted=wanted,
                downloads=tuple(
                    Planned(
                        name=one.item.name,
                        version=one.item.version,
                        filename=one.item.filename,
                        size=length,
                        source=server_of(one.url),
                    )
                    for one, length in zip(located, sizes, strict=True)
                ),
            )
            if not await self._asked(plan):
                raise _refused([one.name for one in plan.downloads])
            came = 0
            words = f"Downloading {', '.join(wanted)} ({megabytes(plan.size)})"

            def on_bytes(count: int) -> None:
                nonlocal came
                came += count
                if self._progress is not None:
                    self._progress(words, min(came / plan.size, 0.999) if plan.size else None)

            async def fetch(one: Located, length: int | None) -> Item:
                async with slots:
                    return await fetcher.fetch(one, self.cache, length, on_bytes)

            on_bytes(0)
            return await together(fetch(*each) for each in zip(located, sizes, strict=True))

    async def _begin(self) -> Chooser:
        if self._chooser is None:
            collection = self._collection or await self._read_collection()
            mirror = Path(self._index) / "pyodide"
            if self._pyodide_url:
                collection.base_url = self._pyodide_url.rstrip("/") + "/"
            elif self._index and mirror.is_dir():
                collection.base_url = mirror.absolute().as_uri() + "/"
            self._chooser = Chooser(
                collection,
                self.cache,
                index=self._index,
                offline=self.offline,
                progress=self._progress,
                limits=self._limits,
            )
            await asyncio.to_thread(self.cache.sweep)
        return self._chooser

    async def _read_collection(self) -> Collection:
        if self._assets is None:
            self._assets = await set_up(self._progress)
        return read_collection(self._assets.pyodide, pinned().version)

    def _locked(self) -> Lock:
        lock = read_lock(self.lock)
        return lock if lock.pyodide == pinned().version else Lock()

    def _key(self, requirements: Sequence[Requirement], versions: Mapping[str, str]) -> str:
        names = sorted(str(one) for one in requirements)
        given = sorted(versions.items())
        what = msgspec.json.encode([pinned().version, self._index, names, given])
        return hashlib.sha256(what).hexdigest()[:32] + ".json"

    def _part(self, words: str, start: float, share: float) -> Callable[[float], None]:
        def tell(fraction: float) -> None:
            if self._progress is not None:
                self._progress(words, min(start + share * fraction, 0.999))

        tell(0.0)
        return tell


def _wheel(item: Item, path: Path, own: str) -> Wheel:
    return Wheel(
        name=item.name,
        version=item.version,
        filename=item.filename,
        sha256=item.sha256,
        path=path,
        path_sha256=own,
        imports=item.imports,
        kind=item.kind,
    )


def _refused(names: Sequence[str]) -> PackageRefused:
    return PackageRefused(
        f"Downloading {', '.join(names)} was not allowed.",
        kept="Nothing was downloaded.",
        next=f"To allow it, run `{add_command(names)}`.",
    )
