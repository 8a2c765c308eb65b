"""The README cannot drift: its Python runs, its commands exist, its tables agree with the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from smolterm.completion import spots
from smolterm.config import Settings
from smolterm.errors import ExitCode
from smolterm.flags import EXIT_CODES
from smolterm.models.providers import PROVIDERS
from smolterm.oneshot import End

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


def test_the_list_of_events_is_the_codes(tmp_path):
    made = tmp_path / "events.md"
    subprocess.run([sys.executable, ROOT / "docs" / "make_events.py", made], check=True)
    assert (ROOT / "docs" / "events.md").read_text() == made.read_text(), "run: make pages"


def test_the_page_of_tools_is_the_packs(tmp_path):
    made = tmp_path / "tools.md"
    subprocess.run([sys.executable, ROOT / "docs" / "make_tools.py", made], check=True)
    assert (ROOT / "docs" / "tools.md").read_text() == made.read_text(), "run: make pages"


def test_the_table_of_keys_is_the_codes(tmp_path):
    page = ROOT / "docs" / "terminal.md"
    made = tmp_path / "terminal.md"
    made.write_text(page.read_text())
    subprocess.run([sys.executable, ROOT / "docs" / "make_keys.py", made], check=True)
    assert page.read_text() == made.read_text(), "run: make pages"


def test_links_between_pages_lead_somewhere():
    pages = {path: path.read_text() for path in (ROOT / "docs").glob("*.md")}
    for page, text in pages.items():
        for target, place in re.findall(r"\]\(([\w./-]+)#?([\w-]*)\)", text):
            there = page.parent / target
            assert there.exists(), (page.name, target)
            if place:
                heads = re.findall(r"^#+ (.*)", there.read_text(), re.MULTILINE)
                names = {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}
                assert place in names, (page.name, target, place)


def test_the_page_of_one_answer_knows_the_flags_and_keys_that_there_are():
    page = (ROOT / "docs" / "oneshot.md").read_text()
    known = {name for flag in next(spots()).flags for name in flag.names}
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", page))
    assert named <= known | {"--"}
    one_shot = {"--in", "--out", "-o", "--output", "--output-schema", "-q", "--plain",
                "--ephemeral", "--max-steps", "--max-tokens", "--max-cost",
                "--timeout"}  # fmt: skip
    assert one_shot <= named
    (keys,) = re.findall(r'\{"version": 1, ("answer".*?)\}`', page)
    assert re.findall(r'"(\w+)"', keys) == list(End.__struct_fields__[1:])
    listed = {int(number) for number in re.findall(r"^\| ([\d, ]+) \|", page, re.M) for number in
              number.split(",")}  # fmt: skip
    assert listed == {int(code) for code in ExitCode}
