"""What a model wrote -> the code it wants to run, or what is wrong with the reply. Pure.

Small models fence code in every way there is, and think, call tools and invent results around it.
Here the blocks that the scan found become one action, or the words that tell the model what to
mend.
"""

from __future__ import annotations

import ast
import re
from typing import Literal, TypeAlias

import msgspec

from smolterm import toolcall
from smolterm.repair import (
    Judge,
    asks_to_run,
    calls_something,
    does_something,
    is_blank,
    is_code_line,
    is_data,
    looks_typed,
    rename_answer,
    repaired,
    tidy,
    without_language,
    without_prose,
)
from smolterm.scan import Block, Scan, scan

Kind: TypeAlias = Literal["code", "prose", "mistake", "empty"]
Mistake: TypeAlias = Literal[
    "empty", "only-thinking", "empty-code", "not-python", "other-language", "tool-call", "cut-off"
]

_LABELLED = re.compile(r"^[ \t]*\*{0,2}Final[ _]answer:\*{0,2}[ \t]*(?=\S)", re.I | re.M)

QUOTED = 300
EXPECTED = "Write your reasoning, then one block of Python:\n```python\n# your code\n```\n" + (
    "Give the result of the task with final_answer(...) in such a block."
)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One reply, read."""

    kind: Kind
    code: str | None = None
    """What should run; set for `code` alone. May hold a SyntaxError for the model to read."""
    reasoning: str = ""
    """The text before the code; for `prose` the whole text, which is a plain answer."""
    thinking: str = ""
    """What stood in think blocks; code in there never runs."""
    mistake: Mistake | None = None
    """Set for `mistake` and `empty`."""
    message: str = ""
    """What to tell the model about the mistake: its own words and what is expected."""


def parse_reply(text: str, *, cut: bool = False) -> Reply:
    """Read one reply of a model; never raises, whatever the text.

    Args:
        cut: it ended where it had to and not where the model wanted; half a program never runs.

    Returns:
        A `Reply` of kind `code`, `prose` (a plain answer without any try at code), `mistake`
        (a try at code that cannot run; `message` says why) or `empty`.
    """
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    judge = Judge()
    found = scan(text, judge)
    thinking = "\n\n".join(part.strip() for part in found.thinking if part.strip())
    prose = "".join(found.prose).strip()
    reply = _from_blocks(found, judge) or _from_prose(prose, found, judge)
    if cut and reply.code is not None and not _is_closed(found):
        what = "Your reply was cut off in the middle of its code, so nothing ran. Do less at once."
        reply = _mistake("cut-off", what)
    if reply.code is not None:
        code = rename_answer(reply.code, judge)
        return msgspec.structs.replace(reply, code=code, thinking=thinking)
    if reply.kind == "empty" and thinking:
        reply = _mistake("only-thinking", "Your reply ended inside its thinking.", kind="empty")
    return msgspec.structs.replace(reply, thinking=thinking)


def _is_closed(found: Scan) -> bool:
    """Whether no block that may be an action was open when the text ended."""
    last = found.blocks[-1] if found.blocks else None
    return last is not None and (last.closed or last.kind in ("foreign", "data"))


# Blocks to a reply


def _from_blocks(found: Scan, judge: Judge) -> Reply | None:
    filled = [
        (block, place)
        for block, place in zip(found.blocks, found.places, strict=True)
        if block.text.strip()
    ]
    for kinds in (("python",), ("call",), ("plain", "data")):
        codes: list[str] = []
        reasoning = ""
        for block, place in filled:
            if block.kind in kinds and (read := _code_of(block, judge)):
                if not codes:
                    reasoning = _reasoning("".join(found.prose[:place]))
                codes += [read[0]] if read[0] not in codes else []
                reasoning = reasoning or read[1]
        if codes:
            if kinds == ("call",):
                codes = [*(_shown(code, judge) for code in codes[:-1]), codes[-1]]
            return Reply(kind="code", code="\n\n".join(codes), reasoning=reasoning)
    return _mistake_in(found, [block for block, _ in filled], judge)


def _shown(code: str, judge: Judge) -> str:
    """Return a call that is not the cell's last so that what it returns can be seen too."""
    tree = judge.tree(code)
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return code
    return code if code.startswith(("final_answer(", "print(")) else f"print({code})"


def _code_of(block: Block, judge: Judge) -> tuple[str, str] | None:
    """Return the block's code and the reasoning in it, or None when it holds no action."""
    text = block.text.strip()
    if text[:1] in ("{", "[") or block.kind == "call":
        call = toolcall.from_call(text) if block.kind == "call" else toolcall.from_json(text)
        if call is not None and (code := repaired(call[0], judge)) is not None:
            return code, call[1]
    if block.kind == "data" or (block.kind == "call" and toolcall.looks_like_call(text)):
        return None
    code = repaired(block.text, judge)
    if code is None and not block.closed:
        code = without_prose(tidy(block.text), judge)
    if code is not None and not code.strip():
        return None
    if block.kind == "python":
        return (tidy(block.text) if code is None else code), ""
    if code is None or (tree := judge.tree(code)) is None or is_data(tree):
        return None
    return code, ""


def _mistake_in(found: Scan, filled: list[Block], judge: Judge) -> Reply | None:
    for block in filled:
        text = block.text.strip()
        if block.kind == "call" or (block.kind != "foreign" and toolcall.looks_like_call(text)):
            return _mistake("tool-call", "This tool call cannot be read:", text)
        if block.kind == "foreign" or text.split()[0] in ("$", "pip", "npm", "curl", "sudo", "cd"):
            what = f"Only Python runs here, and this is {block.label or 'a shell command'}:"
            return _mistake("other-language", what, text)
        if block.kind == "plain" and looks_typed(text) and judge.tree(tidy(text)) is None:
            return _mistake("not-python", "This is not Python that can run:", text)
    # A block of Python that got here held nothing, or nothing that can be seen.
    if any(block.kind in ("python", "call") for block in found.blocks) or (
        found.blocks and not re.sub(r"[`~\s]", "", "".join(found.prose))
    ):
        return _mistake("empty-code", "The block for the code is empty.")
    return None


def _from_prose(prose: str, found: Scan, judge: Judge) -> Reply:
    if is_blank(prose):
        return _mistake("empty", "Your reply was empty.", kind="empty")
    if found.blocks:
        return Reply(kind="prose", reasoning=_answer(prose))
    if (read := _json_in(prose, judge)) is not None:
        return read
    # `Thought: done` is Python too: an annotation.
    if re.match(r"\s*\*{0,2}(?:Thoughts?|Reasoning|Plan)\*{0,2}:", prose, re.I) and (
        tail := _typed_tail(prose, judge)
    ):
        return tail
    code = repaired(without_language(prose), judge)
    if code is not None:
        tree = judge.tree(code)
        if tree is not None and does_something(tree, code):
            return Reply(kind="code", code=code)
        return Reply(kind="prose", reasoning=_answer(prose))
    if (tail := _typed_tail(prose, judge)) is not None:
        return tail
    if looks_typed(prose) and asks_to_run(prose) and not _LABELLED.search(prose):
        return _mistake("not-python", "This is neither Python that can run nor an answer:", prose)
    return Reply(kind="prose", reasoning=_answer(prose))


def _json_in(prose: str, judge: Judge) -> Reply | None:
    starts = [match.start() for match in re.finditer(r"^[ \t]*[{\[]", prose, re.M)][:4]
    for start in starts:
        text = prose[start:].strip()
        if not toolcall.looks_like_call(text):
            continue
        read = toolcall.from_json(text)
        if read is not None and (code := repaired(read[0], judge)) is not None:
            reasoning = _reasoning(prose[:start]) or read[1]
            return Reply(kind="code", code=code, reasoning=reasoning)
        # Data has these keys too; only what reads like a call is a try at one.
        if re.search(r"[\"'](?:arguments|tool_calls|parameters|code)[\"']\s?:", text[:4000]):
            return _mistake("tool-call", "This tool call cannot be read:", text)
    return None


def _typed_tail(prose: str, judge: Judge) -> Reply | None:
    """Read code without any mark below prose: it must be Python to the end and call something."""
    at, tries = 0, 0
    for line in prose.split("\n"):
        if tries < 4 and line[:1].strip() and is_code_line(line):
            tries += 1
            code = repaired(prose[at:], judge) or without_prose(prose[at:], judge)
            tree = judge.tree(code) if code else None
            if code and tree and does_something(tree, code) and calls_something(tree):
                return Reply(kind="code", code=code, reasoning=_reasoning(prose[:at]))
        at += len(line) + 1
    return None


# Words


def _mistake(
    mistake: Mistake, what: str, quoted: str = "", *, kind: Literal["mistake", "empty"] = "mistake"
) -> Reply:
    if len(quoted) > QUOTED:
        quoted = quoted[:QUOTED] + " ..."
    message = "\n".join(part for part in (what, quoted, EXPECTED) if part)
    return Reply(kind=kind, mistake=mistake, message=message)


def _reasoning(text: str) -> str:
    """Drop the words that only announce what follows."""
    text = re.sub(r"\A\s*\*{0,2}Thoughts?:\*{0,2}[ \t]*", "", text, flags=re.I)
    head, _, last = text.rstrip().rpartition("\n")
    if re.fullmatch(r"[ \t]*\*{0,2}(?:Code|Action|Action Input|Python):?\*{0,2}:?", last, re.I):
        text = head
    return text.strip()


def _answer(text: str) -> str:
    """Return a plain answer without the label in front of it."""
    bare = re.sub(r"</?final_?answer>", "", text, flags=re.I)
    if labelled := _LABELLED.search(bare):
        return bare[labelled.end() :].strip()
    label = r"\A\s*\*{0,2}(?:Thought|Answer):\*{0,2}[ \t]*(?=\S)"
    return re.sub(label, "", bare, count=1, flags=re.I).strip() or text
