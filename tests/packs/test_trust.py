"""The file of trusted packs: what is in it counts, what cannot be read trusts nothing."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smolterm.errors import ConfigError
from smolterm.packs.examine import changes, examine
from smolterm.packs.grants import asked
from smolterm.packs.trust import Trusted, changing, read_trust, trust_path
from tests.packs.building import build_pack, found, trusted_pack

MANIFEST = """
name = "p"
version = "1.0"
description = "For a test."
kind = "native"
[tools]
noop = "read"
[settings]
url = { default = "https://x.example" }
[capabilities]
hosts = ["a.example", "$url"]
[secrets]
TOKEN = { hosts = ["a.example"] }
"""
SOURCE = "def noop(a: int = 1) -> None:\n    'Do nothing.'\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return build_pack(tmp_path, "p", SOURCE, manifest=MANIFEST)


def test_a_file_that_is_not_there_trusts_nothing() -> None:
    assert read_trust().packs == {}


def test_what_was_kept_is_read_again_and_only_its_owner_may_read_it(folder: Path) -> None:
    trusted = trusted_pack(folder)
    with changing() as trust:
        trust.packs["p"] = trusted
    assert read_trust().packs == {"p": trusted}
    assert stat.S_IMODE(trust_path().stat().st_mode) == 0o600
    assert trusted.hash in trust_path().read_text().split('"')
    names = sorted(path.name for path in trust_path().parent.iterdir())
    assert names == ["packs.json", "packs.json.busy"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b"[]", "object"),
        (b'{"version": 2, "packs": {}}', "version 2"),
        (b'{"version": 1, "packs": {}, "more": 1}', "more"),
        (b'{"version": 1, "packs": {"p": {}}}', "missing"),
        (b'{"packs": {}}', "version"),
        (b'{"version": 1, "packs": ' + b"[" * 100_000, "malformed|nested|recursion|Expected"),
    ],
)
def test_a_damaged_or_newer_file_trusts_nothing_and_is_not_overwritten(
    content: bytes, said: str
) -> None:
    trust_path().parent.mkdir(parents=True)
    trust_path().write_bytes(content)
    trust_path().chmod(0o600)
    with pytest.raises(ConfigError, match=said) as raised:
        read_trust()
    assert "No tool pack is trusted" in str(raised.value)
    with pytest.raises(ConfigError), changing() as trust:
        trust.packs.clear()
    assert trust_path().read_bytes() == content


@pytest.mark.parametrize("mode", [0o620, 0o602])
def test_a_file_that_others_may_write_to_trusts_nothing(folder: Path, mode: int) -> None:
    with changing() as trust:
        trust.packs["p"] = trusted_pack(folder)
    trust_path().chmod(mode)
    with pytest.raises(ConfigError, match="others than you"):
        read_trust()


def test_a_file_that_cannot_be_written_stays_as_it_was(folder: Path) -> None:
    with changing() as trust:
        trust.packs["p"] = trusted_pack(folder)
    before = trust_path().read_bytes()

    def fail() -> None:
        with changing() as trust:
            trust.packs.clear()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert trust_path().read_bytes() == before


def test_two_changes_at_once_are_both_kept(folder: Path) -> None:
    trusted = trusted_pack(folder)

    def add(name: str) -> None:
        with changing() as trust:
            trust.packs[name] = trusted

    threads = [threading.Thread(target=add, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read_trust().packs) == [f"p{n}" for n in range(8)]


def test_the_same_files_have_the_same_hash_in_another_process_and_folder(
    folder: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "elsewhere" / folder.name
    copy.parent.mkdir()
    subprocess.run(["cp", "-r", folder, copy], check=True)
    program = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2])\n"
        "from tests.packs.building import found\n"
        "from smolterm.packs.examine import examine\n"
        "print(examine(found(Path(sys.argv[1]))).hash)\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(copy), root],
        env={**os.environ, "PYTHONHASHSEED": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == examine(found(folder)).hash


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("pack.toml", '"1.0"', '"1.1"'), "its version was 1.0 and is 1.1"),
        (("pack.toml", '"native"', '"wasm"'), "its kind was native and is wasm"),
        (("pack.toml", '"a.example", "$', '"a.example", "b.example", "$'), "hosts b.example"),
        (
            ("pack.toml", 'TOKEN = { hosts = ["a.example"] }',
             'TOKEN = { hosts = ["a.example", "$url"] }'),
            "the secret TOKEN may go to $url too",
        ),
        (("pack.toml", '"read"', '{ effect = "read", outside = false }'), "text from outside"),
        (("pack.toml", '"read"', '"write"'), "the effect of noop was read and is write"),
        (("pack.toml", "noop =", "other ="), "the tool noop is gone"),
        (("__init__.py", "a: int", "a: str | int"), "noop was called by (a: int = 1) -> None"),
        (("__init__.py", "Do nothing.", "Do this."), "the description of noop is another one"),
        (("__init__.py", "\n", "\n\n"), "its files or its packages are not the same"),
        (("data.bin", "", "x"), "its files or its packages are not the same"),
    ],
)  # fmt: skip
def test_what_changed_is_named(folder: Path, change: tuple[str, str, str], said: str) -> None:
    (folder / "__init__.py").write_text(SOURCE + SOURCE.replace("noop", "other"))
    before = trusted_pack(folder)
    assert changes(before, examine(found(folder))) == []
    path, old, new = change
    text = (folder / path).read_text() if (folder / path).exists() else ""
    (folder / path).write_text(text.replace(old, new, 1) or new)
    assert any(said in each for each in changes(before, examine(found(folder))))


def test_a_file_that_is_renamed_moved_or_joined_with_another_is_a_change(folder: Path) -> None:
    seen = set()
    for names in (["a", "bc"], ["ab", "c"], ["a/b", "c"], ["abc"]):
        for name in names:
            path = folder / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x")
        seen.add(examine(found(folder)).hash)
        subprocess.run(["rm", "-r", folder / "data"], check=True)
    assert len(seen) == 4


def test_a_trusted_pack_crosses_the_file_whole(folder: Path) -> None:
    trusted = trusted_pack(folder)
    raw: Any = msgspec.json.encode(trusted)
    assert msgspec.json.decode(raw, type=Trusted) == trusted
    assert trusted.granted == asked(trusted.manifest)
