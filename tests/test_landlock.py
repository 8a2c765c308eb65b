"""Landlock: what each version can take away, and that a thread's processes really lose it."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading

import pytest

from smolterm import landlock
from smolterm.spawn import spawn

needs_landlock = pytest.mark.skipif(landlock.abi() == 0, reason="this kernel has no Landlock")
SHELL = [
    *[(path, landlock.READ | landlock.EXECUTE) for path in ("/bin", "/usr", "/lib", "/lib64")],
    ("/dev/null", landlock.READ | landlock.WRITE_FILE),
]

PROBE = """
import os, signal, socket, subprocess, sys
host, port, name, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
def tcp():
    socket.create_connection(("127.0.0.1", port)).close()
def listen():
    socket.create_server(("127.0.0.1", 0)).close()
def abstract():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("\\0" + name)
def pathname():
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(folder + "/socket")
def sign():
    os.kill(host, signal.SIGCONT)
def program():
    subprocess.run([folder + "/program"], check=True)
def read():
    open(folder + "/there").close()
def write():
    open(folder + "/there", "a").close()
def truncate():
    os.truncate(folder + "/there", 0)
def create():
    open(folder + "/new", "w").close()
def move():
    os.rename(folder + "/there", folder + "/here/there")
    os.rename(folder + "/here/there", folder + "/there")
def link():
    os.symlink("/", folder + "/link")
    os.unlink(folder + "/link")
def environment():
    open(f"/proc/{host}/environ").close()
for one in (tcp, listen, abstract, pathname, sign, program, read, write, truncate, create, move,
            link, environment):
    try:
        one()
        print(one.__name__, "reached")
    except OSError:
        print(one.__name__, "denied")
"""
DENIED_SINCE = {
    "tcp": 4, "listen": 4, "abstract": 6, "pathname": 9, "sign": 6, "program": 1, "read": 1,
    "write": 1, "truncate": 3, "create": 1, "move": 1, "link": 1, "environment": 1,
}  # fmt: skip


def test_each_version_takes_away_what_its_interface_says():
    files = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16, 6: 16, 7: 16, 8: 16, 9: 17, 10: 17}
    network = {4: 2, 5: 2, 6: 2, 7: 2, 8: 2, 9: 2, 10: 4}
    for version in range(1, 11):
        bits = (files[version], network.get(version, 0), 2 if version >= 6 else 0)
        assert landlock.handled(version) == tuple((1 << count) - 1 for count in bits)
    assert landlock.handled(0) == (0, 0, 0)
    assert landlock.handled(99) == landlock.handled(10)


@pytest.mark.parametrize(("version", "words"), [(1, 1), (3, 1), (4, 2), (5, 2), (6, 3), (10, 3)])
def test_the_attributes_are_as_long_as_the_version_knows(version, words):
    packed = landlock.attributes(version)
    assert struct.unpack(f"={words}Q", packed) == landlock.handled(version)[:words]


def test_the_words_name_no_more_than_is_held_back():
    assert landlock.describe(1) == "files, programs"
    assert landlock.describe(7) == "files, programs, TCP, signals"
    assert landlock.describe(10) == "files, programs, TCP and UDP, signals, unix sockets"


@pytest.fixture(scope="module")
def reached(tmp_path_factory):
    """What a Python process reaches, without and with Landlock: {confined: {thing: answer}}."""
    if landlock.abi() == 0:
        pytest.skip("this kernel has no Landlock")
    folder = tmp_path_factory.mktemp("landlock")
    (folder / "there").write_text("canary")
    (folder / "here").mkdir()
    shutil.copy("/bin/true", folder / "program")
    name = f"smolterm-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX) as pathname,
    ):
        for listener, address in ((abstract, f"\0{name}"), (pathname, str(folder / "socket"))):
            listener.bind(address)
            listener.listen(8)
        argv = [sys.executable, "-c", PROBE, str(os.getpid()), str(server.getsockname()[1]), name,
                str(folder)]  # fmt: skip
        yield {confined: answers(argv, confined, folder) for confined in (False, True)}


def answers(argv, confined, folder):
    def confine():
        # What Python needs to start; the test's folder is not among it.
        roots = [sys.prefix, sys.base_prefix, "/usr", "/lib", "/lib64", "/etc", "/dev/null"]
        landlock.restrict_thread([(path, landlock.READ | landlock.EXECUTE) for path in roots]
                                 + [("/dev/null", landlock.WRITE_FILE)])  # fmt: skip

    process = spawn(argv, {}, confine if confined else None, stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE)  # fmt: skip
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    return dict(line.split() for line in out.decode().splitlines())


@pytest.mark.parametrize("thing", DENIED_SINCE)
def test_what_is_reached_without_it_is_denied_with_it(reached, thing):
    assert reached[False][thing] == "reached"
    held = landlock.abi() >= DENIED_SINCE[thing]
    assert reached[True][thing] == ("denied" if held else "reached")


@needs_landlock
def test_only_the_thread_that_starts_the_process_gives_up_its_rights(tmp_path):
    threads = threading.active_count()
    process = spawn(["/bin/sh", "-c", f"echo x > {tmp_path}/made"], {},
                    lambda: landlock.restrict_thread(SHELL), stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE)  # fmt: skip
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert threading.active_count() == threads
    (tmp_path / "made").write_text("this process still may")


@needs_landlock
def test_a_path_that_is_not_there_is_left_out(tmp_path):
    rules = [*SHELL, (tmp_path / "nothing", landlock.READ)]
    process = spawn(["/bin/sh", "-c", "true"], {}, lambda: landlock.restrict_thread(rules),
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_process_that_cannot_be_confined_is_not_started(tmp_path):
    def refuse():
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        spawn(["/bin/sh", "-c", f"echo x > {tmp_path}/made"], {}, refuse,
              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)  # fmt: skip
    assert not (tmp_path / "made").exists()
