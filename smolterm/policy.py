"""What may happen without a person, and what a person can answer. Pure.

An approval of code covers the tools that this code calls by name: the person read the call. A call
that the approved code does not show (made by a function of an earlier step, or through `getattr`)
asks for itself, and so does every call that spends or that its author declared dangerous. A `Rule`
is what a person allowed for later; it says no more than its words. While unread text from outside
is in the session, none of this allows a call with an effect: the text may be what asks for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import Enum
from typing import Literal, TypeAlias

import msgspec

Effect: TypeAlias = Literal["pure", "read", "write", "network", "spend", "danger"]
Mode: TypeAlias = Literal["step", "effects", "plan", "auto"]
MODES: tuple[Mode, ...] = ("step", "effects", "plan", "auto")
OutsidePolicy: TypeAlias = Literal["ask", "trust"]

EFFECTS: tuple[Effect, ...] = ("pure", "read", "write", "network", "spend", "danger")
HARMLESS: frozenset[str] = frozenset({"pure", "read"})
MOST_REPEATS = 3
COVERED_BY_APPROVAL: frozenset[str] = frozenset({"write", "network"})
KEPT: frozenset[str] = frozenset({"write", "network"})
"""Effects whose rules may outlive the session."""


class Verdict(Enum):
    """What the policy says before a person must."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Approve(msgspec.Struct, frozen=True):
    """Run it as it stands."""

    rule: int | None = None
    """The place in the request's `rules` of what is allowed from now on too; None: nothing is."""
    always: bool = False
    """The rule outlives the session."""


class Edit(msgspec.Struct, frozen=True):
    """Run this instead; the model is told what changed."""

    code: str


class Reject(msgspec.Struct, frozen=True):
    """Do not run it; the model reads the reason and goes on."""

    reason: str = ""


class Stop(msgspec.Struct, frozen=True):
    """Do not run it and end the task."""


Decision: TypeAlias = Approve | Edit | Reject | Stop


class AcceptFiles(msgspec.Struct, frozen=True):
    """Write these staged changes, and no others."""

    paths: tuple[str, ...] | None = None
    """Whole files; None with no hunks means all that can be written."""
    hunks: dict[str, tuple[int, ...]] = msgspec.field(default_factory=dict)
    """Of other files only these hunks, numbered from 1."""
    reason: str = ""
    """Why the rest is not; the model reads it."""


class RefuseFiles(msgspec.Struct, frozen=True):
    """Write nothing; the model reads the reason."""

    reason: str = ""


FilesDecision: TypeAlias = AcceptFiles | RefuseFiles


class Rule(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """What a person allowed from now on. What it does not name, it does not allow."""

    kind: Literal["call", "code", "step"]
    """One tool's calls, the running of code, or one tool's calls in the rest of one step."""
    tool: str = ""
    """The name of a call's tool."""
    signature: str = ""
    """Of the tool; one that has changed since is another tool. Empty: not looked at."""
    effect: str = ""
    """As the tool's author declared it; one that has changed since is another tool."""
    arguments: str | None = None
    """Exactly these, as Python writes them; None: any."""
    tools: tuple[str, ...] = ()
    """All that code may name. Of `step`: those whose text of that step does not make it ask."""
    step: int = 0
    """Of `step`: which one."""

    def words(self) -> str:
        """Return the whole rule as a sentence: nothing is allowed that it does not say."""
        if self.kind == "code":
            but = f" but {', '.join(f'`{name}`' for name in self.tools)}" if self.tools else ""
            return (
                f"Run code without asking as long as it calls no tool{but}. "
                "Calls that leave the sandbox are still judged one by one."
            )
        if self.kind == "step":
            brought = " or ".join(f"`{name}`" for name in self.tools)
            return (
                f"For the rest of step {self.step}, let `{self.tool}{self.signature}` "
                f"({self.effect}) be called without asking, with any arguments, even after text "
                f"from outside that {brought} brings in this step. "
                "That text stays unread for every other call."
            )
        called = f"Let `{self.tool}{self.signature}` ({self.effect}) be called without asking"
        if self.arguments is None:
            return f"{called}, with any arguments."
        if not self.arguments:
            return f"{called}, without arguments only."
        return f"{called}, with exactly these arguments only: {self.arguments}"

    def covers_call(self, tool: str, signature: str, effect: str, arguments: str | None) -> bool:
        """Say whether a call is one that the rule allows.

        Args:
            arguments: the call's real ones, written as the rule's; None where they cannot be
                written whole.
        """
        if self.kind != "call" or (tool, effect) != (self.tool, self.effect):
            return False
        if self.signature not in ("", signature):
            return False
        return self.arguments is None or self.arguments == arguments

    def covers_step(
        self, tool: str, signature: str, effect: str, step: int, brought: Iterable[tuple[str, int]]
    ) -> bool:
        """Say whether a call is one that the rule allows for the rest of a step.

        Args:
            brought: the tool, and the step, of each unread text from outside; "" for no tool.
        """
        if self.kind != "step" or (tool, effect, step) != (self.tool, self.effect, self.step):
            return False
        if self.signature != signature:
            return False
        return all(name in self.tools and at == step for name, at in brought)

    def covers_code(self, tools: Collection[str] | None) -> bool:
        """Say whether code may run.

        Args:
            tools: those that it names; None where it may reach more than it names.
        """
        return self.kind == "code" and tools is not None and set(tools) <= set(self.tools)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one session."""

    mode: Mode = "step"
    """`step` asks for every step; `effects` for every call that leaves the sandbox; in `plan`
    nothing with an effect runs; `auto` asks for what nothing here allows."""
    allow: frozenset[str] = frozenset()
    """Effects that need no question."""
    deny: frozenset[str] = frozenset()
    """Effects that never happen; beats everything else."""
    outside: OutsidePolicy = "ask"
    """`ask` about each call with an effect while text from outside is unread, whatever the mode, a
    rule or `allow` says; or `trust` that text."""


def judge_action(policy: Policy, *, repeats: int = 1) -> Verdict:
    """Say whether a step's code may run: inside the sandbox it reaches nothing by itself.

    Args:
        repeats: how often in a row the model proposed this very code; the third time a person
            looks at it, whatever the mode, because the task does not move.
    """
    if repeats >= MOST_REPEATS:
        return Verdict.ASK
    return Verdict.ASK if policy.mode == "step" else Verdict.ALLOW


def judge_effect(policy: Policy, effect: str, *, read_by_person: bool) -> Verdict:
    """Say whether one tool call may happen.

    Args:
        effect: what the tool's author declared.
        read_by_person: a person approved code that calls this tool by name. In the mode `effects`
            each call is asked about all the same.
    """
    if effect in policy.deny:
        return Verdict.DENY
    if effect in HARMLESS:
        return Verdict.ALLOW
    if policy.mode == "plan":
        return Verdict.DENY
    if effect in policy.allow:
        return Verdict.ALLOW
    if read_by_person and effect in COVERED_BY_APPROVAL and policy.mode != "effects":
        return Verdict.ALLOW
    return Verdict.ASK


def guards(policy: Policy, effect: str) -> bool:
    """Say whether unread text from outside makes a call ask that is not denied."""
    return policy.outside == "ask" and effect not in HARMLESS


def judge_files(policy: Policy) -> Verdict:
    """Say whether staged changes may be written: as a call that writes. DENY: nobody is asked."""
    return judge_effect(policy, "write", read_by_person=False)
