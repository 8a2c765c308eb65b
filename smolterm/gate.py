"""The gate of a session: policy, the session's rules and the person's file, asked in one place.

What is denied beats everything; then unread text from outside, which makes every effect ask; then
what is allowed, by policy or by a rule; else a person is asked. The policy is looked at for each
judgement, so that another mode counts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec

from smolterm.errors import ConfigError
from smolterm.events import DecisionMade, Event
from smolterm.outside import Outside, Unread
from smolterm.policy import (
    HARMLESS,
    KEPT,
    MOST_REPEATS,
    Approve,
    Policy,
    Rule,
    Verdict,
    guards,
    judge_action,
    judge_effect,
    judge_files,
)
from smolterm.printable import reveal
from smolterm.rules import Rules, RulesFile
from smolterm.sandbox.values import short_repr
from smolterm.tools import ToolSpec
from smolterm.touches import Reading

PLAN = "plan mode: nothing with an effect runs; describe what you would do"
NEVER = "This session does not allow it."
MOST_SHOWN = 20_000
"""Characters of a value that a person is asked about; what is longer is cut and says so."""
LONGEST_WORDS = 1_000
"""Of a rule: more than a person reads at a glance is not offered."""


class Judgement(NamedTuple):
    """What happens, and by which rule, in words."""

    verdict: Verdict
    rule: str = ""
    why: str = ""
    """What the code is told of a denial."""
    guarded: bool = False
    """It is asked about because of unread text from outside."""


class Arguments(NamedTuple):
    """What a call was given."""

    text: str
    """As Python writes it, for a person."""
    exact: str | None
    """The same, where nothing is missing and nothing hidden; None otherwise."""


class Granted(NamedTuple):
    """What an approval allows from now on."""

    words: str = ""
    rule: str = ""
    """As JSON where it lives in the session; empty where it is nothing, or kept in the file."""


class Gate:
    """What may happen without a person.

    Args:
        file: the person's rules; None: there are none.
        tell: hears what went wrong with the file.
        outside: returns what came from outside so far.

    Attributes:
        policy: in force from the next judgement on.
        granted: the rules of this session.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        file: RulesFile | None = None,
        tell: Callable[[str], None] = lambda text: None,
        outside: Callable[[], Outside] = Outside,
    ) -> None:
        self.policy = policy
        self.granted: list[Rule] = []
        self._file = file
        self._tell = tell
        self._told = ""
        self._outside = outside

    def unread(self) -> Unread:
        """Return the unread text from outside that a question shows; none where all is trusted."""
        return Unread() if self.policy.outside == "trust" else self._outside().unread()

    def judge_code(self, reading: Reading, *, repeats: int = 1) -> Judgement:
        """Judge a step's code; what it calls is judged when it comes."""
        verdict = judge_action(self.policy, repeats=repeats)
        if verdict is Verdict.ASK and repeats < MOST_REPEATS:
            for rule in self._allowed():
                if rule.covers_code(reading.tools):
                    return Judgement(Verdict.ALLOW, rule.words())
        return Judgement(verdict)

    def judge_call(
        self, spec: ToolSpec, exact: str | None, *, read: bool, step: int = 0
    ) -> Judgement:
        """Judge one call of a tool.

        Args:
            exact: see `Arguments`.
            read: a person approved code that calls it by name.
            step: in which it is made.
        """
        verdict = judge_effect(self.policy, spec.effect, read_by_person=read)
        if self._denied(spec.name, spec.effect):
            verdict = Verdict.DENY
        if verdict is Verdict.DENY:
            planning = self.policy.mode == "plan" and spec.effect not in self.policy.deny
            return Judgement(verdict, why=PLAN if planning else NEVER)
        guarded = self._guarded(spec.effect)
        if verdict is Verdict.ASK or guarded:
            brought = self._outside().unread_from if guarded else ()
            for rule in self.granted:
                if rule.covers_step(spec.name, spec.signature, spec.effect, step, brought):
                    return Judgement(Verdict.ALLOW, rule.words())
        if guarded:
            return Judgement(Verdict.ASK, guarded=True)
        if verdict is Verdict.ASK:
            for rule in self._allowed():
                if rule.covers_call(spec.name, spec.signature, spec.effect, exact):
                    return Judgement(Verdict.ALLOW, rule.words())
        return Judgement(verdict)

    def judge_package(self, name: str) -> Judgement:
        """Judge the fetching of a package that nobody has read of."""
        if self._denied(name, "network"):
            return Judgement(Verdict.DENY)
        verdict = judge_effect(self.policy, "network", read_by_person=False)
        if verdict is not Verdict.DENY and self._guarded("network"):
            return Judgement(Verdict.ASK, guarded=True)
        return Judgement(verdict)

    def judge_files(self) -> Judgement:
        """Judge the writing of staged changes; DENY: nobody is asked.

        Text out of the person's own files does not make it ask: that these are changed by what
        stands in them is what they were handed over for.
        """
        verdict = judge_files(self.policy)
        by_tools = any(tool for tool, _ in self._outside().unread_from)
        if verdict is not Verdict.DENY and by_tools and self._guarded("write"):
            return Judgement(Verdict.ASK, guarded=True)
        return Judgement(verdict)

    def _guarded(self, effect: str) -> bool:
        return guards(self.policy, effect) and bool(self._outside().unread_from)

    def code_rules(self, code: str, reading: Reading, *, repeats: int = 1) -> tuple[Rule, ...]:
        """Return what could be allowed from a question about code on."""
        unclear = reading.tools is None or reveal(code)[1]
        if unclear or repeats >= MOST_REPEATS or self.policy.mode != "step":
            return ()
        assert reading.tools is not None
        return _readable(Rule(kind="code", tools=tuple(sorted(reading.tools))))

    def call_rules(self, spec: ToolSpec, exact: str | None) -> tuple[Rule, ...]:
        """Return what could be allowed from a question about a call on, the narrowest first."""
        if exact is None or spec.effect in HARMLESS:
            return ()
        one = Rule(kind="call", tool=spec.name, signature=spec.signature, effect=spec.effect,
                   arguments=exact)  # fmt: skip
        if spec.effect not in KEPT:
            return _readable(one)
        return _readable(one, msgspec.structs.replace(one, arguments=None))

    def step_rules(self, spec: ToolSpec, step: int) -> tuple[Rule, ...]:
        """Return what lets a tool go on for the rest of a step, whatever it brings itself.

        Without it a loop over 20 pages would ask 20 times. Tools that such a rule was taken for
        already do not make each other ask.
        """
        if not spec.outside or spec.effect not in KEPT:
            return ()
        taken = {rule.tool for rule in self.granted if rule.kind == "step" and rule.step == step}
        rule = Rule(kind="step", tool=spec.name, signature=spec.signature, effect=spec.effect,
                    tools=tuple(sorted(taken | {spec.name})), step=step)  # fmt: skip
        return _readable(rule)

    def take(self, decision: Approve, offered: tuple[Rule, ...]) -> Granted:
        """Keep the rule that an approval names; nothing where it names none that was offered."""
        place = decision.rule
        if type(place) is not int or not 0 <= place < len(offered):
            return Granted()
        rule = offered[place]
        if decision.always and self._keep(rule):
            return Granted(rule.words())
        if rule not in self.granted:
            self.granted.append(rule)
        return Granted(rule.words(), msgspec.json.encode(rule).decode())

    def recall(self, events: Iterable[Event]) -> None:
        """Let the rules count again that a session's events granted."""
        for event in events:
            if not isinstance(event, DecisionMade) or not event.granted:
                continue
            try:
                rule = msgspec.json.decode(event.granted, type=Rule)
            except (msgspec.DecodeError, RecursionError):
                continue
            if rule not in self.granted:
                self.granted.append(rule)

    def _keep(self, rule: Rule) -> bool:
        """Write a rule into the file; False where it may only live in the session."""
        if rule.kind == "step":
            return False
        if self._file is None or (rule.kind == "call" and rule.effect not in KEPT):
            self._tell("That rule cannot be kept: it counts for this session.")
            return False
        try:
            self._file.add(rule)
        except ConfigError as error:
            self._tell(f"{error}\nThe rule counts for this session.")
            return False
        return True

    def _rules(self) -> Rules:
        if self._file is None:
            return Rules()
        rules = self._file.current()
        if self._file.error != self._told:
            self._told = self._file.error
            if self._told:
                self._tell(self._told)
        return rules

    def _allowed(self) -> tuple[Rule, ...]:
        return (*self.granted, *self._rules().allow)

    def _denied(self, tool: str, effect: str) -> bool:
        return any(denied.covers(tool, effect) for denied in self._rules().deny)


def arguments_of(args: list[Any], kwargs: dict[str, Any]) -> Arguments:
    """Return what a call was given, as a person is asked about it."""
    parts = [short_repr(value, MOST_SHOWN) for value in args]
    parts += [f"{name}={short_repr(value, MOST_SHOWN)}" for name, value in kwargs.items()]
    text = ", ".join(parts)
    if len(text) > MOST_SHOWN:
        return Arguments(f"{text[:MOST_SHOWN]}... ({len(text)} characters in all)", None)
    clear = all(map(_is_plain, [*args, *kwargs, *kwargs.values()])) and not reveal(text)[1]
    return Arguments(text, text if clear else None)


def _is_plain(value: Any, depth: int = 100) -> bool:
    """Whether the repr tells the whole value, and nothing in it is hidden."""
    if value is None or type(value) in (bool, float, bytes):
        return True
    if type(value) is int:
        # Longer ones have no repr.
        return value.bit_length() < 4_000
    if type(value) is str:
        return not reveal(value)[1]
    if depth <= 0:
        return False
    if type(value) in (list, tuple):
        return all(_is_plain(part, depth - 1) for part in value)
    if type(value) is dict:
        return all(_is_plain(part, depth - 1) for pair in value.items() for part in pair)
    return False


def _readable(*rules: Rule) -> tuple[Rule, ...]:
    """Return those that can be shown whole."""
    return tuple(
        rule for rule in rules
        if len(rule.words()) <= LONGEST_WORDS and "\n" not in rule.words()
        and not reveal(rule.words())[1]
    )  # fmt: skip
