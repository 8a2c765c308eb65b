"""docs/approval.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from smolterm.outside import mark
from smolterm.policy import (
    MODES,
    Policy,
    Rule,
    Verdict,
    judge_action,
    judge_effect,
    judge_files,
)
from smolterm.rules import parse

PAGE = (Path(__file__).parent.parent / "docs" / "approval.md").read_text()


def word(*verdicts: Verdict) -> str:
    (verdict,) = set(verdicts)
    return {"allow": "runs", "ask": "asks", "deny": "refused"}[verdict.value]


def row(mode: str, read: bool) -> str:
    policy = Policy(mode=mode)  # type: ignore[arg-type]
    name = f"`{mode}`" + (", the default" if mode == Policy().mode and not read else "")
    pairs = [("pure", "read"), ("write", "network"), ("spend", "danger")]
    effects = [
        word(*(judge_effect(policy, effect, read_by_person=read) for effect in pair))
        for pair in pairs
    ]
    if read:
        name += ", in code that you approved, called by name"
        return f"| {name} | | {' | '.join(effects)} | |"
    code, files = word(judge_action(policy)), word(judge_files(policy))
    return f"| {name} | {code} | {' | '.join(effects)} | {files} |"


def test_the_table_of_modes_is_the_policy():
    rows = [row(mode, read) for mode in MODES for read in (False, True)]
    # Nobody reads code before it runs in this mode.
    rows = [one for one in rows if not one.startswith("| `plan`, in")]
    table = PAGE[PAGE.index("| | code |") :].split("\n\n")[0]
    assert table.splitlines()[2:] == rows


def test_the_words_of_rules_are_theirs():
    tool = {"tool": "save", "signature": "(text: str) -> str", "effect": "write"}
    for rule in (Rule(kind="call", **tool, arguments="'a'"), Rule(kind="call", **tool),
                 Rule(kind="code", tools=("double", "save"))):  # fmt: skip
        assert f"| {rule.words()} |" in PAGE
    page = {"tool": "read_page", "signature": "(url: str) -> str", "effect": "network"}
    step = Rule(kind="step", **page, tools=("read_page",), step=3)
    assert f"| {step.words()} |" in PAGE
    assert f"`{mark(['read_page'])}`" in PAGE


def test_the_file_of_rules_is_one():
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    rules = parse(example, "the page")
    assert len(rules.allow) == 3
    assert f"# {rules.allow[0].words()}\n" in example
    assert [(denied.tool, denied.effect) for denied in rules.deny] == [
        ("", "spend"), ("import", ""),
    ]  # fmt: skip
