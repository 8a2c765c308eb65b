"""The table of what may happen without a person."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm.policy import (
    EFFECTS,
    MOST_REPEATS,
    Policy,
    Verdict,
    judge_action,
    judge_effect,
)

ALLOW, ASK, DENY = Verdict.ALLOW, Verdict.ASK, Verdict.DENY
SETS = st.frozensets(st.sampled_from(EFFECTS))
POLICIES = st.builds(Policy, mode=st.sampled_from(["step", "auto"]), allow=SETS, deny=SETS)


@pytest.mark.parametrize(
    ("mode", "repeats", "verdict"),
    [("step", 1, ASK), ("auto", 1, ALLOW), ("auto", 2, ALLOW), ("auto", 3, ASK), ("auto", 9, ASK)],
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


@given(POLICIES, st.sampled_from(EFFECTS), st.booleans())
def test_deny_beats_everything(policy, effect, read):
    verdict = judge_effect(policy, effect, read_by_person=read)
    assert (verdict is DENY) == (effect in policy.deny)


@given(POLICIES, st.integers(MOST_REPEATS, 99))
def test_a_task_that_does_not_move_is_looked_at(policy, repeats):
    assert judge_action(policy, repeats=repeats) is ASK
