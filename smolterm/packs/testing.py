"""For tests of packs: `smolterm.pack` bound to real doors.

with granted("smolterm_weather", settings={"url": server.url}) as doors:
    assert weather.forecast("Bonn")
    assert doors.denied == []

`granted` opens what the pack's own manifest names, `bound` what the test says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smolterm.pack.bridge import _bind, _bound
from smolterm.packs.doors import Doors
from smolterm.packs.doors.grant import Grant
from smolterm.packs.find import folder_of
from smolterm.packs.grants import hosts_in_force
from smolterm.packs.manifest import FILE, read_manifest
from smolterm.packs.notice import PackNotice
from smolterm.packs.using import settings_of


class TestDoors(Doors):
    """Doors that remember what they were told.

    Attributes:
        denied: each refusal's sentence.
        notices: each log line and progress.
    """

    __test__ = False

    def __init__(self, grant: Grant, **options: Any) -> None:
        self.denied: list[str] = []
        self.notices: list[PackNotice] = []
        super().__init__(
            grant, on_denied=self.denied.append, on_notice=self.notices.append, **options
        )


@contextmanager
def granted(
    module: str,
    *,
    settings: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    folder: Path | str | None = None,
    **options: Any,
) -> Iterator[TestDoors]:
    """Bind `smolterm.pack` to doors with all that a pack's own manifest asks for, and no more.

    Args:
        module: the pack's; it can be imported, and its `pack.toml` is read.
        settings: by name; the manifest's defaults otherwise.
        secrets: values by name; those that are not here are not stored.
        folder: the granted folder; None grants none.
        options: more of `Doors`, such as `resolve`.

    Raises:
        PackError: the manifest is not there, or wrong.
        UsageError: a setting is no address where a host must be.
    """
    manifest = read_manifest(folder_of(module) / FILE)
    values = settings_of(manifest, dict(settings or {}))
    asks = manifest.capabilities
    hosts_of = {name: hosts_in_force(each.hosts, values) for name, each in manifest.secrets.items()}
    with bound(
        pack=manifest.name,
        hosts=hosts_in_force(asks.hosts, values),
        folder=folder,
        read=asks.read,
        write=asks.write,
        secrets={name: value for name, value in (secrets or {}).items() if name in hosts_of},
        secret_hosts=hosts_of,
        settings=values,
        native=manifest.kind == "native",
        **options,
    ) as doors:
        yield doors


@contextmanager
def bound(
    *,
    pack: str = "test",
    hosts: Iterable[str] = (),
    folder: Path | str | None = None,
    read: Iterable[str] = ("**",),
    write: Iterable[str] = (),
    secrets: Mapping[str, str] | None = None,
    secret_hosts: Mapping[str, Iterable[str]] | None = None,
    settings: Mapping[str, str] | None = None,
    native: bool = False,
    **options: Any,
) -> Iterator[TestDoors]:
    """Bind `smolterm.pack` to doors with a grant, and unbind it again.

    Args:
        pack: its name, as refusals show it.
        hosts: entries as in a manifest, settings' values in the place of `$name`.
        folder: the granted folder; None grants none.
        read: globs below the folder.
        write: globs below the folder; none by default.
        secrets: values by name.
        secret_hosts: each secret's hosts; all of `hosts` by default.
        settings: values by name.
        native: `secrets[...]` gives the value.
        options: more of `Doors`, such as `resolve`.
    """
    hosts = tuple(hosts)
    values = dict(secrets or {})
    grant = Grant(
        pack=pack,
        hosts=hosts,
        folder=None if folder is None else str(folder),
        read=tuple(read),
        write=tuple(write),
        secrets={name: tuple((secret_hosts or {}).get(name, hosts)) for name in values},
        secret_values=values,
        settings=dict(settings or {}),
    )
    before = _bound()
    with tempfile.TemporaryDirectory() as cache:
        options.setdefault("cache_folder", Path(cache) / "cache")
        doors = TestDoors(grant, native=native, **options)
        _bind(doors.call)
        try:
            yield doors
        finally:
            _bind(before)
            doors.close()
