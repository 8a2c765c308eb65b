"""The person's file of rules."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.errors import ConfigError
from smolterm.policy import Rule
from smolterm.rules import Denied, Rules, RulesFile, parse, rules_path

WEATHER = Rule(kind="call", tool="weather", signature="(city: str)", effect="network")
ONE = Rule(kind="call", tool="save", effect="write", arguments="'é\\n', n=1")
CODE = Rule(kind="code", tools=("double",))

MINE = """\
# mine

[[allow]]  # the forecast
kind   = "call"
tool   = "weather"
effect = "network"

[[deny]]
effect = "spend"
"""


@pytest.fixture
def file(tmp_path):
    return RulesFile(tmp_path / "deep" / "rules.toml")


def test_no_file_says_nothing(file):
    assert file.load() == file.current() == Rules()
    assert not file.path.parent.exists()


def test_rules_are_kept_and_read_by_another_process(file):
    for rule in (WEATHER, ONE, CODE, WEATHER):
        file.add(rule)
    assert RulesFile(file.path).load() == file.current() == Rules(allow=(WEATHER, ONE, CODE))


def test_each_rule_stands_there_in_words_and_only_the_owner_reads_it(file):
    file.add(WEATHER)
    assert f"# {WEATHER.words()}\n[[allow]]\n" in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert os.listdir(file.path.parent) == ["rules.toml"]


@pytest.mark.parametrize("text", [MINE, MINE.rstrip(), MINE.replace("\n", "\r\n"), "# only this"])
def test_what_a_person_wrote_stays(file, text):
    file.path.parent.mkdir()
    file.path.write_bytes(text.encode())
    before = file.load()
    file.add(ONE)
    assert file.path.read_bytes().startswith(text.encode())
    assert file.current() == Rules(allow=(*before.allow, ONE), deny=before.deny)


def test_a_link_is_followed_and_stays(file, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text(MINE)
    file.path.parent.mkdir()
    file.path.symlink_to(real)
    file.add(ONE)
    assert file.path.is_symlink()
    assert ONE in RulesFile(real).load().allow


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[allow", "cannot be used"),
        ("allow = 1", "Expected `array`"),
        ("alow = []", "alow"),
        ('[[allow]]\nkind = "call"\ntool = "a"\neffect = "network"\nargs = ""', "args"),
        ('[[allow]]\nkind = "all"', "all"),
        ('[[allow]]\nkind = "call"\neffect = "network"', "number 1 must name one tool"),
        ('[[allow]]\nkind = "call"\ntool = "a"', "needs the effect network or write"),
        ('[[allow]]\nkind = "call"\ntool = "a"\neffect = "danger"', "needs the effect"),
        ('[[allow]]\nkind = "call"\ntool = "a"\neffect = "spend"\narguments = ""', "needs"),
        ('[[allow]]\nkind = "call"\ntool = "a b"\neffect = "write"', "must name one tool"),
        ('[[allow]]\nkind = "call"\ntool = "a"\neffect = "write"\narguments = "\u202e"', "seen"),
        ('[[allow]]\nkind = "code"\ntool = "a"', "takes nothing but tools"),
        ('[[allow]]\nkind = "code"\ntools = ["*"]', "names no tool"),
        ("[[deny]]", "names no tool and no effect"),
        ('[[deny]]\neffect = "spending"', "has an effect that is none"),
        ("deny = " + "[" * 5000, "cannot be used"),
        ("[[deny]]\ntool='a'\n" * 1001, "more than 1000"),
        ("#" * 1_000_001, "larger than 1 MB"),
        (b"\xff", "utf-8"),
    ],
)
def test_a_damaged_file_is_told_and_allows_nothing(file, text, why):
    file.path.parent.mkdir()
    raw = text if isinstance(text, bytes) else text.encode()
    file.path.write_bytes(raw)
    with pytest.raises(ConfigError, match=why) as caught:
        file.load()
    assert str(file.path) in str(caught.value)
    assert file.current() == Rules()
    assert file.error == str(caught.value)
    with pytest.raises(ConfigError):
        file.add(ONE)
    assert file.path.read_bytes() == raw


def test_a_file_that_everybody_may_write_is_not_believed(file):
    file.add(WEATHER)
    file.path.chmod(0o602)
    assert file.current() == Rules()
    assert "everybody" in file.error
    file.path.chmod(0o600)
    assert file.current() == Rules(allow=(WEATHER,))
    assert file.error == ""


def test_an_edit_counts_at_once_and_damage_keeps_what_was_denied(file):
    file.path.parent.mkdir()
    file.path.write_text(MINE)
    assert file.current().allow[0].tool == "weather"
    file.path.write_text(MINE + "broken")
    assert file.current() == Rules(deny=(Denied(effect="spend"),))
    assert file.error
    file.path.unlink()
    assert file.current() == Rules()


def test_a_file_written_in_another_way_is_left_to_the_person(file):
    text = 'allow = [{kind = "code"}]\n'
    file.path.parent.mkdir()
    file.path.write_text(text)
    with pytest.raises(ConfigError, match="not understood") as caught:
        file.add(WEATHER)
    assert 'tool = "weather"' in caught.value.next
    assert file.path.read_text() == text


def test_a_folder_that_cannot_be_written_is_told(file):
    file.path.parent.write_text("a file where the folder should be")
    with pytest.raises(ConfigError):
        file.add(WEATHER)


@pytest.mark.parametrize(
    ("denied", "covered"),
    [
        (Denied(tool="a"), True),
        (Denied(tool="b"), False),
        (Denied(effect="write"), True),
        (Denied(effect="spend"), False),
        (Denied(tool="a", effect="write"), True),
        (Denied(tool="a", effect="spend"), False),
    ],
)
def test_what_a_denial_covers(denied, covered):
    assert denied.covers("a", "write") is covered


def test_the_file_lies_beside_the_settings():
    assert rules_path({"SMOLTERM_CONFIG": "/x/config.toml"}) == Path("/x/rules.toml")


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF), max_size=20)
RULES = st.one_of(
    st.builds(Rule, kind=st.just("call"), tool=st.sampled_from(["a", "b"]), signature=TEXT,
              effect=st.sampled_from(["write", "network"]), arguments=st.none() | TEXT),
    st.builds(Rule, kind=st.just("code"), tools=st.sampled_from([(), ("a",), ("a", "b")])),
)  # fmt: skip


@given(st.lists(RULES, max_size=4))
def test_what_is_added_is_what_is_read_or_nothing_changes(tmp_path_factory, rules):
    file = RulesFile(tmp_path_factory.mktemp("rules") / "rules.toml")
    kept: list[Rule] = []
    for rule in rules:
        try:
            file.add(rule)
        except ConfigError:
            continue
        if rule not in kept:
            kept.append(rule)
        assert RulesFile(file.path).load().allow == tuple(kept)
    assert file.load().allow == tuple(kept)


@given(st.text(max_size=100))
def test_any_text_is_rules_or_a_clear_error(text):
    try:
        parse(text, "it")
    except ConfigError as error:
        assert "Nothing is allowed" in str(error)
