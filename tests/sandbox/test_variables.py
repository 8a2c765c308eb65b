"""A real sandbox's variables: described after each cell, and their rows between cells."""

from __future__ import annotations

import pytest

from smolterm.errors import SandboxError, UsageError
from smolterm.sandbox import Inspectable
from smolterm.session import Session
from tests.fakes import FakeModel, FakeSandbox
from tests.sandbox.libraries import FRAMES


@pytest.fixture(scope="module")
def own(start_sandbox):
    """A sandbox whose variables are these tests' alone."""
    runner = start_sandbox()
    runner.run(FRAMES)
    return runner


def described(runner, code: str) -> dict:
    done, _, _ = runner.run(code)
    assert done.error is None, done.error
    return {one.name: one for one in done.variables}


@pytest.mark.parametrize(
    ("value", "kind", "size", "glance", "rows"),
    [
        ("7", "int", "", "7", False),
        ("True", "bool", "", "True", False),
        ("None", "NoneType", "", "None", False),
        ("10 ** 5000", "int", "", "an integer of 16,610 bits", False),
        ("'tea\\n'", "str", "4", r"'tea\n'", False),
        ("'x' * 12_408", "str", "12,408", "'" + "x" * 98 + "…", False),
        ("b'ab'", "bytes", "2", "b'ab'", False),
        ("[1, [2, [3, [4]]]]", "list", "2", "[1, [2, […]]]", True),
        ("list(range(1000))", "list", "1,000", "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, …]", True),
        ("{'tea': 5, 'cake': [1]}", "dict", "2", "{'tea': 5, 'cake': [1]}", True),
        ("(1,)", "tuple", "1", "(1,)", True),
        ("set()", "set", "0", "set()", False),
        ("range(5)", "range", "5", "range(0, 5)", True),
        ("__import__('collections').Counter('aab')", "Counter", "2",
         "Counter({'a': 2, 'b': 1})", True),
        ("__import__('datetime').date(2026, 1, 2)", "date", "", "2026-01-02", False),
        ("__import__('fractions').Fraction(1, 3)", "Fraction", "", "1/3", False),
        ("__import__('collections').namedtuple('Point', 'x y')(1, 2)", "Point", "2",
         "Point(x=1, y=2)", True),
        ("__import__('enum').IntEnum('Colour', 'RED')(1)", "Colour", "", "Colour.RED", False),
        ("lambda a, *b, c=1, **d: 0", "function", "", "<lambda>(a, c, *b, **d)", False),
        ("iter([])", "list_iterator", "", "", False),
        ("pandas.DataFrame({'tea': [1, 2], 'cake': [3, 4]})", "DataFrame", "2 × 2", "tea, cake",
         True),
        ("pandas.Series([1, 2, 3])", "Series", "3", "[1, 2, 3]", True),
        ("polars.DataFrame({'tea': [1, 2]})", "DataFrame", "2 × 1", "tea", True),
        ("numpy.array([[1, 2, 3], [4, 5, 6]])", "ndarray", "2 × 3", "[1, 2, 3, 4, 5, 6, …]", True),
    ],
)  # fmt: skip
def test_a_variable_is_described(own, value, kind, size, glance, rows):
    found = described(own, f"described = {value}")["described"]
    assert (found.type, found.size, found.glance, found.rows) == (kind, size, glance, rows)


def test_what_the_code_made_is_told_and_what_it_imported_is_not(own):
    found = described(
        own,
        "import math, typing\nfrom math import sqrt, pi\nfrom statistics import mean, NormalDist\n"
        "from typing import Any\nimport types\nown_module = types.ModuleType('own')\n"
        "def work(): pass\nclass Shop: pass\nshop = Shop()\nshop.open, shop._x = True, 1\n"
        "_hidden = 1",
    )
    wanted = {"own_module", "work", "Shop", "shop", "pi"}
    assert wanted <= found.keys()
    absent = {"math", "typing", "types", "sqrt", "mean", "NormalDist", "Any", "_hidden"}
    assert not absent & found.keys()
    assert found["shop"].glance == "Shop(open=True)"


CHANGES = [
    ("n = 1", "n = 2", "changed"),
    ("n = 1", "n = 1", ""),
    ("n = 1", "del n\nn = 2", "changed"),
    ("n = float('nan')", "pass", ""),
    ("n = [1, 2]", "n.append(3)", "changed"),
    ("n = [1, 2]", "n[0] = 5", "changed"),
    ("n = [[1], 2]", "n[0].append(3)", "changed"),
    ("n = [[[1]]]", "n[0][0].append(3)", ""),
    ("n = list(range(1000))", "n[999] = 0", "changed"),
    ("n = list(range(1000))", "n[500] = 0", ""),
    ("n = {'a': 1}", "n['a'] = 2", "changed"),
    ("n = {1, 2}", "n.add(3)", "changed"),
    ("n = 'a' * 1000", "n = 'a' * 999 + 'b'", "changed"),
    ("n = bytearray(10)", "n[3] = 1", "changed"),
    ("class N: pass\nn = N(); n.x = 1", "n.x = 2", "changed"),
    ("n = numpy.array([1, 2])", "n.data[1] = 5", "changed"),
    ("n = pandas.DataFrame({'a': [1]})", "n.data['b'] = [2]", "changed"),
]


@pytest.mark.parametrize(("first", "then", "change"), CHANGES)
def test_what_a_cell_changed_is_told(own, first, then, change):
    own.run("globals().pop('n', None)")
    assert described(own, first)["n"].change == "new"
    assert described(own, "pass")["n"].change == ""
    assert described(own, then)["n"].change == change


def test_what_a_cell_took_away_or_a_rewind_took_back_is_told_rightly(start_sandbox):
    runner = start_sandbox()
    runner.run("a = 1\nb = [1]")
    step = runner.do(runner.sandbox.checkpoint())
    assert described(runner, "b.append(2)\nc = 3\ndel a").keys() == {"b", "c"}
    runner.do(runner.sandbox.rewind(step))
    found = described(runner, "b.append(2)")
    assert {name: one.change for name, one in found.items()} == {"a": "", "b": "changed"}


def test_no_code_of_a_variables_class_runs(own):
    found = described(
        own,
        """
class Loud(type):
    def said(cls, *rest): ran.append("class"); return 1
    __hash__ = __eq__ = __len__ = __instancecheck__ = __subclasscheck__ = said
    def __getattribute__(cls, name): ran.append(name); return type.__getattribute__(cls, name)
class Trap(metaclass=Loud):
    def __init__(self): object.__setattr__(self, "x", 1)
    def said(self, *rest): ran.append("object"); return 1
    __repr__ = __str__ = __len__ = __hash__ = __eq__ = __iter__ = __bool__ = __format__ = said
    def __getattr__(self, name): ran.append(name); raise AttributeError(name)
    def __getattribute__(self, name): ran.append(name); return object.__getattribute__(self, name)
class Lines(list):
    def said(self, *rest): ran.append("list"); return 1
    __repr__ = __len__ = __iter__ = __getitem__ = __eq__ = said
class Text(str):
    def said(self, *rest): ran.append("str"); return "no"
    __repr__ = __str__ = __len__ = __getitem__ = __format__ = said
trap, traps, held, text = Trap(), Lines([Trap()]), {"k": [Trap()]}, Text("tea")
ran = []
""",
    )
    assert found["trap"].glance == "Trap(x=1)"
    assert (found["traps"].size, found["text"].glance) == ("1", "'tea'")
    for name in ("traps", "held"):
        own.do(own.sandbox.rows(name, 0, 5))
    own.run("pass")
    assert own.value("list(ran)") == []


def test_a_hundred_thousand_variables_are_told_in_part(start_sandbox):
    runner = start_sandbox()
    runner.run("for n in range(100_000): globals()[f'v{n}'] = [n]")
    done, _, _ = runner.run("last = 1")
    assert (len(done.names), len(done.variables)) == (1000, 300)
    assert done.variables[-1].name == "last" and done.variables[-2].name == "v99999"
    assert sum(len(one.glance) for one in done.variables) < 30_000


# --- rows ---

TABLES = [
    ("[{'a': 1, 'b': 'x'}, {'b': None, 'c': 2.5}]", ("a", "b", "c"),
     [("1", "x", ""), ("", "None", "2.5")], 2),
    ("[[1, 2], (3,)]", ("0", "1"), [("1", "2"), ("3", "")], 2),
    ("[__import__('collections').namedtuple('P', 'x y')(1, 2)]", ("x", "y"), [("1", "2")], 1),
    ("[Data(1, 'b'), Data(2, 'c')]", ("number", "text"), [("1", "b"), ("2", "c")], 2),
    ("[Slotted(1)]", ("number",), [("1",)], 1),
    ("[1, 'tea']", ("value",), [("1",), ("tea",)], 2),
    ("range(3)", ("value",), [("0",), ("1",), ("2",)], 3),
    ("{7}", ("value",), [("7",)], 1),
    ("{'a': 1, 'b': [2]}", ("key", "value"), [("a", "1"), ("b", "[2]")], 2),
    ("{'a': [1, 2], 'b': [3, 4]}", ("a", "b"), [("1", "3"), ("2", "4")], 2),
    ("{'a': {'x': 1}, 'b': {'x': 2}}", ("key", "x"), [("a", "1"), ("b", "2")], 2),
    ("'name,price\\ntea,5\\n\"cake, big\",7\\n'", ("name", "price"),
     [("tea", "5"), ("cake, big", "7")], 2),
    ("pandas.DataFrame({'tea': [1, 2], 'cake': ['x', 'y']})", ("", "tea", "cake"),
     [("0", "1", "x"), ("1", "2", "y")], 2),
    ("pandas.Series([5, 6])", ("", "value"), [("0", "5"), ("1", "6")], 2),
    ("polars.DataFrame({'tea': [1, 2]})", ("tea",), [("1",), ("2",)], 2),
    ("numpy.array([[1, 2], [3, 4]])", ("0", "1"), [("1", "2"), ("3", "4")], 2),
    ("numpy.array([1, 2])", ("value",), [("1",), ("2",)], 2),
]  # fmt: skip


@pytest.mark.parametrize(("value", "columns", "rows", "total"), TABLES)
def test_rows_of_a_variable(own, value, columns, rows, total):
    own.run(
        "import dataclasses\n@dataclasses.dataclass\nclass Data:\n  number: int\n  text: str\n"
        "@dataclasses.dataclass(slots=True)\nclass Slotted:\n  number: int\n"
        f"table = {value}"
    )
    found = own.do(own.sandbox.rows("table", 0, 10))
    assert (found.columns, list(found.rows), found.total) == (columns, rows, total)
    part = own.do(own.sandbox.rows("table", 1, 10))
    assert (part.columns, list(part.rows), part.first) == (columns, rows[1:], min(1, total))
    past = own.do(own.sandbox.rows("table", 10**12, 10))
    assert (past.rows, past.total) == ((), total)


def test_rows_are_bounded(own):
    own.run("wide = [{f'c{n}': 'x' * 10_000 for n in range(80)}] * 2000")
    found = own.do(own.sandbox.rows("wide", 1500, 10**6))
    assert (len(found.rows), len(found.columns), found.left_out) == (500, 50, 30)
    assert max(map(len, found.rows[0])) <= 200


def test_what_has_no_rows_says_so(own):
    own.run("flat = 7; empty = []")
    for name in ("flat", "nothing", "", "x" * 300):
        with pytest.raises(UsageError):
            own.do(own.sandbox.rows(name, 0, 10))
    with pytest.raises(UsageError):
        own.do(own.sandbox.rows("flat", -1, 10))
    assert own.do(own.sandbox.rows("empty", 0, 10)).total == 0
    assert own.value("flat") == 7


def test_rows_while_a_cell_runs_are_refused_and_names_are_none(own):
    async def work():
        async for _ in own.sandbox.cell("print('go')\nimport time; time.sleep(100)"):
            with pytest.raises(SandboxError):
                await own.sandbox.rows("flat", 0, 1)
            assert await own.sandbox.complete("fl") == []
            await own.sandbox.interrupt()

    own.do(work())
    assert isinstance(own.sandbox, Inspectable)


def test_a_session_shows_the_variables_of_its_sandbox(own):
    own.run("seen_rows = [{'a': 1}]")

    async def work(sandbox):
        async with Session(model=FakeModel(), sandbox=sandbox, save=False) as session:
            rows = await session.rows("seen_rows", 0, 5)
            return await session.complete("seen_r"), rows.rows

    async def unseen():
        async with Session(model=FakeModel(), sandbox=FakeSandbox(), save=False) as session:
            assert await session.complete("x") == []
            with pytest.raises(UsageError):
                await session.rows("x", 0, 5)

    assert own.do(work(own.sandbox)) == (["seen_rows"], (("1",),))
    own.do(unseen())
