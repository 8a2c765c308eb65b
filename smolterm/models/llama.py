"""Runs a GGUF file through llama.cpp."""

from __future__ import annotations

import codecs
import time
from array import array
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from smolterm.errors import ContextTooLong, ModelError
from smolterm.events import Usage
from smolterm.grammar import opened
from smolterm.models import Delta, Progress
from smolterm.models.engine import Asked, Ended, Stopped
from smolterm.models.fit import choose_context, shape_of
from smolterm.models.history import History, Said, unreasoned
from smolterm.models.llama_library import BATCH, Cancelled, Flag, Library, Loaded
from smolterm.models.loading import Loading
from smolterm.models.machine import free_memory
from smolterm.models.modelfile import ModelFile, read_model
from smolterm.models.repetition import repeats
from smolterm.models.sampling import NothingFits, Sampler
from smolterm.models.states import LEAST_TOKENS, States
from smolterm.models.stops import StopCutter
from smolterm.models.templates import Template

SMALLEST_BATCH = 32
SECONDS_A_BATCH = 0.25
"""How often a person hears how much of the prompt is read."""
ROOM_TO_REPLY = 64
"""Tokens that a prompt must leave."""

Emit = Callable[[Delta | Progress], None]


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
                    next="Start a new session, or load the model with a larger context.",
                )
            self._asked += 1
            seed = None if self._how.seed is None else self._how.seed + self._asked
            grammar = opened(asked.grammar) if rendered.opened else asked.grammar
            sampler = Sampler(self._loaded, grammar, asked.temperature, seed)
            reading = _Reading(self._loaded, self._states, prompt, opening)
            writing = _Writing(
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


class _Reading:
    """Brings a prompt into memory, with as little evaluation as can be.

    Args:
        opening: what every session begins with; its state is kept on disk.
    """

    def __init__(
        self, loaded: Loaded, states: States | None, prompt: array[int], opening: array[int]
    ) -> None:
        self._loaded = loaded
        self._states = states
        self._prompt = prompt
        self._opening = opening
        self.evaluated = 0
        self.seconds = 0.0

    def run(self, emit: Emit) -> None:
        began = time.perf_counter()
        try:
            common = _common(self._loaded.kept, self._prompt)
            opening = len(self._opening)
            if self._states is not None and common < opening and self._worth_keeping():
                common = self._restored(self._states, common, emit)
            # The last token is evaluated in any case: the reply begins from its outcome.
            self._loaded.forget(min(common, len(self._prompt) - 1))
            self._evaluate(len(self._prompt), emit)
        finally:
            self.seconds = time.perf_counter() - began

    def _worth_keeping(self) -> bool:
        size = len(self._opening)
        return LEAST_TOKENS <= size < len(self._prompt) and self._prompt[:size] == self._opening

    def _restored(self, states: States, common: int, emit: Emit) -> int:
        """Bring the opening into memory, from disk where it is there."""
        size = len(self._opening)
        if states.find(self._opening, lambda path: self._loaded.restore(path, self._opening)):
            return size
        self._loaded.forget(min(common, len(self._loaded.kept)))
        self._evaluate(size, emit)
        states.keep(self._opening, self._loaded.save)
        return size

    def _evaluate(self, until: int, emit: Emit) -> None:
        start = len(self._loaded.kept)
        size, whole = SMALLEST_BATCH, len(self._prompt) - start
        while (at := len(self._loaded.kept)) < until:
            if self._loaded.flag:
                raise Cancelled
            began = time.perf_counter()
            batch = self._prompt[at : min(at + size, until)]
            self._loaded.evaluate(batch)
            self.evaluated += len(batch)
            emit(Progress(what="reading", fraction=(at + len(batch) - start) / whole))
            if time.perf_counter() - began < SECONDS_A_BATCH:
                size = min(2 * size, BATCH)


class _Writing:
    """Samples one reply.

    Args:
        most: tokens.
        opened: a tag that stands at the prompt's end and belongs to the reply.
    """

    def __init__(
        self, loaded: Loaded, sampler: Sampler, stops: tuple[str, ...], most: int, opened: str
    ) -> None:
        self._loaded = loaded
        self._sampler = sampler
        self._cutter = StopCutter(stops)
        self._most = most
        self._opened = opened
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self.sampled = array("i")
        self.pieces: list[bytes] = []
        self.text = ""
        """What was handed on."""
        self.seconds = 0.0

    def run(self, emit: Emit) -> Stopped:
        """Write until something ends the reply.

        Raises:
            Cancelled: the flag was set.
        """
        began = time.perf_counter()
        try:
            self._hand_on(self._opened, emit)
            stop = self._write(emit)
            self._hand_on(self._cutter.feed(self._decode(b"", True)), emit)
            return stop
        finally:
            self._hand_on(self._cutter.finish(), emit)
            self.seconds = time.perf_counter() - began

    def _write(self, emit: Emit) -> Stopped:
        while not self._loaded.flag:
            try:
                token = self._sampler.pick()
            except NothingFits:
                return "stop"
            if self._loaded.ends(token):
                return "stop"
            piece = self._loaded.piece(token)
            self.sampled.append(token)
            self.pieces.append(piece)
            self._hand_on(self._cutter.feed(self._decode(piece)), emit)
            if self._cutter.hit:
                return "stop"
            if len(self.sampled) >= self._most or repeats(self.sampled):
                return "length"
            self._loaded.evaluate((token,))
        raise Cancelled

    def _hand_on(self, text: str, emit: Emit) -> None:
        if text:
            self.text += text
            emit(Delta(channel="reply", text=text))


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


def _common(one: array[int], other: array[int]) -> int:
    """Return how many tokens both begin with."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
