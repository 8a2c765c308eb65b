"""The two halves of a reply in llama.cpp: its prompt is read, then it is written."""

from __future__ import annotations

import codecs
import time
from array import array
from collections.abc import Callable

from smolterm.models import Delta, Progress
from smolterm.models.engine import Stopped
from smolterm.models.llama_library import BATCH, Cancelled, Loaded
from smolterm.models.repetition import repeats
from smolterm.models.sampling import NothingFits, Sampler
from smolterm.models.states import LEAST_TOKENS, States
from smolterm.models.stops import StopCutter

SMALLEST_BATCH = 32
SECONDS_A_BATCH = 0.25
"""How often a person hears how much of the prompt is read."""

Emit = Callable[[Delta | Progress], None]


class Reading:
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


class Writing:
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
