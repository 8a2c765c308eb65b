"""`smolterm models bench`: how fast a model is here, measured the way a session would use it."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from contextlib import aclosing
from pathlib import Path

import msgspec

from smolterm.errors import ExitCode, ModelError
from smolterm.models import Delta, Done, Format, Message, Progress
from smolterm.models.hosted import HostedModel
from smolterm.models.library import Speed, about, models_folder, remember

SYSTEM = "You are a careful assistant who answers in plain English."
LONG = "Here is a list of numbers for later: " + " ".join(str(n * 7919) for n in range(120)) + ". "
TASK = "Tell me in about a hundred words how a steam engine works."
NEXT = "Now tell me how a bicycle works, in as many words."
MOST = 96
"""Tokens of a reply."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, timed from the request on."""

    first: float
    """Seconds to the first text."""
    seconds: float
    prompt: int
    """Tokens of the prompt."""
    cached: int
    """Of these, taken from the cache."""
    said: int
    """Tokens of the reply."""


def run_bench(path: Path, *, as_json: bool) -> int:
    """Measure a model, print the outcome and remember it; return the exit code."""
    from smolterm.process import run_to_exit

    async def work() -> int:
        speed = await measure(path)
        if path.parent == models_folder():
            remember(path, msgspec.structs.replace(about(path), speed=speed))
        if as_json:
            sys.stdout.write(msgspec.json.encode(speed).decode() + "\n")
        else:
            sys.stdout.write(f"{words(speed)}\n")
        return ExitCode.OK

    return run_to_exit(work())


def words(speed: Speed) -> str:
    """Return a measurement in words."""
    from smolterm.models.survey import gib, thousands

    return (
        f"writes {speed.writing:.1f} tokens/s, reads {speed.reading:.0f} tokens/s, first token "
        f"after {speed.cold:.1f} s cold and {speed.warm:.2f} s warm, {gib(speed.memory)} of memory "
        f"with {thousands(speed.context)} of context"
    )


async def measure(path: Path) -> Speed:
    """Load a model in a process of its own, have it answer twice, and return the speed.

    Raises:
        ModelError: it cannot be loaded, or said nothing.
    """
    model = HostedModel(f"file:{path}")
    _note("loading")
    try:
        began = time.perf_counter()
        messages = [Message(role="system", content=SYSTEM),
                    Message(role="user", content=LONG + TASK)]  # fmt: skip
        cold, text = await _ask(model, messages)
        to_first = time.perf_counter() - began - cold.seconds + cold.first
        messages += [Message(role="assistant", content=text or "."),
                     Message(role="user", content=NEXT)]  # fmt: skip
        warm, _ = await _ask(model, messages)
        _note("reading")
        fresh = [Message(role="system", content="Answer in German. " + SYSTEM),
                 Message(role="user", content=LONG[::-1] + TASK)]  # fmt: skip
        again, _ = await _ask(model, fresh)
        memory = await asyncio.to_thread(memory_of, model.pid)
    finally:
        await model.close()
    read = again.prompt - again.cached
    writing = [(one.said - 1) / (one.seconds - one.first) for one in (cold, warm, again)
               if one.said > 1 and one.seconds > one.first]  # fmt: skip
    return Speed(
        reading=round(read / again.first, 1) if read and again.first > 0 else 0.0,
        writing=round(max(writing, default=0.0), 1),
        cold=round(to_first, 2),
        warm=round(warm.first, 3),
        memory=memory,
        context=model.context_window or 0,
        at=round(time.time()),
    )


async def _ask(model: HostedModel, messages: list[Message]) -> tuple[Measured, str]:
    began = time.perf_counter()
    first, texts, done = 0.0, [], Done()
    format = Format(max_tokens=MOST, temperature=0.0)
    async with aclosing(model.reply(messages, format=format)) as parts:
        async for part in parts:
            if isinstance(part, Delta):
                first = first or time.perf_counter() - began
                texts.append(part.text)
            elif isinstance(part, Progress):
                _note(f"{part.what} {part.fraction:.0%}")
            elif isinstance(part, Done):
                done = part
    seconds = time.perf_counter() - began
    if not first:
        raise ModelError("The model said nothing.", next="Choose another.")
    usage = done.usage
    measured = Measured(first=first, seconds=seconds, prompt=usage.prompt_tokens,
                        cached=usage.cached_tokens, said=usage.completion_tokens)  # fmt: skip
    return measured, "".join(texts)


def memory_of(pid: int | None) -> int:
    """Return the bytes a process held at most; 0 where the system does not say."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return _resident(pid)
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _resident(pid: int | None) -> int:
    import subprocess

    command = ["ps", "-o", "rss=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) * 1024 if done.stdout.strip().isdigit() else 0


def _note(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
