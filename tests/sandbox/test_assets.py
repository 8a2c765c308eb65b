"""What a start stands on; the damaged cases that need a real set-up are in tests/e2e."""

from __future__ import annotations

import asyncio
import json
import os
import time

import msgspec
import pytest

from smolterm.errors import NoDeno, SandboxError, SetupFailed
from smolterm.sandbox.assets import (
    HERE,
    _explained,
    cache_folder,
    find_assets,
    find_deno,
    pinned,
    set_up,
)
from smolterm.sandbox.prepare import freeze, remove, remove_unused, take_snapshot


def test_deno_is_the_one_of_the_package_and_never_of_the_path(monkeypatch, tmp_path):
    fake = tmp_path / "deno"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.delenv("SMOLTERM_DENO", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_deno() != str(fake)
    monkeypatch.setenv("SMOLTERM_DENO", str(fake))
    assert find_deno() == str(fake)


@pytest.mark.parametrize("mode", [None, 0o644], ids=["missing", "no program"])
def test_a_named_deno_that_cannot_run(monkeypatch, tmp_path, mode):
    path = tmp_path / "deno"
    if mode is not None:
        path.write_text("")
        path.chmod(mode)
    monkeypatch.setenv("SMOLTERM_DENO", str(path))
    with pytest.raises(NoDeno, match="SMOLTERM_DENO"):
        find_deno()


def test_an_empty_cache_has_nothing_and_stays_empty(tmp_path):
    assert find_assets(tmp_path) is None
    assert os.listdir(tmp_path) == []


def test_the_lock_holds_the_version_that_is_pinned():
    lock = json.loads((HERE / "deno.lock").read_text())
    assert f"pyodide@{pinned().version}" in lock["npm"]
    assert all(len(digest) == 64 for digest in pinned().files.values())


def test_what_is_in_use_is_verified_and_not_written_to():
    assets = find_assets()
    assert assets is not None
    assert assets.wasm.is_file()
    assert assets.deno_dir.stat().st_mode & 0o222 == 0
    if os.geteuid() != 0:  # whom no mode keeps from writing
        for path in assets.deno_dir.rglob("*"):
            assert path.stat().st_mode & 0o222 == 0, path


def test_a_frozen_folder_can_be_removed(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    freeze(tmp_path / "a")
    remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_what_other_versions_use_is_not_removed_and_what_nobody_uses_is(tmp_path):
    for name, days in (("new", 0), ("used", 1), ("rare", 6), ("old", 8), ("older", 80)):
        (tmp_path / f"start-{name}").mkdir()
        then = time.time() - days * 86_400
        os.utime(tmp_path / f"start-{name}", (then, then))
    remove_unused(tmp_path / "start-new")
    assert sorted(os.listdir(tmp_path)) == ["start-new", "start-rare", "start-used"]


def test_a_start_notes_that_its_folder_is_used():
    assets = find_assets()
    assert assets is not None
    assert assets.snapshot is not None
    folder = assets.snapshot.parent
    os.utime(folder, (0, 0))
    find_assets()
    assert folder.stat().st_mtime > time.time() - 3600


def test_a_runtime_that_ends_while_the_snapshot_is_taken_is_a_clear_error():
    assets = find_assets()
    assert assets is not None
    broken = msgspec.structs.replace(assets, deno="/bin/false", snapshot=None)
    with pytest.raises(SandboxError, match="No snapshot could be taken"):
        asyncio.run(take_snapshot(broken))


def test_the_cache_can_be_put_elsewhere(monkeypatch):
    monkeypatch.setenv("SMOLTERM_CACHE", "elsewhere")
    assert cache_folder().is_absolute()


def test_a_cache_on_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupFailed, match="could not be prepared"):
        asyncio.run(set_up(cache=tmp_path / "file"))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("error: Integrity checksum failed for package", "somebody altered the package"),
        ("error: invalid peer certificate: UnknownIssuer", "DENO_CERT"),
        ("error: Unable to parse contents of lockfile 'x'", "Reinstall smolterm"),
        ("error: error sending request for url: connection refused", "needs the network once"),
        ("error: failed to lookup address information", "needs the network once"),
        ("", "no reason"),
        ("error: \x1b[31mred\x1b[0m", "could not be fetched"),
    ],
)
def test_what_deno_says_becomes_what_a_person_can_do(said, words):
    error = str(_explained(said))
    assert words in error
    assert "\x1b" not in error
