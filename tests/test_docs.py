"""The README cannot drift: its Python runs, its commands exist, its tables agree with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm.config import Settings
from smolterm.errors import ExitCode
from smolterm.flags import EXIT_CODES
from smolterm.models.providers import PROVIDERS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


PAGES = [README, *(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))]


def blocks(language, pages=PAGES[:1]):
    fenced = re.compile(rf"```{language}\n(.*?)```", re.DOTALL)
    return [block for page in pages for block in fenced.findall(page)]


@pytest.mark.parametrize("code", blocks("python", PAGES))
def test_python_blocks_run(code, tmp_path):
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True,
                          text=True, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_make_targets_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for named in re.findall(r"`?make ([a-z ]+?)[`#\n]", README):
        for target in named.split():
            assert target in targets


def test_exit_codes_are_those_of_the_code():
    table = README[README.index("| exit code |") :].split("\n\n")[0]
    listed = {int(number) for number in re.findall(r"\d+", table)}
    assert listed == {int(code) for code in ExitCode}
    assert {int(number) for number in re.findall(r"\b\d{1,3}\b", EXIT_CODES)} <= listed


def test_settings_in_the_example_exist():
    for block in blocks("toml"):
        for name in re.findall(r"^(\w+) =", block, re.MULTILINE):
            assert name in Settings.__struct_fields__


def test_every_providers_name_is_in_the_readme():
    for name in PROVIDERS:
        assert re.search(rf"\b{re.escape(name)}\b", README), name


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
