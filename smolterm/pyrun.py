"""`smolterm py`: sandboxed Python as `python` would run it, without any model."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import ExitCode, SandboxDied, SandboxError, UsageError
from smolterm.printable import printable
from smolterm.process import report
from smolterm.pyplace import Place
from smolterm.sandbox import Call, CellDone, Limits, Printed
from smolterm.threads import in_daemon_thread

CAPTURED_BYTES = 64 * 1024 * 1024
"""Of output that one JSON object holds."""

_STOPPED = ("the cell ran longer", "the cell took more")
"""How the sandbox begins to say that a limit of time was reached."""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """What to run."""

    code: str
    name: str
    """How tracebacks call it."""
    argv: tuple[str, ...]
    stdin: bool = True
    """Whether the code may read this process's standard input."""


def read_program(command: str | None, argv: Sequence[str]) -> Program:
    """Find the code: that of `-c`, the file that `argv` begins with, or standard input.

    Raises:
        UsageError: there is none, or it is not Python source text.
    """
    if command is not None:
        return Program(code=command, name="<string>", argv=tuple(argv))
    if argv and argv[0] != "-":
        try:
            raw = Path(argv[0]).read_bytes()
        except OSError as error:
            raise UsageError(f"{argv[0]} cannot be read: {error.strerror}.") from None
        return Program(code=_decoded(raw, argv[0]), name=argv[0], argv=tuple(argv))
    if not argv and sys.stdin.isatty():
        raise UsageError("There is no code to run.", next="Give a file, -c CODE, or code on stdin.")
    raw = sys.stdin.buffer.read()
    return Program(
        code=_decoded(raw, "stdin"), name="<stdin>", argv=tuple(argv) or ("-",), stdin=False
    )


async def run_program(place: Place, program: Program, *, as_json: bool) -> int:
    """Run it once, and keep what it made when it ends well; returns its exit status."""
    try:
        await place.start()
        try:
            if as_json:
                result, done = await _captured(place, program)
                print(json.dumps(result), flush=True)
            else:
                done = await _streamed(place, program)
        except SandboxDied as died:
            # There are no variables to tell of, and no next step.
            report(SandboxError(died.what))
            return _status_of_death(died)
        status = _status(done)
        return await place.keep() if status == ExitCode.OK else await place.leave(status)
    finally:
        await place.close()


async def run_cells(place: Place) -> int:
    """Answer each line of stdin, `{"code": ...}`, with one line; the state lives on."""
    number = 0
    try:
        await place.start()
        while line := await in_daemon_thread(sys.stdin.buffer.readline):
            if not line.strip():
                continue
            number += 1
            try:
                code = msgspec.json.decode(line, type=_CellLine).code
            except msgspec.DecodeError as error:
                result = _failure("ValueError", f"Line {number} is no cell: {error}.")
            else:
                program = Program(code=code, name=f"<cell {number}>", argv=("-",), stdin=False)
                try:
                    await place.start()
                    result, _ = await _captured(place, program)
                except SandboxDied as died:
                    result = _failure("SandboxDied", str(died))
            print(json.dumps(result), flush=True)
        return await place.keep()
    finally:
        await place.close()


async def run_cell(
    place: Place,
    code: str,
    show: Callable[[Printed], None],
    *,
    output_bytes: int = 0,
    name: str | None = None,
    argv: Sequence[str] | None = None,
    read_stdin: Callable[[int], bytes] | None = None,
    echo: bool = False,
) -> CellDone:
    """Run one cell under the limits that were asked for.

    Args:
        echo: call the value `_` from now on.

    Raises:
        SandboxDied: the process is gone.
    """
    done: CellDone | None = None
    limits = Limits(
        seconds=place.options.seconds,
        cpu_seconds=place.options.cpu_seconds,
        output_bytes=output_bytes,
    )
    parts = place.sandbox.cell(
        code, limits=limits, filename=name, argv=argv, read_stdin=read_stdin, echo=echo
    )
    async with aclosing(parts):
        async for part in parts:
            if isinstance(part, Printed):
                show(part)
            elif isinstance(part, CellDone):
                done = part
            elif isinstance(part, Call):
                await place.sandbox.answer(part.call, error="There are no tools here.")
    if done is None:
        raise SandboxError("The sandbox gave no result.")
    return done


class _CellLine(msgspec.Struct):
    code: str


async def _streamed(place: Place, program: Program) -> CellDone:
    def show(part: Printed) -> None:
        stream = sys.stdout if part.stream == "stdout" else sys.stderr
        if stream.isatty():
            # A terminal obeys what it is sent; a file keeps every byte.
            data = printable(part.text).encode()
        elif part.data is not None:
            data = part.data
        else:
            data = part.text.encode(errors="replace")
        stream.buffer.write(data)
        stream.buffer.flush()

    done = await _run(place, program, 0, show)
    if done.error is not None and done.status is None:
        print(printable(done.error.traceback), file=sys.stderr)
    return done


async def _captured(place: Place, program: Program) -> tuple[dict[str, Any], CellDone]:
    said: dict[str, list[str]] = {"stdout": [], "stderr": []}
    done = await _run(
        place, program, CAPTURED_BYTES, lambda part: said[part.stream].append(part.text)
    )
    if done.dropped:
        print(f"smolterm: {done.dropped} bytes of output were dropped.", file=sys.stderr)
    error = None
    if done.error is not None:
        error = msgspec.to_builtins(done.error)
    result = {
        "stdout": "".join(said["stdout"]),
        "stderr": "".join(said["stderr"]),
        "value": done.value,
        "error": error,
        "answer": done.answer if done.answered else None,
        "seconds": round(done.seconds, 6),
    }
    return result, done


async def _run(
    place: Place, program: Program, output_bytes: int, show: Callable[[Printed], None]
) -> CellDone:
    return await run_cell(
        place,
        program.code,
        show,
        output_bytes=output_bytes,
        name=program.name,
        argv=program.argv,
        read_stdin=_read_stdin if program.stdin else None,
    )


def _read_stdin(most: int) -> bytes:
    try:
        return os.read(0, most)
    except OSError:
        return b""


def _status(done: CellDone) -> int:
    if done.status is not None:
        return done.status & 0xFF
    if done.error is None:
        return ExitCode.OK
    if done.error.type == "TimeoutError" and done.error.message.startswith(_STOPPED):
        return ExitCode.STOPPED
    return ExitCode.INTERRUPTED if done.error.type == "KeyboardInterrupt" else 1


def _status_of_death(died: SandboxDied) -> int:
    """The code did not stop when it was told to: the status says who told it."""
    if died.what.lower().startswith(_STOPPED):
        return ExitCode.STOPPED
    if died.what.startswith("The cell was interrupted"):
        return ExitCode.INTERRUPTED
    return died.exit_code


def _failure(kind: str, message: str) -> dict[str, Any]:
    error = {"type": kind, "message": message, "traceback": f"{kind}: {message}"}
    return {
        "stdout": "", "stderr": "", "value": None, "error": error, "answer": None, "seconds": 0.0
    }  # fmt: skip


def _decoded(raw: bytes, name: str) -> str:
    try:
        return importlib.util.decode_source(raw)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UsageError(f"{name} is not Python source text: {error}.") from None
