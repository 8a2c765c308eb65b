"""Who may import whom, and what an import costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import smolterm

ROOT = Path(smolterm.__file__).parent

# A module imports from the rows above its own; a whole package (`models.*`) also from itself. The
# packages `models`, `packages` and `sandbox` are protocols and stand above what implements them.
ROWS = """
errors events landlock marks policy printable progress reach repair spawn threads toolcall
wholefile written
clipboard findfiles loader outside pack.* packages.unpack sandbox.values
approval child clock commands config configfile gbnf keyboard process scan store tools transcript
asking external grammar_python history mentions models packages parse rules sandbox schemas
grammar onterminal
profiles
models.* packs.* sandbox.*
packages.* prompt pyoptions pyprompt sessions.* shell
packs.installing recipes.* touches
packs.writing.*
gate packs.commands
answers calls context filechanges manner
aside seat staging telling thinker
agent console early hearing inline plainly
pyplace sessionbase
goingback stagedfiles steering variables
session
replcommands
answerform inputs
build doctor flags oneshot pyrun repl tui.*
completion demo pyrepl resuming
serving.*
cli manpage
"""
INSIDE = {"sandbox.prelude"}
"""Runs in the sandbox, joined to `values`."""
FRONT_ENDS = ("tui", "oneshot", "pyrun", "doctor", "repl")

HEAVY = {"textual", "prompt_toolkit", "litellm", "openai", "llama_cpp", "rich", "pydantic",
         "httpx", "hypothesis"}  # fmt: skip


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in ROOT.rglob("*.py")}


def imported(name: str) -> Iterator[str]:
    """Yield the modules of ours that a module imports anywhere, inside functions too."""
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "smolterm":
            module = (node.module or "").removeprefix("smolterm").lstrip(".")
            for alias in node.names:
                inner = f"{module}.{alias.name}".lstrip(".")
                yield inner if inner in MODULES else module
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] == "smolterm":
                    yield alias.name.removeprefix("smolterm").lstrip(".")


def place(name: str) -> tuple[int, str]:
    """Return a module's row and the entry it stands under."""
    entries = {entry: row for row, line in enumerate(ROWS.split("\n")) for entry in line.split()}
    for entry in (name, f"{name.rpartition('.')[0]}.*", f"{name.split('.')[0]}.*"):
        if entry in entries:
            return entries[entry], entry
    raise AssertionError(f"{name} has no place in ROWS")


@pytest.mark.parametrize("name", sorted(set(MODULES) - INSIDE - {""}))
def test_a_module_imports_only_from_above(name):
    row, entry = place(name)
    for other in set(imported(name)) - {"", name}:
        other_row, other_entry = place(other)
        same_package = entry.endswith(".*") and entry == other_entry
        assert other_row < row or same_package, f"{name} imports {other}"


def test_front_ends_do_not_know_each_other():
    for name in MODULES:
        if name.split(".")[0] in FRONT_ENDS:
            others = {other.split(".")[0] for other in imported(name)} & set(FRONT_ENDS)
            assert others <= {name.split(".")[0]}


def fresh(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd,
        env={"HOME": str(cwd), "PATH": ""}, check=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "module", ["smolterm", "smolterm.session", "smolterm.sandbox.deno", "smolterm.models.hosted",
               "smolterm.oneshot", "smolterm.cli"]
)  # fmt: skip
def test_an_import_is_light_silent_and_leaves_no_trace(module, tmp_path):
    code = f"import sys, threading\nimport {module}\nassert threading.active_count() == 1\n"
    code += f"heavy = {HEAVY!r} & set(sys.modules)\nassert not heavy, heavy"
    done = fresh(code, tmp_path)
    assert (done.stdout, done.stderr) == ("", "")
    assert list(tmp_path.iterdir()) == []


def test_the_package_alone_loads_nothing_of_ours(tmp_path):
    code = "import sys, smolterm\n"
    code += "assert not [m for m in sys.modules if m.startswith('smolterm.')], sys.modules\n"
    code += "assert 'asyncio' not in sys.modules"
    fresh(code, tmp_path)


def test_the_public_names_are_there_sorted_and_few():
    assert smolterm.__all__ == sorted(smolterm.__all__, key=str.lower)
    assert len(smolterm.__all__) <= 15
    for name in smolterm.__all__:
        assert getattr(smolterm, name) is not None
    with pytest.raises(AttributeError):
        smolterm.nothing  # noqa: B018


def test_every_import_of_a_heavy_library_is_inside_a_function():
    for name in set(MODULES) - {"models.compatible", "models.remote"}:
        if name.startswith("tui"):
            continue
        tree = ast.parse(MODULES[name].read_text())
        for node in tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(a.name for a in node.names)]
                assert not {n.split(".")[0] for n in names} & HEAVY, name
