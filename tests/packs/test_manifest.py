"""A manifest is read whole or refused by file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from smolterm.errors import PackError
from smolterm.packs.manifest import ToolEntry, read_manifest

GOOD = """
name = "files"
version = "1.0"
description = "What it is for."

[capabilities]
folder = "write"

[tools]
look = "read"
change = "write"
"""


def test_a_manifest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pack.toml"
    path.write_text(GOOD)
    manifest = read_manifest(path)
    assert manifest.tools == {
        "look": ToolEntry(effect="read", outside=True),
        "change": ToolEntry(effect="write", outside=True),
    }
    assert manifest.kind == "wasm"
    assert (manifest.capabilities.read, manifest.capabilities.write) == (("**",), ("**",))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "files"', "", "`name` is missing"),
        ('name = "files"', "name = 1", "`name`"),
        ('version = "1.0"', 'version = "1.0"\nsurprise = 1', "`surprise` is not known"),
        ('folder = "write"', 'folder = "all"', "`capabilities.folder`"),
        ('folder = "write"', "network = true", "`capabilities.network` is not known"),
        ('look = "read"', 'look = "harmless"', "tools"),
        ('look = "read"', '_look = "read"', "`tools._look`"),
        ('look = "read"', 'final_answer = "pure"', "`tools.final_answer`"),
        ('look = "read"', 'class = "pure"', "`tools.class`"),
        ('look = "read"\nchange = "write"', "", "`tools` names no tool"),
        ("[tools]", "[tools", "is not TOML"),
        ("[tools]", "\x00", "is not TOML"),
    ],
)
def test_a_broken_manifest_names_file_and_key(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "pack.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(PackError) as raised:
        read_manifest(path)
    assert str(path) in str(raised.value)
    assert named in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_unreadable_or_huge_manifest_is_named(tmp_path: Path) -> None:
    for name, content in (("none", None), ("latin", b"\xff\xfe="), ("huge", b"#" * 100_000)):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(PackError, match=name):
            read_manifest(path)
