"""`smolterm packs test`: a pack's manifest, tools and packages, a real loading, and its tests."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from smolterm.errors import ExitCode, PackError, UsageError
from smolterm.packs.adding import installed
from smolterm.packs.examine import Examined
from smolterm.packs.find import Found
from smolterm.packs.grants import asked
from smolterm.packs.installing import packs_in
from smolterm.packs.listing import asking_lines
from smolterm.packs.trust import Trusted
from smolterm.packs.using import Start, settings_of
from smolterm.packs.writing.check import start_of, wrong_in, wrong_in_its_world
from smolterm.packs.writing.files import start_of_file
from smolterm.packs.writing.onefile import SUFFIX, look_at
from smolterm.printable import printable

NO_TESTS = 5
"""What pytest ends with when it found none."""


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """One round."""

    ok: bool
    packs: dict[str, Examined] = {}
    """What could be said of each pack, by name."""


def run_test(what: str) -> int:
    """Test a pack, and return the exit code.

    Args:
        what: a project's folder, the name of an installed pack, or a file of functions.

    Raises:
        UsageError: it is none of them.
    """
    return ExitCode.OK if test(what).ok else ExitCode.FAILED


def test(what: str, *, aside: bool = False) -> Tested:
    """Look for everything that is wrong with a pack, say it on stdout, then run its tests.

    Args:
        aside: Ctrl-C ends the tests without a word of theirs, and nobody sits at them.

    Raises:
        UsageError: there is no such pack.
    """
    if what.endswith(SUFFIX):
        return _test_file(what)
    project, packs = _project(what)
    looked: dict[str, Examined] = {}
    ok = True
    for found in packs:
        examined, wrong = wrong_in(found)
        if examined is not None:
            looked[found.name] = examined
        ok = _tell(found.name, examined, wrong, None) and ok
    return Tested(ok=_run_tests(project, aside) and ok, packs=looked)


def say(text: str) -> None:
    """Write lines for whoever develops a pack."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def _test_file(path: str) -> Tested:
    try:
        file = look_at(path)
    except PackError as error:
        return Tested(ok=_tell(path, None, [str(error)], None))
    for each in file.left_out:
        say(f"No tool: {each}.")
    ok = _tell(path, file.examined, [], start_of_file(file))
    return Tested(ok=ok, packs={path: file.examined})


def _project(what: str) -> tuple[Path, list[Found]]:
    folder = Path(what).absolute()
    if folder.is_dir():
        packs = packs_in(folder)
        if not packs:
            raise UsageError(
                f"{what} holds no tool pack.", next="Make one: smolterm packs new NAME."
            )
        return folder, packs
    if os.sep in what:
        raise UsageError(f"There is no folder {what}.")
    found = installed(what)
    assert found.folder is not None
    near = [found.folder.parents[count] for count in range(found.module.count(".") + 2)]
    project = next((each for each in near if (each / "pyproject.toml").is_file()), None)
    if project is None:
        raise UsageError(
            f"The pack {what} was installed without its tests.",
            next="Name the folder of its project: smolterm packs test FOLDER.",
        )
    return project, [found]


def _tell(name: str, examined: Examined | None, wrong: list[str], start: Start | None) -> bool:
    """Say what one pack is and what is wrong with it; load it, when nothing was so far."""
    if examined is not None:
        settings = settings_of(examined.manifest, {})
        say("\n".join(asking_lines(examined, asked(examined.manifest), settings)))
        for tool in examined.tools:
            if not tool.signature.endswith(")"):
                continue
            say(f"Note: {tool.name} has no type for its result, so nothing checks it.")
        if not wrong:
            wrong = wrong_in_its_world(examined, start or start_of(examined))
    for each in wrong:
        say(f"Wrong: {each}")
    if examined is not None and not wrong:
        count = len(examined.tools)
        where = "WebAssembly" if examined.manifest.kind == "wasm" else "a process of its own"
        tools = f"its {count} tools are" if count > 1 else "its tool is"
        say(f"{name} was loaded in {where}: {tools} there.")
    return not wrong


def _run_tests(project: Path, aside: bool) -> bool:
    """Run pytest in the project's folder, on the project's modules before all others."""
    if importlib.util.find_spec("pytest") is None:
        say("Wrong: pytest is not installed, so no test ran. Install it: pip install pytest")
        return False
    paths = [str(project.absolute()), str((project / "src").absolute())]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join([*paths, *_python_path()])}
    # One that writes no cache: who watches the folder would take it for a save.
    command = [sys.executable, "-P", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "process_group": 0} if aside else {}
    with subprocess.Popen(command, cwd=project, env=environ, **options) as tests:
        try:
            ended = tests.wait()
        except BaseException:
            if aside:
                os.killpg(tests.pid, signal.SIGTERM)
            # Otherwise they were interrupted too, and say how far they were.
            tests.wait()
            raise
    if ended == NO_TESTS:
        say(f"Wrong: {project} has no tests: write tests/test_*.py.")
    return ended == 0


def _python_path() -> list[str]:
    given = os.environ.get("PYTHONPATH")
    return [given] if given else []


def changed_words(before: Trusted, now: Examined) -> list[str]:
    """Say what a pack asks for or offers otherwise than before."""
    from smolterm.packs.examine import changes
    from smolterm.packs.grants import added

    said = [f"it asks no more: {part} {entry}"
            for part, entry in added(asked(now.manifest), asked(before.manifest))]  # fmt: skip
    return said + [each for each in changes(before, now) if not each.startswith("its files or")]
