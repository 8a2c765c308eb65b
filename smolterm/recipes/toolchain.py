"""The Python that has pyodide-build: smolterm's own, or an environment made once beside it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from smolterm.errors import RecipeError
from smolterm.packages.pip import FOR_PIP
from smolterm.sandbox.assets import Progress
from smolterm.spawn import plain_environment
from smolterm.store import cache_folder

BUILDER = "pyodide-build>=0.39.2,<0.40"
SERIES = "0.39"
OLDEST = (3, 12)
"""What this pyodide-build runs on."""
NAMES = ("python3.14", "python3.13", "python3.12", "python3")
PLACES = (".local/share/uv/python/*/bin", ".pyenv/versions/*/bin")
"""Below the person's folder: where tools that install Pythons put them."""
LOOK_SECONDS = 20
INSTALL_SECONDS = 900
FOR_BUILDING = (*FOR_PIP, "EM_CACHE", "EMSDK", "PYODIDE_XBUILDENV_PATH")


def environment(**more: str) -> dict[str, str]:
    """Return what pip, pyodide-build and a compiler read of this process's environment."""
    kept = {name: os.environ[name] for name in FOR_BUILDING if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
    return plain_environment(**kept) | more


def find_builder() -> Path | None:
    """Return a Python that has pyodide-build, or None where there is none yet."""
    candidates = [Path(sys.executable)] if sys.version_info >= OLDEST else []
    return next((one for one in [*candidates, _own()] if _has_builder(one)), None)


async def builder(tell: Progress) -> Path:
    """Return a Python that has pyodide-build, and make its environment the first time.

    Raises:
        RecipeError: there is no Python that it runs on, or it cannot be installed.
    """
    if (found := await asyncio.to_thread(find_builder)) is not None:
        return found
    base = await asyncio.to_thread(find_python)
    if base is None:
        oldest = ".".join(map(str, OLDEST))
        raise RecipeError(
            f"Recipes are read by pyodide-build, which needs Python {oldest} or later; "
            "none was found.",
            next=f"Install Python {oldest}, so that `python{oldest}` is on your PATH.",
        )
    own = _own()
    tell(f"making an environment for pyodide-build with {base}", None)
    try:
        await run([str(base), "-m", "venv", "--clear", str(own.parents[1])], INSTALL_SECONDS)
        tell("installing pyodide-build", None)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", BUILDER]
        await run([str(own), *install], INSTALL_SECONDS)
    except RecipeError:
        await asyncio.to_thread(shutil.rmtree, own.parents[1], ignore_errors=True)
        raise
    if not _has_builder(own):
        raise RecipeError("pyodide-build was installed and cannot be imported.",
                          next=f"Remove {own.parents[1]} and try again.")  # fmt: skip
    return own


def find_python() -> Path | None:
    """Return a Python that pyodide-build runs on."""
    return next((one for one in _candidates() if _version(one) >= OLDEST), None)


async def run(
    argv: Sequence[str],
    seconds: float,
    *,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    loud: bool = False,
) -> str:
    """Run a command to its end and return what it printed.

    Args:
        loud: its output goes to stderr as it comes, and nothing is returned.

    Raises:
        RecipeError: it failed or took too long; the last lines say why.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=cwd, env=env if env is not None else environment(),
        stdin=subprocess.DEVNULL, stdout=sys.stderr if loud else subprocess.PIPE,
        stderr=None if loud else subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            raw, _ = await process.communicate()
    except TimeoutError:
        raise RecipeError(f"{argv[0]} took longer than {seconds:g} s and was stopped.") from None
    finally:
        if process.returncode is None:
            _kill(process.pid)
            await process.wait()
    text = (raw or b"").decode(errors="replace")
    if process.returncode:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        last = " ".join(lines[-3:])[-600:]
        what = f"{Path(argv[0]).name} ended with {process.returncode}"
        raise RecipeError(f"{what}: {last}" if last else f"{what}; see above.")
    return text


def _kill(pid: int) -> None:
    import signal

    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _own() -> Path:
    return cache_folder() / f"pyodide-build-{SERIES}" / "bin" / "python"


def _candidates() -> Iterator[Path]:
    yield Path(sys.executable)
    for name in NAMES:
        if found := shutil.which(name):
            yield Path(found)
    # Where a tool installed this Python, it may have put others beside it.
    below: list[Path] = list(Path(sys.base_prefix).parent.glob("*/bin"))
    below += [at for place in PLACES for at in Path.home().glob(place)]
    for place in sorted(below, reverse=True):
        for name in NAMES:
            if (place / name).is_file():
                yield place / name


def _version(python: Path) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    text = _output([str(python), "-I", "-c", code])
    return tuple(int(part) for part in text.split()) if text.replace(" ", "").isdigit() else ()


def _has_builder(python: Path) -> bool:
    code = "import importlib.metadata as m; print(m.version('pyodide-build'))"
    return _output([str(python), "-I", "-c", code]).startswith(f"{SERIES}.")


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=LOOK_SECONDS, env=environment(),
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
