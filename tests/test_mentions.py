"""Files that a text names: which, and what goes with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import UsageError
from smolterm.findfiles import Files, best
from smolterm.mentions import attach, begun, mentions, place_for, written


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("sum @data/sales.csv, please", ["data/sales.csv"]),
        ("is it in @a.txt?", ["a.txt"]),
        ('(@"my file.txt") and @b', ["my file.txt", "b"]),
        ("write to me@example.org", []),
        ("@ alone, @@twice", []),
        ("@one\n@two", ["one", "two"]),
        ("@.. or @.", []),
    ],
)
def test_mentions(text: str, paths: list[str]) -> None:
    assert [mention.path for mention in mentions(text)] == paths


def test_what_is_attached_stands_in_the_text_as_its_place(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a.csv").write_bytes(b"\x00\xff")
    (tmp_path / "sub" / "a.csv").write_bytes(b"2")
    (tmp_path / "my file (1).csv").write_bytes(b"3")
    done = attach('join @a.csv, @sub/a.csv with @a.csv and @"my file (1).csv"', tmp_path)
    assert done.text == "join /in/a.csv, /in/a-2.csv with /in/a.csv and /in/my_file_1_.csv"
    assert done.files == {
        "/in/a.csv": b"\x00\xff", "/in/a-2.csv": b"2", "/in/my_file_1_.csv": b"3",
    }  # fmt: skip


def test_what_is_surely_a_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file nothing\.csv"):
        attach("sum @nothing.csv", tmp_path)
    assert attach("sum @nothing.csv", tmp_path, lenient=True).text == "sum @nothing.csv"
    assert attach("ask @alice", tmp_path).files == {}


def test_only_plain_files_of_a_bounded_size_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "large").write_bytes(b"12345")
    with pytest.raises(UsageError, match="no plain file"):
        attach("@pipe", tmp_path)
    with pytest.raises(UsageError, match="is a folder"):
        attach("@folder", tmp_path)
    monkeypatch.setattr("smolterm.mentions.MOST_BYTES", 4)
    with pytest.raises(UsageError, match="larger than"):
        attach("@large", tmp_path)


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("@", (0, "")),
        ("read @sr", (5, "sr")),
        ('read @"my fi', (5, "my fi")),
        ("me@exa", None),
        ('done @"a b" ', None),
        ("read @src ", None),
    ],
)
def test_a_mention_that_is_being_typed(before: str, found: tuple[int, str] | None) -> None:
    assert begun(before) == found


@given(st.text(st.characters(exclude_characters='"\n', codec="utf-8"), min_size=1))
def test_a_written_path_is_found_again(path: str) -> None:
    found = mentions(f"see {written(path)} now")
    assert [mention.path for mention in found] == [path]


@given(st.text(max_size=40))
def test_any_text_is_looked_through(text: str) -> None:
    for mention in mentions(text):
        assert text[mention.start] == "@" and mention.path in text[mention.start : mention.end]
    begun(text)


@given(st.text(min_size=1))
def test_a_place_is_a_plain_name_below_in(name: str) -> None:
    place = place_for(name, {"/in/file"})
    assert place.startswith("/in/") and "/" not in place[4:]
    assert place[4:] not in ("", ".", "..", "file")


def test_likely_names_come_first() -> None:
    names = ["docs/sales-plan.md", "data/sales.csv", "src/salt/less.py", "sales", "other/x.txt"]
    assert best(names, "sales", 9) == [
        "sales", "data/sales.csv", "docs/sales-plan.md", "src/salt/less.py",
    ]  # fmt: skip
    assert best(names, "dsc", 9) == ["data/sales.csv"]
    assert best(names, "", 2) == names[:2]


def test_the_tree_is_walked_without_what_nobody_wrote(tmp_path: Path) -> None:
    for name in (
        "top.txt",
        "a/b/deep.txt",
        ".git/config",
        "node_modules/m.js",
        ".hidden/x",
        "a\nb",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "loop").symlink_to(tmp_path)
    files = Files(tmp_path)
    assert files.find("") == ["loop", "top.txt", ".hidden/x", "a/b/deep.txt"]
    assert files.find(f"{tmp_path}/a") == [f"{tmp_path}/a/"]
    assert files.find(f"{tmp_path}/a/b/") == [f"{tmp_path}/a/b/deep.txt"]


def test_a_huge_tree_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}").write_text("")
    monkeypatch.setattr("smolterm.findfiles.MOST_NAMES", 20)
    assert len(Files(tmp_path).find("")) == 20
