"""Ending a reply where it should end, however it arrives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smolterm.models import Delta, Format
from smolterm.models.stops import StopCutter
from smolterm.models.wire import Options
from tests.models.asking import parts_of, text_of, with_model
from tests.servers import OpenAIServer, says


@given(st.text("ab\n`"), st.lists(st.text("ab\n`", min_size=1, max_size=4), max_size=3), st.data())
def test_any_cut_into_pieces_ends_at_the_first_stop(text, stops, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    cutter = StopCutter(stops)
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    said = "".join(cutter.feed(piece) for piece in pieces) + cutter.finish()
    found = [place for stop in stops if (place := text.find(stop)) >= 0]
    if not stops or not found:
        assert (said, cutter.hit) == (text, False)
    else:
        # A stop that is complete ends the reply; a longer one that began before may not come.
        assert cutter.hit
        assert text.startswith(said)
        assert not any(stop in said for stop in stops)


def test_reasoning_may_hold_a_stop():
    cutter = StopCutter(["END"])
    parts = [Delta(channel="reasoning", text="END"), Delta(channel="reply", text="a END b")]
    assert [p.text for p in cutter.cut(parts)] == ["END", "a "]


def test_a_format_goes_before_the_options():
    options = Options(temperature=0.5, max_tokens=9, stop=("a",))
    asked = options.with_format(Format(temperature=0.0, stop=("b", "a")))
    assert (asked.temperature, asked.max_tokens, asked.stop) == (0.0, 9, ("a", "b"))
    assert options.with_format(None) is options


def test_a_server_that_forgets_the_stop_is_cut_off():
    with OpenAIServer([says("one two END three", hang=True)]) as server:
        parts = with_model(
            "m",
            lambda model: parts_of(model, Format(stop=("END",), temperature=0.25)),
            api_base=server.url,
        )
    assert text_of(parts) == "one two "
    assert server.requests[0]["body"]["stop"] == ["END"]
    assert server.requests[0]["body"]["temperature"] == 0.25
