"""Completion as the shells themselves do it, and the man page that is made with it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from smolterm.completion import script_for, spots
from smolterm.manpage import page

ROOT = Path(__file__).parent.parent
MAN = ROOT / "man" / "smolterm.1"

# What is typed, and the only word that it can become.
CASES = (
    ("smolterm comp", "completion"),
    ("smolterm --output-s", "--output-schema"),
    ("smolterm --mode ef", "effects"),
    ("smolterm packages ver", "verify"),
    ("smolterm packages add --ind", "--index"),
    ("smolterm models --no-s", "--no-servers"),
    ("smolterm completion zs", "zsh"),
    ("smolterm -p --in inp", "input.csv"),
    ("smolterm --folder inn", "inner/"),
    ("smolterm py inp", "input.csv"),
)
NOTHING = ("smolterm 'a task' comp", "smolterm --max-steps inp", "smolterm models add")


@pytest.fixture
def folder(tmp_path):
    """A folder with something to complete, and the scripts."""
    (tmp_path / "input.csv").write_text("a\n")
    (tmp_path / "inner").mkdir()
    for shell in ("bash", "zsh", "fish"):
        (tmp_path / f"script.{shell}").write_text(script_for(shell))
    return tmp_path


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"there is no {shell} here")


def run(folder, shell, *argv):
    done = subprocess.run([shell, *argv], cwd=folder, capture_output=True, text=True, timeout=30,
                          env={"HOME": str(folder), "PATH": "/usr/local/bin:/usr/bin:/bin"},
                          check=True)  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def bash(folder, typed):
    split = 'eval "COMP_WORDS=($1)"; COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))'
    script = (
        f"source script.bash; {split}; _smolterm 2>/dev/null; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    return [word for word in run(folder, "bash", "--norc", "-c", script, "bash", typed) if word]


@needs("bash")
@pytest.mark.parametrize(("typed", "word"), CASES)
def test_bash_completes(folder, typed, word):
    # Readline itself puts the slash behind a folder.
    assert bash(folder, typed) == [word.rstrip("/")]


@needs("bash")
@pytest.mark.parametrize("typed", NOTHING)
def test_bash_completes_nothing_where_nothing_is(folder, typed):
    assert bash(folder, typed) == []


def fish(folder, typed):
    lines = run(
        folder, "fish", "--no-config", "-c", "source script.fish; complete -C $argv[1]", typed
    )
    return [line.split("\t")[0] for line in lines]


@needs("fish")
@pytest.mark.parametrize(("typed", "word"), CASES)
def test_fish_completes(folder, typed, word):
    assert fish(folder, typed) == [word]


@needs("fish")
@pytest.mark.parametrize("typed", NOTHING)
def test_fish_completes_nothing_where_nothing_is(folder, typed):
    assert fish(folder, typed) == []


@needs("zsh")
def test_zsh_completes(folder):
    shell = pexpect.spawn("zsh", ["-f", "-i"], cwd=str(folder), encoding="utf-8", timeout=30,
                          dimensions=(24, 200), env={"HOME": str(folder), "TERM": "dumb",
                          "PATH": "/usr/local/bin:/usr/bin:/bin"})  # fmt: skip
    shell.sendline("PS1='READ''Y> '; autoload -U compinit; compinit -u -D; source script.zsh")
    shell.expect_exact("READY> ")
    # A widget that shows the line after its completion, so that nothing is guessed from the screen.
    shell.sendline(
        'w() { zle complete-word; local l=$BUFFER; BUFFER=; zle -I; print -r -- "<$l>" }; '
        "zle -N w; bindkey '^X' w"
    )
    shell.expect_exact("READY> ")
    try:
        for typed, word in CASES:
            shell.send(typed + "\x18")
            shell.expect(r"<(.*?)>\r")
            made = shell.match[1].rstrip()
            assert made == " ".join([*typed.split(" ")[:-1], word]), typed
            shell.expect_exact("READY> ")
        for typed in NOTHING:
            shell.send(typed + "\x18")
            shell.expect(r"<(.*?)>\r")
            assert shell.match[1] == typed
            shell.expect_exact("READY> ")
    finally:
        shell.close(force=True)


def test_every_flag_is_said_to_each_shell():
    for shell in ("bash", "zsh", "fish"):
        script = script_for(shell)
        for spot in spots():
            for flag in spot.flags:
                for name in flag.names:
                    assert (name if shell != "fish" else name.lstrip("-")) in script


def test_the_man_page_is_the_parsers():
    assert MAN.read_text() == page(), "run: make pages"


@needs("groff")
def test_the_man_page_is_good_roff():
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(MAN)], capture_output=True,
                          text=True, timeout=30, check=True)  # fmt: skip
    assert done.stderr == ""
