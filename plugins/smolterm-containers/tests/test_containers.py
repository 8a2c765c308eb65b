"""The containers pack on a server that plays the Engine, and on Podman where it is installed."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hosting import hosting
from playing_engine import ID, Engine, frame, playing
from smolterm.pack import ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.testing import bound

import smolterm_containers as pack


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a socket's has at most 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="smolterm-") as folder:
        yield Path(folder) / "engine.sock"


@pytest.fixture
def engine(place: Path) -> Iterator[Engine]:
    with playing(place) as engine, bound(settings={"socket": str(place)}, native=True):
        yield engine


def test_containers_are_listed(engine: Engine) -> None:
    web = {
        "container": "web", "id": ID[:12], "image": "nginx:1", "state": "running",
        "status": "Up 2 hours", "ports": ["127.0.0.1:8080->80/tcp", "443/tcp"],
    }  # fmt: skip
    assert pack.list_containers() == [web]
    pack.stop_container("web")
    assert pack.list_containers() == []
    assert pack.list_containers(all=True) == [web | {"state": "exited"}]
    with pytest.raises(ToolError, match="from 1 to"):
        pack.list_containers(limit=0)


def test_one_is_told_without_the_values_of_its_variables(engine: Engine) -> None:
    found = pack.inspect_container("web")
    assert found == {
        "container": "web", "id": ID[:12], "image": "nginx:1", "command": ["nginx"],
        "state": "running", "code": 0, "error": "", "started": "2026-01-31T12:00:00Z",
        "finished": "0001-01-01T00:00:00Z", "restarts": 0, "variables": ["PATH", "TOKEN"],
        "mounts": [{"from": "/srv", "to": "/data", "writable": False}], "networks": ["bridge"],
    }  # fmt: skip
    assert "canary" not in str(found)
    with pytest.raises(ToolError, match="No such container: none"):
        pack.inspect_container("none")


def test_logs_come_in_frames_or_from_a_terminal(engine: Engine) -> None:
    assert pack.read_container_logs("web") == [
        {"stream": "errors", "text": "bad"} if at == 1 else {"stream": "out", "text": text}
        for at, text in enumerate(("one", "bad", "two"))
    ]
    assert pack.read_container_logs("web", lines=1) == [{"stream": "out", "text": "two"}]
    assert engine.asked[-1][2]["tail"] == "1"
    engine.containers["web"]["log"] = b"one\r\ntwo"
    with pytest.raises(ToolError, match="no frames"):
        pack.read_container_logs("web")
    engine.containers["web"]["Config"]["Tty"] = True
    assert [each["text"] for each in pack.read_container_logs("web")] == ["one", "two"]
    engine.containers["web"].update(log=frame(1, b"grue\xc3") + frame(1, b"\xbc\xff"))
    engine.containers["web"]["Config"]["Tty"] = False
    assert pack.read_container_logs("web") == [{"stream": "out", "text": "grueü�"}]


def test_images_are_listed(engine: Engine) -> None:
    first, second = pack.list_images()
    assert first == {
        "image": "nginx:1", "id": "sha256:" + "a" * 12, "size": 1000,
        "created": "2026-01-31T11:00:00+00:00",
    }  # fmt: skip
    assert second["image"] == ""
    assert pack.list_images(limit=1) == [first]


def test_one_is_stopped_started_and_removed(engine: Engine) -> None:
    assert pack.stop_container("web", seconds=3)["state"] == "exited"
    assert ("POST", "/containers/web/stop", {"t": "3"}, None) in engine.asked
    assert pack.stop_container("web")["state"] == "exited"
    assert pack.start_container("web")["state"] == "running"
    with pytest.raises(ToolError, match="cannot remove a running"):
        pack.remove_container("web")
    assert pack.remove_container("web", force=True) == {"removed": "web"}
    assert pack.list_containers(all=True) == []


def test_a_new_one_is_confined_and_removed(engine: Engine) -> None:
    found = pack.run_container("nginx:1", ["echo", "$HOME; x"])
    assert (found["code"], found["timed_out"]) == (3, False)
    assert len(found["lines"]) == 3  # type: ignore[arg-type]
    made = next(body for _, path, _, body in engine.asked if path == "/containers/create")
    assert made["Cmd"] == ["echo", "$HOME; x"]
    assert made["Labels"] == {"smolterm.run": "true"}
    assert made["HostConfig"] == {
        "NetworkMode": "none", "Memory": 536870912, "MemorySwap": 536870912, "PidsLimit": 256,
        "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"],
    }  # fmt: skip
    assert set(engine.containers) == {"web"}
    with pytest.raises(ToolError, match="No such image: other"):
        pack.run_container("other")


def test_a_new_one_that_takes_too_long_is_killed(engine: Engine) -> None:
    found = pack.run_container("nginx:1", ["sleep"], timeout=0.2)
    assert (found["code"], found["timed_out"]) == (None, True)
    assert engine.released.is_set() and set(engine.containers) == {"web"}


@pytest.mark.parametrize("name", ["../images", "a/b", "", "-x", "a?force=true", "a\nb"])
def test_what_is_no_name_reaches_no_server(engine: Engine, name: str) -> None:
    for call in (pack.inspect_container, pack.read_container_logs, pack.remove_container):
        with pytest.raises(ToolError, match="no name of a container"):
            call(name)
    assert engine.asked == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "No container engine answers"),
        (b"nonsense\r\n\r\n", "No container engine answers"),
        (b"HTTP/1.1 200 OK\r\n\r\n{", "no JSON"),
        (b"HTTP/1.1 500 No\r\n\r\n<html>", "says: status 500"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 10_000_001, "more than 10000000 bytes"),
    ],
)
def test_a_broken_server_is_told(engine: Engine, answer: bytes, said: str) -> None:
    engine.broken = answer
    with pytest.raises(ToolError, match=said):
        pack.list_images()


def test_a_server_that_is_not_there_is_told(place: Path) -> None:
    refused = pytest.raises(ToolError, match="No container engine answers")
    with bound(settings={"socket": str(place)}, native=True), refused as caught:
        pack.list_images()
    assert "packs set containers socket" in caught.value.next


def test_every_tool_works_in_the_packs_process(place: Path) -> None:
    grant = Grant(pack="containers", settings={"socket": f"unix://{place}"})
    with playing(place), hosting("smolterm_containers", grant) as own:
        assert own.list_containers()[0]["container"] == "web"
        assert own.inspect_container("web")["state"] == "running"
        assert own.read_container_logs("web")[0]["text"] == "one"
        assert own.list_images()[0]["image"] == "nginx:1"
        assert own.stop_container("web")["state"] == "exited"
        assert own.start_container("web")["state"] == "running"
        assert own.run_container("nginx:1", ["true"])["code"] == 3
        assert own.remove_container("web", force=True) == {"removed": "web"}
        assert own.called == own.names


@pytest.fixture
def podman(place: Path, tmp_path: Path) -> Iterator[str]:
    """A real Podman with stores of its own, and an image that holds nothing but a file."""
    if shutil.which("podman") is None:
        pytest.skip("podman is not installed")
    folder = place.parent
    command = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run"),
               "--tmpdir", str(folder / "tmp"), "--storage-driver", "vfs",
               "--cgroup-manager", "cgroupfs", "--events-backend", "file"]  # fmt: skip
    image = io.BytesIO()
    with tarfile.open(fileobj=image, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"), io.BytesIO())
    made = subprocess.run(
        [*command, "import", "-", "localhost/empty:1"], input=image.getvalue(), capture_output=True
    )
    if made.returncode:
        pytest.skip(f"podman does not work here: {made.stderr.decode()[-300:]}")
    subprocess.run([*command, "create", "--name", "idle", "--network", "none",
                    "localhost/empty:1", "/hello"], check=True, capture_output=True)  # fmt: skip
    server = subprocess.Popen(
        [*command, "system", "service", "--time=0", f"unix://{place}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        with bound(settings={"socket": str(place)}, native=True):
            for _ in range(200):
                if place.exists():
                    with contextlib.suppress(ToolError):
                        pack.list_images()
                        break
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.wait(0.05)
            yield "localhost/empty:1"
    finally:
        server.terminate()
        server.communicate()


def test_a_real_podman_answers(podman: str) -> None:
    assert podman in [each["image"] for each in pack.list_images()]
    assert pack.list_containers() == []
    assert [each["container"] for each in pack.list_containers(all=True)] == ["idle"]
    found = pack.inspect_container("idle")
    assert (found["state"], found["command"]) == ("created", ["/hello"])
    assert pack.read_container_logs("idle") == []
    with pytest.raises(ToolError, match="no container with"):
        pack.inspect_container("none")
    with pytest.raises(ToolError, match="says"):
        pack.run_container("localhost/none:1")
    # The file is no program: what cannot be started is told, and nothing is left.
    with pytest.raises(ToolError, match="says"):
        pack.run_container(podman, ["/hello"])
    assert len(pack.list_containers(all=True)) == 1
    assert pack.remove_container("idle") == {"removed": "idle"}
    assert pack.list_containers(all=True) == []
