"""For the tests of packs that talk to a service: its tools, called as the engine calls them, with
real doors under the pack's own manifest, and a server on loopback."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loopback import Asked, Loopback, Reply

from smolterm.errors import ToolError
from smolterm.packs.grants import hosts_in_force
from smolterm.packs.manifest import FILE, read_manifest
from smolterm.packs.reading import read_tools
from smolterm.packs.testing import TestDoors, bound
from smolterm.packs.types import Checks


class Tools:
    """A pack's tools: arguments and results are checked, and no secret may be in what comes out."""

    def __init__(self, module: str, secrets: Mapping[str, str]) -> None:
        loaded = importlib.import_module(module)
        folder = Path(str(loaded.__file__)).parent
        self.manifest = read_manifest(folder / FILE)
        self.specs = {each.name: each for each in read_tools(folder, module, self.manifest)}
        self._loaded = loaded
        self._secrets = tuple(secrets.values())

    def __getattr__(self, name: str) -> Callable[..., Any]:
        checks = Checks(self.specs[name])
        function = getattr(self._loaded, name)

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
    with bound(
        pack=manifest.name,
        hosts=hosts_in_force(manifest.capabilities.hosts, values),
        secrets=secrets,
        secret_hosts={
            name: hosts_in_force(each.hosts, values) for name, each in manifest.secrets.items()
        },
        settings=values,
    ) as doors:
        yield tools, doors


@contextmanager
def _bound(
    module: str, server: Loopback, secrets: Mapping[str, str], settings: Mapping[str, str]
) -> Iterator[Rig]:
    url = settings.get("url", "{}").format(server.url)
    others = {name: value for name, value in settings.items() if name != "url"}
    with granted(module, url, secrets=secrets, **others) as (tools, doors):
        yield Rig(module, server, tools, doors, secrets, settings)
