"""A manifest is read whole or refused by file and key."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import PackError
from smolterm.packs.manifest import ToolEntry, parse_manifest, read_manifest

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


def test_the_manifest_in_the_docs_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "packs.md").read_text()
    (text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    manifest = parse_manifest(text.encode(), "docs/packs.md")
    assert manifest.capabilities.hosts == ("$url", "*.example.org")
    native = text.replace('"wasm" ', '"native" ').replace("# programs", "programs")
    asked = parse_manifest(native.replace("# sockets", "sockets").encode(), "docs").capabilities
    assert (asked.programs, len(asked.sockets)) == (("git",), 1)
    assert set(asked.__struct_fields__) == set(re.findall(r"^(?:# )?(\w+) = \[", text, re.M))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "files"', 'name = "fi/les"', "no name for a pack"),
        ('name = "files"', 'name = "../files"', "no name for a pack"),
        ("What it is for.", "What \\u202E it is for.", "`description` holds characters"),
        ("What it is for.", "What\\u001B[2J", "`description` holds characters"),
        ("What it is for.", "one\\ntwo", "`description` holds characters"),
        ("What it is for.", "x" * 2_000, "longer than 1000"),
        ('look = "read"', 'print = "read"', "`tools.print` cannot be called"),
        ('look = "read"', 'run_python = "read"', "`tools.run_python` cannot be called"),
        ('look = "read"', '"lооk" = "read"', "cannot be called"),
        ('look = "read"', '"a b" = "read"', "cannot be called"),
        ('look = "read"', 'match = "read"', "cannot be called"),
        ('look = "read"', "".join(f'a{n} = "pure"\n' for n in range(300)), "more than 200"),
        ('look = "read"', 'look = { effect = "read", more = 1 }', "`tools"),
        ('folder = "write"', 'hosts = ["https://x/path"]', "no host"),
        ('folder = "write"', 'hosts = ["a b"]', "no host"),
        ('folder = "write"', 'hosts = ["user@x.example"]', "no host"),
        ('folder = "write"', 'hosts = ["*.*.example"]', "no host"),
        ('folder = "write"', 'hosts = ["$url"]', "none of its `settings`"),
        ('folder = "write"', 'read = ["../**"]', "no pattern"),
        ('folder = "write"', 'read = ["/etc/*"]', "no pattern"),
        ('folder = "write"', 'write = ["a//b"]', "no pattern"),
        ('folder = "write"', 'env = ["A=B"]', "no name of a variable"),
        ('folder = "write"', 'packages = ["-e ."]', "no name of a package"),
        ('folder = "write"', 'packages = ["a @ https://x"]', "no name of a package"),
        ('folder = "write"', 'programs = ["git"]', "for packs of the kind native"),
        ('folder = "write"', "[secrets]\nKEY = {}", "names no host"),
        ('folder = "write"', '[secrets]\nKEY = { hosts = ["x.example"] }', "not among"),
        ('folder = "write"', '[secrets]\n"a b" = { hosts = [] }', "no name for a secret"),
        ('folder = "write"', "[settings]\nURL = {}", "no name for a setting"),
        ("[tools]", "deep = " + "[" * 10_000, "TOML"),
    ],
)
def test_a_hostile_manifest_is_refused_by_what_is_wrong(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    path = tmp_path / "pack.toml"
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(PackError) as raised:
        read_manifest(path)
    assert named in str(raised.value)
    assert not {"\x1b", "\u202e", "\n"} & set(str(raised.value))


words = st.sampled_from(
    ["name", "=", '"', "[", "]", "{", "}", "tools", "capabilities", "hosts", "$url", "\n", "1", ",",
     "secrets", ".", "'", "\\u202e", "\0", "\ud7ff", "effect", "read", "#", "9" * 400, "true", "\t"]
)  # fmt: skip


@given(st.lists(words, max_size=30).map("".join), st.integers(0, len(GOOD)), st.integers(0, 40))
def test_whatever_stands_there_is_a_manifest_or_refused(text: str, at: int, cut: int) -> None:
    for written in (text, GOOD[:at] + text + GOOD[at + cut :]):
        try:
            manifest = parse_manifest(written.encode(), "here")
        except PackError as error:
            assert "\n" not in str(error)
        else:
            assert manifest.tools


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_no_crash(raw: bytes) -> None:
    with pytest.raises(PackError):
        parse_manifest(raw, "here")
