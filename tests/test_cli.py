"""Words and flags."""

from __future__ import annotations

import pytest

from smolterm import __version__
from smolterm.cli import main
from smolterm.flags import split_program


@pytest.mark.parametrize(
    ("argv", "ours", "command", "program"),
    [
        (["-c", "x", "a", "--json"], [], "x", ["-c", "a", "--json"]),
        (["-c", "x", "--json", "a"], ["--json"], "x", ["-c", "a"]),
        (["--json", "f.py", "--json"], ["--json"], None, ["f.py", "--json"]),
        (["--timeout", "3", "f.py"], ["--timeout", "3"], None, ["f.py"]),
        (["--timeout=3", "-", "b"], ["--timeout=3"], None, ["-", "b"]),
        (["-c", "x", "--", "--json"], [], "x", ["-c", "--json"]),
        (["f.py", "-c", "x"], [], None, ["f.py", "-c", "x"]),
        ([], [], None, []),
        (["--timeout"], ["--timeout"], None, []),
        (["--with", "six", "f.py", "--with"], ["--with", "six"], None, ["f.py", "--with"]),
        (["-y", "-c", "x", "--seed=1", "-y"], ["-y", "--seed=1"], "x", ["-c", "-y"]),
        (["-x"], ["-x"], None, []),
    ],
)
def test_what_stands_behind_py_is_split_as_python_would(argv, ours, command, program):
    assert split_program(argv) == (ours, command, program)


@pytest.mark.parametrize(
    "argv", [["--help"], ["py", "--help"], ["demo", "--help"], ["setup", "--help"],
             ["packs", "--help"], ["packages", "--help"], ["packages", "add", "--help"],
             ["models", "--help"], ["models", "get", "--help"], ["doctor", "--help"],
             ["completion", "--help"]]
)  # fmt: skip
def test_each_command_has_help(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 0
    assert "usage: smolterm" in capsys.readouterr().out


def test_the_help_names_commands_and_exit_codes(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    for word in ("smolterm py", "smolterm demo", "smolterm setup", "smolterm doctor", "75"):
        assert word in out


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"smolterm {__version__}\n"


@pytest.mark.parametrize(
    "argv", [["--nope"], ["-p", "--max-steps", "x", "t"], ["py", "--nope"], ["setup", "now"]]
)
def test_usage_errors_are_1_and_not_argparses_2(argv, capsys):
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 1
    assert "--help" in capsys.readouterr().err
