"""A file of functions as tools: what of it is a tool, what it may ask for, and who said yes."""

from __future__ import annotations

import asyncio
import os
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smolterm.build import build_packs
from smolterm.cli import main
from smolterm.config import Settings
from smolterm.errors import PackError, ToolError, UsageError
from smolterm.packs.adding import Narrowing
from smolterm.packs.notice import PackNotice
from smolterm.packs.trust import SecretSource, changing, read_trust
from smolterm.packs.writing.block import read_block
from smolterm.packs.writing.files import trust_file
from smolterm.packs.writing.onefile import OneFile, look_at
from tests.packs.web import Web, echo

ADD = '''
def add(a: int, b: int = 1) -> int:
    """Add."""
    return a + b
'''
ASKS = '''
# /// smolterm
# [capabilities]
# hosts = ["$url"]
# [settings]
# url = { default = "https://api.example" }
# [secrets]
# KEY = { hosts = ["$url"] }
# ///
from smolterm.pack import http, secrets, settings

def fetch(path: str) -> str:
    """Fetch."""
    return http.get(settings["url"] + path, headers={"K": secrets["KEY"]}).text

def stray(url: str) -> str:
    """Fetch from elsewhere."""
    return http.get(url).text
'''
CLASS = """
from smolagents import Tool

class Shouting(Tool):
    name = "shout"
    description = "Shouts."
    inputs = {
        "text": {"type": "string", "description": "what"},
        "often": {"type": ["integer", "number"], "description": "how often", "nullable": True},
    }
    output_type = "string"

    def __init__(self):
        super().__init__()
        self.mark = "!"

    def forward(self, text: str, often=None) -> str:
        return (text.upper() + self.mark) * int(often or 1)
"""


def written(folder: Path, source: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(source))
    return path


def look(folder: Path, source: str) -> OneFile:
    return look_at(written(folder, source))


def signatures(file: OneFile) -> dict[str, str]:
    return {tool.name: f"{tool.signature} {tool.effect}" for tool in file.examined.tools}


def trust(path: Path, **narrowing: Any) -> None:
    assert trust_file(str(path), Narrowing(**narrowing), yes=True) == 0


def used(*paths: Path, **settings: Any) -> list[Any]:
    given = Settings(tools=tuple(map(str, paths)), packs=(), **settings)
    folder = Path(settings["folder"]) if "folder" in settings else None
    return build_packs(given, folder, print)


def call(pack: Any, tool: str, *args: Any, told: list[PackNotice] | None = None) -> Any:
    async def once() -> Any:
        pack.on_notice = (told if told is not None else []).append
        (found,) = [each for each in pack.tools if each.spec.name == tool]
        try:
            return await found.call(list(args), {})
        finally:
            await pack.close()

    return asyncio.run(once())


def test_without_a_mark_public_typed_functions_with_a_docstring_are_tools(tmp_path: Path) -> None:
    source = (
        ADD
        + '''
def _own(a: int) -> int:
    """Not public."""
def silent(a: int) -> int: ...
def loose(a) -> int:
    """No type."""
@property
def kept(a: int) -> int:
    """Another decorator."""
'''
    )
    file = look(tmp_path, source)
    assert signatures(file) == {"add": "(a: int, b: int = 1) -> int pure"}
    assert file.left_out == (
        "silent has no docstring", "loose has no type for a", "kept has a decorator",
    )  # fmt: skip


def test_with_a_mark_the_marked_ones_are_tools(tmp_path: Path) -> None:
    source = f'''
import smolterm.pack
from smolterm.pack import tool
{ADD}
@tool(effect="write")
def one() -> None:
    """Do."""
@smolterm.pack.tool
async def two() -> None:
    """Do."""
'''
    assert signatures(look(tmp_path, source)) == {
        "one": "() -> None write",
        "two": "() -> None pure",
    }


def test_what_declares_no_effect_has_the_widest_that_the_file_asks_for(tmp_path: Path) -> None:
    for asks, effect in (
        ("", "pure"),
        ('read = ["*"]', "read"),
        ('hosts = ["a.example"]', "network"),
        ('hosts = ["a.example"]\n# write = ["*"]', "write"),
    ):
        source = f"# /// smolterm\n# [capabilities]\n# {asks}\n# ///\n{ADD}"
        assert signatures(look(tmp_path, source))["add"].endswith(effect)
    source = "# /// smolterm\n# capabilities.hosts = ['a.example']\n# tools.add = 'pure'\n# ///\n"
    assert signatures(look(tmp_path, source + ADD))["add"].endswith("pure")


def test_tools_of_smolagents_are_read_and_run_as_they_are(tmp_path: Path) -> None:
    path = written(tmp_path, CLASS + '''
from typing import List, Optional
from smolagents import tool

@tool
def double(ns: List[int], more: Optional[int] = None) -> List[int]:
    """Double.

    Args:
        ns: numbers.
    """
    return [2 * n for n in ns]
''')  # fmt: skip
    assert signatures(look_at(path)) == {
        "double": "(ns: list[int], more: int | None = None) -> list[int] pure",
        "shout": "(text: str, often: int | float | None = None) -> str pure",
    }
    trust(path)
    assert call(used(path)[0], "shout", "a", 2) == "A!A!"
    assert call(used(path)[0], "double", [1, 2]) == [2, 4]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('name = "shout"', "name = str(1)", "only running it would say"),
        ('name = "shout"', 'name = "final_answer"', "cannot be called"),
        ('"string", "desc', '"image", "desc', "'image' is no type"),
        ('"often": {"type"', '"other": {"type"', "not the arguments of its `forward`"),
        ("__init__(self)", "__init__(self, key)", "__init__ takes arguments"),
        ("def forward", "def other", "no method `forward`"),
        ("inputs = {", "inputs = 1 or {", "`inputs` is no dict"),
    ],
)
def test_a_class_that_cannot_be_read_is_said_with_its_line(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    assert old in CLASS
    with pytest.raises(PackError) as caught:
        look(tmp_path, CLASS.replace(old, new))
    assert why in str(caught.value)
    assert "mine.py, line 4: the tool Shouting" in str(caught.value)


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("x = 1", "has no tool"),
        ("def f(:", "line 1, is not Python"),
        ("def f() -> None:\n    'Do.'\nf = 1", "stands for two things"),
        ("from smolterm import tool\n" + ADD, "from smolterm.pack import"),
        ("def f() -> None:\n    'Do \u202e.'", "cannot be seen"),
        ("# /// smolterm\n# kind = 'native'\n# ///\n" + ADD, "Declare its effect"),
        ("# /// smolterm\n# kind = 'native'\n# tools.shout = 'pure'\n# ///\n" + CLASS, "alone"),
        ("# /// smolterm\n# tools.other = 'pure'\n# ///\n" + ADD, "is no tool of the file"),
        ("# /// smolterm\n# tools = 1\n# ///\n" + ADD, "no table"),
        ("# /// smolterm\n# hosts = ['a']\n# ///\n" + ADD, "`hosts` is not known"),
        ("# /// smolterm\n# name = 'files'\n# ///\n" + ADD, "no place"),
        ("# /// smolterm\n# capabilities.packages = ['numpy']\n# ///\n" + ADD, "compiled code"),
        ("@tool(effect='all')\ndef f() -> None:\n    'Do.'", "its effect is none of"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_said(tmp_path: Path, source: str, why: str) -> None:
    with pytest.raises(PackError) as caught:
        look(tmp_path, source)
    assert why in str(caught.value)


def test_a_block_is_read_as_it_stands(tmp_path: Path) -> None:
    assert read_block("x = 1", "f") == {}
    text = "x\r\n# /// smolterm\r\n# a = 1\r\n#\r\n# b = 'c'  \r\n# ///\r\n# d = 1"
    assert read_block(text, "f") == {"a": 1, "b": "c"}
    for wrong, why in (
        ("# /// smolterm\n# a = 1\nx", "no end"),
        ("# /// smolterm\n#a = 1\n# ///", "no end"),
        ("# /// smolterm\n# a\n# ///", "not TOML"),
        ("# /// smolterm\n# ///\n# /// smolterm\n# ///", "line 3 begins a second"),
    ):
        with pytest.raises(PackError, match=why):
            read_block(wrong, "f")


@pytest.mark.parametrize("name", ["mine.txt", "gone.py", "folder.py"])
def test_what_is_no_file_of_python_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.txt").write_text(ADD)
    (tmp_path / "folder.py").mkdir()
    with pytest.raises(PackError, match="no file"):
        look_at(tmp_path / name)


def test_nothing_is_used_before_it_is_trusted_or_after_it_changed(tmp_path: Path) -> None:
    path = written(tmp_path, ADD)
    with pytest.raises(UsageError, match="is not trusted"):
        used(path)
    trust(path)
    (pack,) = used(path)
    assert call(pack, "add", 40, 2) == 42
    # The place is part of it, and so is what stands there.
    (other := tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="is not trusted"):
        used(written(other, ADD))
    (late,) = used(path)
    path.write_text(ADD.replace("a + b", "a - b"))
    with pytest.raises(ToolError, match="changed since this session began"):
        call(late, "add", 40, 2)
    with pytest.raises(UsageError, match="has changed since you trusted it"):
        used(path)
    trust(path)
    assert call(used(path)[0], "add", 40, 2) == 38


def test_two_files_of_one_name_are_two_packs(tmp_path: Path) -> None:
    paths = []
    for folder, name in (("a", "one"), ("b", "two")):
        (tmp_path / folder).mkdir()
        paths.append(written(tmp_path / folder, ADD.replace("add", name)))
        trust(paths[-1])
    packs = used(*paths, paths[0])
    assert len({pack.name for pack in packs}) == len(packs) == 2
    # What a pack tells is shown beside the calls of its tools.
    assert [tool.spec.pack for pack in packs for tool in pack.tools] == [p.name for p in packs]
    assert [tool.spec.name for pack in packs for tool in pack.tools] == ["one", "two"]
    assert call(packs[1], "two", 1) == 2


@pytest.mark.parametrize("name", ["json.py", "smolterm.py", "my-tools.py"])
def test_a_name_that_is_taken_or_no_modules_is_no_matter(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, ADD, name)
    trust(path)
    assert call(used(path)[0], "add", 1) == 2


def test_it_reaches_what_it_asked_for_and_nothing_else(tmp_path: Path) -> None:
    path = written(tmp_path, ASKS)
    trust(path)
    key = str(path.resolve())
    told: list[PackNotice] = []
    with Web({"*": echo}) as web, pytest.MonkeyPatch.context() as patch:
        patch.setenv("MY_KEY", "hunter2-hunter2")
        with changing() as kept:
            kept.files[key] = msgspec.structs.replace(
                kept.files[key],
                settings={"url": web.url},
                secrets={"KEY": SecretSource(variable="MY_KEY")},
            )
        said = call(used(path)[0], "fetch", "/x", told=told)
        patch.delenv("MY_KEY")
        # Two files of one name have secrets of their own.
        with pytest.raises(ToolError, match=f"packs secret {key} KEY"):
            call(used(path)[0], "fetch", "/x")
        patch.setenv("MY_KEY", "hunter2-hunter2")
        assert web.requests[0].headers["k"] == "hunter2-hunter2"
        assert "hunter2" not in said
        with pytest.raises(ToolError):
            call(used(path)[0], "stray", web.at("other.localhost"), told=told)
        assert len(web.requests) == 1
    (denied,) = [notice.text for notice in told if notice.kind == "denied"]
    assert denied.startswith("mine.py~")
    assert "other.localhost" in denied


def test_a_grant_of_a_file_can_be_narrowed(tmp_path: Path) -> None:
    path = written(tmp_path, ASKS)
    trust(path, without=("secrets",))
    assert read_trust().files[str(path.resolve())].granted.secrets == ()
    assert read_trust().packs == {}


def test_a_native_file_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    path = written(tmp_path, """
        # /// smolterm
        # kind = "native"
        # ///
        import os
        from smolterm.pack import tool

        @tool(effect="read")
        def where() -> list[int]:
            "Tell the process."
            return [os.getpid(), os.getppid()]
    """)  # fmt: skip
    trust(path)
    pid, parent = call(used(path)[0], "where")
    assert (pid != os.getpid(), parent == os.getpid()) == (True, True)


def test_coroutines_and_generators_tell_how_far_they_are(tmp_path: Path) -> None:
    source = '''
    import asyncio
    from collections.abc import AsyncGenerator, Generator
    from smolterm.pack import progress

    async def waits(n: int) -> int:
        """Wait."""
        await asyncio.sleep(0)
        return n + 1

    def counts(n: int) -> Generator[object, None, list[int]]:
        """Count."""
        yield progress("counting", 1, n)
        return list(range(n))

    async def streams(n: int) -> AsyncGenerator[object]:
        """Stream."""
        yield "streaming"
        yield {"n": n}
    '''
    path = written(tmp_path, source)
    trust(path)
    told: list[PackNotice] = []
    assert call(used(path)[0], "waits", 1) == 2
    assert call(used(path)[0], "counts", 2, told=told) == [0, 1]
    assert call(used(path)[0], "streams", 3, told=told) == {"n": 3}
    assert [notice.text for notice in told if notice.kind == "progress"] == [
        "counting", "streaming",
    ]  # fmt: skip


def test_the_commands_take_a_file_in_a_packs_place(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, ASKS)
    name, key = str(path), str(path.resolve())
    for command in (["trust", name, "--yes"], ["set", name, "url=http://127.0.0.1:9"],
                    ["secret", name, "KEY", "--variable", "MY_KEY"]):  # fmt: skip
        assert main(["packs", *command]) == 0
    kept = read_trust().files[key]
    assert kept.settings == {"url": "http://127.0.0.1:9"}
    assert kept.secrets == {"KEY": SecretSource(variable="MY_KEY")}
    path.write_text(path.read_text() + "\n# more\n")
    capfd.readouterr()
    assert main(["packs", "show", name]) == 0
    shown = capfd.readouterr().out
    assert f"{name} (one file) (wasm, changed)" in shown
    assert "secret KEY: in the variable MY_KEY" in shown
    assert f"smolterm packs trust {name}" in shown
    assert main(["packs", "add", name, "--yes"]) == 0
    # What was set stays with a new version.
    assert read_trust().files[key].settings == kept.settings
    capfd.readouterr()
    assert main(["packs"]) == 0
    assert f"{key} (wasm, one file)" in capfd.readouterr().out
    path.unlink()
    assert main(["packs", "remove", name]) == 0
    assert read_trust().files == {}
    assert main(["packs", "remove", name]) == 1
