"""Wheels where they are meant to go: a real sandbox, walls up."""

from __future__ import annotations

import asyncio
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest

import smolterm.packages.unpack
from smolterm.errors import PackageMissing, SandboxError
from smolterm.packages.provide import Packages
from smolterm.sandbox.deno import Sandbox
from tests.packages.wheels import make_wheel

FILES = {
    "thing/__init__.py": "from thing.inner import answer\n",
    "thing/inner.py": "import importlib.resources as r\n"
    "answer = int(r.files('thing').joinpath('data.txt').read_text())\n",
    "thing/data.txt": "42",
    "thing/template.py": "this is {{ no }} Python\n",
    "thing/tests/test_it.py": "x = 1\n",
}


async def value(sandbox: Sandbox, code: str) -> Any:
    done = await sandbox.run(code)
    assert done.error is None, done.error.traceback
    return done.value_data


def test_an_import_in_a_cell_just_works(server, packages, asked, tmp_path):
    """The whole way: asked, resolved, downloaded, compiled, unpacked and imported."""
    server.publish("thing", data=make_wheel("thing", files=FILES), requires=())
    provided = packages(compile_once=True)

    async def work() -> None:
        async with Sandbox(packages=provided) as sandbox:
            assert await value(sandbox, "import thing; thing.answer") == 42
            cached = await value(sandbox, "thing.inner.__spec__.cached")
            assert cached.endswith("/site-packages/thing/__pycache__/inner.cpython-314.pyc")
            assert await value(sandbox, "import os; os.path.exists(thing.__spec__.cached)") is True
            assert await value(sandbox, "import frame; frame.name") == "frames"
            code = "import importlib.metadata as m; m.version('thing'), m.version('arrays')"
            assert await value(sandbox, code) == ("1.0", "1.0")
            done = await sandbox.run("import nothing_like_it")
            assert done.error is not None
            assert done.error.type == "ModuleNotFoundError"
            assert "nothing_like_it" in done.error.message

    asyncio.run(work())
    assert [plan.look_up for plan in asked.plans] == ["thing", "", "", "nothing-like-it"]
    made = list((tmp_path / "cache" / "prepared").glob("*/*"))
    inside = [set(zipfile.ZipFile(path).namelist()) for path in made]
    pyc = "__pycache__/{}.cpython-314.pyc"
    thing = next(names for names in inside if "thing/inner.py" in names)
    assert {f"thing/{pyc.format(name)}" for name in ("__init__", "inner")} <= thing
    # What cannot be compiled, and tests, stay as they are.
    assert set(FILES) <= thing
    assert not {f"thing/{pyc.format('template')}", f"thing/tests/{pyc.format('test_it')}"} & thing


def test_the_unpacker_works_inside_by_its_text_alone(packages):
    text = Path(smolterm.packages.unpack.__file__).read_bytes()
    evil = make_wheel("evil", files={"../../evil.py": "x"})

    async def work() -> None:
        async with Sandbox() as sandbox:
            wheel = make_wheel("thing", files=FILES)
            await sandbox.offer(files={"/tmp/u.py": text, "/tmp/w": wheel, "/tmp/e": evil})
            await sandbox.run("u = {}; exec(open('/tmp/u.py').read(), u)")
            unpack = "u['unpack'](open('/tmp/w', 'rb').read())"
            assert await value(sandbox, unpack) == (["thing"], [])
            assert await value(sandbox, "import thing; thing.answer") == 42
            done = await sandbox.run(unpack.replace("/w", "/e"))
            assert done.error is not None and done.error.type.endswith("BadWheel")

    asyncio.run(work())


REAL = {
    "pydantic": "import pydantic\nclass M(pydantic.BaseModel):\n    a: int\nM(a='3').a",
    "msgspec": "import msgspec\nmsgspec.json.decode(b'3')",
    "sympy": "import sympy\nint(sympy.integrate(sympy.Symbol('x') ** 2, ('x', 0, 3))) - 6",
    "networkx": "import networkx\nlen(networkx.shortest_path(networkx.path_graph(3), 0, 2))",
    "jiter": "import jiter\njiter.from_json(b'3')",
    "charset-normalizer": "import charset_normalizer\n"
    "len(str(charset_normalizer.from_bytes(b'abc').best()))",
    "rich": "import rich.cells\nrich.cells.cell_len('abc')",
    "attrs": "import attrs\n@attrs.define\nclass A:\n    x: int = 3\nA().x",
    "tabulate": "import tabulate\nlen(tabulate.tabulate([[1]]).splitlines())",
    "more-itertools": "import more_itertools\nlen(list(more_itertools.chunked(range(9), 3)))",
    "beautifulsoup4": "import bs4\nint(bs4.BeautifulSoup('<b>3</b>', 'html.parser').b.text)",
}


@pytest.mark.skipif(
    not os.environ.get("SMOLTERM_REAL_PACKAGES"), reason="SMOLTERM_REAL_PACKAGES=1 uses the network"
)
def test_real_wheels_run(monkeypatch, tmp_path):
    for name, text in ORIGINAL.items():
        monkeypatch.setenv(name, text)
    if "PIP_CONFIG_FILE" not in ORIGINAL:
        monkeypatch.delenv("PIP_CONFIG_FILE")
    monkeypatch.delenv("PIP_NO_CACHE_DIR")

    async def yes(plan: object) -> bool:
        return True

    async def work() -> dict[str, Any]:
        found = {}
        one = Packages(consent=yes, cache=tmp_path / "cache", lock=tmp_path / "lock.json")
        async with Sandbox(packages=one) as sandbox:
            for name, code in REAL.items():
                await sandbox.install([name])
                found[name] = await value(sandbox, code)
        try:
            await one.resolve(["numpy"])
        except PackageMissing as error:
            print(error)
        return found

    assert asyncio.run(work()) == dict.fromkeys(REAL, 3)


ORIGINAL = {name: text for name, text in os.environ.items()
            if name.startswith("PIP_") or name.lower().endswith("_proxy")}  # fmt: skip


def test_a_state_brings_its_packages_along_if_they_are_still_here(
    server, packages, asked, tmp_path
):
    server.publish("thing", data=make_wheel("thing", files=FILES), requires=())
    provided, path = packages(), tmp_path / "s.state"

    async def work() -> None:
        async with Sandbox(packages=provided) as sandbox:
            assert await value(sandbox, "import thing; found = thing.answer") is None
            await sandbox.save(path)
        asked.plans.clear()
        async with Sandbox(packages=provided) as sandbox:
            assert (await sandbox.restore(path)).way == "process"
            assert await value(sandbox, "found + thing.answer") == 84
            # In the process that follows, too.
            await sandbox.rewind(1)
            assert await value(sandbox, "import thing.inner; thing.inner.answer") == 42
        assert asked.plans == []
        # What lies elsewhere is not read: a state's file may be anybody's.
        elsewhere = packages()
        elsewhere.cache.folder = tmp_path / "elsewhere"
        async with Sandbox(packages=elsewhere) as sandbox:
            with pytest.raises(SandboxError):
                await sandbox.restore(path)

    asyncio.run(work())
