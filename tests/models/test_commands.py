"""`smolterm models`: what it says, what it fetches, what it refuses."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path

import pexpect
import pytest

from smolterm.cli import main
from smolterm.models.catalogue import Entry, catalogue
from smolterm.models.library import About, Speed, about, installed, remember
from tests.models.gguf_files import random_model
from tests.models.hub_server import HubServer, Plan


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A machine of its own: no settings, no keys, no models."""
    from smolterm.models.providers import PROVIDERS

    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SMOLTERM_CONFIG", str(tmp_path / "config.toml"))
    for provider in PROVIDERS.values():
        for key in provider.keys:
            monkeypatch.delenv(key, raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def content(tmp_path_factory) -> bytes:
    return random_model(tmp_path_factory.mktemp("tiny") / "tiny.gguf").read_bytes()


@pytest.fixture
def tiny(home, content) -> Path:
    path = home / "usb" / "tiny.gguf"
    path.parent.mkdir()
    path.write_bytes(content)
    return path


@pytest.fixture
def hub(home, content, monkeypatch):
    with HubServer(content) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setenv("HF_HOME", str(home / "hf"))
        yield server


@pytest.fixture
def pinned(content):
    """A catalogue with the tiny model in it."""
    first = next(iter(catalogue().values()))
    entry = Entry(**{name: getattr(first, name) for name in Entry.__struct_fields__} | {
        "repository": "acme/tiny-GGUF", "file": "tiny.gguf", "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest()})  # fmt: skip
    catalogue()["tiny-one"] = entry
    yield entry
    del catalogue()["tiny-one"]


def run(*argv: str) -> int:
    return main(["models", *argv])


def test_an_empty_machine_says_what_would_fit(home, capsys):
    assert run() == 0
    out = capsys.readouterr().out
    assert "none yet" in out and "ministral-3-3b" in out and "2.1 GB" in out
    assert "servers" not in out and "keys" not in out


def test_keys_are_named_and_never_shown(home, capsys, monkeypatch):
    monkeypatch.setenv("MISTRAL_API_KEY", "sk-very-secret")
    for flags in ([], ["--json"]):
        assert run(*flags) == 0
        out = capsys.readouterr().out
        assert "MISTRAL_API_KEY" in out and "secret" not in out


def test_the_list_for_scripts(home, tiny, capsys):
    run("get", str(tiny))
    speed = Speed(reading=50, writing=9.5, cold=2, warm=0.1, memory=10**9, context=4096)
    remember(installed()[0].path, About(speed=speed))
    capsys.readouterr()
    assert run("list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    (here,) = listed["installed"]
    assert here["model"] == "local/tiny" and here["fit"]["fits"] and not here["broken"]
    assert here["speed"]["writing"] == 9.5
    assert listed["servers"] is None and listed["keys"] == []
    assert run() == 0
    assert "9.5 tokens/s" in capsys.readouterr().out


def test_get_from_the_catalogue(home, hub, pinned, capsys):
    assert run("get", "Tiny-One") == 0
    done = capsys.readouterr()
    assert done.out == "local/tiny-one\n"
    assert "fetching:" in done.err and "smolterm models use local/tiny-one" in done.err
    assert about(installed()[0].path).revision == pinned.revision
    assert [request["method"] for request in hub.requests] == ["GET"]
    assert run() == 0
    assert "to get" in (out := capsys.readouterr().out) and "tiny-one" not in out


def test_get_from_a_repository_is_pinned_to_its_commit(home, hub, capsys):
    assert run("get", "acme/tiny-GGUF", "tiny.gguf") == 0
    known = about(installed()[0].path)
    assert known.revision == hub.commit and known.sha256 == hub.etag
    assert hub.gets()[0]["path"] == f"/acme/tiny-GGUF/resolve/{hub.commit}/tiny.gguf"


def test_a_pin_of_one_s_own_needs_no_look_up(home, hub, content):
    sha = hashlib.sha256(content).hexdigest()
    assert run("get", "acme/t", "tiny.gguf", "--revision", "v1", "--sha256", sha, "--bytes",
               str(len(content))) == 0  # fmt: skip
    assert [request["method"] for request in hub.requests] == ["GET"]


@pytest.mark.parametrize("place", ["/dev/null/x", "/proc/x"])
def test_a_place_that_cannot_hold_models_is_said_so(home, tiny, pinned, capsys, monkeypatch, place):
    monkeypatch.setenv("SMOLTERM_DATA", place)
    for what in (str(tiny), "tiny-one"):
        assert run("get", what) == 2
        err = capsys.readouterr().err
        assert f"{place}/models cannot hold models" in err and "SMOLTERM_DATA" in err


def test_a_pipe_and_a_name_that_cannot_be_shown_are_no_models(home, tiny, capsys):
    pipe = tiny.with_name("pipe.gguf")
    os.mkfifo(pipe)
    named = tiny.with_name("two\nlines.gguf")
    named.write_bytes(tiny.read_bytes())
    for path, words in ((pipe, "is no file"), (named, r"two\nlines.gguf")):
        assert run("get", str(path)) == 1
        assert words in capsys.readouterr().err
    assert installed() == []


def test_another_hash_than_asked_for_is_refused_beforehand(home, hub, capsys):
    assert run("get", "acme/t", "tiny.gguf", "--sha256", "0" * 64) == 2
    assert "another file" in capsys.readouterr().err
    assert hub.gets() == [] and installed() == []


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [(404, "EntryNotFound", "no such file"), (404, "RevisionNotFound", "no such revision"),
     (401, "RepoNotFound", "no such repository"), (403, "GatedRepo", "terms"), (418, "", "418")],
)  # fmt: skip
def test_what_the_hub_refuses(home, hub, capsys, status, code, words):
    hub.head = {"status": status, "headers": {"x-error-code": code}}
    assert run("get", "acme/t", "tiny.gguf") == 75
    assert words in capsys.readouterr().err


def test_a_name_like_another_s_must_be_meant(home, hub, capsys):
    assert run("get", "ministral/tiny-GGUF", "tiny.gguf") == 1
    err = capsys.readouterr().err
    assert "ministral is not mistralai" in err and hub.requests == []
    assert run("get", "ministral/tiny-GGUF", "tiny.gguf", "--yes") == 0


@pytest.mark.parametrize(
    "argv",
    [["nothing-like-it"], ["acme/tiny-GGUF"], ["a", "b", "c"], ["acme/t", "../x.gguf"],
     ["no/such/file.gguf"], ["acme/t", "t.gguf", "--sha256", "12"]],
)  # fmt: skip
def test_what_cannot_be_meant_is_said(home, hub, capsys, argv):
    assert run("get", *argv) == 1
    assert capsys.readouterr().err.strip() and hub.requests == []


def test_a_copied_file_is_linked_and_known(home, tiny, pinned, capsys):
    assert run("get", str(tiny)) == 0
    (model,) = installed()
    assert model.path.samefile(tiny) and model.about.repository == "acme/tiny-GGUF"
    assert run("get", str(tiny)) == 0, "once more changes nothing"


def test_a_damaged_copy_of_a_known_file_is_refused(home, tiny, pinned, capsys):
    tiny.write_bytes(tiny.read_bytes()[:-1] + b"!")
    assert run("get", str(tiny)) == 2
    assert "another file" in capsys.readouterr().err and installed() == []


def test_what_is_no_model_is_not_taken_in(home, capsys):
    (home / "x.gguf").write_bytes(b"<html>")
    assert run("get", str(home / "x.gguf")) == 1
    assert "does not begin like one" in capsys.readouterr().err


def test_show_says_what_it_is_and_what_it_takes(home, tiny, capsys):
    for name in (str(tiny), f"file:{tiny}"):
        assert run("show", name) == 0
        out = capsys.readouterr().out
        assert "weights  +  cache" in out and "billion weights" in out
        assert "profile     small" in out and "few_shot     always" in out
    assert run("show", str(tiny), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["forecast"][0]["needed"] > told["size"]


def test_a_broken_file_is_listed_as_such(home, tiny, capsys):
    run("get", str(tiny))
    path = installed()[0].path
    path.write_bytes(path.read_bytes()[:1000])
    capsys.readouterr()
    assert run() == 0
    assert "tiny.gguf" in capsys.readouterr().out
    assert run("show", "tiny") != 0


def test_remove_and_use(home, tiny, capsys):
    run("get", str(tiny))
    assert run("use", "TINY") == 0
    assert (home / "config.toml").read_text() == 'model = "local/TINY"\n'
    assert run("remove", "local/tiny") == 0
    assert installed() == [] and tiny.exists()
    assert list((home / "data" / "models").iterdir()) == []
    assert run("remove", "tiny") == 1
    assert run("use", "tiny/") == 1


def test_an_interruption_says_what_is_kept(home, hub, content, monkeypatch):
    hub.content = content * 3
    hub.etag = hashlib.sha256(hub.content).hexdigest()
    import threading

    held = threading.Event()
    hub.plans = [Plan(send=len(content) * 2, wait=held), Plan()]
    child = pexpect.spawn(
        sys.executable, ["-m", "smolterm.cli", "models", "get", "acme/t", "t.gguf"],
        timeout=20, encoding="utf-8",
    )  # fmt: skip
    child.expect("fetching: [1-9]")
    child.sendintr()
    child.expect("are kept; the same command goes on from there")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    held.set()


def test_looking_for_servers_is_asked_and_remembered(home):
    child = pexpect.spawn(
        sys.executable, ["-m", "smolterm.cli", "models"], timeout=20, encoding="utf-8"
    )
    child.expect("Look for model servers on this machine")
    child.sendline("a")
    child.expect("servers on this machine")
    child.expect(pexpect.EOF)
    assert (home / "config.toml").read_text() == 'servers = "look"\n'
