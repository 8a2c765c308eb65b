"""One setting changes; comments, order and everything else stay."""

from __future__ import annotations

import stat
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.configfile import set_value
from smolterm.errors import ConfigError

MINE = """\
# my settings
max_steps = 7   # few
model = "openai/old"  # the good one

allow = [
  "write",
]

[profiles]
model = "not this one"
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'model = "local/new"\n'),
        ("# only a comment", '# only a comment\nmodel = "local/new"\n'),
        (MINE, MINE.replace('"openai/old"', '"local/new"')),
        ("[t]\nmodel = 1\n", 'model = "local/new"\n[t]\nmodel = 1\n'),
        ("a = 1\r\nmodel = ''\r\nb = 2\r\n", 'a = 1\r\nmodel = "local/new"\r\nb = 2\r\n'),
        ('"model" = "x"\n', 'model = "local/new"\n'),
        ('s = """\nmodel = 1\n"""\n', 's = """\nmodel = 1\n"""\nmodel = "local/new"\n'),
        ("a = [\n[1],\n]\n", 'model = "local/new"\na = [\n[1],\n]\n'),
    ],
)
def test_the_line_changes_and_nothing_else(tmp_path, before, after):
    path = tmp_path / "config.toml"
    path.write_bytes(before.encode())
    set_value(path, "model", "local/new")
    assert path.read_bytes().decode() == after
    assert [each.name for each in tmp_path.iterdir()] == ["config.toml"]


def test_a_missing_folder_is_made(tmp_path):
    set_value(tmp_path / "a" / "config.toml", "model", "x/y")
    assert (tmp_path / "a" / "config.toml").read_text() == 'model = "x/y"\n'


@pytest.mark.parametrize("text", ["model = '''\nx\n'''\n", "model = [", "\xff\xfe"])
def test_what_is_not_understood_stays_as_it_is(tmp_path, text):
    path = tmp_path / "config.toml"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="as it was") as failed:
        set_value(path, "model", "x/y")
    assert 'model = "x/y"' in failed.value.next
    assert path.read_bytes() == text.encode("latin-1")


def test_a_link_and_the_mode_stay(tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text("a = 1\n")
    real.chmod(0o600)
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    set_value(link, "model", "x/y")
    assert link.is_symlink() and 'model = "x/y"' in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_value_is_read_back_or_refused(tmp_path_factory, value):
    path = tmp_path_factory.mktemp("any") / "config.toml"
    try:
        set_value(path, "model", value)
    except ConfigError:
        assert not path.exists()
    else:
        assert tomllib.loads(path.read_bytes().decode()) == {"model": value}


@pytest.mark.parametrize("value", [True, False, 7, 2.5])
def test_numbers_and_switches_are_written_as_such(tmp_path, value):
    path = tmp_path / "config.toml"
    path.write_text('bell = "odd"  # mine\n')
    set_value(path, "bell", value)
    assert tomllib.loads(path.read_text()) == {"bell": value}
    assert "# mine" in path.read_text()
