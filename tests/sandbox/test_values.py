"""Values across the wall, without and with the wall."""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.sandbox import values
from smolterm.sandbox.values import Opaque, TooLarge, decode, encode, short_repr

# What another executor turned into None, or keys into strings.
LOST_ELSEWHERE = [0, False, "", {}, [], (), math.inf, -math.inf, {1: "a", (2, 3): "b"}, None, 0.0]
OTHERS = [
    10**400,
    -(2**53),
    2**53,
    "\ud800 half",
    b"\x00\xff",
    bytearray(b"x"),
    {1, 2},
    frozenset({(1, 2)}),
    complex(1, -0.0),
    datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC),
    datetime.date(2026, 1, 2),
    datetime.time(3, 4),
    datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(seconds=-3601))),
    datetime.timedelta(days=-1, microseconds=3),
    decimal.Decimal("0.10"),
    decimal.Decimal("-1E+999999"),
    decimal.Decimal("-Infinity"),
    fractions.Fraction(1, 3),
    fractions.Fraction(-7),
    uuid.UUID(int=5),
    {"$": "not a tag", "v": [1]},
    [[[{"deep": [(1, {"x": {2.5}})]}]]],
]


def there_and_back(value):
    return decode(json.loads(json.dumps(encode(value))))


@pytest.mark.parametrize("value", LOST_ELSEWHERE + OTHERS, ids=repr)
def test_a_value_comes_out_as_it_went_in(value):
    result = there_and_back(value)
    assert result == value
    assert type(result) is type(value)


def test_nan_and_negative_zero_survive():
    assert math.isnan(there_and_back(math.nan))
    assert math.copysign(1, there_and_back(-0.0)) == -1


@pytest.mark.parametrize("value", LOST_ELSEWHERE + OTHERS, ids=repr)
def test_a_value_survives_both_ways_through_the_real_wall(start_sandbox, echo, value):
    del start_sandbox
    sandbox, given_values = echo
    given_values.append(value)
    result = sandbox.value("echo_take() if True else None")
    assert result == value
    assert type(result) is type(value)


@pytest.fixture(scope="module")
def echo(start_sandbox):
    from smolterm.tools import Tool

    values = []

    def echo_take() -> object:
        """Hand in the newest value."""
        return values[-1]

    return start_sandbox(tools=[Tool(echo_take)]), values


def test_an_unknown_type_is_named_and_never_rebuilt():
    class Strange:
        def __repr__(self):
            return "<strange>"

    assert there_and_back([Strange()]) == [Opaque("Strange", "<strange>")]


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(TooLarge):
        encode(loop)


def test_a_repr_that_raises_is_named():
    class Angry:
        def __repr__(self):
            raise ValueError("no")

    assert short_repr(Angry()) == "<Angry: its repr raised ValueError>"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
    | st.binary() | st.datetimes() | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.tuples(inner, inner)
    | st.dictionaries(st.text() | st.integers() | st.booleans(), inner),
    max_leaves=20,
)  # fmt: skip


@given(PLAIN)
def test_any_plain_value_round_trips(value):
    assert there_and_back(value) == value


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["$", "v", "type", "a"]), inner, max_size=3)
    | st.fixed_dictionaries(
        {"$": st.sampled_from(["int", "float", "set", "dict", "bytes", "date", "text", "opaque",
                               "timedelta", "complex", "Fraction", "Decimal"]),
         "v": inner}
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_decoding_hostile_data_raises_nothing_but_value_errors(data):
    try:
        decode(data)
    except ValueError:
        pass


MODULUS = 2**61 - 1
"""All multiples of it have the hash 0 on a 64-bit host."""


class Loud:
    """A key that says how often it was compared."""

    def __init__(self, code):
        self.code = code

    def __hash__(self):
        return self.code

    def __eq__(self, other):
        raise AssertionError("compared")


def test_keys_are_checked_before_a_table_is_made_of_them():
    weight = values._Weight(guarded=True)
    with pytest.raises(TooLarge, match="the same hash"):
        weight.check([Loud(7) for _ in range(1000)], [1] * 1000)
    values._Weight(guarded=True).check([Loud(n) for n in range(1000)], [1] * 1000)


def tagged(tag, items):
    return {"$": tag, "v": list(items)}


COLLIDING = {
    "numbers": [encode(i * MODULUS) for i in range(2_000)],
    "floats": [float(2**i) for i in range(0, 61 * 16, 61)] * 200,
    "fractions": [{"$": "Fraction", "v": f"{i * MODULUS}/1"} for i in range(2_000)],
    "decimals": [{"$": "Decimal", "v": str(i * MODULUS)} for i in range(2_000)],
    "complex": [{"$": "complex", "v": f"{2.0 ** (61 * i)!r},0.0"} for i in range(16)] * 200,
    "tuples": [tagged("tuple", [encode(i * MODULUS), "x"]) for i in range(2_000)],
    "deep tuples": [tagged("tuple", [tagged("tuple", [encode(i * MODULUS)])])
                    for i in range(2_000)],
    "frozen sets": [tagged("frozenset", [encode(i * MODULUS)]) for i in range(2_000)],
    "few, but long": [tagged("tuple", [*range(5_000), encode(i * MODULUS)]) for i in range(20)],
    "the same again": [1] * 2_000,
}  # fmt: skip


@pytest.mark.parametrize("keys", COLLIDING.values(), ids=COLLIDING)
def test_keys_with_one_hash_are_refused(keys):
    for data in (
        tagged("set", keys),
        tagged("frozenset", keys),
        tagged("dict", [[key, 0] for key in keys]),
        [1, {"a": tagged("set", keys)}],
    ):
        with pytest.raises(ValueError, match="too many keys"):
            decode(data)


def test_many_small_tables_weigh_as_much_as_one():
    small = tagged("set", COLLIDING["numbers"][:100])
    decode([small] * 6)
    with pytest.raises(ValueError, match="too many keys"):
        decode([small] * 7)


def test_keys_whose_hash_may_be_chosen_are_few():
    few = range(0, 10 * values.MOST_KEYS, 10)
    assert decode(tagged("set", few)) == set(few)
    for keys in (few, [{"$": "UUID", "v": str(uuid.UUID(int=n))} for n in few]):
        with pytest.raises(ValueError, match="not text"):
            decode(tagged("set", [*keys, 1]))
    with pytest.raises(TooLarge, match="not text"):
        encode(dict.fromkeys([*few, 1]), guarded=True)
    # The other side trusts the host.
    assert len(decode(encode(dict.fromkeys([*few, 1])), guarded=False)) == len(few) + 1


@pytest.mark.parametrize(
    "keys",
    [
        range(-150_000, 150_000),
        [str(n) for n in range(300_000)],
        [n.to_bytes(3) for n in range(100_000)],
        [datetime.date.fromordinal(n) for n in range(1, 60_000)],
        [("row", str(n)) for n in range(60_000)],
        [2**n for n in range(1_000)],
        [(x, y) for x in range(-100, 100) for y in range(-100, 100)],
        [n / 8 for n in range(40_000)],
    ],
    ids=["row", "text", "bytes", "dates", "tuples of text", "powers", "grid", "floats"],
)
def test_large_honest_tables_cross(keys):
    assert there_and_back(dict.fromkeys(keys)) == dict.fromkeys(keys)
    assert decode(encode(set(keys), guarded=True)) == set(keys)


def test_a_set_of_what_looks_alike_crosses():
    class Same:
        def __repr__(self):
            return "<same>"

    assert there_and_back({Same() for _ in range(2_000)}) == {Opaque("Same", "<same>")}


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        ("Fraction", "1e20000000"),
        ("Fraction", "1.5"),
        ("Fraction", " 1/2"),
        ("Fraction", "1_0/3"),
        ("Fraction", "9" * 4301),
        ("Decimal", "1E+99999999"),
        ("Decimal", "1" * 10_001),
        ("Decimal", "1_0"),
        ("Decimal", "\u0661"),
        ("int", "0x" + "f" * 1_000_000),
        ("int", "10"),
        ("int", "0x1_0"),
        ("float", "1" * 100),
        ("float", "infinity"),
        ("complex", "1,2,3"),
        ("complex", "1" * 61 + ",1"),
        ("timedelta", "1" * 5000 + ",0,0"),
        ("timedelta", "1,2"),
        ("timedelta", "999999999,99999,0"),
        ("datetime", "2026-W01-1"),
        ("datetime", "20260102T030405"),
        ("date", "20260102"),
        ("time", "3"),
        ("UUID", "{00000000-0000-0000-0000-000000000005}"),
        ("UUID", "urn:uuid:" + "0" * 32),
        ("text", "6 1"),
        ("text", "f"),
        ("bytes", "QQ"),
        ("bytes", "QQ==\n"),
        ("path", "/a" * 9_000),
    ],
)
def test_text_that_no_driver_writes_is_refused(tag, text):
    with pytest.raises(ValueError, match=r"Not a|Too long"):
        decode({"$": tag, "v": text})


@pytest.mark.parametrize(
    "value",
    [
        2**4_000_000,
        fractions.Fraction(10**5000, 3),
        decimal.Decimal("1E+9999999"),
        decimal.Decimal("1" * 10_001),
    ],
    ids=["int", "Fraction", "exponent", "digits"],
)
def test_what_the_other_side_would_refuse_crosses_as_its_repr(value):
    [opaque, one] = there_and_back([value, 1])
    assert (opaque.type, one) == (type(value).__name__, 1)


WEIGHED = [
    [[]], [{}], [{"a": 1}, {"a": 2}], [decimal.Decimal(1)], [set()], [{1: ()}], [{("a", 2): b""}],
    [Opaque],
]  # fmt: skip


@pytest.mark.parametrize("value", WEIGHED, ids=repr)
def test_both_sides_count_alike(monkeypatch, value):
    text = json.dumps(encode(value * 10))
    found = text.count(",") + text.count("[") + text.count("{")
    monkeypatch.setattr(values, "MAX_ITEMS", found)
    decode(encode(value * 10))
    data = encode(value * 10)
    monkeypatch.setattr(values, "MAX_ITEMS", found - 1)
    with pytest.raises(TooLarge):
        encode(value * 10)
    with pytest.raises(TooLarge):
        decode(data)


def test_data_with_too_many_items_is_refused():
    with pytest.raises(ValueError, match="items"):
        decode([[]] * values.MAX_ITEMS)
    assert decode([1] * values.MAX_ITEMS) == [1] * values.MAX_ITEMS
