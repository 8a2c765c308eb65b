"""What a hostile process could send: lines that nearly fit, values at the edges, broken frames."""

from __future__ import annotations

import base64
import json

from hypothesis import strategies as st

ID = "<id>"
"""In a line: the number of the request that is open."""

EDGES = [
    0, 1, 2, -1, 255, 4096, 2**31, 2**32, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**400,
    True, False, None, 0.5, -0.0, 1e308, "", "0", "stdout", "\x1b[2J\x07", "\u202e", "ä" * 50, "{}",
    "[]", "null", "<cell 1>", [], {}, [[]], [0, 1],
]  # fmt: skip

NUMBERS = st.sampled_from([e for e in EDGES if isinstance(e, int)]) | st.integers(-3, 9)
LEAVES = st.sampled_from(EDGES) | st.integers() | st.text(max_size=20)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "v", "type", "message", "error", "value", "step", "why", "pages"])
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)

TAGS = [
    "int", "float", "set", "frozenset", "tuple", "dict", "bytes", "bytearray", "date", "datetime",
    "time", "timedelta", "text", "opaque", "complex", "Fraction", "Decimal", "UUID", "path", "no",
]  # fmt: skip
INNER = [
    "0x1fffffffffffffff", "-0x1", "1e9999", "nan", "sNaN", "-inf", "1/0", "1,2,3", "1,2", "AAAA",
    "2026-01-02", "24:00", "9" * 5000, "1e9999999", "0" * 32, "ff", "/a/../b", "1,9999999999999,0",
]  # fmt: skip
TAGGED = st.recursive(
    LEAVES | st.sampled_from(INNER),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.fixed_dictionaries({"$": st.sampled_from(TAGS), "v": inner | st.sampled_from(INNER)})
        | st.fixed_dictionaries({"$": st.just("dict"), "v": st.lists(st.lists(inner, max_size=3))})
        | st.dictionaries(st.sampled_from(["$", "v", "a"]), inner, max_size=3)
    ),
    max_leaves=15,
)
"""What the decoder of values may be given."""


def json_text(inner: st.SearchStrategy) -> st.SearchStrategy[str]:
    """JSON inside a string, sometimes cut off or nested too deep."""
    whole = inner.map(json.dumps)
    cut = st.tuples(whole, st.integers(0, 40)).map(lambda pair: pair[0][: pair[1]])
    deep = st.sampled_from(["[" * 5000, '{"a":' * 5000, "[" * 100 + "]" * 100])
    return st.one_of(whole, whole, whole, cut, deep, st.text(max_size=30))


def object_of(
    keys: dict[str, st.SearchStrategy], others: st.SearchStrategy = ANYTHING
) -> st.SearchStrategy[dict]:
    """Objects in which each key is missing, as it should be, or anything."""
    usual = {key: value | value | value | others for key, value in keys.items()}
    return st.fixed_dictionaries({}, optional=usual)


VARIABLE = st.lists(
    st.text(max_size=9) | st.sampled_from(["new", "changed", "x\ny", "\ud800"]) | LEAVES,
    min_size=5, max_size=7,
)  # fmt: skip
TABLE = object_of(
    {
        "columns": st.lists(st.text(max_size=5) | LEAVES, max_size=60),
        "rows": st.lists(st.lists(st.text(max_size=5) | LEAVES, max_size=5) | LEAVES, max_size=25),
        "first": NUMBERS,
        "total": NUMBERS,
        "left_out": NUMBERS,
    }
)
SHOWN = object_of({"name": st.text(max_size=9), "alt": st.text(max_size=9), "table": TABLE})
ERROR = object_of({"type": st.text(max_size=9), "message": st.text(), "traceback": st.text()})
RESULT = object_of(
    {
        "value": st.none() | st.text(),
        "value_data": TAGGED,
        "answered": st.booleans(),
        "answer": st.text(),
        "answer_data": TAGGED,
        "error": st.none() | ERROR,
        "status": st.none() | NUMBERS,
        "names": st.lists(st.text(max_size=9), max_size=5),
        "variables": st.lists(VARIABLE | ANYTHING, max_size=4),
        "lines": st.lists(NUMBERS, max_size=4),
    }
)
CALL = object_of(
    {
        "tool": st.sampled_from(["add", "fail", "", "other"]),
        "args": st.lists(TAGGED, max_size=3),
        "kwargs": st.dictionaries(st.text(max_size=4), TAGGED, max_size=2),
        "line": NUMBERS,
    }
)
ENTRY = object_of(
    {
        "path": st.sampled_from(["/a", "/tmp/../b", "", "/" + "x" * 300]),
        "mode": NUMBERS,
        "times": st.lists(NUMBERS, max_size=4),
        "blob": NUMBERS,
        "link": st.text(max_size=9),
    }
)
OPEN = object_of(
    {"fd": NUMBERS, "path": st.text(max_size=9), "flags": NUMBERS, "position": NUMBERS}
)


def about(
    pages: st.SearchStrategy, blobs: st.SearchStrategy, steps: st.SearchStrategy = NUMBERS
) -> st.SearchStrategy[dict]:
    """Descriptions of a state that have all they need."""
    return st.fixed_dictionaries(
        {
            "step": steps,
            "why": st.sampled_from(["", "", "", "tasks are pending", "\x1b[2J"]),
            "memory": NUMBERS,
            "pages": pages,
            "libraries": st.lists(st.text(max_size=5), max_size=2),
            "table": NUMBERS,
            "addresses": st.text(max_size=5),
            "strings": st.lists(st.text(max_size=5), max_size=2),
            "references": NUMBERS,
            "entries": st.none() | st.lists(ENTRY, max_size=3),
            "gone": st.lists(st.text(max_size=5), max_size=2),
            "blobs": blobs,
            "current": st.text(max_size=5),
            "open": st.lists(OPEN, max_size=2),
        }
    )


ABOUT = about(NUMBERS, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=3))

BASE64 = st.binary(max_size=20).map(lambda data: base64.b64encode(data).decode())
LINE = st.one_of(
    object_of(
        {
            "id": st.just(ID) | NUMBERS,
            "end": st.booleans(),
            "out": st.sampled_from(["stdout", "stderr", "stdin"]),
            "text": st.text(),
            "data": BASE64 | st.text(max_size=5),
        }
    ),
    object_of(
        {
            "id": st.just(ID) | NUMBERS,
            "ask": st.integers(0, 4) | NUMBERS,
            "kind": st.sampled_from(["tool", "tool", "stdin", "file", "package", "other"]),
            "request": json_text(CALL) | st.just('{"tool":"add","args":[1],"kwargs":{}}'),
        }
    ),
    object_of(
        {
            "id": st.just(ID) | NUMBERS,
            "result": json_text(RESULT),
            "dropped": NUMBERS,
            "end": st.just(True),
        }
    ),
    object_of({"id": st.just(ID), "line": NUMBERS}),
    object_of({"id": st.just(ID), "shown": json_text(SHOWN)}),
    object_of(
        {
            "id": st.just(ID),
            "did": json_text(ANYTHING | object_of({"table": TABLE})),
            "end": st.booleans(),
        }
    ),
    object_of({"kept": json_text(ABOUT)}),
    object_of({"ready": st.booleans(), "id": NUMBERS}),
    st.dictionaries(st.text(max_size=5), ANYTHING, max_size=4),
)
"""Lines of the protocol, one by one nearly right."""

RAW = st.binary(max_size=60) | st.sampled_from(
    [b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\n", b'{"id":1,"end":true}\n', b"x" * 9000]
)


@st.composite
def frames(draw: st.DrawFn) -> tuple[dict, bytes]:
    """A line, and the bytes behind it: as many as it says, more, fewer, or none."""
    line = draw(LINE)
    if draw(st.integers(0, 2)):
        return line, b""
    raw = draw(RAW)
    said = draw(st.just(len(raw)) | st.just(len(raw)) | NUMBERS | LEAVES)
    return {**line, "raw": said}, raw
