"""The bench works, and its arithmetic holds; how fast anything is, is no test's business."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.__main__ import TOPICS, main
from bench.aims import AIMS, Aim
from bench.at_prompt import ENTER
from bench.measure import OURS, Case, Failed, Row, Series, in_rows, take_turns
from bench.peers import PEERS, Peers
from bench.table import BEGIN, END, facts, figure, lines, markdown, ratio, write_between

ROW = Row(key="k", label="a thing", unit="ms")


def series(who: str, *figures: float) -> Series:
    return Series(row=ROW, who=who, figures=figures)


def test_one_topic_prints_every_row_and_writes_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.json"
    assert main(["--quick", "--only", "engine", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    taken = json.loads(out.read_text())["rows"]
    ours = {one["key"]: one for one in taken if one["who"] == OURS}
    assert set(ours) == {row.key for row in TOPICS["engine"].ROWS}
    for row in TOPICS["engine"].ROWS:
        assert row.label in printed
        assert len(ours[row.key]["figures"]) == 2
        assert 0 < ours[row.key]["min"] <= ours[row.key]["median"]


def test_keys_are_unique_and_aims_name_rows() -> None:
    keys = [row.key for topic in TOPICS.values() for row in topic.ROWS]
    assert len(keys) == len(set(keys))
    assert set(AIMS) <= set(keys)


def test_median_and_least() -> None:
    assert series(OURS, 3, 1, 2).median == 2
    assert series(OURS, 4, 1, 2, 3).median == 2.5
    assert series(OURS, 3, 1, 2).least == 1


@pytest.mark.parametrize(
    ("theirs", "ours", "shown"),
    [(200, 100, "2.0×"), (50, 100, "0.50×"), (2500, 100, "25×"), (1, 1000, "<0.01×"), (1, 0, "")],
)
def test_ratio(theirs: float, ours: float, shown: str) -> None:
    assert ratio(theirs, ours) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(1234.5, "1,234 ms"), (12.34, "12.3 ms"), (0.5, "0.50 ms")]
)
def test_figure(value: float, shown: str) -> None:
    assert figure(value, "ms") == shown


def test_cases_take_turns_in_order() -> None:
    order: list[str] = []

    def case(who: str) -> Case:
        def take() -> dict[str, float]:
            order.append(who)
            return {"k": len(order)}

        return Case(who=who, take=take)

    taken = take_turns([case(OURS), case("peer")], 2, pytest.fail)
    assert order == [OURS, "peer", OURS, "peer"]
    assert [one.figures for one in in_rows([ROW], taken)] == [(1, 3), (2, 4)]


def test_a_peer_that_fails_is_left_out_and_we_are_not() -> None:
    said: list[str] = []

    def fail() -> dict[str, float]:
        raise Failed("it broke")

    ours = Case(who=OURS, take=lambda: {"k": 1.0})
    taken = take_turns([ours, Case(who="peer", take=fail)], 2, said.append)
    assert list(taken) == [OURS]
    assert said == ["peer is left out: it broke"]
    with pytest.raises(Failed):
        take_turns([Case(who=OURS, take=fail)], 1, said.append)


def test_aims() -> None:
    ours, peer = series(OURS, 10), series("llm", 9)
    assert Aim(below=10).verdict([ours]) == "10 ms: met"
    assert Aim(below=9).verdict([ours]) == "9 ms: missed"
    assert Aim(peer="llm").verdict([ours, peer]) == "not slower than llm: missed"
    assert Aim(peer="llm").verdict([ours]) == ""


def test_an_aim_below_every_peer_names_those_that_it_misses() -> None:
    aim = Aim(below=300, every=True)
    floor, slow, fast = series("bare Textual app", 9), series("llm", 11), series("codex", 9)
    assert aim.verdict([series(OURS, 10), floor]) == "300 ms: met"
    assert aim.verdict([series(OURS, 10), floor, slow]) == "300 ms: met; below every peer: met"
    missed = aim.verdict([series(OURS, 10), floor, slow, fast])
    assert missed == "300 ms: met; below every peer: missed by codex"


def test_a_peer_is_found_with_its_version_where_it_is_installed(tmp_path: Path) -> None:
    packages = tmp_path / "gptme/lib/python3.11/site-packages/gptme-1.2.dist-info"
    commands = [tmp_path / "gptme/bin" / name for name in ("gptme", "gptme-tui")]
    for folder in (packages, tmp_path / "gptme/bin"):
        folder.mkdir(parents=True)
    (packages / "METADATA").write_text("Metadata-Version: 2.1\nName: gptme\nVersion: 1.2\n")
    for path in commands:
        path.touch()
    peers = Peers(tmp_path)
    assert peers.versions == {"gptme": "1.2"}
    found = [(name, path) for name, _, path in peers.programs()]
    assert found == [("gptme", str(commands[0])), ("gptme-tui", str(commands[1]))]
    assert peers.command("llm", "llm") is None


def test_peers_with_a_prompt_are_peers() -> None:
    assert ENTER.keys() <= PEERS.keys()


def test_table_has_a_line_for_each_series_and_straight_columns() -> None:
    table = markdown([series(OURS, 10), series("llm", 20, 30)]).splitlines()
    assert len(table) == 4
    assert len({len(line) for line in table}) == 1
    assert [tuple(line) for line in lines([series(OURS, 10), series("llm", 20, 30)])] == [
        ("a thing", OURS, "10.0 ms", "10.0 ms", "", ""),
        ("", "llm", "25.0 ms", "20.0 ms", "2.5×", ""),
    ]


def test_facts_name_versions_and_runs() -> None:
    assert "of 5 runs" in facts({}, 5) and "no peers" in facts({}, 5)
    assert "llm 1.0" in facts({"llm": "1.0"}, 5)


def test_writes_between_the_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write_between(page, "new")
    write_between(page, "newer")
    assert page.read_text() == f"before\n{BEGIN}\nnewer\n{END}\nafter\n"
    page.write_text("no markers")
    with pytest.raises(Failed):
        write_between(page, "new")
