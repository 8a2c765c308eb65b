"""What passes between a page and its process, whatever either of them says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smolterm.serving.wire import LARGEST, answer, from_page, last_screen, packet, size

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
KINDS = st.sampled_from(["stdin", "resize", "focus", "blur", "quit", "deliver_chunk_request"])


def unpacked(data):
    kind, count = data[:1], int.from_bytes(data[1:5], "big")
    assert len(data) == 5 + count
    return kind, data[5:]


def meta(message):
    kind, data = unpacked(from_page(json.dumps(message)))
    assert kind == b"M"
    return json.loads(data)


def test_keys_are_bytes():
    assert unpacked(from_page('["stdin", "aé\\u001b[A"]')) == (b"D", "aé\x1b[A".encode())


def test_sizes_and_focus():
    assert meta(["resize", {"width": 120, "height": 40}]) == {
        "type": "resize", "width": 120, "height": 40,
    }  # fmt: skip
    assert meta(["focus"]) == {"type": "focus"}
    assert meta(["blur", 1]) == {"type": "blur"}


@pytest.mark.parametrize(
    ("given_size", "taken"),
    [((0, -5), (1, 1)), ((10**9, 10**400), (LARGEST, LARGEST)), (("x", None), (80, 24)),
     ((float("nan"), float("inf")), (80, 24)), (("90", "31.5"), (90, 24)), (([], {}), (80, 24))],
)  # fmt: skip
def test_a_screen_has_a_size_whatever_is_said(given_size, taken):
    assert size(*given_size) == taken


@settings(max_examples=50)
@given(st.text() | st.builds(json.dumps, st.lists(KINDS | ANY_JSON) | ANY_JSON))
def test_a_page_can_say_nothing_but_keys_size_and_focus(message):
    data = from_page(message)
    if data is None:
        return
    kind, inner = unpacked(data)
    if kind == b"D":
        inner.decode()
    else:
        said = json.loads(inner)
        assert said["type"] in ("resize", "focus", "blur")
        assert set(said) <= {"type", "width", "height"}


@settings(max_examples=50)
@given(st.text() | st.builds(json.dumps, ANY_JSON))
def test_only_a_ping_is_answered(message):
    said = answer(message)
    assert said is None or json.loads(message)[0] == "ping"


def test_a_ping_is_answered():
    assert json.loads(answer('["ping","1700"]')) == ["pong", "1700"]
    assert answer('["ping","' + "1" * 1000 + '"]') is None
    assert from_page('["ping","1700"]') is None


def test_a_page_is_left_with_lines_to_read():
    assert last_screen(["one", "two"]).endswith(b"\x1b[Hone\r\ntwo\r\n")


def test_a_packet_names_its_length():
    assert packet(b"D", b"abc") == b"D\x00\x00\x00\x03abc"
