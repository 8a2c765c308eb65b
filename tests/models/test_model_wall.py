"""What the process of a model may do, each thing seen to work without its wall."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from smolterm import landlock
from smolterm.models.wall import confine
from smolterm.spawn import plain_environment, spawn

PROBE = """
import json, os, socket, subprocess, sys
model, secret, folder, states, port = sys.argv[1:]

def reached(act):
    try:
        act()
    except OSError:
        return False
    return True

def connect():
    with socket.create_connection(("127.0.0.1", int(port)), 5):
        pass

import ctypes, numpy
print(json.dumps({
    "its file": reached(lambda: open(model).read()),
    "its states": reached(lambda: open(states + "/new", "w").close()),
    "memory": reached(lambda: open("/proc/meminfo").read()),
    "another file": reached(lambda: open(secret).read()),
    "its folder": reached(lambda: os.listdir(folder)),
    "write": reached(lambda: open(folder + "/new", "w").close()),
    "change its file": reached(lambda: open(model, "a").close()),
    "program": reached(lambda: subprocess.run(["/bin/true"], check=True)),
    "network": reached(connect),
    "signal": reached(lambda: os.kill(os.getppid(), 0)),
}))
"""
ALLOWED = ["its file", "its states", "memory"]


def tried(tmp_path, *, confined):
    home = tmp_path / "home"
    states = tmp_path / "states"
    home.mkdir()
    states.mkdir()
    model, secret = home / "m.gguf", home / "secret"
    model.write_text("model")
    secret.write_text("secret")
    wall = confine(model, states, {}) if confined else None
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = [sys.executable, "-c", PROBE, str(model), str(secret), str(home), str(states),
                str(server.getsockname()[1])]  # fmt: skip
        probe = spawn(argv, plain_environment(), wall, stdin=subprocess.DEVNULL,
                      stdout=subprocess.PIPE)  # fmt: skip
        out, err = probe.communicate(timeout=30)
    assert probe.returncode == 0, err.decode()
    return json.loads(out)


def test_it_reaches_all_of_it_without_a_wall(tmp_path):
    assert all(tried(tmp_path, confined=False).values())


@pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")
def test_it_reaches_its_file_its_states_and_nothing_else(tmp_path):
    held = tried(tmp_path, confined=True)
    beyond = {"network": 4, "signal": 6}
    for thing, reached in held.items():
        if landlock.abi() >= beyond.get(thing, 1):
            assert reached is (thing in ALLOWED), thing


@pytest.mark.skipif(landlock.abi() < 1, reason="this kernel has no Landlock")
def test_states_that_cannot_be_kept_are_no_reason_not_to_start(tmp_path):
    (tmp_path / "file").write_text("")
    wall = confine(tmp_path / "m.gguf", tmp_path / "file" / "states", dict(os.environ))
    started = spawn([sys.executable, "-c", ""], plain_environment(), wall,
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip
    assert started.wait(30) == 0
    started.stderr.close()
