"""Targets: what a hostile process or file describes: states, values, questions for files."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import ChildProtocolError, SandboxError
from smolterm.sandbox.deno import Sandbox
from smolterm.sandbox.described import table_of, variables_of
from smolterm.sandbox.files import StagedFiles
from smolterm.sandbox.glance import MOST_GLANCE
from smolterm.sandbox.journal import PAGE, Journal, State
from smolterm.sandbox.saved import MAGIC, Saved, read, write
from smolterm.sandbox.tables import rows_of
from smolterm.sandbox.values import MAX_DEPTH, decode, encode
from smolterm.sandbox.variables import Variables
from tests.fuzz import shapes
from tests.fuzz.guards import at_most, in_loop, is_text
from tests.fuzz.hostile import ASSETS, hostile_processes

# --- states ---

PAGES = st.integers(0, 3)


@st.composite
def kept_states(draw: st.DrawFn) -> tuple[str, bytes]:
    """A description and its bytes: fitting, too few, too many, or torn."""
    said = draw(shapes.about(PAGES, st.lists(st.tuples(NUMBER, SIZE), max_size=2), STEP))
    numbers = draw(
        st.lists(st.integers(0, 9) | U32, min_size=said["pages"], max_size=said["pages"])
    )
    raw = b"".join(number.to_bytes(4, "little") for number in numbers)
    raw += b"\7" * (PAGE * len(numbers)) + b"f" * sum(size for _, size in said["blobs"])
    if not draw(st.integers(0, 4)):
        return json.dumps(draw(shapes.ABOUT)), raw
    if not draw(st.integers(0, 4)):
        return json.dumps(said), raw[: draw(st.integers(0, 9))]
    return json.dumps(said), raw


NUMBER = st.integers(0, 3) | shapes.NUMBERS
SIZE = st.integers(0, 50)
STEP = st.integers(0, 6)
U32 = st.integers(0, 2**32 - 1)
DONE = st.one_of(
    st.tuples(st.just("keep"), kept_states()),
    st.tuples(st.just("keep"), kept_states()),
    st.tuples(st.sampled_from(["forget", "state", "nearest", "adopt"]), STEP),
)


@given(st.lists(DONE, max_size=8))
def journal(deeds: list[tuple[str, Any]]) -> None:
    """Any description of a state is kept and comes out whole, or is refused."""
    with patch("smolterm.sandbox.journal.MOST_BYTES", 30_000), at_most(5):
        kept = Journal()
        other = Journal()
        try:
            for name, value in deeds:
                if name == "keep":
                    with contextlib.suppress(ChildProtocolError):
                        kept.keep(*value)
                elif name == "forget":
                    kept.forget_after(value)
                elif (nearest := kept.nearest(value)) is not None:
                    assert nearest <= value and kept.has(nearest)
                    state = kept.state(nearest)
                    check_state(state)
                    if name == "adopt":
                        other.adopt(state)
                        assert other.state(nearest) == state
                assert kept._end <= 30_000 + 5 * PAGE
        finally:
            kept.close()
            other.close()


def check_state(state: State) -> None:
    about = state.about
    assert len(state.raw) == about.pages * (4 + PAGE) + sum(size for _, size in about.blobs)
    numbers = memoryview(state.raw[: 4 * about.pages]).cast("I").tolist() if about.pages else []
    assert numbers == sorted(set(numbers))


@st.composite
def state_files(draw: st.DrawFn) -> bytes:
    """A file that holds a state, and what a bad disk or a bad person made of it."""
    said = draw(shapes.about(PAGES, st.lists(st.tuples(NUMBER, SIZE), max_size=2), STEP))
    cells = object_cells(draw)
    head = {"key": draw(st.text(max_size=5)), "step": draw(shapes.NUMBERS), "names": ["x"],
            "cells": cells, "replayable": draw(st.booleans()),
            "about": draw(st.sampled_from([None, said]))}  # fmt: skip
    if not draw(st.integers(0, 3)):
        head[draw(st.sampled_from(sorted(head)))] = draw(shapes.ANYTHING)
    body = zlib.compress(draw(st.binary(max_size=50) | st.just(bytes(2_000_000))))
    data = MAGIC + json.dumps(head).encode() + b"\n" + body
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 3)) :]
    return data[: draw(st.just(len(data)) | st.integers(0, len(data)))]


def object_cells(draw: st.DrawFn) -> list[dict[str, Any]]:
    exchange = st.fixed_dictionaries(
        {"kind": st.just("tool"), "request": st.text(max_size=5), "answer": shapes.BASE64}
    )
    return draw(
        st.lists(
            st.fixed_dictionaries(
                {"step": shapes.NUMBERS, "request": shapes.json_text(shapes.CALL)},
                optional={"exchanges": st.lists(exchange, max_size=2), "whole": st.booleans()},
            ),
            max_size=2,
        )
    )


@given(state_files())
def saved(data: bytes) -> None:
    """Any file is read, or refused with words; what was read can be written and read again."""
    with tempfile.TemporaryDirectory() as folder, at_most(5):
        path = Path(folder) / "state"
        path.write_bytes(data)
        with patch("smolterm.sandbox.saved.MOST_STATE", 1_000_000):
            try:
                found = read(path)
            except SandboxError as error:
                assert is_text(str(error))
                return
        assert isinstance(found, Saved) and len(found.raw) <= 1_000_000
        write(path, found)
        assert read(path) == found


@given(state_files())
def restored(data: bytes) -> None:
    """Any file is restored, or refused with words."""

    async def work() -> None:
        box = Sandbox(assets=ASSETS)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "state"
            path.write_bytes(data)
            try:
                with contextlib.suppress(SandboxError):
                    await box.restore(path)
            finally:
                await box.close()

    with hostile_processes([]):
        in_loop(work())


# --- values ---


class Angry:
    """Breaks whatever looks at it."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise ZeroDivisionError


class Wordy(str):
    """A str that is none."""

    def __repr__(self) -> str:
        return "x" * 100_000


class Holder:
    def __init__(self, held: object) -> None:
        self.held = held


class Liar:
    def __repr__(self) -> Any:
        return 7


def unfolded(when: Any) -> Any:
    """ISO 8601 has no word for the second of two equal hours, so it does not cross."""
    return when.replace(fold=0)


FRIENDLY = (
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | st.uuids()
    | st.floats(allow_nan=False) | st.complex_numbers(allow_nan=False)
    | st.decimals(allow_nan=False) | st.fractions() | st.text() | st.characters(categories=["Cs"])
    | st.binary() | st.binary().map(bytearray) | st.dates() | st.timedeltas()
    | st.datetimes().map(unfolded) | st.times().map(unfolded)
)  # fmt: skip
HASHABLE = st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.fractions()
VALUES = st.recursive(
    FRIENDLY,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.sets(HASHABLE)
    | st.frozensets(HASHABLE) | st.dictionaries(HASHABLE | st.just("$"), inner),
    max_leaves=20,
)  # fmt: skip
HOSTILE = (
    st.builds(Angry) | st.builds(Wordy) | st.builds(Liar)
    | st.sampled_from([Angry, print, ..., range(9)]) | st.just(5000).map(lambda n: 10**n)
)  # fmt: skip


@given(VALUES)
def values(value: object) -> None:
    """What crosses the wall comes out as it went in."""
    back = decode(json.loads(json.dumps(encode(value))))
    assert type(back) is type(value)
    # Sets have no order, and a number that is none is not even equal to itself.
    assert repr(back) == repr(value) or back == value


@given(st.recursive(HOSTILE, lambda inner: st.lists(inner) | st.tuples(inner), max_leaves=5),
       st.integers(0, 2 * MAX_DEPTH))  # fmt: skip
def encoding(value: object, deep: int) -> None:
    """Any object becomes JSON, or a ValueError says that it is too large."""
    for _ in range(deep):
        value = [value]
    try:
        text = json.dumps(encode(value))
    except ValueError:
        assert deep >= MAX_DEPTH - 5
        return
    decode(json.loads(text))


@given(st.recursive(HOSTILE | VALUES, lambda inner: st.lists(inner) | st.tuples(inner)
                    | st.dictionaries(st.text(max_size=3), inner) | st.builds(Holder, inner),
                    max_leaves=9),
       st.integers(0, 5))  # fmt: skip
def describing(value: object, first: int) -> None:
    """Any object is described in one bounded line, and has rows of bounded text or none."""
    space = {"x": value}
    told = Variables()
    with at_most(5):
        before = variables_of(json.loads(json.dumps(told.describe(["x"], space))))
        after = variables_of(json.loads(json.dumps(told.describe(["x"], space))))
        data = rows_of(value, first, 3, 4)
    for one in (*before, *after):
        assert is_text(one.glance) and len(one.glance) <= MOST_GLANCE and one.glance.isprintable()
    assert all(one.change == "" for one in after)
    if data is not None:
        table = table_of(json.loads(json.dumps(data)), 3, 4)
        assert table is not None and len(table.rows) <= 3
        assert all(len(row) == len(table.columns) <= 5 for row in table.rows)


@given(shapes.TAGGED)
def decoding(data: object) -> None:
    """Any JSON becomes a value in no time, or is a ValueError."""
    with at_most(2):
        try:
            value = decode(data)
        except ValueError:
            return
        with contextlib.suppress(ValueError):
            json.dumps(encode(value))


# --- staged files ---

ASKED = shapes.object_of(
    {
        "op": st.sampled_from(["list", "stat", "read"]),
        "path": st.lists(
            st.sampled_from(["files", "tree", "a", "sub", "out", "up", "fifo", "..", ".", "", "\0"])
            | st.text(max_size=4),
            max_size=5,
        ).map(lambda names: "/files/tree/" + "/".join(names)),
        "offset": shapes.NUMBERS,
        "length": shapes.NUMBERS,
        "version": st.text(max_size=5),
    }
)
_staged: list[StagedFiles] = []


def staged() -> StagedFiles:
    """A folder with everything that could lead out of it, made once."""
    if not _staged:
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        atexit.register(shutil.rmtree, folder)
        tree = folder / "tree"
        (tree / "sub").mkdir(parents=True)
        (folder / "secret").write_text("SECRET")
        (tree / "a").write_text("inside")
        (tree / "sub" / "a").write_text("inside")
        (tree / "out").symlink_to(folder / "secret")
        (tree / "up").symlink_to("..")
        (tree / "sub" / "up").symlink_to("../..")
        os.mkfifo(tree / "fifo")
        files = StagedFiles()
        files.mount(tree)
        _staged.append(files)
    return _staged[0]


@given(shapes.json_text(ASKED) | ASKED.map(json.dumps))
def files(request: str) -> None:
    """Any question has an answer, and none shows what lies outside."""
    held = staged()
    before = len(os.listdir("/proc/self/fd"))
    with at_most(2):
        answer = held.answer(request)
    assert answer[:1] in (b"\0", b"\1") and b"SECRET" not in answer
    assert len(os.listdir("/proc/self/fd")) == before
