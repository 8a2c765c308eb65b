"""The first run's screen: what was found, and the choice remembered."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import Worker

from smolterm.configfile import set_value
from smolterm.errors import SmoltermError
from smolterm.models.library import Tell
from smolterm.models.offers import Offer, has_engine, offers
from smolterm.models.servers import Server, find_servers
from smolterm.models.survey import Survey, survey
from smolterm.printable import printable
from smolterm.threads import in_daemon_thread
from smolterm.tui.choices import Choices
from smolterm.tui.gauge import Gauge
from smolterm.tui.palette import DARK, LIGHT, style
from smolterm.tui.terminal import is_dark, typed_ahead

DEMO = "demo"
"""What the screen returns for the demo; no model has this name."""
KEYS = "↑ ↓ choose · Enter takes it · q leaves"
WHILE_FETCHING = "escape interrupts; what came is kept"

Fetch = Callable[[str, Tell], Awaitable[Path]]


class ChooseApp(App[str]):
    """Returns the chosen model's name, `DEMO`, or None when the person left.

    Args:
        config: the file that remembers the choice.
        environ: where keys are looked for.
        look: whether servers are looked for: after a question, at once, or never.
        fetch: fetches a model of the catalogue; tests bring their own.
        engine: a library for local models is installed; looked up by default.
        free: bytes of memory; what the machine has by default.
        dark: the screen's colours to begin with.
    """

    CSS_PATH = "smolterm.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+q,ctrl+c", "leave", "Leave", priority=True),
        Binding("escape", "interrupt", "Back"),
        Binding("f2", "theme", "Dark or light"),
    ]

    def __init__(
        self,
        config: Path,
        environ: Mapping[str, str],
        *,
        look: str = "ask",
        fetch: Fetch | None = None,
        engine: bool | None = None,
        free: int | None = None,
        dark: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name if dark else LIGHT.name
        self._config, self._environ, self._look = config, environ, look
        self._fetch = fetch or fetch_named
        self._engine = has_engine() if engine is None else engine
        self._clock, self._free = clock, free
        self._found: Survey | None = None
        self._servers: list[Server] | None = None
        self._came = (0, 0)
        self._began: tuple[float, int] | None = None
        self._fetching: Worker[None] | None = None
        self._ticker: Timer | None = None
        self.settled = False
        """What was asked for last is on the screen."""

    def compose(self) -> ComposeResult:
        yield Static(id="heading", markup=False)
        with VerticalScroll(can_focus=False):
            yield Choices()
        yield Gauge()
        yield Static(id="hint", markup=False)

    def on_mount(self) -> None:
        self.query_one(Gauge).display = False
        self._title(
            "Which model should do the work?",
            f"The choice is remembered in {self._config}; another one: /model NAME",
        )
        self.say("looking around")
        self.query_one(Choices).focus()
        self._ticker = self.set_interval(0.1, self._tick, pause=True)
        self.run_worker(self._survey())

    async def _survey(self) -> None:
        self._found = await in_daemon_thread(survey, self._environ, self._free)
        if self._look == "look":
            self._servers = await find_servers()
        self._show()

    def _show(self) -> None:
        if self._found is not None:
            shown = offers(
                self._found, self._servers, engine=self._engine, look=self._look != "off"
            )
            self.query_one(Choices).show(shown)
        self.say(KEYS)
        self.settled = True

    def _title(self, title: str, below: str) -> None:
        dark = self.current_theme.dark
        text = Text("\n  ", end="").append(title, style("task", dark))
        self.query_one("#heading", Static).update(
            text.append(f"\n  {printable(below)}\n", style("quiet", dark))
        )

    def say(self, text: str, look: str = "quiet") -> None:
        """Show a line at the bottom."""
        shown = Text(f"  {printable(text)}", style(look, self.current_theme.dark), end="")
        self.query_one("#hint", Static).update(shown)

    async def on_choices_taken(self, event: Choices.Taken) -> None:
        offer = event.offer
        if self._fetching is not None:
            return
        if offer.blocked:
            self.say(f"{offer.title} {offer.blocked}", "warning")
        elif offer.kind == "look":
            self.settled = False
            self.say("looking for servers")
            self.run_worker(self._look_for_servers())
        elif offer.kind == "get":
            self.settled = False
            self._fetching = self.run_worker(self._get(offer))
        elif offer.kind == "demo":
            self.exit(DEMO)
        else:
            self._choose(offer.choice)

    async def _look_for_servers(self) -> None:
        self._servers = await find_servers()
        self._show()

    async def _get(self, offer: Offer) -> None:
        gauge = self.query_one(Gauge)
        gauge.display, self._came, self._began = True, (0, 0), None
        self.say(f"fetching {offer.title}; {WHILE_FETCHING}")
        if self._ticker is not None:
            self._ticker.resume()
        try:
            await self._fetch(offer.choice, self._progress)
        except SmoltermError as error:
            self._show()
            self.say(str(error), "error")
        else:
            self._choose(f"local/{offer.choice}")
        finally:
            self._fetching = None
            gauge.display = False
            if self._ticker is not None:
                self._ticker.pause()

    def _progress(self, done: int, whole: int) -> None:
        """Note how far it has come; called from whichever thread writes."""
        self._came = (done, whole)

    def _tick(self) -> None:
        done, whole = self._came
        now = self._clock()
        if self._began is None or done < self._began[1]:
            self._began = (now, done)
        since, before = self._began
        speed = (done - before) / (now - since) if now > since else 0.0
        self.query_one(Gauge).show(done, whole, speed)

    def _choose(self, name: str) -> None:
        try:
            set_value(self._config, "model", name)
        except SmoltermError as error:
            # It counts for this session all the same.
            self.notify(str(error), severity="warning", markup=False)
        self.exit(name)

    def action_interrupt(self) -> None:
        if self._fetching is None:
            self.exit(None)
            return
        self._fetching.cancel()
        self._fetching = None
        self.query_one(Gauge).display = False
        self._show()
        self.say("interrupted; what came is kept, and Enter goes on from there", "warning")

    def action_leave(self) -> None:
        self.exit(None)

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.current_theme.dark else DARK.name
        self.query_one(Choices).refresh()


async def fetch_named(name: str, tell: Tell) -> Path:
    """Fetch a model of the catalogue."""
    from smolterm.models.catalogue import catalogue
    from smolterm.models.fetch import fetch_model, pin_of
    from smolterm.models.library import models_folder

    return await fetch_model(pin_of(catalogue()[name]), models_folder(), tell)


def choose_model(config: Path, environ: Mapping[str, str], look: str) -> str | None:
    """Show the screen and return what was chosen; None when the person left."""
    dark = is_dark("auto", environ)
    typed_ahead()  # it was meant for the prompt, not for this choice
    return ChooseApp(config, environ, look=look, dark=dark).run()
