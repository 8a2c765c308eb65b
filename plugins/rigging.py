"""For the tests of packs that talk to a service: its tools, called as the engine calls them, with
real doors under the pack's own manifest, and a server on loopback.

Each test runs here and, by the fixture `world`, in WebAssembly, where the packs live in truth.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from loopback import Asked, Loopback, Reply

from smolterm.errors import ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.examine import contents, packages_of
from smolterm.packs.grants import hosts_in_force
from smolterm.packs.manifest import FILE, read_manifest
from smolterm.packs.reading import read_tools
from smolterm.packs.testing import TestDoors, bound
from smolterm.packs.types import Checks
from smolterm.packs.wasm.client import WasmHost, WasmPack
from smolterm.packs.wasm.wall import Reach
from smolterm.store import cache_folder

WORLD: ContextVar[Any] = ContextVar("WORLD", default=None)
"""The process of the wasm packs, while a test runs in it."""


class InWasm:
    """The process of the wasm packs, with a loop of its own to talk to it.

    Args:
        folder: for caches; the built image alone is shared.
    """

    def __init__(self, folder: Path) -> None:
        images = cache_folder() / "wasm"
        images.mkdir(parents=True, exist_ok=True)
        (folder / "wasm").symlink_to(images)
        self._folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._host = WasmHost(folder)
        self._count = 0
        # While it is there the process stays, whatever comes and goes.
        self._stays = WasmPack(
            self._host, "stays", "stays", [], grant=lambda: Grant(pack="stays"), files=dict
        )

    @contextmanager
    def running(
        self, module: str, tools: Tools, grant: Grant, denied: list[str]
    ) -> Iterator[Callable[..., Any]]:
        """Load a pack and give what calls its tools."""
        self._count += 1
        # One that is bound within another is a pack of its own.
        name = f"{grant.pack}-{self._count}"
        grant = msgspec.structs.replace(grant, pack=name)
        pack = WasmPack(
            self._host, name, module, list(tools.specs.values()),
            grant=lambda: grant,
            files=functools.partial(_files, module),
            reach=Reach(network=True),
        )  # fmt: skip
        pack.on_notice = lambda notice: (
            denied.append(notice.text) if notice.kind == "denied" else None
        )
        try:
            yield lambda tool, **kwargs: self._run(pack.call(tool, kwargs))
        finally:
            self._run(pack.close())
            shutil.rmtree(self._folder / "packs" / name, ignore_errors=True)

    def close(self) -> None:
        """End the process."""
        self._run(self._stays.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()


@functools.cache
def _files(module: str) -> Mapping[str, bytes]:
    """Return a pack's files and those of its packages, as an import sees their paths."""
    folder = Path(str(importlib.import_module(module).__file__)).parent
    manifest = read_manifest(folder / FILE)
    packages = packages_of(manifest)
    own = contents(manifest.name, module, folder, packages)[1]
    found = {path: raw for each in packages for path, raw in each.read()}
    return found | {f"{module}/{path}": raw for path, raw in own.items()}


class Tools:
    """A pack's tools: arguments and results are checked, and no secret may be in what comes out."""

    def __init__(
        self, module: str, secrets: Mapping[str, str], world: Callable[..., Any] | None = None
    ) -> None:
        loaded = importlib.import_module(module)
        folder = Path(str(loaded.__file__)).parent
        self.manifest = read_manifest(folder / FILE)
        self.specs = {each.name: each for each in read_tools(folder, module, self.manifest)}
        self._loaded = loaded
        self._world = world
        self._secrets = tuple(secrets.values())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        checks = Checks(self.specs[name])
        function = functools.partial(self._world, name) if self._world else None
        function = function or getattr(self._loaded, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                result = function(**checks.bind(list(args), kwargs))
            except ToolError as error:
                self._without_secrets(f"{error.what} {error.next}")
                raise
            self._without_secrets(repr(result))
            if not isinstance(result, bytes):
                json.dumps(result)
            return checks.checked(result)

        return call

    def _without_secrets(self, text: str) -> None:
        for secret in self._secrets:
            assert secret not in text


@dataclass
class Rig:
    """A pack's tools bound to a server."""

    module: str
    server: Loopback
    tools: Tools
    doors: TestDoors
    secrets: Mapping[str, str]
    settings: Mapping[str, str]

    @contextmanager
    def again(self, *, secrets: Mapping[str, str] | None = None, **settings: str) -> Iterator[Rig]:
        """Bind the same server once more, with other secrets or settings."""
        chosen = self.secrets if secrets is None else secrets
        with _bound(self.module, self.server, chosen, {**self.settings, **settings}) as rig:
            yield rig

    @contextmanager
    def answering(self, answer: Callable[[Asked], Reply]) -> Iterator[None]:
        """Let the server answer otherwise for a while."""
        before, self.server.answer = self.server.answer, answer
        try:
            yield
        finally:
            self.server.answer = before

    def refused(self, call: Callable[[], object]) -> ToolError:
        """Return the error that a call ends with."""
        try:
            result = call()
        except ToolError as error:
            return error
        raise AssertionError(f"nothing was refused: {result!r}")


@contextmanager
def rigged(
    module: str,
    answer: Callable[[Asked], Reply],
    *,
    secrets: Mapping[str, str],
    **settings: str,
) -> Iterator[Rig]:
    """Serve, and bind a pack to what is served; its setting `url` becomes the server's address.

    Args:
        settings: `url` may hold `{}`, which the server's address replaces.
    """
    server = Loopback(answer)
    try:
        with _bound(module, server, secrets, settings) as rig:
            yield rig
            assert rig.doors.denied == []
    finally:
        server.close()


@contextmanager
def granted(
    module: str, url: str, *, secrets: Mapping[str, str], **settings: str
) -> Iterator[tuple[Tools, TestDoors]]:
    """Bind a pack under its own manifest to a service at an address."""
    tools = Tools(module, secrets)
    manifest = tools.manifest
    values = {name: setting.default for name, setting in manifest.settings.items()}
    values |= {**settings, "url": url}
    hosts = hosts_in_force(manifest.capabilities.hosts, values)
    for_secrets = {
        name: hosts_in_force(each.hosts, values) for name, each in manifest.secrets.items()
    }
    with bound(
        pack=manifest.name, hosts=hosts, secrets=secrets, secret_hosts=for_secrets, settings=values
    ) as doors:
        world = WORLD.get()
        if world is None:
            yield tools, doors
            return
        grant = Grant(
            pack=manifest.name,
            hosts=hosts,
            secrets={name: for_secrets[name] for name in secrets},
            secret_values=dict(secrets),
            settings=values,
        )
        with world.running(module, tools, grant, doors.denied) as call:
            yield Tools(module, secrets, call), doors


@contextmanager
def _bound(
    module: str, server: Loopback, secrets: Mapping[str, str], settings: Mapping[str, str]
) -> Iterator[Rig]:
    url = settings.get("url", "{}").format(server.url)
    others = {name: value for name, value in settings.items() if name != "url"}
    with granted(module, url, secrets=secrets, **others) as (tools, doors):
        yield Rig(module, server, tools, doors, secrets, settings)
