"""Downloads against a server that cuts, lies, ends early and refuses; a disk without room."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from smolterm.errors import DownloadFailed, FileDamaged, NoSpace, UsageError
from smolterm.models.fetch import FetchLimits, Wanted, fetch_model, partial_bytes
from smolterm.models.library import about
from tests.models.hub_server import HubServer, Plan

CONTENT = b"GGUF" + bytes(range(256)) * 12_000  # 3 MB: several pieces
QUICK = FetchLimits(first_wait=0.001, idle_seconds=5, tries=3)


def wanted(content: bytes = CONTENT, **fields: object) -> Wanted:
    values = {
        "repository": "acme/tiny-GGUF", "revision": "a" * 40, "file": "tiny.gguf",
        "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), **fields,
    }  # fmt: skip
    return Wanted(**values)  # type: ignore[arg-type]


def fetch(hub: HubServer, folder: Path, what: Wanted | None = None, **more: object) -> Path:
    told: list[tuple[int, int]] = []
    limits = more.pop("limits", QUICK)
    return asyncio.run(
        fetch_model(what or wanted(), folder, lambda *at: told.append(at),
                    endpoint=hub.url, limits=limits, **more)  # type: ignore[arg-type]
    )  # fmt: skip


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_and_is_known(tmp_path: Path) -> None:
    with HubServer(CONTENT) as hub:
        path = fetch(hub, tmp_path / "models")
        assert path.read_bytes() == CONTENT
        assert about(path).repository == "acme/tiny-GGUF"
        assert left(path.parent) == ["tiny.gguf", "tiny.gguf.json"]
        assert hub.requests[0]["path"] == f"/acme/tiny-GGUF/resolve/{'a' * 40}/tiny.gguf"
        fetch(hub, path.parent)
        assert len(hub.requests) == 1, "what is there is not asked for again"


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with HubServer(CONTENT) as hub:
        asyncio.run(fetch_model(wanted(), tmp_path, lambda *at: told.append(at), endpoint=hub.url))
    assert told[0] == (0, len(CONTENT)) and told[-1] == (len(CONTENT), len(CONTENT))
    assert len(told) >= 3


def test_a_cut_line_goes_on_where_it_broke(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(send=1_500_000), Plan(send=700_000), Plan()) as hub:
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert [get["range"] for get in hub.gets()] == ["", "bytes=1500000-", "bytes=2200000-"]


def test_an_early_end_that_looks_like_one_goes_on(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(send=1_000_000, announce=False), Plan()) as hub:
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.gets()[1]["range"] == "bytes=1000000-"


def test_what_came_is_kept_for_the_next_attempt(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(send=2_000_000), Plan(send=0)) as hub:
        with pytest.raises(DownloadFailed) as failed:
            fetch(hub, tmp_path)
        assert failed.value.kept == "2.0 MB of it are kept."
        assert partial_bytes(wanted(), tmp_path) == 2_000_000
        assert not (tmp_path / "tiny.gguf").exists()
        assert len(hub.gets()) == 1 + QUICK.tries
        hub.plans = [Plan()]
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.gets()[-1]["range"] == "bytes=2000000-"


def test_a_wrong_byte_is_found_and_not_kept(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(flip=123_456)) as hub, pytest.raises(FileDamaged, match="SHA-256"):
        fetch(hub, tmp_path)
    assert left(tmp_path) == []


def test_a_wrong_byte_before_a_cut_is_found_too(tmp_path: Path) -> None:
    with (
        HubServer(CONTENT, Plan(flip=10, send=1_500_000), Plan()) as hub,
        pytest.raises(FileDamaged, match="SHA-256"),
    ):
        fetch(hub, tmp_path)
    assert left(tmp_path) == []


def test_a_server_without_ranges_begins_again(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(send=1_500_000), Plan(ranges=False)) as hub:
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert [get["range"] for get in hub.gets()] == ["", "bytes=1500000-"]


@pytest.mark.parametrize("bad", [Plan(shift=-7), Plan(status=416)])
def test_another_part_than_asked_for_is_not_written(tmp_path: Path, bad: Plan) -> None:
    with HubServer(CONTENT, Plan(send=1_500_000), bad, Plan()) as hub:
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert [get["range"] for get in hub.gets()] == ["", "bytes=1500000-", ""]


def test_more_than_announced_is_refused(tmp_path: Path) -> None:
    with (
        HubServer(CONTENT, Plan(extra=5, announce=False)) as hub,
        pytest.raises(FileDamaged, match="longer"),
    ):
        fetch(hub, tmp_path)
    assert left(tmp_path) == []


def test_another_length_is_refused_before_anything_comes(tmp_path: Path) -> None:
    with (
        HubServer(CONTENT + b"more") as hub,
        pytest.raises(FileDamaged, match=r"3,072,008 bytes instead of 3,072,004"),
    ):
        fetch(hub, tmp_path, wanted())
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("status", "words"), [(404, "no such file"), (401, "HF_TOKEN"), (403, "HF_TOKEN"), (418, "418")]
)
def test_a_refusal_is_final_and_says_why(tmp_path: Path, status: int, words: str) -> None:
    with HubServer(CONTENT, Plan(status=status)) as hub:
        with pytest.raises(DownloadFailed, match=words):
            fetch(hub, tmp_path)
        assert len(hub.gets()) == 1
    assert left(tmp_path) == []


def test_a_server_that_fails_for_now_is_asked_again(tmp_path: Path) -> None:
    with HubServer(CONTENT, Plan(status=503), Plan(status=429), Plan()) as hub:
        assert fetch(hub, tmp_path).read_bytes() == CONTENT


def test_nobody_there(tmp_path: Path) -> None:
    with HubServer(CONTENT) as hub:
        pass
    with pytest.raises(DownloadFailed, match="connection"):
        fetch(hub, tmp_path)


def test_silence_ends(tmp_path: Path) -> None:
    held = threading.Event()
    quiet = FetchLimits(first_wait=0.001, idle_seconds=0.1, tries=1)
    with HubServer(CONTENT, Plan(send=100, wait=held), Plan(send=0, wait=held)) as hub:
        with pytest.raises(DownloadFailed, match="silent"):
            fetch(hub, tmp_path, limits=quiet)
        held.set()


def test_a_redirect_elsewhere_brings_the_bytes_and_no_token(tmp_path: Path) -> None:
    with HubServer(CONTENT) as store:
        there = f"http://localhost:{store.url.rpartition(':')[2]}/bytes"
        with HubServer(CONTENT, Plan(location=there)) as hub:
            assert fetch(hub, tmp_path, token="secret").read_bytes() == CONTENT
            assert hub.requests[0]["authorization"] == "Bearer secret"
            assert store.requests[0]["authorization"] == ""


def test_a_circle_of_redirects_ends(tmp_path: Path) -> None:
    with (
        HubServer(CONTENT, Plan(location="/again")) as hub,
        pytest.raises(DownloadFailed, match="circles"),
    ):
        fetch(hub, tmp_path)


def test_a_changed_encoding_is_refused(tmp_path: Path) -> None:
    with (
        HubServer(CONTENT, Plan(headers={"content-encoding": "gzip"})) as hub,
        pytest.raises(DownloadFailed, match="encoding"),
    ):
        fetch(hub, tmp_path)


def test_too_little_room_is_said_before_anything_is_fetched(tmp_path: Path) -> None:
    with HubServer(CONTENT) as hub:
        with pytest.raises(NoSpace, match="are free"):
            fetch(hub, tmp_path, wanted(bytes=10**17))
        assert hub.requests == []
    assert left(tmp_path) == []


def test_offline_is_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with HubServer(CONTENT) as hub:
        with pytest.raises(DownloadFailed, match="HF_HUB_OFFLINE"):
            fetch(hub, tmp_path)
        assert hub.requests == []


FULL = """
import asyncio, sys
from pathlib import Path
from smolterm.errors import NoSpace
from smolterm.models.fetch import Wanted, fetch_model
url, folder, sha, length = sys.argv[1:]
what = Wanted(repository="acme/tiny-GGUF", revision="a" * 40, file="tiny.gguf",
              bytes=int(length), sha256=sha)
try:
    asyncio.run(fetch_model(what, Path(folder), lambda *_: None, endpoint=url))
except NoSpace as error:
    print(error)
"""


def test_a_disk_that_fills_up_meanwhile_keeps_what_it_holds(tmp_path: Path) -> None:
    """A limit on a file's size fails a write as a full disk does, without filling one."""
    with HubServer(CONTENT) as hub:
        sha = hashlib.sha256(CONTENT).hexdigest()
        command = [sys.executable, "-c", FULL, hub.url, str(tmp_path), sha, str(len(CONTENT))]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000)),
        )  # fmt: skip
        assert "no more room. 2.0 MB of it are kept." in done.stdout, done.stderr
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.gets()[-1]["range"] == "bytes=2000000-"


def test_an_interruption_keeps_what_came(tmp_path: Path) -> None:
    held = threading.Event()
    with HubServer(CONTENT, Plan(send=1_500_000, wait=held), Plan()) as hub:

        async def interrupted() -> None:
            came = asyncio.Event()
            task = asyncio.create_task(
                fetch_model(wanted(), tmp_path, lambda here, _: came.set() if here else None,
                            endpoint=hub.url)
            )  # fmt: skip
            await came.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(interrupted())
        held.set()
        kept = partial_bytes(wanted(), tmp_path)
        assert 1 << 20 <= kept <= 1_500_000
        assert fetch(hub, tmp_path).read_bytes() == CONTENT
        assert hub.gets()[-1]["range"] == f"bytes={kept}-"


def test_two_processes_do_not_write_one_file(tmp_path: Path) -> None:
    held = threading.Event()
    with HubServer(CONTENT, Plan(send=1_500_000, wait=held), Plan()) as hub:

        async def both() -> None:
            came = asyncio.Event()
            first = asyncio.create_task(
                fetch_model(wanted(), tmp_path, lambda here, _: came.set() if here else None,
                            endpoint=hub.url)
            )  # fmt: skip
            await came.wait()
            with pytest.raises(UsageError, match="another process"):
                await fetch_model(wanted(), tmp_path, lambda *_: None, endpoint=hub.url)
            held.set()
            await first

        asyncio.run(both())
    assert left(tmp_path) == ["tiny.gguf", "tiny.gguf.json"]


def test_a_file_that_is_there_is_compared(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(CONTENT[:-1] + b"!")
    with HubServer(CONTENT) as hub:
        with pytest.raises(FileDamaged, match="there already"):
            fetch(hub, tmp_path)
        (tmp_path / "tiny.gguf").write_bytes(b"short")
        with pytest.raises(UsageError, match="another file"):
            fetch(hub, tmp_path)
        (tmp_path / "tiny.gguf").write_bytes(CONTENT)
        assert fetch(hub, tmp_path) == tmp_path / "tiny.gguf"
        assert hub.requests == []


@pytest.mark.parametrize(
    "fields",
    [{"repository": "../x"}, {"repository": "a/b/c"}, {"repository": "a/b c"}, {"file": "x.bin"},
     {"file": "../x.gguf"}, {"file": "/etc/x.gguf"}, {"file": "a//x.gguf"}, {"file": ".x.gguf"},
     {"file": "x-00001-of-00002.gguf"}, {"revision": "../main"}, {"revision": ""}],
)  # fmt: skip
def test_names_that_are_none_go_nowhere(tmp_path: Path, fields: dict[str, str]) -> None:
    with HubServer(CONTENT) as hub:
        with pytest.raises(UsageError):
            fetch(hub, tmp_path, wanted(**fields))
        assert hub.requests == []
    assert os.listdir(tmp_path) == []
