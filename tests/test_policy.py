"""The table of what may happen without a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.policy import (
    EFFECTS,
    HARMLESS,
    MODES,
    MOST_REPEATS,
    Policy,
    Rule,
    Verdict,
    judge_action,
    judge_effect,
    judge_files,
)

ALLOW, ASK, DENY = Verdict.ALLOW, Verdict.ASK, Verdict.DENY
SETS = st.frozensets(st.sampled_from(EFFECTS))
POLICIES = st.builds(Policy, mode=st.sampled_from(MODES), allow=SETS, deny=SETS)


@pytest.mark.parametrize(
    ("mode", "repeats", "verdict"),
    [
        ("step", 1, ASK),
        *((mode, 2, ALLOW) for mode in ("effects", "plan", "auto")),
        *((mode, 3, ASK) for mode in MODES),
        ("auto", 9, ASK),
    ],
)
def test_actions(mode, repeats, verdict):
    assert judge_action(Policy(mode=mode), repeats=repeats) is verdict


@pytest.mark.parametrize(
    ("effect", "unread", "read", "allowed"),
    [
        ("pure", ALLOW, ALLOW, ALLOW),
        ("read", ALLOW, ALLOW, ALLOW),
        ("write", ASK, ALLOW, ALLOW),
        ("network", ASK, ALLOW, ALLOW),
        ("spend", ASK, ASK, ALLOW),
        ("danger", ASK, ASK, ALLOW),
        ("made up", ASK, ASK, ALLOW),
    ],
)
def test_effects(effect, unread, read, allowed):
    for mode in ("step", "auto"):
        assert judge_effect(Policy(mode=mode), effect, read_by_person=False) is unread
        assert judge_effect(Policy(mode=mode), effect, read_by_person=True) is read
        policy = Policy(mode=mode, allow=frozenset({effect}))
        assert judge_effect(policy, effect, read_by_person=False) is allowed


@pytest.mark.parametrize("effect", [*EFFECTS, "made up"])
@pytest.mark.parametrize("read", [True, False])
def test_each_call_that_leaves_the_sandbox_asks_in_effects_mode(effect, read):
    verdict = judge_effect(Policy(mode="effects"), effect, read_by_person=read)
    assert verdict is (ALLOW if effect in HARMLESS else ASK)


@given(SETS, st.sampled_from([*EFFECTS, "made up"]), st.booleans())
def test_nothing_with_an_effect_happens_in_plan_mode_whatever_is_allowed(allow, effect, read):
    verdict = judge_effect(Policy(mode="plan", allow=allow), effect, read_by_person=read)
    assert verdict is (ALLOW if effect in HARMLESS else DENY)


@pytest.mark.parametrize(
    ("mode", "allow", "deny", "verdict"),
    [
        ("step", set(), set(), ASK),
        ("effects", {"write"}, set(), ALLOW),
        ("plan", {"write"}, set(), DENY),
        ("auto", set(), set(), ASK),
        ("auto", {"write"}, set(), ALLOW),
        ("auto", {"write"}, {"write"}, DENY),
        ("step", set(), {"write"}, DENY),
    ],
)
def test_staged_files(mode, allow, deny, verdict):
    policy = Policy(mode=mode, allow=frozenset(allow), deny=frozenset(deny))
    assert judge_files(policy) is verdict


CALL = Rule(kind="call", tool="save", signature="(x: str)", effect="write", arguments="'a'")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (CALL, "Let `save(x: str)` (write) be called without asking, with exactly these arguments "
               "only: 'a'"),
        (Rule(kind="call", tool="now", effect="network", arguments=""),
         "Let `now` (network) be called without asking, without arguments only."),
        (Rule(kind="call", tool="weather", signature="(city: str) -> str", effect="network"),
         "Let `weather(city: str) -> str` (network) be called without asking, with any arguments."),
        (Rule(kind="code"), "Run code without asking as long as it calls no tool. "
                            "Calls that leave the sandbox are still judged one by one."),
        (Rule(kind="code", tools=("a", "b")),
         "Run code without asking as long as it calls no tool but `a`, `b`. "
         "Calls that leave the sandbox are still judged one by one."),
    ],
)  # fmt: skip
def test_a_rule_in_words(rule, words):
    assert rule.words() == words


@pytest.mark.parametrize(
    ("call", "covered"),
    [
        (("save", "(x: str)", "write", "'a'"), True),
        (("save", "(x: str)", "write", "'b'"), False),
        (("save", "(x: str)", "write", None), False),
        (("save", "(x: str)", "danger", "'a'"), False),
        (("save", "(x: str, y: int)", "write", "'a'"), False),
        (("load", "(x: str)", "write", "'a'"), False),
    ],
)
def test_a_rule_covers_what_it_names(call, covered):
    assert CALL.covers_call(*call) is covered
    assert not Rule(kind="code", tools=("save",)).covers_call(*call)


NAMES = st.frozensets(st.sampled_from(["save", "load", "now"]))


@given(NAMES, st.none() | NAMES)
def test_code_runs_by_a_rule_only_where_it_names_no_other_tool(named, tools):
    rule = Rule(kind="code", tools=tuple(named))
    assert rule.covers_code(tools) == (tools is not None and tools <= named)
    assert not CALL.covers_code(tools)


PARTS = st.fixed_dictionaries({
    "tool": st.sampled_from(["save", "load"]),
    "signature": st.sampled_from(["(x: str)", "()"]),
    "effect": st.sampled_from(EFFECTS),
    "arguments": st.none() | st.sampled_from(["", "'a'", "'a', 'b'"]),
})  # fmt: skip


@given(PARTS, PARTS)
def test_a_rule_never_covers_more_than_its_words_say(said, call):
    rule = Rule(kind="call", **said)
    if rule.covers_call(**call):
        assert {**call, "arguments": said["arguments"]} == said
        assert said["arguments"] in (None, call["arguments"])


@given(POLICIES, st.sampled_from(EFFECTS), st.booleans())
def test_deny_beats_everything(policy, effect, read):
    verdict = judge_effect(policy, effect, read_by_person=read)
    planning = policy.mode == "plan" and effect not in HARMLESS
    assert (verdict is DENY) == (effect in policy.deny or planning)


@given(POLICIES, st.integers(MOST_REPEATS, 99))
def test_a_task_that_does_not_move_is_looked_at(policy, repeats):
    assert judge_action(policy, repeats=repeats) is ASK
