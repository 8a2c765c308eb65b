"""Measures an engine in a process of its own; prints `NAME VALUE` lines."""

from __future__ import annotations

import statistics
import sys
import threading
import time
from array import array
from pathlib import Path
from typing import Any

from bench.local import STEPS, VOCABULARIES
from smolterm.grammar import envelope
from smolterm.models import Delta, Message, Progress
from smolterm.models.engine import Asked
from smolterm.models.llama import LlamaEngine
from smolterm.models.llama_library import Loaded
from smolterm.models.loading import Loading
from smolterm.models.sampling import Sampler
from smolterm.prompt import system_message
from tests.models.gguf_files import random_model, scripted_model

TOKENS = 60
ROUNDS = 2
STOPS = 20


class GrammarFirst(Sampler):
    """The grammar as the first of the chain: it is asked about the whole vocabulary each time."""

    def pick(self) -> int:
        chain = self._c.llama_sampler_chain_init(self._c.llama_sampler_chain_default_params())
        self._c.llama_sampler_chain_add(chain, self._grammar)
        self._c.llama_sampler_chain_add(chain, self._chain)
        self._grammar = None
        self._chain = chain
        self.pick = self._pick_from_chain  # type: ignore[method-assign]
        return self.pick()

    def _pick_from_chain(self) -> int:
        token: int = self._c.llama_sampler_sample(self._chain, self._loaded.context, -1)
        return token


def measure_tokens(folder: Path, way: str) -> None:
    """Print the milliseconds of processor time that a token takes, evaluated and sampled.

    On one thread: threads that wait for each other spend time that is nobody's.
    """
    grammars = {"token": "root ::= [^`]+", "refused": envelope()}
    kind = GrammarFirst if way == "first" else Sampler
    for name, size in VOCABULARIES.items():
        path = folder / f"random-{name}.gguf"
        if not path.exists():
            random_model(path, vocabulary=size)
        engine = _loaded(path, threads=1)
        loaded = engine._loaded
        assert loaded is not None
        for what, grammar in grammars.items():
            said = "" if way == "none" else grammar
            best = min(_a_token(loaded, kind, said, seed) for seed in range(ROUNDS))
            print(f"local.{what}.{name}", best * 1e3)
        engine.close()


def _a_token(loaded: Loaded, kind: type[Sampler], grammar: str, seed: int) -> float:
    """Return the seconds of a token."""
    sampler = kind(loaded, grammar, 1.0, seed)
    loaded.forget(0)
    loaded.evaluate(array("i", range(300, 340)))
    began, count = time.process_time(), 0
    for _ in range(TOKENS):
        token = sampler.pick()
        count += 1
        if loaded.ends(token):
            break
        loaded.evaluate((token,))
    taken = time.process_time() - began
    sampler.close()
    return taken / count


def measure_evaluated(folder: Path) -> None:
    """Print what is evaluated at each of ten steps, and of the system prompt at a second start."""
    replies = [f"Step {n}.\n```python\nprint({n} + {n})\n```" for n in range(1, STEPS + 1)]
    path = scripted_model(folder / "scripted.gguf", replies)
    for start in range(2):
        engine = _loaded(path, states=str(folder / "states"))
        messages = [Message(role="system", content=system_message())]
        opening = 0
        for step in range(1, STEPS + 1):
            text = "Task: add." if step == 1 else f"Printed:\n{2 * step - 2}"
            messages.append(Message(role="user", content=text))
            said: list[str] = []
            ended = engine.reply(Asked(messages=tuple(messages)), _hearing(said))
            messages.append(Message(role="assistant", content="".join(said)))
            assert "".join(said) == replies[step - 1]
            if start == 0:
                print(f"local.evaluated.{step}", ended.evaluated)
            elif step == 1:
                history, template = engine._history, engine._template
                pieces = template.render(messages[:2]).pieces
                opening = len(history.opening(pieces, messages))
                # What lies behind the system prompt is the task's own.
                task = ended.usage.prompt_tokens - opening
                print("local.evaluated.again", max(0, ended.evaluated - task))
        engine.close()


def measure_stops(folder: Path) -> None:
    """Print how long it takes from `stop` to the end of the reply."""
    path = random_model(folder / "large.gguf", layers=8, width=512, heads=8, kv_heads=8)
    engine = _loaded(path, threads=0)
    short = (Message(role="user", content="Go on."),)
    long = (Message(role="user", content="word " * 500),)
    for name, messages in (("writing", short), ("reading", long)):
        taken = [_stopped(engine, messages, 0.05 + 0.01 * number) for number in range(STOPS)]
        print(f"local.stop.{name}", statistics.median(taken) * 1e3)
        print(f"local.stop.{name}.worst", max(taken) * 1e3)
    engine.close()


def _stopped(engine: LlamaEngine, messages: tuple[Message, ...], after: float) -> float:
    """Return the seconds from a stop, so long after the first sign of life, to the end."""
    at: list[float] = []

    def stop() -> None:
        at.append(time.perf_counter())
        engine.stop()

    timer = threading.Timer(after, stop)

    def hear(part: Delta | Progress) -> None:
        if not timer.ident:
            timer.start()

    loaded = engine._loaded
    assert loaded is not None
    loaded.clear()
    # Under this grammar nothing ends a reply.
    asked = Asked(messages=messages, grammar="root ::= [^`] root", temperature=1.0)
    ended = engine.reply(asked, hear)
    if ended.stop != "cancelled":
        raise SystemExit(f"the reply ended with {ended.stop} before it was stopped")
    return time.perf_counter() - at[0]


def _loaded(path: Path, **loading: Any) -> LlamaEngine:
    settings = {"context": 4096, "seed": 1, "states": ""} | loading
    engine = LlamaEngine(path, Loading(**settings))
    engine.load(lambda progress: None)
    return engine


def _hearing(said: list[str]) -> Any:
    return lambda part: said.append(part.text) if isinstance(part, Delta) else None


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what == "tokens":
        measure_tokens(folder, sys.argv[3])
    elif what == "evaluated":
        measure_evaluated(folder)
    else:
        measure_stops(folder)


if __name__ == "__main__":
    main()
