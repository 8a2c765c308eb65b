"""The cache survives whatever ends the process that writes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm.errors import PackageError
from smolterm.packages import Item
from smolterm.packages.cache import Cache
from tests.packages.wheels import digest

DATA = b"the wheel"
ITEM = Item(name="a", version="1", filename="a-1-py3-none-any.whl", sha256=digest(DATA))


def put(cache: Cache, data: bytes = DATA) -> Path:
    path = cache.wheel(ITEM)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_an_original_is_held_only_while_its_bytes_are_right(tmp_path):
    cache = Cache(tmp_path)
    assert not cache.holds(ITEM)
    put(cache)
    assert cache.holds(ITEM)
    put(cache, b"the wheeL")
    assert not cache.holds(ITEM)


def test_a_damaged_prepared_file_is_removed_and_made_again(tmp_path):
    cache = Cache(tmp_path)
    path, own = cache.keep_prepared(ITEM, "recipe", b"made")
    assert cache.prepared(ITEM, "recipe") == (path, own)
    path.write_bytes(b"mad")
    assert cache.prepared(ITEM, "recipe") is None
    assert not path.exists()
    assert cache.prepared(ITEM, "other recipe") is None


def test_a_plan_that_cannot_be_read_is_forgotten(tmp_path):
    cache = Cache(tmp_path)
    cache.remember("k", [ITEM])
    assert cache.recall("k") == [ITEM]
    (tmp_path / "plans" / "k").write_bytes(b"[{")
    assert cache.recall("k") is None


WRITER = """
import sys
from pathlib import Path
from smolterm.packages.cache import Cache
with Cache(Path(sys.argv[1])).writing() as (file, path):
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_was_writing_is_swept_and_a_living_one_keeps_its_file(tmp_path):
    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        return process

    with start() as dead, start() as living:
        assert len(list((tmp_path / "new").iterdir())) == 2
        dead.send_signal(signal.SIGKILL)
        dead.wait()
        Cache(tmp_path).sweep()
        assert len(list((tmp_path / "new").iterdir())) == 1
        living.communicate()
    assert list((tmp_path / "new").iterdir()) == []
    assert list(Cache(tmp_path).originals()) == []


def test_a_failure_while_writing_leaves_nothing(tmp_path):
    cache = Cache(tmp_path)
    with pytest.raises(KeyError), cache.writing() as (file, _):
        file.write(b"half")
        raise KeyError
    assert list((tmp_path / "new").iterdir()) == []


def test_a_cache_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PackageError, match="cannot be kept in"), Cache(tmp_path / "file").writing():
        pass
    if os.path.exists("/dev/full"):
        with (
            pytest.raises(PackageError, match="no room left"),
            Cache(tmp_path).writing(),
            open("/dev/full", "wb", buffering=0) as full,
        ):
            full.write(b"x")
