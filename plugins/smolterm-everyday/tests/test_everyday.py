"""The everyday pack: what it works out, and what it refuses to."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inside import inside
from playing import grant_for, manifest_of
from rigging import Tools
from smolterm.pack import ToolError
from smolterm.packs.testing import TestDoors, bound

MANIFEST = manifest_of("smolterm_everyday")
everyday = Tools("smolterm_everyday", {})
DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))


def test_it_asks_for_nothing() -> None:
    assert MANIFEST.capabilities.hosts == ()
    assert {spec.effect for spec in everyday.specs.values()} == {"pure"}


# Time


def test_now_is_now_in_the_persons_zone(doors: TestDoors) -> None:
    before = int(time.time())
    found = everyday.now()
    assert before <= found["unix"] <= time.time()  # type: ignore[operator]
    assert found["zone"] == "Europe/Lisbon"
    moment = datetime.fromisoformat(str(found["time"]))
    assert int(moment.timestamp()) == found["unix"]
    assert found["clock"] == moment.strftime("%H:%M")


@pytest.mark.parametrize(
    ("named", "zone", "offset"),
    [
        ("Asia/Tokyo", "Asia/Tokyo", "+09:00"),
        ("tokyo", "Asia/Tokyo", "+09:00"),
        ("kolkata", "Asia/Kolkata", "+05:30"),
        ("UTC", "UTC", "+00:00"),
        ("+5:30", "UTC+05:30", "+05:30"),
        ("UTC-3", "UTC-03:00", "-03:00"),
    ],
)
def test_zones_by_name_city_and_distance(
    doors: TestDoors, named: str, zone: str, offset: str
) -> None:
    found = everyday.now(named)
    assert (found["zone"], found["utc_offset"]) == (zone, offset)


def test_a_zone_that_is_none(doors: TestDoors) -> None:
    with pytest.raises(ToolError, match="Did you mean Europe/Lisbon"):
        everyday.now("Lisbonn")
    for wrong in ("qqqqqqq", "+99:00", "../../etc/passwd", "\0"):
        with pytest.raises(ToolError):
            everyday.now(wrong)


@pytest.mark.parametrize(
    ("moment", "source", "target", "time", "ahead"),
    [
        ("2026-07-01 15:00", "New York", "Berlin", "2026-07-01T21:00:00+02:00", 6),
        ("2026-03-20 15:00", "New York", "Berlin", "2026-03-20T20:00:00+01:00", 5),
        ("2026-01-01T00:00:00+00:00", "Tokyo", "UTC", "2026-01-01T00:00:00+00:00", 0),
        ("2026-03-29 02:30", "Berlin", "UTC", "2026-03-29T01:30:00+00:00", -1),
        ("2026-01-01", "", "Kolkata", "2026-01-01T05:30:00+05:30", 5.5),
    ],
)
def test_times_are_converted(
    doors: TestDoors, moment: str, source: str, target: str, time: str, ahead: float
) -> None:
    found = everyday.convert_time(moment, source, target)
    assert (found["time"], found["hours_ahead"]) == (time, ahead)


def test_a_clock_time_is_today(doors: TestDoors) -> None:
    assert str(everyday.convert_time("9:05", "Tokyo", "Tokyo")["clock"]) == "09:05"
    for wrong in ("soon", "25:00", "2026-13-01", ""):
        with pytest.raises(ToolError, match="is no time"):
            everyday.convert_time(wrong, "", "Tokyo")


# Dates


def test_differences_of_dates(doors: TestDoors) -> None:
    assert everyday.date_difference("2026-01-31", "2026-07-01") == {
        "days": 151,
        "weeks": 21.57,
        "years": 0,
        "months": 5,
        "rest": 1,
        "working_days": 107,
        "start": "2026-01-31",
        "end": "2026-07-01",
    }
    back = everyday.date_difference("2026-07-01", "2024-02-29", ["2026-02-03", "2026-02-07"])
    assert (back["days"], back["years"], back["months"]) == (-853, -2, -4)
    assert everyday.date_difference("today", "today")["days"] == 0
    with pytest.raises(ToolError, match=r"'31\.1\.2026' is no date"):
        everyday.date_difference("31.1.2026", "today")


@given(start=DAYS, end=DAYS)
@settings(max_examples=200, deadline=None)
def test_working_days_are_those_that_are_counted(start: date, end: date) -> None:
    found = everyday.date_difference(start.isoformat(), end.isoformat())
    early, late = min(start, end), max(start, end)
    days = (late - early).days
    counted = sum((early.weekday() + day) % 7 < 5 for day in range(days))
    assert abs(int(str(found["working_days"]))) == counted
    moved = everyday.shift_date(
        early.isoformat(),
        years=abs(int(str(found["years"]))),
        months=abs(int(str(found["months"]))),
        days=abs(int(str(found["rest"]))),
    )
    assert moved["date"] == late.isoformat()


@given(start=DAYS, days=st.integers(-300, 300))
@settings(max_examples=100, deadline=None)
def test_working_days_are_gone_on(start: date, days: int) -> None:
    moved = date.fromisoformat(
        str(everyday.shift_date(start.isoformat(), working_days=days)["date"])
    )
    step = timedelta(days=1 if days > 0 else -1)
    passed, at = 0, start
    while at != moved:
        at += step
        passed += at.weekday() < 5
    assert passed == abs(days)


def test_dates_are_shifted(doors: TestDoors) -> None:
    assert everyday.shift_date("2026-01-31", months=1) == {
        "date": "2026-02-28",
        "weekday": "Saturday",
        "week": 9,
        "day_of_year": 59,
    }
    found = everyday.shift_date("2026-12-23", working_days=2, holidays=["2026-12-25"])
    assert found["date"] == "2026-12-28"
    for years, days in [(9999, 0), (-2026, 0), (0, 10**8)]:
        with pytest.raises(ToolError):
            everyday.shift_date("2026-01-31", years=years, days=days)


# Units


@pytest.mark.parametrize(
    ("amount", "source", "target", "result"),
    [
        (5, "miles", "km", 8.04672),
        (72, "degF", "celsius", 22.2222222222),
        (10, "°C", "K", 283.15),
        (100, "km/h", "mph", 62.1371192237),
        (1, "cup", "ml", 236.5882365),
        (2, "fl oz", "ml", 59.147059125),
        (1, "m^2", "ft^2", 10.7639104167),
        (3, "GB", "MiB", 2861.02294922),
        (1, "kWh", "MJ", 3.6),
        (1, "kg*m/s^2", "N", 1),
        (30, "mpg", "km/liter", 12.7543111195),
    ],
)
def test_units(amount: float, source: str, target: str, result: float) -> None:
    assert everyday.convert_units(amount, source, target)["result"] == pytest.approx(result)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("kg", "m", "measure different things"),
        ("foo", "m", r"'foo' is no unit.*English name"),
        ("m^999999999", "m", "is no unit"),
        ("m**9**9**9", "m", "is no unit"),
        ("__import__('os')", "m", "is no unit"),
        ("(" * 90, "m", "is no unit"),
        ("", "m", "is no unit"),
        ("m" * 200, "m", "is no unit"),
    ],
)
def test_units_that_are_none(source: str, target: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        everyday.convert_units(1, source, target)


def test_an_amount_that_is_too_large() -> None:
    with pytest.raises(ToolError, match="too large"):
        everyday.convert_units(1e308, "km", "nm")


# Math


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("2^100", "1267650600228229401496703205376"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.333333333333333"),
        ("6/3", "2"),
        ("-7 // 2", "-4"),
        ("sin(pi / 6)", "0.5"),
        ("factorial(20)", "2432902008176640000"),
        ("sqrt(-1)", "(0.0 + 1.0j)"),
        ("gcd(12, 18) + lcm(4, 6)", "18"),
        ("log(100, 10) + log2(8) + ln(e)", "6"),
        ("round(2.567, 2)", "2.57"),
        ("max(1, 2, 3) - min(4, 5)", "-1"),
        ("binomial(5, 2)", "10"),
        ("2 ^ 3 ^ 2", "512"),
        ("10^50 × 2 ÷ 10^50", "2"),
    ],
)
def test_expressions(expression: str, text: str) -> None:
    assert everyday.evaluate_math(expression)["text"] == text


def test_digits_and_variables() -> None:
    found = everyday.evaluate_math("sqrt(x)", {"x": 2}, digits=30)
    assert found["text"] == "1.41421356237309504880168872421"
    assert found["number"] == pytest.approx(2**0.5)
    assert everyday.evaluate_math("10^400")["number"] is None


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("9^9^9^9", "too large"),
        ("exp(exp(100))", "too large"),
        ("factorial(1e10)", "too large"),
        ("(((9^9999)^9999)^9999)^9999", "too large"),
        ("sin(9^999999)", "too large"),
        ("1e999999999", "too large"),
        ("round(1.5, 999999999)", "at most 1000 places"),
        ("10^99999 * 10^99999", "too large"),
        ("1/0", "divides by zero"),
        ("x + 1", r"'x' is not known.*variables"),
        ("__import__('os')", "'__import__' is not known"),
        ("().__class__", "is no arithmetic"),
        ("[1 for _ in 'a']", "is no arithmetic"),
        ("'a' * 10", "is no arithmetic"),
        ("True + 1", "no numbers"),
        ("sqrt(1, 2, 3, 4)", "cannot be worked out"),
        ("5!", "is no expression"),
        ("(" * 300, "more than 100"),
        ("1+" * 600 + "1", "longer than"),
        ("-" * 900 + "1", "more than 100"),
    ],
)
def test_expressions_that_are_refused(expression: str, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        everyday.evaluate_math(expression)


@given(st.text("0123456789+-*/^%().,exsincoqrtlgamf ", max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_expression_is_worked_out_or_refused(expression: str) -> None:
    try:
        assert set(everyday.evaluate_math(expression)) == {"text", "number"}
    except ToolError:
        pass


@pytest.mark.parametrize(
    ("equation", "solutions"),
    [
        ("x^2 - 2 = 0", [-(2**0.5), 2**0.5]),
        ("cos(x) = x", [0.7390851332151607]),
        ("x^2 == 4", [-2, 2]),
        ("(x - sqrt(2))^2 = 0", [2**0.5]),
        ("x^2 + 1 = 0", []),
        ("log(x) = 1", [2.718281828459045]),
        ("1/x = 0", []),
        ("x - 5", [5]),
    ],
)
def test_equations(equation: str, solutions: list[float]) -> None:
    assert everyday.solve_equation(equation) == pytest.approx(solutions, abs=1e-8)


def test_equations_that_are_refused() -> None:
    assert everyday.solve_equation("t^2 = 9", "t", low=0, high=10) == [3.0]
    with pytest.raises(ToolError, match="no x in the equation"):
        everyday.solve_equation("t = 1")
    with pytest.raises(ToolError, match="must be less"):
        everyday.solve_equation("x = 1", low=1, high=1)


def test_numbers_are_described() -> None:
    found = everyday.describe_numbers([3, 1, 4, 1, 5])
    assert (found["count"], found["mean"], found["median"]) == (5, 2.8, 3)
    assert (found["low"], found["high"], found["most_common"]) == (1, 5, [1])
    assert everyday.describe_numbers([1])["deviation"] is None
    with pytest.raises(ToolError, match="no numbers"):
        everyday.describe_numbers([])


# Texts


def test_fingerprints() -> None:
    assert everyday.hash_text("hello") == everyday.hash_text(b"hello")
    assert everyday.hash_text("hello").startswith("2cf24dba5fb0a30e")
    assert everyday.hash_text("", "md5") == "d41d8cd98f00b204e9800998ecf8427e"


@given(st.text(max_size=50))
@settings(deadline=None)
def test_what_is_encoded_is_decoded(text: str) -> None:
    for form in ("base64", "base64url", "hex", "url", "html", "json"):
        assert everyday.decode_text(everyday.encode_text(text, form), form) == text


def test_decoding_what_is_no_text() -> None:
    assert everyday.decode_text("/w==", "base64") == b"\xff"
    assert everyday.decode_text(" aGVs\nbG8 ", "base64") == "hello"
    for text, form in [("zz", "hex"), ("a", "base64"), ("{", "json"), ("ä", "base64")]:
        with pytest.raises(ToolError, match=f"is not {form}"):
            everyday.decode_text(text, form)  # type: ignore[arg-type]


def test_texts_are_compared() -> None:
    found = everyday.compare_texts("one\ntwo\nthree", "one\n2\nthree")
    assert (found["same"], found["added"], found["removed"]) == (False, 1, 1)
    assert str(found["difference"]).endswith("@@ -1,3 +1,3 @@\n one\n-two\n+2\n three")
    assert everyday.compare_texts("a", "a")["same"] is True
    with pytest.raises(ToolError, match="Compare parts"):
        everyday.compare_texts("\n" * 20_001, "")


def test_without_a_zone_of_their_own_it_is_utc() -> None:
    with bound(pack="everyday"):
        assert everyday.now()["zone"] == "UTC"


# In WebAssembly


def test_every_tool_runs_in_webassembly() -> None:
    with inside("smolterm_everyday", grant_for(MANIFEST, {"timezone": "Asia/Tokyo"})) as there:
        # What Python's own library and pure packages need: clocks, time zones, hashes, lists.
        assert there.now()["zone"] == "Asia/Tokyo"
        assert abs(there.now()["unix"] - time.time()) < 60
        moved = there.convert_time("2026-07-01 15:00", "New York", "Berlin")
        assert moved["time"] == "2026-07-01T21:00:00+02:00"
        assert there.date_difference("2026-01-31", "2026-07-01")["days"] == 151
        assert there.shift_date("2026-01-31", months=1)["date"] == "2026-02-28"
        assert there.convert_units(5, "miles", "km")["result"] == 8.04672
        assert there.convert_units(72, "degF", "degC")["result"] == pytest.approx(22.2222222)
        assert there.evaluate_math("2^100")["text"] == "1267650600228229401496703205376"
        assert there.solve_equation("cos(x) = x") == pytest.approx([0.7390851332151607])
        assert there.describe_numbers([3, 1, 4])["median"] == 3
        for algorithm in ("sha256", "sha512", "sha1", "md5", "sha3_256", "blake2b"):
            assert there.hash_text("hello", algorithm) == everyday.hash_text("hello", algorithm)
        assert there.encode_text("Grüße", "base64") == "R3LDvMOfZQ=="
        assert there.decode_text("/w==", "base64") == b"\xff"
        assert there.compare_texts("a\nb", "a\nc")["added"] == 1
        for wrong in ("(" * 90, "-" * 900 + "1", "9^9^9^9", "[" * 1000):
            with pytest.raises(ToolError):
                there.evaluate_math(wrong)
        assert there.called == there.names
