"""Policy, the session's rules and the person's file together."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smolterm import events as e
from smolterm.gate import MOST_SHOWN, NEVER, PLAN, Gate, arguments_of
from smolterm.policy import EFFECTS, HARMLESS, MODES, Approve, Policy, Rule, Verdict
from smolterm.rules import RulesFile
from smolterm.sandbox.values import Opaque
from smolterm.tools import ToolSpec
from smolterm.touches import read

ALLOW, ASK, DENY = Verdict.ALLOW, Verdict.ASK, Verdict.DENY


def spec(name="save", effect="write"):
    return ToolSpec(name=name, signature="(x: str)", doc="d", effect=effect)


SPECS = (spec(), spec("double", "pure"))


def gate(tmp_path, mode="step", text="", tell=None, **policy):
    path = tmp_path / "rules.toml"
    if text:
        path.write_text(text)
    policy = Policy(mode=mode, **{name: frozenset(value) for name, value in policy.items()})
    return Gate(policy, file=RulesFile(path), tell=tell or (lambda text: None))


def allowing(rule: Rule) -> str:
    fields = msgspec.to_builtins(rule).items()
    return "[[allow]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in fields)


ANY = Rule(kind="call", tool="save", effect="write")


def test_a_rule_of_the_file_allows_a_call_and_is_named(tmp_path):
    judged = gate(tmp_path, text=allowing(ANY)).judge_call(spec(), None, read=False)
    assert (judged.verdict, judged.rule) == (ALLOW, ANY.words())


def test_a_tool_that_has_become_another_is_asked_about(tmp_path):
    judge = gate(tmp_path, text=allowing(ANY)).judge_call
    assert judge(spec(effect="danger"), "'a'", read=False).verdict is ASK


@pytest.mark.parametrize("denied", ['tool = "save"', 'effect = "write"'])
@pytest.mark.parametrize("mode", MODES)
def test_a_denial_in_the_file_beats_all(tmp_path, denied, mode):
    text = allowing(ANY) + f"[[deny]]\n{denied}\n"
    asked = gate(tmp_path, mode, text, allow={"write"})
    asked.granted.append(ANY)
    judged = asked.judge_call(spec(), "'a'", read=True)
    assert judged.verdict is DENY
    assert judged.why == (PLAN if mode == "plan" else NEVER)


@pytest.mark.parametrize("mode", MODES)
def test_packages_are_judged_as_the_network(tmp_path, mode):
    expected = DENY if mode == "plan" else ASK
    assert gate(tmp_path, mode).judge_package("import").verdict is expected
    denying = gate(tmp_path, mode, '[[deny]]\ntool = "import"\n', allow={"network"})
    assert denying.judge_package("import").verdict is DENY


def test_a_rule_lets_code_run_in_step_mode_but_not_the_third_time(tmp_path):
    asked = gate(tmp_path, text=allowing(Rule(kind="code", tools=("save",))))
    judge = asked.judge_code
    assert judge(read("save(1)", SPECS)).verdict is ALLOW
    assert judge(read("double(1)", SPECS)).verdict is ASK
    assert judge(read("eval(x)", SPECS)).verdict is ASK
    assert judge(read("no python (", SPECS)).verdict is ASK
    assert judge(read("save(1)", SPECS), repeats=3).verdict is ASK
    # The call is judged by itself: nobody has read it.
    assert asked.judge_call(spec(), "1", read=False).verdict is ASK


@pytest.mark.parametrize(
    ("code", "mode", "repeats", "offered"),
    [
        ("x = 1", "step", 1, [()]),
        ("save(double(1))", "step", 2, [("double", "save")]),
        ("f = save", "step", 1, [("save",)]),
        ("x = 1", "step", 3, []),
        ("x = 1", "auto", 3, []),
        ("eval(x)", "step", 1, []),
        ("no python (", "step", 1, []),
        ("x = 'a\u202eb'", "step", 1, []),
        ("x = 1 #\r", "step", 1, []),
        ("x = 1\n" * 20_000, "step", 1, []),
    ],
)
def test_what_is_offered_for_code(tmp_path, code, mode, repeats, offered):
    rules = gate(tmp_path, mode).code_rules(code, read(code, SPECS), repeats=repeats)
    assert [rule.tools for rule in rules] == offered


@pytest.mark.parametrize(
    ("effect", "args", "offered"),
    [
        ("write", ["a"], ["'a'", None]),
        ("network", [], ["", None]),
        ("danger", ["a"], ["'a'"]),
        ("spend", ["a"], ["'a'"]),
        ("write", ["a\u202e"], []),
        ("write", ["a\x1b[2K"], []),
        ("write", ["a" * (MOST_SHOWN + 1)], []),
        ("write", ["a" * 2_000], [None]),
        ("write", [Opaque("T", "'a'")], []),
        ("write", [10**5000], []),
    ],
)
def test_what_is_offered_for_a_call(tmp_path, effect, args, offered):
    rules = gate(tmp_path).call_rules(spec(effect=effect), arguments_of(args, {}).exact)
    assert [rule.arguments for rule in rules] == offered


def test_a_tool_whose_signature_hides_something_is_offered_no_rule(tmp_path):
    odd = msgspec.structs.replace(spec(), signature="(x: Literal['\u2800'])")
    assert gate(tmp_path).call_rules(odd, "'a'") == ()


def test_arguments_are_shown_as_python_writes_them():
    shown = arguments_of(["a\n", {"k": (1, None)}], {"mode": b"x"})
    assert shown.text == shown.exact == "'a\\n', {'k': (1, None)}, mode=b'x'"
    cut = arguments_of(["a" * (MOST_SHOWN + 5)], {})
    assert cut.exact is None
    assert "characters in all" in cut.text


@pytest.mark.parametrize("place", [-1, 2, 99, True, None, "0"])
def test_a_rule_that_was_not_offered_is_not_kept(tmp_path, place):
    asked = gate(tmp_path)
    offered = asked.call_rules(spec(), "'a'")
    assert asked.take(Approve(rule=place, always=True), offered) == ("", "")
    assert asked.take(Approve(rule=0, always=True), ()) == ("", "")
    assert asked.granted == []
    assert not (tmp_path / "rules.toml").exists()


def test_a_rule_for_the_session_counts_now_and_after_its_events_are_read_again(tmp_path):
    asked = gate(tmp_path)
    kept = asked.take(Approve(rule=0), asked.call_rules(spec(), "'a'"))
    again = gate(tmp_path)
    made = e.DecisionMade(step=1, decision="approve", by="person", granted=kept.rule)
    again.recall([made, made, msgspec.structs.replace(made, granted="{broken")])
    assert again.granted == asked.granted
    for each in (asked, again):
        assert each.judge_call(spec(), "'a'", read=False)[:3] == (ALLOW, kept.words, "")
        assert each.judge_call(spec(), "'b'", read=False).verdict is ASK
    assert not (tmp_path / "rules.toml").exists()


def test_a_rule_for_always_counts_in_another_session_and_goes_with_the_file(tmp_path):
    asked = gate(tmp_path)
    kept = asked.take(Approve(rule=1, always=True), asked.call_rules(spec(), "'a'"))
    assert kept.rule == "" and asked.granted == []
    other = gate(tmp_path)
    assert other.judge_call(spec(), "'b'", read=False).rule == kept.words
    (tmp_path / "rules.toml").unlink()
    assert other.judge_call(spec(), "'b'", read=False).verdict is ASK


@pytest.mark.parametrize("effect", ["danger", "spend"])
def test_danger_is_never_kept_for_always(tmp_path, effect):
    told = []
    asked = gate(tmp_path, tell=told.append)
    asked.take(Approve(rule=0, always=True), asked.call_rules(spec(effect=effect), "'a'"))
    assert len(asked.granted) == len(told) == 1
    assert not (tmp_path / "rules.toml").exists()


def test_a_file_that_cannot_be_written_leaves_the_rule_to_the_session(tmp_path):
    told = []
    asked = gate(tmp_path, tell=told.append)
    offered = asked.call_rules(spec(), "'a'")
    (tmp_path / "rules.toml").write_text("broken")
    assert asked.take(Approve(rule=0, always=True), offered).rule
    assert "rules.toml" in told[0]
    assert (tmp_path / "rules.toml").read_text() == "broken"


def test_damage_is_told_once(tmp_path):
    told = []
    asked = gate(tmp_path, text="broken", tell=told.append)
    for _ in range(3):
        assert asked.judge_call(spec(), "'a'", read=False).verdict is ASK
    assert len(told) == 1


SETS = st.frozensets(st.sampled_from(EFFECTS))
GRANTED = st.lists(
    st.builds(Rule, kind=st.just("call"), tool=st.sampled_from(["save", "load"]),
              effect=st.sampled_from(EFFECTS), arguments=st.none() | st.sampled_from(["'a'", ""])),
    max_size=3,
)  # fmt: skip


@given(
    st.builds(Policy, mode=st.sampled_from(MODES), allow=SETS, deny=SETS), GRANTED,
    st.sampled_from(["save", "load"]), st.sampled_from(EFFECTS),
    st.none() | st.sampled_from(["'a'", "'b'", ""]), st.booleans(),
)  # fmt: skip
def test_deny_beats_everything_and_a_rule_never_widens(policy, granted, tool, effect, exact, seen):
    asked = Gate(policy)
    without = asked.judge_call(spec(tool, effect), exact, read=seen).verdict
    asked.granted = granted
    judged = asked.judge_call(spec(tool, effect), exact, read=seen)
    if effect in policy.deny or (policy.mode == "plan" and effect not in HARMLESS):
        assert judged.verdict is DENY
    if judged.verdict is not without:
        # A rule turns a question into a yes, and it says so of this very call.
        assert (without, judged.verdict) == (ASK, ALLOW)
        (used, *_) = [rule for rule in granted if rule.words() == judged.rule]
        assert (used.tool, used.effect) == (tool, effect)
        assert used.arguments in (None, exact)
