"""`smolterm doctor`: what is installed, where things lie, and which walls are in force."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping

from smolterm import __version__, landlock
from smolterm.config import config_path, load_config
from smolterm.errors import ExitCode, SmoltermError
from smolterm.sandbox.assets import cache_folder, find_assets, find_deno, pinned
from smolterm.sandbox.wall import System, in_force, why_not
from smolterm.store import database_path

WALLS = (
    "worker without permissions, behind a broker with its own files and one socket only",
    "no code from strings: Python cannot reach JavaScript",
    "an environment of its own, no inherited file descriptors, a process session of its own",
    "limits: seconds, Python's memory, JavaScript's, the disk's, output, tool calls, nesting",
)
"""What Deno and smolterm do alone, on every system."""


def run_doctor() -> int:
    """Print one line per fact; the exit code says whether the sandbox works."""
    print(f"smolterm {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for line in (*_places(), *_settings(), *_extras()):
        print(line)
    try:
        for line in _sandbox():
            print(line)
    except SmoltermError as error:
        print(f"sandbox      does not work: {error}")
        return ExitCode.FAILED
    return ExitCode.OK


def _places() -> Iterator[str]:
    yield f"settings     {config_path()}{'' if config_path().exists() else ' (none yet)'}"
    yield f"sessions     {database_path()}"
    yield f"cache        {cache_folder()}"


def _settings() -> Iterator[str]:
    config = load_config()
    for name, origin in config.origins.items():
        if origin != "default":
            yield f"  {name} = {getattr(config.settings, name)!r} (from the {origin})"


def _extras() -> Iterator[str]:
    from smolterm.models.providers import default_model

    have = importlib.util.find_spec("litellm") is not None
    yield f"litellm      {'installed' if have else 'not installed: pip install smolterm[litellm]'}"
    model = load_config().settings.model or default_model(os.environ)
    yield f"model        {model or 'none is set'}"
    yield from local_models()
    yield from tool_packs()


def tool_packs() -> Iterator[str]:
    """Yield which tool packs are in use, what holds them, and which are not."""
    from smolterm.packs.standing import standings

    stand, error = standings()
    used = [each.name for each in stand if each.state == "in use"]
    yield f"tool packs   {', '.join(used) or 'none in use'}"
    if error:
        yield f"  damaged    {error}"
    for state in ("not trusted", "changed", "broken", "gone"):
        names = [each.name for each in stand if each.state == state]
        if names:
            how = {"not trusted": "add", "changed": "trust", "gone": "remove"}.get(state, "show")
            yield f"  {state:<10} {', '.join(names)}: smolterm packs {how} NAME"
    yield from _holding_packs()


def _holding_packs() -> Iterator[str]:
    from smolterm.errors import UsageError
    from smolterm.packs.secrets import keyring_name

    yield "  wasm       enforced: WebAssembly, with nothing but what was granted"
    held = "Landlock where a pack starts no programs" if landlock.abi() >= 1 else "nothing"
    yield f"  native     trusted, not enforced; held by {held}"
    try:
        yield f"  secrets    in {keyring_name()}"
    except UsageError as error:
        yield f"  secrets    {error}"


def local_models() -> Iterator[str]:
    """Yield what models on this machine need, and which there are."""
    from smolterm.models.library import installed, models_folder, size
    from smolterm.models.machine import cores, free_memory
    from smolterm.models.offers import ENGINES, EXTRA
    from smolterm.models.survey import gib

    have = [name for name in ENGINES if importlib.util.find_spec(name) is not None]
    free = free_memory()
    yield f"local models {', '.join(have) or f'no engine: {EXTRA}'}"
    yield (
        f"  machine    {gib(free)} of memory free" if free is not None else "  machine    memory?"
    ) + f", {cores()} cores"
    held = "Landlock: its own file" + (", no TCP" if landlock.abi() >= 4 else "")
    yield f"  wall       {held if landlock.abi() >= 1 else 'none of the system'}"
    for model in installed():
        yield f"  installed  local/{model.name}, {size(model.bytes)}"
    if not installed():
        yield f"  installed  none in {models_folder()}: smolterm models"


def _sandbox() -> Iterator[str]:
    deno = find_deno()
    version = subprocess.run([deno, "--version"], capture_output=True, text=True, check=False)
    yield f"deno         {version.stdout.splitlines()[0] if version.stdout else 'does not run'}"
    if find_assets() is None:
        yield "sandbox      not prepared: run `smolterm setup` (needs the network once)"
        return
    yield f"pyodide      {pinned().version}, verified"
    python, system = asyncio.run(_look_inside())
    yield f"sandbox      runs Python {python}"
    for wall in WALLS:
        yield f"  in force   {wall}"
    yield from system_walls(
        system, why_not(deno), is_root=sys.platform != "win32" and not os.getuid()
    )


def system_walls(system: System, missing: Mapping[str, str], *, is_root: bool) -> Iterator[str]:
    """Yield a line for each layer that the operating system adds, in force or not.

    Args:
        system: what the kernel says of a running sandbox.
        missing: why a layer cannot be used here, "" where it can.
    """
    linux = sys.platform == "linux"
    if system == "bubblewrap":
        yield "  in force   bubblewrap: no network, no other process, no file but the sandbox's own"
        yield "  not used   Landlock: bubblewrap holds what it would; the two exclude each other"
    else:
        yield f"  missing    bubblewrap: {missing['bubblewrap'] or 'the sandbox runs without it'}"
        if system == "landlock":
            version = landlock.abi()
            yield f"  in force   Landlock {version}: holds back {landlock.describe(version)}"
        else:
            yield f"  missing    Landlock: {missing['landlock'] or 'the sandbox runs without it'}"
    if linux:
        yield "  in force   the process's memory: RLIMIT_DATA, and a watchdog while a cell runs"
    else:
        yield "  missing    a cap on the process's memory: Linux only"
    if is_root and system == "none":
        yield "  missing    a read-only cache: you are root, whom file modes do not hold back"
    else:
        yield "  in force   a read-only cache"


async def _look_inside() -> tuple[str, System]:
    from smolterm.sandbox.deno import Sandbox

    async with Sandbox() as sandbox:
        done = await sandbox.run("import sys; sys.version.split()[0]")
        return str(done.value_data), in_force(sandbox.pid or 0)
