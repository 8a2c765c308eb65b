# ruff: noqa: E501
"""Attacks on the host's record and on its tools by plain Python: no JavaScript is needed for them.

The driver of cells lives in the same interpreter as the code. `send_result` makes it send any text
as the cell's result, `ask` puts any request to the host's tools.
"""

from __future__ import annotations

import json
from typing import Any

from tests.attacks.host import Attack

DRIVER = r"""
import gc, json, types
def _cells():
    for f in gc.get_objects():
        if isinstance(f, types.FunctionType) and f.__qualname__.startswith("_prelude.<locals>"):
            yield from zip(f.__code__.co_freevars, f.__closure__ or ())
def send_result(text):
    real = json.dumps
    fake = types.SimpleNamespace(loads=json.loads, dumps=lambda *a, **k: text)
    for name, cell in _cells():
        if cell.cell_contents is json: cell.cell_contents = fake
        elif cell.cell_contents is real: cell.cell_contents = fake.dumps
def ask(text):
    return next(c.cell_contents for n, c in _cells() if n == "bridge_call")(text)
"""


def _result(name: str, **result: Any) -> Attack:
    return _raw(name, json.dumps(result))


def _raw(name: str, text: str) -> Attack:
    return Attack("result", name, f"{DRIVER}send_result({text!r})\n")


def _code(name: str, expression: str) -> Attack:
    return Attack("result", name, f"{DRIVER}send_result({expression})\n")


# Results of a shape that no honest driver sends. What the host makes of one must have its types.
RESULTS = [
    _result("status that is text", status="0; rm"),
    _result("status that is a list", status=[1]),
    _result("status that is a float", status=1.5),
    _result("names that are a number", names=5),
    _result("names that are objects", names=[{"a": 1}]),
    _result("value that is an object", value={"a": 1}),
    _result("answer that is a list", answered=True, answer=[1]),
    _result("answered that is text", answered="yes"),
    _result("error that is text", error="broken"),
    _result("error without a message", error={"type": "E"}),
    _result("error whose type is a number", error={"type": 1, "message": "m", "traceback": "t"}),
    _result("variables that are a number", variables=5),
    _result("variables that are objects", variables=[{"name": "x"}] * 1000),
    _result("variables of five parts", variables=[["x", "int", "", "1", ""]]),
    _result("variables whose parts are lists", variables=[["x", [1], {}, [["y"]], [], 7]]),
    _result("a change that is none", variables=[["x", "int", "", "1", "\x1b[2J", True]]),
    _code("half a million variables",
          """json.dumps({"variables": [["x", "int", "", "y", "new", True]] * 100_000})"""),
    _code("a glance of 20 MB",
          """json.dumps({"variables": [["x" * 10**7, "int", "a\\nb", "y" * 10**7, "", True]]})"""),
    _result("half surrogates in a variable", variables=[["\ud800", "\udfff", "", "", "", False]]),
    _result("lines that are no lines", lines=[0, -1, 10**30, True, "1", None, 1.5, 10**9]),
    _result("lines that are text", lines="123"),
    _code("a million lines", """json.dumps({"lines": [1] * 900_000})"""),
    _raw("no object", "[1, 2]"),
    _raw("nothing", ""),
    _raw("text behind the object", '{"value": "1"} {"value": "2"}'),
    _raw("not a number", '{"status": NaN}'),
    _raw("infinity", '{"status": Infinity}'),
    _raw("status of 4,000 digits", '{"status": 1' + "0" * 4000 + "}"),
    _raw("number of too many digits", '{"status": 1' + "0" * 5000 + "}"),
    _raw("half surrogate as a value", '{"value": "\\ud800"}'),
    _raw("half surrogates in an error",
         '{"error": {"type": "\\udc00", "message": "\\ud800", "traceback": "\\udfff"}}'),
    _raw("half surrogate in a name", '{"names": ["\\ud83d"]}'),
    _code("nested 100,000 deep", """'{"value_data": ' + '[' * 100_000 + ']' * 100_000 + '}'"""),
    _code("tags nested 5,000 deep",
          """'{"value_data": ' + '{"$": "tuple", "v": [' * 5000 + ']}' * 5000 + '}'"""),
    _result("unknown tag", value_data={"$": "os.system", "v": "x"}),
    _result("tag that is a list", value_data={"$": ["tuple"], "v": []}),
    _result("opaque with a type that is a list", value_data={"$": "opaque", "type": [1], "v": "x"}),
    _result("list as a key", value_data={"$": "dict", "v": [[[1], 2]]}),
    _result("list in a set", value_data={"$": "set", "v": [[1]]}),
    _result("pair of three", value_data={"$": "dict", "v": [[1, 2, 3]]}),
    _result("pickle as bytes", value_data={"$": "pickle", "v": "gASVHgAAAAAAAACMBXBvc2l4lIwG"}),
    _result("date without end", value_data={"$": "date", "v": "99999-99-99"}),
    _result("complex of words", value_data={"$": "complex", "v": "a,b"}),
    _result("fraction by nothing", value_data={"$": "Fraction", "v": "1/0"}),
    _result("signalling decimal in a set",
            value_data={"$": "set", "v": [{"$": "Decimal", "v": "sNaN"}]}),
    _code("200,000 names", """json.dumps({"names": ["n"] * 200_000})"""),
    _code("name of a megabyte", """json.dumps({"names": ["n" * 1_000_000]})"""),
    _code("type of a megabyte",
          """json.dumps({"error": {"type": "E" * 1_000_000, "message": "", "traceback": ""}})"""),
    _code("message of 10 MB",
          """json.dumps({"error": {"type": "E", "message": "m" * 10_000_000, "traceback": ""}})"""),
    _code("value of 10 MB", """json.dumps({"value": "v" * 10_000_000})"""),
    _code("40 MB", """'{"value": "' + 'v' * 40_000_000 + '"}'"""),
]  # fmt: skip

# Data that takes a host much longer, or much more memory, than it took to send.
WEIGHTS = {
    "fraction with a large exponent": """'{"value_data": {"$": "Fraction", "v": "1e20000000"}}'""",
    "ten million empty lists": """'{"value_data": [' + '[],' * 10_000_000 + '1]}'""",
    "ten million empty objects": """'{"value_data": [' + '{},' * 10_000_000 + '1]}'""",
    "set of numbers with one hash": """'{"value_data": {"$": "set", "v": ' + str([i * (2**61 - 1) for i in range(60_000)]) + '}}'""",
    "dictionary of numbers with one hash": """'{"value_data": {"$": "dict", "v": ' + str([[i * (2**61 - 1), 0] for i in range(60_000)]) + '}}'""",
}

HEAVY = [_code(name, expression) for name, expression in WEIGHTS.items()]
HEAVY += [
    Attack(
        "result",
        "honest set whose numbers collide only on the host",
        "{i * (2**61 - 1) for i in range(60_000)}",
    ),
    Attack(
        "tool call", "arguments with one hash", "take([{i * (2**61 - 1) for i in range(60_000)}])"
    ),
    Attack(
        "tool call",
        "argument with a large exponent",
        DRIVER
        + """ask('{"tool": "take", "args": [{"$": "Fraction", "v": "1e20000000"}], "kwargs": {}}')""",
    ),
    Attack(
        "tool call",
        "ten million arguments",
        DRIVER + """ask('{"tool": "take", "args": [' + '[],' * 10_000_000 + '1], "kwargs": {}}')""",
    ),
]

# A host that makes of the data what it says.
TRUSTING = """
import fractions, json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))
def made(data):
    if isinstance(data, list):
        return [made(item) for item in data]
    if not isinstance(data, dict):
        return data
    if data.get("$") == "Fraction":
        return fractions.Fraction(data["v"])
    if data.get("$") == "set":
        return set(map(made, data["v"]))
    if data.get("$") == "dict":
        return {made(key): made(value) for key, value in data["v"]}
    return {key: made(value) for key, value in data.items()}
made(json.loads(eval(sys.argv[1])))
"""


def _call(name: str, text: str) -> Attack:
    return Attack("tool call", name, f"{DRIVER}print(ask({text!r}))\n")


def _asks(name: str, **request: Any) -> Attack:
    return _call(name, json.dumps({"args": [], "kwargs": {}, **request}))


_TOUCH = "open('__CANARY_OUT__', 'w')"

# Requests to the host that no stub inside makes. A host that looks names up obeys the first ones.
CALLS = [
    _asks("builtin", tool="exec", args=[_TOUCH]),
    _asks("builtin by its class", tool="print.__self__.exec", args=[_TOUCH]),
    _asks("expression as a name", tool=f"(lambda *a: {_TOUCH})"),
    _asks("attribute of a tool", tool="note.__globals__['__builtins__']['exec']", args=[_TOUCH]),
    _asks("import as a name", tool="__import__('os').system", args=["touch __CANARY_OUT__"]),
    _asks("positional arguments as an object", tool="note", args={"text": "FORGED"}),
    _asks("named arguments as a list", tool="note", args=[], kwargs=[["text", "FORGED"]]),
    _asks("name that is a list", tool=["note"], args=["FORGED"]),
    _asks("name that is nothing", tool=None, args=["FORGED"]),
    _asks("number where text is due", tool="note", args=[5]),
    _asks("list where text is due", tool="note", kwargs={"text": ["FORGED"]}),
    _asks("bytes where text is due", tool="note", args=[{"$": "bytes", "v": "RkE="}]),
    _asks("opaque where text is due", tool="note", args=[{"$": "opaque", "type": "str", "v": "F"}]),
    _asks("one argument too many", tool="note", args=["a", "b"]),
    _asks("unknown argument", tool="note", args=["a"], kwargs={"self": 1}),
    _asks("argument given twice", tool="note", args=["a"], kwargs={"text": "b"}),
    _asks("dunder argument", tool="note", args=["a"], kwargs={"__class__": 1}),
    _asks("key that is no text", tool="note", args=[], kwargs={"$": "dict", "v": [[5, 1]]}),
    _asks("kwargs that are a set", tool="note", args=["a"], kwargs={"$": "set", "v": []}),
    _asks("args that are a tuple of characters", tool="note", args={"$": "tuple", "v": ["a"]}),
    _call("no JSON", "note('FORGED')"),
    _call("no tool", '{"args": ["FORGED"], "kwargs": {}}'),
    _call("nothing", ""),
    _call("deep arguments", '{"tool": "note", "args": ' + "[" * 5000 + "]" * 5000 + "}"),
    _call("name twice", '{"tool": "note", "tool": "exec", "args": ["1 / 0"], "kwargs": {}}'),
]  # fmt: skip
