"""`smolterm sessions` and the flags that go on with one, as the installed command."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.driving import Home, block, home_in
from tests.servers import OpenAIServer, says


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with home_in(tmp_path) as made:
        yield made


def ask(home: Home, replies: list, *argv: str) -> tuple[tuple[int, bytes, str], OpenAIServer]:
    with OpenAIServer(replies) as server:
        return home.run("-p", "--yes", *argv, "--api-base", server.url), server


def ids(home: Home, *argv: str) -> list[str]:
    code, out, err = home.run("sessions", *argv, "--json")
    assert code == 0, err
    return [one["id"] for one in json.loads(out)["sessions"]]


def test_a_session_from_its_first_task_to_its_end(home: Home) -> None:
    (code, out, err), _ = ask(home, [says(block("x = 41")), says("Kept.")],
                              "-m", "openai/x", "remember 41")  # fmt: skip
    assert (code, out) == (0, b"Kept.\n"), err
    (name,) = ids(home)
    assert f"smolterm --resume {name}" in err

    # Variables and words come back, and the model is the session's own.
    replies = [says(block("print(x + 1)")), says("It is 42.")]
    (code, out, err), server = ask(home, replies, "--continue", "and one more")
    assert (code, out) == (0, b"It is 42.\n"), err
    assert "42" in err
    asked = json.dumps(server.requests[0]["body"])
    assert "remember 41" in asked and "and one more" in asked
    assert server.requests[0]["body"]["model"] == "x"
    assert ids(home) == [name]

    # A fork from before the second task knows nothing of it.
    (code, out, err), server = ask(home, [says("So.")], "--fork", f"{name}:3", "else?")
    assert (code, out) == (0, b"So.\n"), err
    assert "and one more" not in json.dumps(server.requests[0]["body"])
    assert len(ids(home)) == 2

    assert ids(home, "search", "one", "more") == [name]
    code, out, _ = home.run("sessions", "search", "remember")
    assert out.decode().count("remember 41") == 4
    shown = home.run("sessions", "show", name)[1].decode()
    assert "print(x + 1)" in shown and "It is 42." in shown
    for ending in ("md", "json", "jsonl", "py", "ipynb"):
        assert home.run("sessions", "export", name, "-o", f"talk.{ending}")[0] == 0
        assert "x = 41" in (home.folder / f"talk.{ending}").read_text()
    assert home.run("sessions", "export", name)[1].decode() == shown
    assert home.run("sessions", "rename", name, "The", "answer")[0] == 0
    assert "The answer" in home.run("sessions")[1].decode()

    code, _, err = home.run("sessions", "delete", name)
    assert code == 1 and "--yes" in err
    assert home.run("sessions", "delete", name, "--yes")[0] == 0
    assert name not in ids(home)
    code, _, err = home.run("-p", "--resume", name, "x")
    assert code == 1 and "No session is named" in err


def test_deleting_asks_on_a_terminal(home: Home) -> None:
    ask(home, [says("Paris")], "-m", "openai/x", "capital?")
    (name,) = ids(home)
    for keys, left in (("\r", [name]), ("y\r", [])):
        terminal = home.terminal("sessions", "delete", name)
        terminal.expect_exact("for good? [y/N] ")
        terminal.send(keys)
        assert terminal.end()[0] == (0 if not left else 3)
        assert ids(home) == left


def test_what_is_asked_for_wrongly(home: Home) -> None:
    for argv, words in (
        (("-p", "--continue", "x"), "no session to go on with"),
        (("-p", "--resume", "2026", "x"), "No session is named 2026"),
        (("-p", "--fork", "2026:x", "x"), "no step"),
        (("-p", "--fork", "a", "--continue", "x"), "not allowed with"),
        (("sessions", "show", "2026"), "No session is named"),
        (("sessions", "nothing"), "invalid choice"),
    ):
        code, out, err = home.run(*argv)
        assert (code, out) == (1, b""), err
        assert words in err
    assert not (home.folder / "data" / "sessions.db").exists()


def test_a_store_that_is_refused_says_so_and_tasks_run_all_the_same(home: Home) -> None:
    ask(home, [says("Paris")], "-m", "openai/x", "capital?")
    path = home.folder / "data" / "sessions.db"
    with sqlite3.connect(path) as store:
        store.execute("PRAGMA user_version = 99")
    store.close()
    before = path.read_bytes()
    code, out, err = home.run("sessions")
    assert (code, out) == (2, b"")
    assert "newer smolterm" in err and "not changed" in err
    (code, out, err), _ = ask(home, [says("Rome")], "-m", "openai/x", "capital?")
    assert (code, out) == (0, b"Rome\n")
    assert "newer smolterm" in err
    assert path.read_bytes() == before


def test_a_task_that_keeps_nothing_leaves_nothing(home: Home) -> None:
    (code, out, err), _ = ask(home, [says("Paris")], "-m", "openai/x", "--ephemeral", "capital?")
    assert (code, out) == (0, b"Paris\n")
    assert "--resume" not in err
    assert ids(home) == []
