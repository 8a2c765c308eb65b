"""Models as a person meets them: the first run's screen, words where there is no screen."""

from __future__ import annotations

import pytest

from tests.e2e.driving import Home
from tests.e2e.screen import Screen


def test_without_a_model_one_shot_says_what_can_be_done(home: Home) -> None:
    code, out, err = home.run("-p", "task")
    assert (code, out) == (1, b"")
    assert "No model is set" in err and "smolterm models get ministral-3-3b" in err


def test_the_first_run_offers_and_leaves_no_trace(home: Home) -> None:
    screen = Screen(home)
    text = screen.wait_for("Which model should do the work", "Ministral 3 3B Instruct")
    assert "look for servers" in text
    screen.press("q")
    assert screen.end() == 0
    assert not (home.folder / "config.toml").exists()


@pytest.mark.parametrize("argv", [["models"], ["models", "--json"]])
def test_the_list_needs_no_terminal(home: Home, argv: list[str]) -> None:
    code, out, err = home.run(*argv)
    assert (code, err) == (0, "")
    assert b"ministral-3-3b" in out
