"""The first run: what is offered, what is remembered, what a download looks like."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from smolterm.errors import DownloadFailed
from smolterm.models import library
from smolterm.models.library import Tell
from smolterm.tui.choices import Choices
from smolterm.tui.choose import DEMO, ChooseApp
from tests.models.test_servers import OLLAMA, Listening

Test = Callable[[Pilot[str]], Awaitable[None]]
Compare = Callable[..., bool]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMOLTERM_DATA", str(tmp_path / "data"))
    return tmp_path


class Fetching:
    """A download that a test moves along."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[str] = []
        self.begun, self.go_on = asyncio.Event(), asyncio.Event()

    async def __call__(self, name: str, tell: Tell) -> Path:
        self.asked.append(name)
        tell(500_000_000, 2_000_000_000)
        self.begun.set()
        await self.go_on.wait()
        if self.error is not None:
            raise self.error
        return Path(name)


def app(home: Path, environ: dict[str, str] | None = None, **more: Any) -> ChooseApp:
    more = {"engine": True, "clock": lambda: 0.0} | more
    return ChooseApp(home / "config.toml", environ or {}, **more)


async def settle(pilot: Pilot[str]) -> None:
    while not pilot.app.settled:  # type: ignore[attr-defined]
        await pilot.pause(0.005)
    await pilot.pause()


def text_of(pilot: Pilot[str]) -> str:
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line) for line in strips)


def play(shown: ChooseApp, test: Test, size: tuple[int, int] = (110, 30)) -> str | None:
    async def run() -> None:
        async with shown.run_test(size=size) as pilot:
            await settle(pilot)
            await test(pilot)

    asyncio.run(run())
    return shown.return_value


async def choose(pilot: Pilot[str], title: str) -> None:
    """Move to the offer whose title begins so, and take it."""
    choices = pilot.app.query_one(Choices)
    await pilot.press("home")
    while not choices._offers[choices.at].title.startswith(title):
        before = choices.at
        await pilot.press("down")
        assert choices.at > before, f"{title} is not offered"
    await pilot.press("enter")


def test_a_key_is_offered_by_its_name_and_remembered(home: Path) -> None:
    async def test(pilot: Pilot[str]) -> None:
        text = text_of(pilot)
        assert "OPENAI_API_KEY is set" in text and "sk-1" not in text
        assert "2.1 GB" in text and "the demo" in text and "look for servers" in text
        await choose(pilot, "openai/")

    (home / "config.toml").write_text("# mine\nmax_steps = 5\n")
    chosen = play(app(home, {"OPENAI_API_KEY": "sk-1"}), test)
    assert chosen == "openai/gpt-5.4-mini"
    assert (home / "config.toml").read_text() == f'# mine\nmax_steps = 5\nmodel = "{chosen}"\n'


def test_the_demo_is_not_remembered(home: Path) -> None:
    async def test(pilot: Pilot[str]) -> None:
        await choose(pilot, "the demo")

    assert play(app(home), test) == DEMO
    assert not (home / "config.toml").exists()


@pytest.mark.parametrize("key", ["q", "ctrl+c", "escape"])
def test_leaving_chooses_nothing(home: Path, key: str) -> None:
    async def test(pilot: Pilot[str]) -> None:
        await pilot.press(key)

    assert play(app(home), test) is None
    assert not (home / "config.toml").exists()


def test_servers_are_looked_for_after_a_word_only(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Listening(OLLAMA) as server:
        monkeypatch.setenv("OLLAMA_HOST", server.base.removesuffix("/v1"))

        async def test(pilot: Pilot[str]) -> None:
            assert server.http.asked == []
            await choose(pilot, "look for servers")
            await settle(pilot)
            assert "ollama/qwen3:4b" in text_of(pilot) and "loaded" in text_of(pilot)
            await choose(pilot, "ollama/")

        assert play(app(home), test) == "ollama/qwen3:4b"


def test_who_said_no_is_not_asked(home: Path) -> None:
    async def test(pilot: Pilot[str]) -> None:
        assert "look for" not in text_of(pilot)

    play(app(home, look="off"), test)


def test_the_default_is_fetched_and_chosen(home: Path) -> None:
    fetching = Fetching()

    async def test(pilot: Pilot[str]) -> None:
        await choose(pilot, "Ministral")
        await fetching.begun.wait()
        await pilot.pause(0.15)
        assert "25%" in text_of(pilot) and "500.0 MB of 2.0 GB" in text_of(pilot)
        fetching.go_on.set()
        await pilot.pause()

    assert play(app(home, fetch=fetching), test) == "local/ministral-3-3b"
    assert fetching.asked == ["ministral-3-3b"]
    assert 'model = "local/ministral-3-3b"' in (home / "config.toml").read_text()


def test_an_interrupted_download_leaves_the_screen(home: Path) -> None:
    fetching = Fetching()

    async def test(pilot: Pilot[str]) -> None:
        await choose(pilot, "Ministral")
        await fetching.begun.wait()
        await pilot.press("escape")
        assert "what came is kept" in text_of(pilot)
        await choose(pilot, "Ministral")
        assert fetching.asked == ["ministral-3-3b"] * 2

    assert play(app(home, fetch=fetching), test) is None


def test_a_failed_download_says_why(home: Path) -> None:
    fetching = Fetching(DownloadFailed("The line broke.", kept="2.0 MB of it are kept."))
    fetching.go_on.set()

    async def test(pilot: Pilot[str]) -> None:
        await choose(pilot, "Ministral")
        await settle(pilot)
        assert "The line broke. 2.0 MB of it are kept." in text_of(pilot)

    assert play(app(home, fetch=fetching), test) is None


def test_without_an_engine_a_local_model_says_what_is_missing(home: Path) -> None:
    fetching = Fetching()

    async def test(pilot: Pilot[str]) -> None:
        await choose(pilot, "Ministral")
        assert "smolterm[local]" in text_of(pilot)

    assert play(app(home, fetch=fetching, engine=False), test) is None
    assert fetching.asked == []


def test_a_file_that_is_here_comes_first_and_a_broken_one_cannot_be_taken(home: Path) -> None:
    folder = library.models_folder()
    folder.mkdir(parents=True)
    (folder / "bad.gguf").write_bytes(b"GGUF, or so it says")

    async def test(pilot: Pilot[str]) -> None:
        assert text_of(pilot).index("local/bad") < text_of(pilot).index("the demo")
        await pilot.press("enter")

    assert play(app(home), test) is None


def test_a_click_moves_and_a_second_one_takes(home: Path) -> None:
    async def test(pilot: Pilot[str]) -> None:
        choices = pilot.app.query_one(Choices)
        row = choices._rows.index(len(choices._offers) - 1)
        await pilot.click(Choices, offset=(4, row))
        assert pilot.app.return_value is None
        await pilot.click(Choices, offset=(4, row))

    assert play(app(home), test) == DEMO


@pytest.mark.parametrize("size", [(100, 22), (40, 16)])
def test_looks(snap_compare: Compare, home: Path, size: tuple[int, int]) -> None:
    environ = {"MISTRAL_API_KEY": "sk"}
    shown = ChooseApp(Path("~/.config/smolterm/config.toml"), environ, engine=True, free=8 << 30)
    assert snap_compare(shown, terminal_size=size, run_before=settle)


def test_the_cursor_stays_in_sight(home: Path) -> None:
    async def test(pilot: Pilot[str]) -> None:
        assert "the demo" not in text_of(pilot)
        await pilot.press("end")
        await pilot.pause()
        assert "❯ the demo" in text_of(pilot)

    play(app(home), test, (40, 12))
