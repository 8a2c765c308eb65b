"""Whether and when to ask a provider again."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from email.utils import parsedate_to_datetime

from smolterm.errors import Transient
from smolterm.models import ModelPart, Waiting
from smolterm.models.wire import Patience


def wait_before_next(
    error: Transient, attempt: int, elapsed: float, patience: Patience, chance: float
) -> float | None:
    """Return the seconds until the next try, or None to give up.

    Args:
        attempt: the try that failed, from 1.
        elapsed: seconds since the first try.
        chance: 0 to 1; spreads the tries of many clients by a quarter either way.
    """
    if attempt >= patience.attempts:
        return None
    wait = min(patience.first * 2 ** (attempt - 1), patience.longest) * (0.75 + chance / 2)
    if error.retry_after is not None:
        wait = error.retry_after
    return wait if elapsed + wait <= patience.seconds else None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds a provider asks to wait, from headers with names in lower case."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if not value:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(value).timestamp() - now
            except (ValueError, OverflowError):
                continue
        # Comparisons with nan are false, so it ends here too.
        return seconds if 0 <= seconds < 1e9 else None
    return None


async def retrying(
    ask: Callable[[], AsyncGenerator[ModelPart, None]],
    patience: Patience,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock: Callable[[], float] = time.monotonic,
    chance: Callable[[], float] = random.random,
) -> AsyncGenerator[ModelPart, None]:
    """Ask until a reply is complete; a `Waiting` part stands between two tries.

    Raises:
        ModelError: the last try's.
    """
    began = clock()
    attempt = 1
    while True:
        try:
            async with aclosing(ask()) as parts:
                async for part in parts:
                    yield part
            return
        except Transient as error:
            wait = wait_before_next(error, attempt, clock() - began, patience, chance())
            if wait is None:
                raise
            why = error.what
        yield Waiting(why=why, seconds=wait, attempt=attempt)
        await sleep(wait)
        attempt += 1
