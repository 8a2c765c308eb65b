"""Which packs a session uses, what they are granted, and what it is told of the others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from smolterm.build import build_packs
from smolterm.config import Settings
from smolterm.doctor import tool_packs
from smolterm.errors import PackError, ToolError, UsageError
from smolterm.packs.hosted import HostedPack
from smolterm.packs.seen import Looking
from smolterm.packs.trust import SecretSource, read_trust, trust_path
from smolterm.packs.using import Leave, Start, grant_of, packs_in_use
from smolterm.packs.wasm.client import WasmPack
from tests.packs.building import build_pack, found, trust, trusted_pack

TOOL = "def {name}() -> None:\n    'Do.'\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for packs, and the only place where packs are looked for."""
    place = tmp_path / "packs"
    place.mkdir()
    monkeypatch.setattr(sys, "path", [str(place)])
    return place


def install(place: Path, name: str, **options: str) -> Path:
    return build_pack(
        place, name, TOOL.format(name=f"do_{name}"), tools={f"do_{name}": "pure"}, **options
    )


def in_use(**leave: Path | bool) -> tuple[list[str], list[str]]:
    said: list[str] = []
    packs = packs_in_use(Leave(**leave), said.append)  # type: ignore[arg-type]
    return [pack.name for pack in packs], said


def test_what_is_installed_is_not_used_and_told_once(place: Path) -> None:
    install(place, "a")
    install(place, "b")
    names, said = in_use()
    assert names == []
    (line,) = said
    assert line.startswith("2 tool packs are installed and not used: a, b. No pack is trusted yet")
    assert line.endswith("smolterm packs add a")
    assert in_use() == ([], [])
    install(place, "c")
    assert len(in_use()[1]) == 1
    assert in_use() == ([], [])


def test_what_is_trusted_is_used_and_not_started(place: Path) -> None:
    install(place, "a")
    trust("a")
    (pack,) = packs_in_use(Leave(), print)
    assert isinstance(pack, HostedPack)
    assert pack.pid is None
    (tool,) = pack.tools
    assert (tool.spec.name, tool.spec.pack, tool.spec.outside) == ("do_a", "a", False)
    assert "a_pack" not in sys.modules


def test_a_pack_that_changed_is_left_out_until_it_is_looked_at(place: Path) -> None:
    folder = install(place, "a")
    install(place, "b")
    trust("a")
    trust("b")
    assert in_use() == (["a", "b"], [])
    (folder / "__init__.py").write_text("# new\n" + TOOL.format(name="do_a"))
    for _ in range(2):
        names, (line,) = in_use()
        assert names == ["b"]
        assert line == (
            "The pack a is left out: it is not the one that you trusted any more. "
            "Look: smolterm packs trust a."
        )
    trust("a")
    assert in_use() == (["a", "b"], [])


@pytest.mark.parametrize("what", ["new", "gone", "link", "manifest", "touched"])
def test_every_kind_of_change_is_seen_behind_what_was_seen_before(place: Path, what: str) -> None:
    folder = install(place, "a")
    (folder / "data.txt").write_text("x")
    trust("a")
    assert in_use() == (["a"], [])
    if what == "new":
        (folder / "more.py").write_text("")
    elif what == "gone":
        (folder / "data.txt").unlink()
    elif what == "link":
        (folder / "data.txt").unlink()
        (folder / "data.txt").symlink_to("/etc/hostname")
    elif what == "manifest":
        text = (folder / "pack.toml").read_text()
        (folder / "pack.toml").write_text(text.replace("1.0", "1.1"))
    else:
        # Other times, the same content: read again and found to be the same.
        (folder / "data.txt").write_text("x")
    names, said = in_use()
    assert (names == ["a"]) is (what == "touched")
    assert (said == []) is (what == "touched")


def test_the_same_content_is_not_hashed_twice(place: Path) -> None:
    install(place, "a")
    trust("a")
    in_use()
    seen = trust_path().with_name("packs-seen.json").read_text()
    looking = Looking()
    (where,) = looking.installed().values()
    assert looking.is_same(where, read_trust().packs["a"])
    looking.keep()
    assert trust_path().with_name("packs-seen.json").read_text() == seen


@pytest.mark.parametrize("content", ["", "{", '{"packs": 1}', '{"stamps": {"a": {}}}'])
def test_what_was_seen_may_be_lost(place: Path, content: str) -> None:
    install(place, "a")
    trust("a")
    in_use()
    trust_path().with_name("packs-seen.json").write_text(content)
    assert in_use() == (["a"], [])


def test_what_was_seen_counts_only_while_others_cannot_write_it(place: Path) -> None:
    folder = install(place, "a")
    trust("a")
    in_use()
    seen = trust_path().with_name("packs-seen.json")
    told = seen.read_text()
    (folder / "more.py").write_text("")
    in_use()
    forged = seen.read_text().replace(
        Looking()._seen.stamps["a"].hash, read_trust().packs["a"].hash
    )
    assert forged not in (told, seen.read_text())
    seen.write_text(forged)
    seen.chmod(0o666)
    assert in_use()[0] == []


def test_a_damaged_file_of_trusted_packs_uses_none_and_is_told(place: Path) -> None:
    install(place, "a")
    trust("a")
    trust_path().write_text("{")
    names, (line,) = in_use()
    assert names == []
    assert "No tool pack is trusted by it." in line


def test_a_pack_that_is_not_installed_any_more_is_no_trouble(place: Path) -> None:
    folder = install(place, "a")
    trust("a")
    for path in [*folder.iterdir(), folder]:
        path.rmdir() if path.is_dir() else path.unlink()
    for path in [*(place / "a_pack-1.0.dist-info").iterdir(), place / "a_pack-1.0.dist-info"]:
        path.rmdir() if path.is_dir() else path.unlink()
    assert in_use() == ([], [])


def test_named_packs_are_used_alone_and_must_be_trusted(place: Path) -> None:
    for name in "ab":
        install(place, name)
        trust(name)
    said: list[str] = []
    packs = build_packs(Settings(packs=("b",)), None, said.append)
    assert [pack.name for pack in packs] == ["b"]
    assert build_packs(Settings(packs=()), None, said.append) == []
    folder = install(place, "c")
    with pytest.raises(UsageError, match="c cannot be used: it is not trusted"):
        build_packs(Settings(packs=("c",)), None, said.append)
    trust("c")
    (folder / "x").write_text("x")
    with pytest.raises(UsageError, match="c cannot be used: it is not the one"):
        build_packs(Settings(packs=("c",)), None, said.append)
    with pytest.raises(UsageError, match="No tool pack is named d"):
        build_packs(Settings(packs=("d",)), None, said.append)
    build_pack(place, "e", manifest="")
    with pytest.raises(PackError, match="The pack e is left out"):
        build_packs(Settings(packs=("e",)), None, said.append)


MANIFEST = """
name = "p"
version = "1"
description = "."
[tools]
do_p = "read"
[settings]
url = { default = "https://api.example/v1" }
[capabilities]
hosts = ["$url", "b.example"]
read = ["**"]
write = ["out/**"]
env = ["TEST_P_ENV", "TEST_P_GONE"]
[secrets]
TOKEN = { hosts = ["$url", "b.example"] }
OTHER = { hosts = ["b.example"] }
"""


def test_a_wasm_pack_gets_its_grant_and_its_files_when_it_starts(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_P_ENV", "here")
    monkeypatch.setenv("MY_TOKEN", "hunter2-hunter2")
    folder = install(place, "p", manifest=MANIFEST)
    (folder / "data").mkdir()
    (folder / "data" / "a.txt").write_bytes(b"\0")
    trust("p", without=["hosts=b.example"])
    (pack,) = packs_in_use(Leave(folder=tmp_path, write=False), print)
    assert isinstance(pack, WasmPack)
    trusted = read_trust().packs["p"]
    trusted.secrets["TOKEN"] = SecretSource(variable="MY_TOKEN")
    start = Start(found(folder), trusted, Leave(folder=tmp_path, write=False))
    grant = start.grant()
    assert grant.hosts == ("https://api.example",)
    assert (grant.folder, grant.read, grant.write) == (str(tmp_path), ("**",), ())
    assert grant.secrets == {"TOKEN": ("https://api.example",), "OTHER": ()}
    assert grant.secret_values == {"TOKEN": "hunter2-hunter2"}
    assert grant.env == {"TEST_P_ENV": "here"}
    assert grant.settings == {"url": "https://api.example/v1"}
    assert "hunter2" not in repr(grant)
    assert sorted(start.files()) == ["p_pack/__init__.py", "p_pack/data/a.txt", "p_pack/pack.toml"]
    reach = start.reach()
    assert (reach.network, reach.folder, reach.write) == (True, str(tmp_path), False)
    (folder / "data" / "a.txt").write_bytes(b"\1")
    with pytest.raises(PackError, match="has changed"):
        start.files()


def test_without_a_folder_or_leave_to_write_nothing_of_it_is_granted(place: Path) -> None:
    trusted = trusted_pack(install(place, "p", manifest=MANIFEST))
    grant = grant_of("p", trusted, Leave())
    assert (grant.folder, grant.write) == (None, ())
    assert grant_of("p", trusted, Leave(folder=place, write=True)).write == ("out/**",)


def test_a_secret_that_is_not_where_it_was_said_stops_the_pack_and_names_the_place(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = install(place, "p", manifest=MANIFEST)
    trusted = trusted_pack(folder)
    trusted.secrets["TOKEN"] = SecretSource(variable="TEST_NOT_SET")
    with pytest.raises(ToolError, match="TOKEN of the pack p is not in the variable TEST_NOT_SET"):
        grant_of("p", trusted, Leave())
    with pytest.raises(PackError, match="TEST_NOT_SET"):
        Start(found(folder), trusted, Leave()).grant()
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    trusted.secrets["TOKEN"] = SecretSource()
    with pytest.raises(ToolError, match="--variable"):
        grant_of("p", trusted, Leave())


def test_thirty_packs_are_known_without_a_process_or_a_line_of_theirs(place: Path) -> None:
    for number in range(30):
        install(place, f"p{number}")
        trust(f"p{number}")
    in_use()
    before = set(sys.modules)
    packs = packs_in_use(Leave(), print)
    assert [len(pack.tools) for pack in packs] == [1] * 30
    assert not any(pack.pid for pack in packs)
    assert not [name for name in set(sys.modules) - before if not name.startswith("smolterm")]


def test_the_doctor_says_how_each_pack_stands(place: Path) -> None:
    folder = install(place, "a")
    install(place, "b")
    build_pack(place, "c", manifest="")
    trust("a")
    lines = list(tool_packs())
    assert lines[0] == "tool packs   a"
    assert "  not trusted b: smolterm packs add NAME" in lines
    assert "  broken     c: smolterm packs show NAME" in lines
    (folder / "more.py").write_text("")
    assert "  changed    a: smolterm packs trust NAME" in list(tool_packs())
    trust_path().write_text("{")
    lines = list(tool_packs())
    assert lines[0] == "tool packs   none in use"
    assert lines[1].startswith("  damaged ")
