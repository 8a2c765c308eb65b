"""A pack's tools are read from its source, which may be written to mislead or to break."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import PackError, ToolError
from smolterm.packs.manifest import Manifest, ToolEntry
from smolterm.packs.reading import LONGEST_SOURCE, files_in, read_tools
from smolterm.packs.types import Checks
from smolterm.tools import ToolSpec

GOOD = '''
from smolterm.pack import tool

raise SystemExit("nothing of this may run")

@tool(effect="network")
async def look(place: str, days: int = 3) -> list[dict[str, object]]:
    """Look somewhere.

    Args:
        place: where.
    """
'''


def read(folder: Path, source: str | bytes, name: str = "look") -> ToolSpec:
    folder.mkdir(exist_ok=True)
    raw = source if isinstance(source, bytes) else source.encode("utf-8", "surrogatepass")
    (folder / "__init__.py").write_bytes(raw)
    entry = ToolEntry(effect="network", outside=True)
    manifest = Manifest(name="p", version="1", description="", tools={name: entry})
    (spec,) = read_tools(folder, folder.name, manifest)
    return spec


def test_a_tool_is_described_without_running_it(tmp_path: Path) -> None:
    assert read(tmp_path / "p", GOOD) == ToolSpec(
        name="look",
        signature="(place: str, days: int = 3) -> list[dict[str, object]]",
        doc="Look somewhere.\n\nArgs:\n    place: where.",
        effect="network",
        parameters=("place", "days"),
        outside=True,
        pack="p",
    )


@pytest.mark.parametrize(
    "statement", ["from .inner.deep import look", "from p.inner.deep import look"]
)
def test_a_tool_is_followed_into_the_module_it_comes_from(tmp_path: Path, statement: str) -> None:
    inner = tmp_path / "p" / "inner"
    inner.mkdir(parents=True)
    (inner / "deep.py").write_text("from ..other import look\n")
    (tmp_path / "p" / "other.py").write_text(GOOD)
    assert read(tmp_path / "p", statement).parameters == ("place", "days")


def test_a_generator_is_described_by_what_it_returns(tmp_path: Path) -> None:
    source = "def look() -> Generator[str, None, list[int]]:\n  'Do.'\n  yield 'a'\n  return [1]"
    assert read(tmp_path / "p", source).signature == "() -> list[int]"
    source = "def look() -> Iterator[str]:\n  'Do.'\n  yield 'a'"
    assert read(tmp_path / "p", source).signature == "() -> object"
    source = "def look() -> int:\n  'Do.'\n  f = lambda: (yield)\n  return 1"
    assert read(tmp_path / "p", source).signature == "() -> int"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "no function"),
        ("look = 1", "no function"),
        ("from os import system as look", "no function"),
        ("from ... import look", "no function"),
        ("from .nowhere import look", "no function"),
        ("from . import look", "more than 5 modules"),
        ("def look(): 'One.'\ndef look(): 'Two.'", "no function"),
        ("def look(): 'One.'\nlook = print", "no function"),
        ("def look(): 'One.'\nimport os as look", "no function"),
        ("class look: 'One.'", "no function"),
        ("def other(): 'Do.'\nif True:\n  def look(): 'Do.'", "no function"),
        ("def look(): pass", "no docstring"),
        ("def look(): '   '", "no docstring"),
        ("def look(): f'{1}'", "no docstring"),
        ("def look(a): 'Do.'", "no type"),
        ("@tool(effect='write')\ndef look(): 'Do.'", "effect is write there"),
        ("@tool(effect='none')\ndef look(): 'Do.'", "none of pure"),
        ("@tool(effect=f())\ndef look(): 'Do.'", "none of pure"),
        ("@cache\ndef look(): 'Do.'", "one decorator"),
        ("@tool\n@cache\ndef look(): 'Do.'", "one decorator"),
        ("def look(): '''Do.\x1b]0;title\x07'''", "<U+001B>"),
        ("def look(): '''Do.\u202e.oD'''", "<U+202E>"),
        ("def look(): '''Do.\U000e0041'''", "<U+E0041>"),
        ("def look(): 'Do.\\ud800'", "<U+D800>"),
        ("def look(): '" + "x" * 9_000 + "'", "longer than 8000"),
        ("def look(:", "is not Python"),
        ("def look(): 'Do.'\0", "not Python"),
        (b"\xff\xfe", "not Python"),
        (b"# coding: nonsense\n", "not Python"),
        ("x = " + "-" * 100_000 + "1", "not Python"),
        ("x = " + "(" * 100_000, "not Python"),
        ("#" * (LONGEST_SOURCE + 1), "longer than"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_with_the_reason(
    tmp_path: Path, source: str | bytes, said: str
) -> None:
    with pytest.raises(PackError) as raised:
        read(tmp_path / "p", source)
    assert said in str(raised.value)
    assert not {"\x1b", "\u202e", "\n", "\ud800"} & set(str(raised.value))


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "+".join(["1"] * 60_000),
        "x = " + "f(" * 5_000 + ")" * 5_000,
        "x = " + "a" + ".b" * 60_000,
        "\n".join("  " * n + "if x:" for n in range(99)) + "\n" + "  " * 99 + "pass",
        "x = lambda: " + "lambda: " * 20_000 + "1",
    ],
    ids=["sum", "calls", "attributes", "blocks", "lambdas"],
)
def test_deep_sources_neither_crash_nor_hang(tmp_path: Path, source: str) -> None:
    """In a process of its own: what is tested is that the parser does not take it down."""
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "__init__.py").write_text(source + "\ndef look(): 'Do.'\n")
    program = (
        "import sys; from pathlib import Path\n"
        "from smolterm.errors import PackError\n"
        "from smolterm.packs.manifest import Manifest, ToolEntry\n"
        "from smolterm.packs.reading import read_tools\n"
        "tools = {'look': ToolEntry(effect='pure', outside=False)}\n"
        "manifest = Manifest(name='p', version='1', description='', tools=tools)\n"
        "try: print(read_tools(Path(sys.argv[1]), 'p', manifest)[0].name)\n"
        "except PackError as error: print('refused')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=30
    )
    assert done.stdout in ("look\n", "refused\n"), done


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.py").write_text(GOOD)
    folder = tmp_path / "p"
    folder.mkdir()
    (folder / "other.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(PackError, match="link"):
        read(folder, "from .other import look")
    with pytest.raises(PackError, match="no plain file"):
        list(files_in(folder))


def test_files_are_listed_within_limits(tmp_path: Path) -> None:
    folder = tmp_path / "p"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "x.pyc").write_bytes(b"")
    (folder / "data").mkdir()
    (folder / "data" / "a.bin").write_bytes(b"abc")
    (folder / "b.pyc").write_bytes(b"")
    assert [path for path, _ in files_in(folder)] == ["b.pyc", "data/a.bin"]
    os.truncate(folder / "data" / "a.bin", 60_000_000)
    with pytest.raises(PackError, match="50 MB"):
        list(files_in(folder))
    os.truncate(folder / "data" / "a.bin", 1)
    os.mkfifo(folder / "pipe")
    with pytest.raises(PackError, match="no plain file"):
        list(files_in(folder))
    os.unlink(folder / "pipe")
    deep = folder
    for _ in range(30):
        deep /= "d"
    deep.mkdir(parents=True)
    with pytest.raises(PackError, match="deeper"):
        list(files_in(folder))


pieces = st.sampled_from(
    ["def look(", "): ", "'Do.'", "\n", "a: ", "int", "str | None", " = ", "[", "]", "{}", "None",
     ",", "@tool", "(effect=", "'network')", "async ", "yield", "\u202e", "\0", "*", "/",
     "lambda: 0", "\t"]
)  # fmt: skip


@given(st.lists(pieces, max_size=25).map("".join))
def test_whatever_the_source_is_it_describes_a_tool_or_is_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        try:
            spec = read(Path(place) / "p", text)
        except PackError as error:
            assert not {"\u202e", "\0"} & set(str(error))
        else:
            with contextlib.suppress(ToolError):
                Checks(spec).bind([], dict.fromkeys(spec.parameters))
