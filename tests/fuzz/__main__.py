"""`python -m tests.fuzz --seconds N`: all targets for as long as told, one after another.

Each runs in a process of its own, under atheris where it is installed (the extra `fuzz`), else
under Hypothesis alone. What was found is told with the bytes that repeat it; the status is 1 then.
"""

from __future__ import annotations

import argparse
import base64
import functools
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

HARD_SECONDS = 20
"""One input may block the process for so long; then it is ended."""
RSS_MB = 3000


def main(argv: list[str] | None = None) -> int:
    arguments = _parser().parse_args(argv)
    if arguments.one:
        return _fuzz_one(arguments.one, arguments.seconds, Path(arguments.report))
    from tests.fuzz.targets import TARGETS

    if arguments.repeat:
        name, _, encoded = arguments.repeat.partition(":")
        TARGETS[name].hypothesis.fuzz_one_input(base64.b64decode(encoded))  # type: ignore[attr-defined]
        return 0
    names = arguments.target or list(TARGETS)
    found = 0
    for name in names:
        found += _fuzz(name, arguments.seconds / len(names), arguments.engine)
    print(f"fuzz: {found} found in {arguments.seconds:g} s")
    return 1 if found else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="in all (60)")
    parser.add_argument("--target", action="append", help="this one only; may be repeated")
    parser.add_argument("--engine", choices=["atheris", "hypothesis"], default=_engine())
    parser.add_argument("--repeat", metavar="TARGET:BASE64", help="run one input that was found")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--report", help=argparse.SUPPRESS)
    return parser


def _engine() -> str:
    return "atheris" if importlib.util.find_spec("atheris") else "hypothesis"


def _fuzz(name: str, seconds: float, engine: str) -> int:
    """Fuzz one target in processes of its own; returns how many different failures it found."""
    began = time.monotonic()
    seen: dict[str, dict[str, Any]] = {}
    runs = peak = ended = 0
    while (left := seconds - (time.monotonic() - began)) > 1 or runs == 0:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            report = Path(folder) / "report"
            done = subprocess.run(
                [sys.executable, "-m", "tests.fuzz", "--one", name, "--engine", engine,
                 "--seconds", str(max(1, round(left))), "--report", str(report)],
                cwd=Path(__file__).parents[2], env={**os.environ, "TMPDIR": folder},
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            told = [json.loads(line) for line in report.read_text().splitlines()]
        for one in told:
            if "runs" in one:
                runs += one["runs"]
                peak = max(peak, one["peak"])
            else:
                seen.setdefault(one["where"], one)
        if done.returncode != 0:
            # Too slow or too large: libFuzzer ends the process, nothing inside can.
            ended += 1
            seen.setdefault(f"status {done.returncode}", {"trace": done.stderr[-3000:]})
            if ended > 20:
                break
        if not any("runs" in one for one in told):
            runs += 1
    print(f"{name:10} {engine}: {runs:,} inputs in {time.monotonic() - began:.0f} s, "
          f"{peak} MB at most, {len(seen)} found", flush=True)  # fmt: skip
    for where, one in seen.items():
        print(f"--- {name}: {where}\n{one['trace']}\n{name}:{one.get('input', '')}", flush=True)
    return len(seen)


def _fuzz_one(name: str, seconds: float, report: Path) -> int:
    """In the process of one target: run inputs until the time is over."""
    told = report.open("w", buffering=1)
    atheris = None
    if "hypothesis" not in sys.argv:
        import atheris  # type: ignore[no-redef]

        with atheris.instrument_imports(include=["smolterm"]):
            import tests.fuzz.targets
    else:
        import tests.fuzz.targets
    from hypothesis import HealthCheck, Phase, seed, settings

    target = tests.fuzz.targets.TARGETS[name]
    seen: set[str] = set()
    runs = 0
    end = time.monotonic() + seconds

    def tell(error: BaseException, data: bytes) -> None:
        where = _where(error)
        if where not in seen and len(seen) < 50:
            seen.add(where)
            trace = "".join(traceback.format_exception(error))[-2500:]
            line = {"where": where, "trace": trace, "input": base64.b64encode(data).decode()}
            told.write(json.dumps(line) + "\n")

    def finish() -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        told.write(json.dumps({"runs": runs, "peak": peak}) + "\n")

    quiet = settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    if atheris is not None:
        one_input: Callable[[bytes], object] = quiet(target).hypothesis.fuzz_one_input  # type: ignore[attr-defined]

        def test(data: bytes) -> None:
            nonlocal runs
            runs += 1
            if runs % 500 == 0:
                finish()
                runs = 0
            try:
                one_input(data)
            except Exception as error:  # noqa: BLE001  whatever it is, it was found
                tell(error, data)
            if time.monotonic() > end:
                finish()
                told.close()
                os._exit(0)

        corpus = tempfile.mkdtemp(prefix="corpus-")
        flags = ["-max_len=8192", "-len_control=0", f"-timeout={HARD_SECONDS}",
                 f"-rss_limit_mb={RSS_MB}", f"-artifact_prefix={corpus}/", corpus]  # fmt: skip
        atheris.Setup([sys.argv[0], *flags], test)
        atheris.Fuzz()
    # Making an input smaller takes too long where each try hangs.
    limited = settings(quiet, max_examples=100, phases=[Phase.generate])(target)
    inner = target.hypothesis.inner_test  # type: ignore[attr-defined]

    @functools.wraps(inner)
    def counted(*args: Any, **kwargs: Any) -> None:
        nonlocal runs
        runs += 1
        inner(*args, **kwargs)

    limited.hypothesis.inner_test = counted
    number = int.from_bytes(os.urandom(4), "little")
    while time.monotonic() < end:
        number += 1
        try:
            seed(number)(limited)()
        except Exception as error:  # noqa: BLE001  whatever it is, it was found
            tell(error, f"seed {number}".encode())
    finish()
    return 0


def _where(error: BaseException) -> str:
    """Name a failure by its type and the last lines of ours that it went through."""
    frames = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if "/smolterm/" in frame.filename or "/fuzz/" in frame.filename
    ]
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-3:]))}"


if __name__ == "__main__":
    sys.exit(main())
