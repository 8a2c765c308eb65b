"""Which files meet requirements: Pyodide's collection, the index, or offline what is here."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from smolterm.errors import (
    FetchFailed,
    PackageConflict,
    PackageDamaged,
    PackageError,
    PackageMissing,
)
from smolterm.packages.cache import Cache
from smolterm.packages.collection import Collection, normal
from smolterm.packages.pip import Index, PipSettings, command_names, pip_settings
from smolterm.packages.resolve import Located, from_collection, from_index, parsed
from smolterm.sandbox.assets import Progress

if TYPE_CHECKING:
    from packaging.requirements import Requirement

    from smolterm.packages.fetch import Fetcher, FetchLimits


class Chooser:
    """Choices that go with each other, for one session.

    Args:
        index: see `Packages`.
    """

    def __init__(
        self,
        collection: Collection,
        cache: Cache,
        *,
        index: str,
        offline: bool,
        progress: Progress | None,
        limits: FetchLimits | None,
    ) -> None:
        self.collection = collection
        self.cache = cache
        self.offline = offline
        self.given: dict[str, str] = {}
        """Versions that were handed out: those of later ones must go with them."""
        self.unreachable: FetchFailed | None = None
        """Why Pyodide's collection cannot be had, once that is known."""
        self._lacking: dict[str, PackageMissing] = {}
        """What of the collection its server, or a mirror of a part of it, has not."""
        self._sizes: dict[str, int | None] = {}
        self._settings: PipSettings | None = None
        self._index = index
        self._progress = progress
        self._limits = limits

    async def choose(
        self, requirements: Sequence[Requirement], allow_index: Callable[[], Awaitable[None]]
    ) -> list[Located]:
        """Return the files that meet requirements.

        Args:
            allow_index: called before the index gets to see a name; raises if it must not.

        Raises:
            PackageMissing, PackageConflict, FetchFailed.
        """
        names = [str(one) for one in requirements]
        found = from_collection(requirements, self.collection, self.given)
        if found is not None and await self._can_be_had(found):
            return found
        if self.offline:
            return await self._choose_offline(requirements, names)
        await allow_index()
        while found is None and self.unreachable is None:
            chosen = await self._ask_index(requirements)
            if await self._can_be_had(chosen):
                return chosen
        try:
            return await self._ask_index(requirements, with_collection=False)
        except (PackageMissing, PackageConflict, FetchFailed) as error:
            why = self.unreachable or next(iter(self._lacking.values()), None)
            if why is None:
                raise
            raise PackageMissing(
                f"{', '.join(names)} could not be had from Pyodide's collection: "
                f"{why.what} {error.what}",
                kept="Nothing was downloaded.",
                next=f"Run `{add_command(names)}` while connected, or name a mirror with "
                "--index (see `smolterm packages mirror`).",
            ) from None

    async def find_again(self, missing: Sequence[Located]) -> list[Located]:
        """Return where files can be had of which only the hash is known."""
        found = {one.item.name: one for one in missing if one.url}
        lost = []
        for one in missing:
            if one.item.name in found:
                continue
            if one.item.origin == "pyodide":
                found[one.item.name] = Located(one.item, self.collection.url(one.item))
            else:
                lost.append(one.item)
        if lost:
            exact = [parsed(f"{item.name}=={item.version}") for item in lost]
            asked = await from_index(
                exact,
                self.collection,
                Index(self._index),
                {},
                settings=await self._pip_settings(),
                with_collection=False,
                alone=True,
            )
            again = {one.item.name: one for one in asked}
            for item in lost:
                other = again.get(item.name)
                if other is None or other.item.sha256 != item.sha256:
                    raise PackageDamaged(
                        f"The index has another file of {item.name} {item.version} than the one "
                        "that is locked.",
                        kept="It was not downloaded.",
                        next="If that is right, run `smolterm packages lock`.",
                    )
                found[item.name] = Located(item, other.url)
        return [found[one.item.name] for one in missing]

    async def fetcher(self) -> Fetcher:
        """Return connections as the user's pip configuration wants them."""
        from smolterm.packages.fetch import Fetcher, FetchLimits

        return Fetcher(await self._pip_settings(), self._limits or FetchLimits())

    async def _pip_settings(self) -> PipSettings:
        if self._settings is None:
            self._settings = await pip_settings()
        return self._settings

    async def _choose_offline(
        self, requirements: Sequence[Requirement], names: list[str]
    ) -> list[Located]:
        with tempfile.TemporaryDirectory(prefix="smolterm-cached-") as folder:
            await asyncio.to_thread(self.cache.all_in_one, Path(folder))
            here = Index(folder, offline=True)
            try:
                chosen = await from_index(
                    requirements,
                    self.collection,
                    here,
                    self.given,
                    settings=PipSettings({}),
                    with_collection=False,
                )
            except PackageError:
                have = {normal(path.name.split("-")[0]) for _, path in self.cache.originals()}
                lost = [text for one, text in zip(requirements, names, strict=True)
                        if normal(one.name) not in have]  # fmt: skip
                raise not_here(lost or names) from None
        # The cache holds files of the collection too; only it knows what they link to.
        by_hash = {item.sha256: item for item in self.collection.items()}
        found: dict[str, Located] = {}
        for one in chosen:
            item = by_hash.get(one.item.sha256)
            for each in self.collection.closure([item.name]) if item else [one.item]:
                if each.name == one.item.name or each.kind == "shared_library":
                    found[each.name] = Located(each, "")
        return list(found.values())

    async def _ask_index(
        self, requirements: Sequence[Requirement], *, with_collection: bool = True
    ) -> list[Located]:
        if self._progress is not None:
            self._progress(f"Looking for {', '.join(str(r) for r in requirements)}", None)
        return await from_index(
            requirements,
            self.collection,
            Index(self._index),
            self.given,
            settings=await self._pip_settings(),
            with_collection=with_collection,
            lacking=self._lacking,
        )

    async def _can_be_had(self, chosen: Sequence[Located]) -> bool:
        """Whether the files of the collection among these are here or can be fetched."""
        missing = [one for one in chosen if one.item.origin == "pyodide"
                   and not await asyncio.to_thread(self.cache.holds, one.item)]  # fmt: skip
        if not missing:
            return True
        if self.offline or self.unreachable is not None:
            return False
        had = True
        async with await self.fetcher() as fetcher:
            for one in missing:
                try:
                    await self.size(fetcher, one)
                except PackageMissing as error:
                    self._lacking[one.item.name] = error
                    had = False
                except FetchFailed as error:
                    self.unreachable = error
                    return False
        return had

    async def size(self, fetcher: Fetcher, one: Located) -> int | None:
        """Return the bytes of a file; each server is asked once.

        Raises:
            PackageMissing, FetchFailed: see `Fetcher.size`.
        """
        if one.item.sha256 not in self._sizes:
            self._sizes[one.item.sha256] = await fetcher.size(one)
        return self._sizes[one.item.sha256]


def add_command(names: Iterable[str]) -> str:
    """Return the command that brings packages here, as it is typed."""
    return f"smolterm packages add {command_names(list(names))}"


def not_here(names: Sequence[str]) -> PackageMissing:
    """Return the error of what is needed offline and not in the cache."""
    return PackageMissing(
        f"{', '.join(names)} is not in the cache, and smolterm is offline.",
        kept="Nothing was downloaded.",
        next=f"Run `{add_command(names)}` while connected.",
    )
