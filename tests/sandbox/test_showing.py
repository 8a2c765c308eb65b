"""What a real sandbox's cells show: tables, images, plots, within bounds."""

from __future__ import annotations

import pytest

from smolterm.events import Displayed
from smolterm.policy import Policy
from smolterm.sandbox.deno import Sandbox
from smolterm.session import Session
from tests.fakes import FakeModel, block, events_of
from tests.sandbox.libraries import FRAMES, PLOTS

PNG = "b'\\x89PNG\\r\\n\\x1a\\n....IHDR' + bytes([0, 0, 0, 2, 0, 0, 0, 3])"
PACKAGES = "/lib/python3.14/site-packages/"


@pytest.fixture(scope="module")
def own(start_sandbox):
    runner = start_sandbox()
    runner.do(runner.sandbox.offer(files={PACKAGES + path: data for path, data in PLOTS.items()}))
    runner.run(FRAMES)
    return runner


def shown(runner, code: str) -> list:
    """Run a cell; returns what it showed, each as (name, alt, table's rows or image)."""
    found = []
    done, _, _ = runner.run(code, on_shown=found.append)
    assert done.error is None, done.error
    return [(one.name, one.alt, one.table.rows if one.table else one.image[:4]) for one in found]


def test_a_last_value_that_is_a_table_is_shown_as_one(own):
    assert shown(own, "rows = [{'a': n} for n in range(30)]\nrows") == [
        ("rows", "list, 30 rows", tuple((str(n),) for n in range(20)))
    ]
    assert shown(own, "pandas.DataFrame({'tea': [1]})") == [
        ("", "DataFrame, 1 rows", (("0", "1"),))
    ]
    assert shown(own, "polars.DataFrame({'tea': [1]})")[0][2] == (("1",),)
    for code in ("[1, 2]", "{'a': [1]}", "[]", "[{}]", "numpy.array([[1]])", "7", "'x'"):
        assert shown(own, code) == []


def test_the_values_text_stays_as_it_is(own):
    assert own.run("[{'a': 1}]")[0].value == "[{'a': 1}]"


def test_a_wide_table_is_shown_in_part(own):
    found = []
    own.run("[{f'c{n}': n for n in range(15)}]", on_shown=found.append)
    assert (len(found[0].table.columns), found[0].table.left_out) == (12, 3)


def test_what_is_displayed_comes_between_what_is_printed(own):
    async def work():
        code = f"print('before')\ndisplay({PNG})\nprint('after')"
        return [type(part).__name__ async for part in own.sandbox.cell(code)]

    assert own.do(work()) == ["Printed", "Shown", "Printed", "CellDone"]


@pytest.mark.parametrize(
    ("start", "kind"),
    [("GIF89a\\2\\0\\3\\0", "GIF 2 × 3"), ("\\xff\\xd8\\xff", "JPEG"),
     ("RIFF1234WEBP", "WebP")],
)  # fmt: skip
def test_bytes_of_images_are_displayed(own, start, kind):
    assert shown(own, f"display(b'{start}' + bytes(9))")[0][1] == f"image, {kind}"
    # Unasked, bytes are bytes.
    assert shown(own, f"b'{start}'") == []


def test_what_draws_itself_is_shown(own):
    code = f"class Chart:\n  def _repr_png_(self): return {PNG}\nchart = Chart()\n"
    assert shown(own, code + "chart") == [("chart", "Chart, PNG 2 × 3", b"\x89PNG")]
    assert shown(own, code + "display(chart, [{'a': 1}])")[1][1] == "list, 1 rows"
    assert shown(own, code + "Chart") == []


def test_what_fails_to_draw_itself_leaves_its_value(own):
    code = "class Chart:\n  def _repr_png_(self): {}\n  def __repr__(self): return 'chart'\nChart()"
    for failing in ("return 7", "1 / 0", "return 'no base64'", "return b'x'", "return None"):
        found = []
        done, _, _ = own.run(code.format(failing), on_shown=found.append)
        assert (done.value, done.error, found) == ("chart", None, [])


def test_what_is_neither_table_nor_image_is_printed(own):
    done, out, _ = own.run("display(7, 'tea', [1, 2], b'abc')")
    assert out == "7\ntea\n[1, 2]\nb'abc'\n"
    assert done.value == "None"


def test_plots_left_open_are_shown_once_and_closed(own):
    code = "import matplotlib.pyplot as plt\nplt.plot(1, 2)\n"
    assert shown(own, code + "None") == [("", "Figure, PNG 1 × 7", b"\x89PNG")]
    assert shown(own, "None") == []
    assert [alt for _, alt, _ in shown(own, code + "figure = plt.figure(2)\nfigure")] == [
        "Figure, PNG 2 × 7",
        "Figure, PNG 1 × 7",
    ]


def test_show_shows_at_once(own):
    async def work():
        code = "import matplotlib.pyplot as plt\nplt.plot(1)\nplt.show()\nprint('after')"
        return [type(part).__name__ async for part in own.sandbox.cell(code)]

    assert own.do(work()) == ["Shown", "Printed", "CellDone"]


def test_a_name_of_the_codes_own_goes_before_display(own):
    assert own.run("display = 7\ndisplay")[0].value_data == 7
    assert shown(own, f"del display\ndisplay({PNG})")


def test_what_is_shown_is_bounded(own):
    found = []
    done, _, err = own.run(f"for n in range(30): display({PNG})", on_shown=found.append)
    assert (len(found), done.error) == (20, None)
    assert err == "display: only 20 things of one cell are shown.\n"
    found.clear()
    _, _, err = own.run(f"display({PNG} + bytes(5_000_000))", on_shown=found.append)
    assert found == [] and "more than 4,194,304" in err
    own.run(f"display({PNG} + bytes(4_000_000))", on_shown=found.append)
    assert len(found[0].image) > 4_000_000


def test_an_image_becomes_an_event_and_the_model_is_told_of_it(start_sandbox):
    runner = start_sandbox()

    async def work():
        model = FakeModel(block(f"display({PNG})"), block("final_answer(1)"))
        async with Session(
            model=model, sandbox=runner.sandbox, policy=Policy(mode="auto"), save=False
        ) as session:
            return model, await events_of(session, "Draw.")

    model, events = runner.do(work())
    found = [event for event in events if isinstance(event, Displayed)]
    assert [(one.step, one.alt) for one in found] == [(1, "image, PNG 2 × 3")]
    assert "(an image was shown to the person)" in model.asked[1][-1].content
    assert isinstance(runner.sandbox, Sandbox)
