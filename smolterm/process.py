"""Running a command so that signals end it in order: no child left, a documented code."""

from __future__ import annotations

import asyncio
import errno
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from smolterm.errors import ExitCode, SmoltermError

_UNWRITABLE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_ENDS = {"SIGTERM": ExitCode.TERMINATED, "SIGHUP": ExitCode.HANGUP}


def run_to_exit(
    main: Coroutine[Any, Any, int], on_interrupt: Callable[[], bool] | None = None
) -> int:
    """Run to the end, to an error or to a signal, and return the exit code.

    Args:
        on_interrupt: called at Ctrl-C; True when it was taken care of. The second one within the
            same run always ends it.
    """
    with asyncio.Runner() as runner:
        return runner.run(_guarded(main, on_interrupt))


async def _guarded(main: Coroutine[Any, Any, int], on_interrupt: Callable[[], bool] | None) -> int:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main)
    ended_by: list[ExitCode] = []
    interrupts = 0

    def end(code: ExitCode) -> None:
        ended_by.append(code)
        task.cancel()

    def interrupt() -> None:
        nonlocal interrupts
        interrupts += 1
        if interrupts > 1 or on_interrupt is None or not on_interrupt():
            end(ExitCode.INTERRUPTED)

    loop.add_signal_handler(signal.SIGINT, interrupt)
    for name, code in _ENDS.items():
        loop.add_signal_handler(getattr(signal, name), end, code)
    try:
        return await task
    except asyncio.CancelledError:
        if not ended_by:
            raise
        return ended_by[0]
    except SmoltermError as error:
        report(error)
        return error.exit_code
    except BrokenPipeError:
        # Nobody reads any more; Python would complain again while closing stdout.
        sys.stdout = None
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        sys.stdout = None
        report(SmoltermError(f"The output cannot be written: {error.strerror}."))
        return ExitCode.FAILED


def report(error: SmoltermError) -> None:
    """Say on stderr what happened, what was kept, and what to do next."""
    from smolterm.printable import printable

    print(f"smolterm: {printable(str(error))}", file=sys.stderr)
