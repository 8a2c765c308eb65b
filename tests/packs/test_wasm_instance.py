"""What an instance asks and answers may be anything: the host reads it and never falls over."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smolterm.packs.doors.grant import Grant
from smolterm.packs.notice import PackNotice
from smolterm.packs.wasm import effects
from smolterm.packs.wasm.instance import Instance
from smolterm.packs.wasm.wire import MOST_DENIED, MOST_LOGGED, Call, Load, Told

SECRET = "canary-6a1b-secret"
OPS = sorted({*effects._ALL, "load", "exec", "", "http\0", "call"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["text", "seconds", "key", "value", "path", "name", "url", "method", "done"])
ASKED = (
    st.text(max_size=60)
    | JSON.map(json.dumps)
    | st.dictionaries(KEYS, JSON.filter(lambda each: not isinstance(each, float))).map(json.dumps)
)
ANYTHING = settings(max_examples=200, deadline=None,
                    suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip


class Quiet:
    """An instance of a pack with a grant, in which nothing ever runs."""

    def __init__(self, folder: Path) -> None:
        self.told: list[PackNotice] = []
        grant = Grant(pack="probe", secrets={"KEY": ()}, secret_values={"KEY": SECRET})
        load = Load(grant=grant, module="probe", tools={"f": "write"}, files={})
        self.instance = Instance(folder / "no image", load, self.told.append, folder)
        self.instance._effect = "write"


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Quiet]:
    made = Quiet(tmp_path)
    yield made
    made.instance.stop("")
    made.instance.thread.join(10)
    assert not made.instance.thread.is_alive()


@ANYTHING
@given(op=st.sampled_from(OPS) | st.text(max_size=20), payload=ASKED)
def test_whatever_is_asked_gets_an_answer(quiet: Quiet, op: str, payload: str) -> None:
    if op == "sleep":
        return
    answer = quiet.instance._asked(op, payload)
    text = msgspec.json.encode(answer).decode()
    assert SECRET not in text
    assert SECRET not in "".join(notice.text for notice in quiet.told)


@ANYTHING
@given(text=st.text(max_size=60) | JSON.map(lambda each: json.dumps({"value": each}))
       | JSON.map(lambda each: json.dumps({"error": each, "next": "x"})))  # fmt: skip
def test_whatever_is_answered_is_a_value_or_an_error(quiet: Quiet, text: str) -> None:
    told = quiet.instance._checked(text)
    assert isinstance(told, Told)
    msgspec.json.decode(msgspec.json.encode({"told": told}))


def test_a_secret_is_masked_in_whatever_is_answered(quiet: Quiet) -> None:
    for answer in ({"value": [{"a": SECRET}]}, {"error": SECRET, "next": SECRET}):
        told = quiet.instance._checked(json.dumps(answer))
        assert SECRET not in msgspec.json.encode(told).decode()


def test_floods_are_cut(quiet: Quiet) -> None:
    for _ in range(1_000):
        quiet.instance._asked("log", '{"text": "x"}')
        quiet.instance._asked("denied", '{"text": "x"}')
        quiet.instance._asked("nothing", "{}")
    kinds = [notice.kind for notice in quiet.told]
    assert (kinds.count("log"), kinds.count("denied")) == (MOST_LOGGED, MOST_DENIED)


def test_an_image_that_is_gone_costs_one_call(quiet: Quiet) -> None:
    answers: list[Told] = []
    quiet.instance.call(Call(pack="probe", tool="f", args=[], kwargs={}), answers.append)
    quiet.instance.thread.join(30)
    (told,) = answers
    assert "no instance could be made: failed to open file" in told.error
    assert not quiet.instance.alive


def test_nobody_is_told_anything_once_it_was_stopped(quiet: Quiet) -> None:
    quiet.instance.stop("")
    quiet.instance._asked("log", '{"text": "x"}')
    quiet.instance._asked("nothing", "{}")
    assert quiet.told == []


def test_a_sleep_ends_with_the_instance(quiet: Quiet) -> None:
    quiet.instance.stop("")
    began = time.monotonic()
    quiet.instance._asked("sleep", '{"seconds": 3600}')
    for text in ('{"seconds": 1e308}', '{"seconds": -1}', '{"seconds": "x"}', "[]", "null"):
        quiet.instance._asked("sleep", text)
    assert time.monotonic() - began < 600


@pytest.mark.parametrize("effect", ["pure", "read", "network", "write", "spend", "danger", None])
def test_an_effect_opens_what_it_names(effect: str | None) -> None:
    opened = {op for op in effects._ALL if effects.refusal(op, effect, "f") is None}  # type: ignore[arg-type]
    assert opened >= effects.HARMLESS
    assert ("http" in opened) == (effect in ("network", "write", "spend", "danger"))
    assert ("files.write" in opened) == (effect in ("write", "spend", "danger"))
    assert ("files.read" in opened) == (effect not in ("pure", None))
