"""The doors as a whole: files, cache, settings, and any nonsense at any of them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smolterm import pack
from smolterm.errors import Denied, ToolError
from smolterm.pack import cache, files
from smolterm.packs.doors import Doors, Grant, native
from smolterm.packs.doors.cache import LARGEST, MOST, MOST_VALUES, Cache
from smolterm.packs.doors.folder import LONGEST
from smolterm.packs.notice import PackNotice
from smolterm.packs.testing import bound

CANARY = "the canary"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A granted folder beside a secret that nothing may reach."""
    (tmp_path / "secret.txt").write_text(CANARY)
    granted = tmp_path / "granted"
    for name in ("data/a.csv", "data/b.txt", "notes.txt", "out/old.md", ".env", "data/.hidden"):
        (granted / name).parent.mkdir(parents=True, exist_ok=True)
        (granted / name).write_text(CANARY if "/." in f"/{name}" else name)
    return granted


# Files


def test_what_is_granted_is_listed_read_and_written(folder):
    with bound(folder=folder, read=["*.csv", "out/**"], write=["out/**"]) as doors:
        assert [each.path for each in files.list()] == ["data/a.csv", "out/old.md"]
        assert [each.path for each in files.list("out/*")] == ["out/old.md"]
        assert files.read("data/a.csv") == b"data/a.csv"
        assert files.read("data/a.csv", limit=4) == b"data"
        assert files.read_text("./data//a.csv") == "data/a.csv"
        assert files.write("out/new/x.md", "ü") == 2
        assert (folder / "out/new/x.md").read_text() == "ü"
        assert files.info("out/new/x.md").size == 2
        assert files.info("out/new").kind == "folder"
        assert doors.denied == []


@pytest.mark.parametrize("path", ["notes.txt", "data/b.txt", "data", "data/link"])
def test_what_is_not_granted_is_not_read(folder, path):
    (folder / "data/link").symlink_to("../notes.txt")
    (folder / "link.csv").symlink_to("notes.txt")
    with bound(pack="reader", folder=folder, read=["*.csv"]) as doors:
        for call in (files.info, files.read):
            with pytest.raises(Denied, match=r"reader tried to read .*\(\*\.csv\)"):
                call(path)
        # Its name is granted, what it leads to is not.
        with pytest.raises(Denied):
            files.read("link.csv")
        assert [each.path for each in files.list()] == ["data/a.csv"]
        assert len(doors.denied) == 3


@pytest.mark.parametrize("path", ["notes.txt", "data/a.csv", "outside", "out"])
def test_what_is_not_granted_is_not_written(folder, path):
    with bound(pack="writer", folder=folder, write=["out/*"]), pytest.raises(ToolError):
        files.write(path, "x")
    with bound(folder=folder), pytest.raises(Denied, match="for reading only"):
        files.write("out/x", "x")
    assert not (folder / "outside").exists()
    assert (folder / "notes.txt").read_text() == "notes.txt"


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../secret.txt", "data/../../secret.txt", "..", "~/x", "", "\0", "a\nb",
     "data\\..\\x", "//etc/passwd", ".env", "data/.hidden", "up/secret.txt", "up", "loop",
     "to_hidden", "x" * 5_000, "\ud800"],
)  # fmt: skip
def test_nothing_outside_or_hidden_is_reached(folder, path):
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    (folder / "to_hidden").symlink_to(".env")
    before = sorted(str(each) for each in folder.parent.rglob("*"))
    with bound(folder=folder, write=["**"]):
        for call in (
            lambda: files.read(path), lambda: files.info(path), lambda: files.write(path, "x"),
            lambda: files.write(f"{path}/new", "x"),
        ):  # fmt: skip
            with pytest.raises(ToolError) as raised:
                call()
            assert str(folder.parent) not in str(raised.value)
    assert sorted(str(each) for each in folder.parent.rglob("*")) == before
    assert (folder.parent / "secret.txt").read_text() == CANARY


@pytest.mark.parametrize(
    "pattern", ["../*", "/etc/*", ".*", "up/*", "**/.env", "", "[", "x" * 2_000]
)
def test_listing_stays_inside(folder, pattern):
    (folder / "up").symlink_to("..")
    with bound(folder=folder):
        try:
            assert files.list(pattern) == []
        except ToolError:
            pass


def test_a_way_out_is_named_to_the_person(folder):
    (folder / "up").symlink_to("..")
    with bound(folder=folder) as doors:
        with pytest.raises(Denied, match="leads out of the granted folder"):
            files.read("up/secret.txt")
        assert len(doors.denied) == 1


def test_nothing_works_without_a_folder(folder):
    with bound(read=["**"], write=["**"]) as doors:
        for call in (files.list, lambda: files.read("a"), lambda: files.write("a", "x")):
            with pytest.raises(Denied, match="--folder"):
                call()
        assert len(doors.denied) == 3


def test_a_file_that_is_too_large_is_read_in_part_alone(folder):
    with open(folder / "big", "wb") as stream:
        stream.truncate(LONGEST + 1)
    with bound(folder=folder, write=["**"]):
        with pytest.raises(ToolError, match="can be read"):
            files.read("big")
        assert len(files.read("big", limit=10)) == 10
        with pytest.raises(ToolError, match="can be written"):
            files.write("new", bytes(LONGEST + 1))


def test_pipes_are_not_waited_for(folder):
    os.mkfifo(folder / "pipe")
    with bound(folder=folder, write=["**"]):
        for call in (files.read, files.info, lambda path: files.write(path, "x")):
            with pytest.raises(ToolError):
                call("pipe")


# Cache


def test_a_value_is_kept_for_its_time(tmp_path):
    now = [1000.0]
    kept = Cache(tmp_path / "cache", now=lambda: now[0])
    kept.put("../../a\0b", {"error": [1, "ü", None]}, 10)
    assert kept.get("../../a\0b") == {"error": [1, "ü", None]}
    assert kept.get("other") is None
    now[0] += 10
    assert kept.get("../../a\0b") is None
    assert os.listdir(tmp_path) == ["cache"] and os.listdir(tmp_path / "cache") == []


def test_the_cache_is_bounded_and_the_oldest_go_first(tmp_path):
    kept = Cache(tmp_path)
    for at in range(15):
        kept.put(f"k{at}", "x" * 900_000, 60)
        # Files of one moment have no order.
        path = kept._path(f"k{at}")
        os.utime(path, (at, at))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) <= MOST
    assert kept.get("k0") is None and kept.get("k14") is not None
    with pytest.raises(ToolError, match="can be kept"):
        kept.put("big", "x" * (LARGEST + 10_000), 60)
    for at in range(MOST_VALUES):
        (tmp_path / f"{at}.json").write_text("")
    kept.put("one more", 1, 60)
    assert len(os.listdir(tmp_path)) <= MOST_VALUES


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"[]", b'{"key":"k"}', b"[" * 100_000, b"null"]
)
def test_what_is_broken_on_disk_is_not_there(tmp_path, raw):
    kept = Cache(tmp_path)
    kept.put("k", 1, 60)
    (path,) = tmp_path.iterdir()
    path.write_bytes(raw)
    assert kept.get("k") is None
    kept.put("k", 2, 60)
    assert kept.get("k") == 2
    path.unlink()
    path.mkdir()
    assert kept.get("k") is None
    with pytest.raises(ToolError):
        kept.put("k", 3, 60)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    kept = Cache(tmp_path / "file")
    assert kept.get("k") is None
    with pytest.raises(ToolError, match="cannot be kept"):
        kept.put("k", 1, 60)


def test_two_packs_share_no_value(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    first, second = Doors(Grant(pack="one")), Doors(Grant(pack="../one"))
    first.call("cache.put", {"key": "k", "value": 1, "seconds": 9})
    assert first.call("cache.get", {"key": "k"}) == {"value": 1}
    assert second.call("cache.get", {"key": "k"}) == {"value": None}
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("seconds", [-1, 1e12, float("nan"), float("inf")])
def test_an_odd_time_is_refused(seconds):
    with bound(), pytest.raises(ToolError):
        cache.put("k", 1, seconds)


# Settings, notices, secrets


def test_settings_are_read_and_their_lack_is_said():
    with bound(settings={"url": "https://x.org", "empty": ""}):
        assert pack.settings["url"] == pack.settings.get("url") == "https://x.org"
        assert pack.settings.get("empty", "default") == "default"
        assert pack.settings.get("none") is None
        with pytest.raises(ToolError, match="smolterm packs set"):
            pack.settings["empty"]


def test_notices_are_masked_and_short():
    with bound(pack="p", secrets={"T": "the secret"}, native=True) as doors:
        pack.log(f"<{pack.secrets['T']}>\ud800" + "x" * 5_000)
        assert pack.progress("half", 1, 2) == pack.Progress("half", 1, 2)
        said, half = doors.notices
    assert said.text.startswith("<[secret T]>\\ud800x") and len(said.text) == 2_000
    assert (half.pack, half.kind, half.done, half.total) == ("p", "progress", 1.0, 2.0)


def test_a_native_pack_gets_the_secret_and_a_wasm_pack_does_not():
    values = {"T": "the secret"}
    with bound(secrets=values):
        assert "the secret" not in pack.secrets["T"]
        assert len(pack.secrets.hmac("T", b"x")) == 32
    grant = Grant(pack="p", secrets={"T": ()}, secret_values=values)
    try:
        doors = native.bind(grant)
        assert pack.secrets["T"] == "the secret"
    finally:
        pack._bind(None)
    doors.close()
    with pytest.raises(ToolError, match="outside of a host"):
        pack.secrets["T"]


def test_a_native_pack_that_floods_is_heard_in_part():
    now, denied, told = [0.0], [], []
    spared = native.Spared(denied.append, told.append, now=lambda: now[0])
    for _ in range(3):
        for _ in range(1_000):
            spared.denied("x")
            spared.notice(PackNotice(pack="p", kind="log"))
            spared.notice(PackNotice(pack="p", kind="progress"))
        now[0] += native.PERIOD
    assert len(denied) == 3 * native.MOST_TOLD
    kinds = [notice.kind for notice in told]
    assert kinds.count("log") == 3 * native.MOST_TOLD and kinds.count("progress") == 3


def test_a_failure_of_ours_is_an_answer_too():
    doors = Doors(Grant(pack="p", hosts=("*",)), resolve=lambda *_: [object()])  # type: ignore[list-item]
    answer = doors.call("http", {"method": "GET", "url": "https://x.org"})
    assert answer == {"error": "http failed: AttributeError.", "next": "", "denied": False}


# Anything at all

OPS = sorted(Doors(Grant(pack="p"))._doors)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["method", "url", "headers", "body", "auth", "timeout", "follow", "path", "pattern", "limit",
     "content", "key", "value", "seconds", "text", "done", "total", "name", "message", "prefix"]
)  # fmt: skip
LIKELY = JSON | st.sampled_from(
    ["GET", "http://127.0.0.1:1/", "a", [["X", "y"]], ["u", "p"], 0.01, "eA=="]
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(OPS) | st.text(max_size=9), JSON | st.dictionaries(FIELDS, LIKELY, max_size=6)
)
def test_any_payload_has_an_answer(tmp_path, op, payload):
    told: list[str] = []
    doors = Doors(
        Grant(pack="p", folder=str(tmp_path), read=("**",), write=("**",)),
        on_denied=told.append, cache_folder=tmp_path / ".cache",
    )  # fmt: skip
    answer = doors.call(op, payload)
    json.dumps(answer).encode()
    assert isinstance(answer, dict)
    if "error" in answer:
        assert set(answer) == {"error", "next", "denied"} and answer["error"]
        assert told == ([answer["error"]] if answer["denied"] else [])
