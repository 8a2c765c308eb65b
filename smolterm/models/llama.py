"""Runs a GGUF file through llama.cpp."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from smolterm.errors import ContextTooLong, ModelError
from smolterm.events import Usage
from smolterm.grammar import opened
from smolterm.models import Progress
from smolterm.models.engine import Asked, Ended
from smolterm.models.fit import choose_context, shape_of
from smolterm.models.history import History, Said, unreasoned
from smolterm.models.llama_library import Cancelled, Flag, Library, Loaded
from smolterm.models.llama_reply import Emit, Reading, Writing
from smolterm.models.loading import Loading
from smolterm.models.machine import free_memory
from smolterm.models.modelfile import ModelFile, read_model
from smolterm.models.sampling import Sampler
from smolterm.models.states import States
from smolterm.models.templates import Template

ROOM_TO_REPLY = 64
"""Tokens that a prompt must leave."""


class LlamaEngine:
    """An `Engine` on llama.cpp, in this process.

    Attributes:
        file: what the model is, once loaded.
    """

    def __init__(self, path: Path, how: Loading) -> None:
        self._path = path
        self._how = how
        self._flag = Flag()
        self._lock = Lock()
        self._busy = False
        self._asked = 0
        self._loaded: Loaded | None = None
        self.window: int | None = None
        self.file: ModelFile | None = None

    def load(self, report: Callable[[Progress], None]) -> None:
        """Check the file, then load it. See `Engine.load`."""
        with _Busy(self):
            report(Progress(what="loading", fraction=0.0))
            file = read_model(self._path)
            context = self._how.context or _context_for(file, self._how)
            if file.context:
                context = min(context, file.context)
            library = Library()
            shown = 0.0

            def progress(fraction: float) -> None:
                nonlocal shown
                if fraction >= shown + 0.01:
                    shown = fraction
                    report(Progress(what="loading", fraction=min(fraction, 1.0)))

            try:
                loaded = Loaded(library, file, context, self._how, self._flag, progress)
            except Cancelled:
                raise ModelError(f"Loading {self._path.name} was stopped.") from None
            self._prepare(file, loaded)

    def _prepare(self, file: ModelFile, loaded: Loaded) -> None:
        c = loaded.c
        begin, end = c.llama_vocab_bos(loaded.vocabulary), c.llama_vocab_eos(loaded.vocabulary)
        self._template = Template(file.template, loaded.name_of(begin), loaded.name_of(end))
        wanted = c.llama_vocab_get_add_bos(loaded.vocabulary)
        self._history = History(loaded, begin if wanted else -1)
        self._states: States | None = None
        if self._how.states:
            about = f"{c.__version__} {loaded.window} {self._how.cache} {self._how.gpu_layers}"
            self._states = States(Path(self._how.states), file, about)
        self.file, self.window, self._loaded = file, loaded.window, loaded

    def reply(self, asked: Asked, emit: Emit) -> Ended:
        """Read the prompt, then write. See `Engine.reply`."""
        if self._loaded is None:
            raise ModelError("The model is not loaded.")
        with _Busy(self):
            emit(Progress(what="reading", fraction=0.0))
            rendered = self._template.render(
                asked.messages, thinking=asked.thinking, tools=asked.tools
            )
            tools = repr(asked.tools) if asked.tools else ""
            prompt = self._history.prompt(asked.messages, rendered.pieces, tools)
            opening = self._history.opening(rendered.pieces, asked.messages)
            room = self._loaded.window - len(prompt)
            if room < ROOM_TO_REPLY:
                raise ContextTooLong(
                    f"The conversation takes {len(prompt)} tokens; this model was loaded with "
                    f"{self._loaded.window}.",
                    next="Start a new session, or choose a model with a larger context.",
                )
            self._asked += 1
            seed = None if self._how.seed is None else self._how.seed + self._asked
            grammar = opened(asked.grammar) if rendered.opened else asked.grammar
            sampler = Sampler(self._loaded, grammar, asked.temperature, seed)
            reading = Reading(self._loaded, self._states, prompt, opening)
            writing = Writing(
                self._loaded,
                sampler,
                asked.stop + ((rendered.stop,) if rendered.stop else ()),
                min(asked.max_tokens, room),
                rendered.opened,
            )
            try:
                reading.run(emit)
                stop = writing.run(emit)
            except Cancelled:
                stop = "cancelled"
            finally:
                sampler.close()
            said = Said(
                prompt,
                writing.sampled,
                tuple(writing.pieces),
                unreasoned(writing.text),
                rendered.opened,
            )
            self._history.remember(asked.messages, said, tools)
            return Ended(
                usage=Usage(
                    prompt_tokens=len(prompt),
                    cached_tokens=len(prompt) - reading.evaluated,
                    completion_tokens=len(writing.sampled),
                    cost=0.0,
                ),
                stop=stop,
                evaluated=reading.evaluated,
                seconds_reading=reading.seconds,
                seconds_writing=writing.seconds,
            )

    def stop(self) -> None:
        """See `Engine.stop`."""
        with self._lock:
            if self._busy:
                self._flag.set()

    def close(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            loaded.close()

    def busy(self, busy: bool) -> None:
        """Say whether there is anything to stop."""
        with self._lock:
            self._busy = busy
            self._flag.clear()


class _Busy:
    def __init__(self, engine: LlamaEngine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._engine.busy(True)

    def __exit__(self, *_: object) -> None:
        self._engine.busy(False)


def _context_for(file: ModelFile, how: Loading) -> int:
    """Return the context that this machine has memory for.

    Raises:
        ModelError: not even the smallest fits.
    """
    forecast = choose_context(shape_of(file), free_memory(), cache=how.cache)
    if forecast is None:
        raise ModelError(
            f"{file.path.name} does not fit into the memory that is free.",
            next="Close something, or choose a smaller model: smolterm models.",
        )
    return forecast.context
