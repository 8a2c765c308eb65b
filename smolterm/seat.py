"""The model's place in a session: started there, heard of, and taken by another one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from smolterm.errors import SmoltermError, UsageError
from smolterm.events import Event, ModelChanged
from smolterm.models import Model


class Seat:
    """Holds one model; what is particular to those with a process of their own is asked for here.

    Args:
        emit: told what a model says of its loading.

    Attributes:
        model: the one that is asked.
        switching: another one is being made ready.
    """

    def __init__(self, model: Model | str, emit: Callable[[Event], None]) -> None:
        self.model = _named(model)
        self.switching = False
        self._emit = emit
        self._hear(self.model)

    @property
    def address(self) -> str:
        """Where the model is asked: its server's, or its file's path; empty where not known."""
        route = getattr(self.model, "route", None)
        found = getattr(route, "base_url", "") or (
            getattr(route, "model", "") if getattr(route, "kind", "") in ("replay", "local") else ""
        )
        return str(found)

    async def start(self) -> None:
        """Give the model a head start; never raises, the first reply reports what is wrong."""
        start = getattr(self.model, "start", None)
        if start is not None:
            with suppress(SmoltermError):
                await start()

    async def imported(self, seconds: float) -> None:
        """Return when the model's library is imported, or after so many seconds."""
        done: asyncio.Event | None = getattr(self.model, "import_done", None)
        if done is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), seconds)

    async def described(self) -> None:
        """Wait until a model on this machine has told what it is: its prompt depends on it."""
        if not _in_memory(self.model):
            return
        await self.start()
        # What is wrong with it, the first reply reports.
        with suppress(SmoltermError):
            await _ready(self.model)

    async def switch(self, model: Model | str, use: Callable[[], None]) -> None:
        """Let another model take the place; the old one keeps it when that fails.

        Args:
            use: told when `model` is another one.

        Raises:
            UsageError: another switch goes on, or the name is none.
            ModelError: the other model cannot be asked.
        """
        self.refuse_while_switching()
        new = _named(model)
        self.switching = True
        try:
            await self._switch(new, use)
        finally:
            self.switching = False

    def refuse_while_switching(self) -> None:
        if self.switching:
            raise UsageError("Another model is being loaded.", next="Wait until it is.")

    async def _switch(self, new: Model, use: Callable[[], None]) -> None:
        old = self.model
        # Two models on this machine might not fit into it side by side.
        both = _in_memory(old) and _in_memory(new)
        if both:
            await _let_go(old)
        self._hear(new, failures=False)
        try:
            await _ready(new)
        except BaseException:
            await _let_go(new)
            self._take(_named(old.name) if both else old, use)
            raise
        self._take(new, use)
        if not both:
            await _let_go(old)
        self._emit(ModelChanged(state="switched", model=new.name, detail=f"from {old.name}"))

    def _take(self, model: Model, use: Callable[[], None]) -> None:
        self.model = model
        self._hear(model)
        use()

    def _hear(self, model: Model, *, failures: bool = True) -> None:
        """Pass on what a model tells of its loading."""

        def tell(event: ModelChanged) -> None:
            if failures or event.state != "failed":
                self._emit(event)

        if (listen := getattr(model, "listen", None)) is not None:
            listen(tell)


async def _ready(model: Model) -> None:
    if (ready := getattr(model, "ready", None)) is not None:
        await ready()


async def _let_go(model: Model) -> None:
    if (listen := getattr(model, "listen", None)) is not None:
        listen(lambda event: None)
    await model.close()


def _in_memory(model: Model) -> bool:
    """Whether its weights lie in this machine's memory, in a process of ours."""
    route = getattr(model, "route", None)
    return getattr(route, "kind", "") == "local"


def _named(model: Model | str) -> Model:
    if not isinstance(model, str):
        return model
    from smolterm.models.hosted import HostedModel

    return HostedModel(model)
