"""The scan over a reply: from marks to blocks. Pure.

Where a block ends is decided by which reading is Python, so that code which writes Markdown is not
cut at the fence inside its string.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import msgspec

from smolterm import marks
from smolterm.repair import Judge, does_something, looks_typed, tidy

BlockKind: TypeAlias = Literal["python", "plain", "foreign", "data", "call"]

BLOCKS = 40
ENDS = 24
MARKS = 400
LABELS = 4
"""How many of each are looked at; what stands behind them is prose."""


class Block(msgspec.Struct, frozen=True):
    """A stretch of the reply that something marks as more than prose."""

    kind: BlockKind
    text: str
    start: int
    """Where its opening mark begins, in characters."""
    end: int
    """Where reading goes on."""
    label: str = ""
    inline: bool = False
    """It stands within a line of prose."""
    closed: bool = True


class Scan(msgspec.Struct):
    """What the scan over a reply has found so far."""

    text: str
    judge: Judge
    blocks: list[Block] = msgspec.field(default_factory=list)
    places: list[int] = msgspec.field(default_factory=list)
    """For each block, how many pieces of prose stand before it."""
    prose: list[str] = msgspec.field(default_factory=list)
    """Everything that is neither thinking nor a mark."""
    thinking: list[str] = msgspec.field(default_factory=list)
    labels: int = 0

    @property
    def has_code(self) -> bool:
        return any(b.kind in ("python", "call", "plain") and b.text.strip() for b in self.blocks)


def scan(text: str, judge: Judge) -> Scan:
    found = Scan(text, judge)
    at, left = 0, MARKS
    while left and (match := marks.MARK.search(text, at)):
        left -= 1
        found.prose.append(text[at : match.start()])
        here = _step(found, match)
        if here is None or len(found.blocks) >= BLOCKS:
            return found
        at = here
    found.prose.append(text[at:])
    return found


def _step(found: Scan, match: re.Match[str]) -> int | None:
    """Take in one mark and return where to go on, or None to stop reading."""
    text, kind = found.text, match.lastgroup
    if kind in ("think", "unthink", "tag", "call") and _is_quoted(text, match):
        found.prose.append(match[0])
        return match.end()
    if kind == "think":
        ends = marks.CHANNEL_END if "channel" in match[0] else marks.THINK_END
        end = ends.search(text, match.end())
        found.thinking.append(text[match.end() : end.start() if end else len(text)])
        return end.end() if end else len(text)
    if kind == "unthink":
        _take_as_thinking(found, match)
    elif kind in ("stop", "turn"):
        # After code, or at the end of an answer: what follows is imagined, or another's turn.
        if found.has_code or (kind == "stop" and "".join(found.prose).strip()):
            return None
        found.prose.append(match[0] if kind == "turn" else "")
    elif kind != "noise":
        return _open(found, match)
    return match.end()


def _open(found: Scan, match: re.Match[str]) -> int | None:
    text = found.text
    if match.lastgroup == "label":
        return _labelled(found, match)
    if match.lastgroup == "call":
        block = _call_block(text, match)
    elif match.lastgroup == "fence":
        block = _fence_block(text, match, found.judge)
    else:
        block = _tag_block(text, match, found.judge)
    if isinstance(block, int):
        return block
    return _keep(found, block)


def _keep(found: Scan, block: Block) -> int | None:
    if block.kind == "data" and block.label in marks.OUTPUT and found.has_code:
        return None
    shown = block.kind in ("plain", "data", "foreign")
    if block.inline and block.kind == "plain" and not _acts_inline(block, found.judge):
        found.prose.append(found.text[block.start : block.end])
        return block.end
    found.blocks.append(block)
    found.places.append(len(found.prose))
    if shown:
        found.prose.append(found.text[block.start : block.end])
    return block.end


def _take_as_thinking(found: Scan, match: re.Match[str]) -> None:
    """A think block that was closed and never opened began where the reply did."""
    if found.thinking and not found.text[match.end() :].strip():
        return
    found.thinking.append(found.text[: match.start()])
    found.thinking[:-1] = []
    found.blocks.clear()
    found.prose.clear()
    found.places.clear()


def _is_quoted(text: str, match: re.Match[str]) -> bool:
    """Say whether prose only mentions the mark, as in "use the `<code>` tag"."""
    before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
    return before in ("'", '"', "`") and before == after


def _acts_inline(block: Block, judge: Judge) -> bool:
    tree = judge.tree(tidy(block.text))
    return tree is not None and does_something(tree, tidy(block.text))


# One block each; where to go on instead, when the mark only stands around another one


def _fence_block(text: str, match: re.Match[str], judge: Judge) -> Block | int:
    run, start = match[0].strip(), match.end()
    line_end = text.find("\n", start)
    line_end = len(text) if line_end < 0 else line_end
    info = text[start : min(line_end, start + 400)]
    first = text.rfind("\n", 0, match.start()) + 1
    own_line = not text[first : match.start()].strip(" \t>-*")
    closes = info.find(run)
    label, rest = _label(info[:closes] if closes >= 0 else info)
    kind = _kind(label)
    inline = closes >= 0 and not own_line
    if label and closes < 0 and _is_attributes(rest):
        start = min(line_end + 1, len(text))
    elif label:
        start += len(info) - len(info[info.find(label) + len(label) :].lstrip(" \t"))
    elif closes < 0 and re.fullmatch(r"[ \t]*[\w+#.-]{1,30}[ \t]*", info):
        # A language nobody knows, or a single name that is the whole code.
        following = text[line_end + 1 : line_end + 1 + len(run)]
        start = start if following in ("", run) else line_end + 1
    if _opens_inside(text, start):
        return start
    if kind in ("python", "plain"):
        end, after, closed = _python_end(text, start, judge)
    else:
        end, after, closed = _plain_end(text, start, run, inline=closes >= 0)
    return Block(kind, text[start:end], match.start(), after, label, inline, closed)


def _tag_block(text: str, match: re.Match[str], judge: Judge) -> Block | int:
    start = match.end()
    language = re.search(r"(?:lang|language|type)=[\"']?([\w+#/-]{1,30})", match[0])
    label = language[1].lower().rsplit("/", 1)[-1] if language else ""
    kind = _kind(label) if label in marks.LANGUAGES else "python"
    if _opens_inside(text, start):
        return start
    end, after, closed = _python_end(text, start, judge)
    first = text.rfind("\n", 0, match.start()) + 1
    inline = bool(text[first : match.start()].strip()) and "\n" not in text[start:end]
    if kind == "python" and (inline or "action" in match[0].lower()):
        kind = "plain"
    return Block(kind, text[start:end], match.start(), after, label, inline, closed)


def _call_block(text: str, match: re.Match[str]) -> Block | int:
    # `<function=` is part of what the call says; the other marks only announce it.
    start = match.start() if match[0][-1] == "=" else match.end()
    if _opens_inside(text, match.end()):
        return match.end()
    end = marks.CALL_END.search(text, match.end())
    stop, after = (end.start(), end.end()) if end else (len(text), len(text))
    return Block("call", text[start:stop], match.start(), after, match[0], False, end is not None)


def _labelled(found: Scan, match: re.Match[str]) -> int | None:
    """Read what stands behind `Code:` where no fence follows."""
    text, start = found.text, match.end()
    found.labels += 1
    if found.labels > LABELS:
        found.prose.append(match[0])
        return start
    following = marks.MARK.search(text, start)
    if following and following.lastgroup in ("fence", "tag", "call"):
        if not text[start : following.start()].strip():
            return start
        found.prose.append(match[0])
        return start
    end, after, closed = _python_end(text, start, found.judge)
    body = text[start:end]
    if not looks_typed(body):
        found.prose.append(match[0])
        return start
    return _keep(found, Block("plain", body, match.start(), after, "code", False, closed))


def _python_end(text: str, start: int, judge: Judge) -> tuple[int, int, bool]:
    """Return where code ends, where to go on, and whether something closed it.

    The first end that leaves Python wins; where none does, the first one on a line of its own.
    """
    fallback = (len(text), len(text), False)
    settled = False
    for count, match in enumerate(marks.END.finditer(text, start)):
        if count >= ENDS:
            return fallback
        code = text[start : match.start()]
        own_line = not code.rpartition("\n")[2].strip() and "\n" in code
        end = (match.start(), _after_end(text, match), True)
        if judge.parses(tidy(code)):
            return end
        if not settled and (own_line or not fallback[2]):
            fallback, settled = end, own_line
        # No fence stands on a line of Python outside of a long string.
        if own_line and match.lastgroup != "close" and '"""' not in code and "'''" not in code:
            return fallback
    if judge.parses(tidy(text[start:])):
        return len(text), len(text), False
    return fallback


def _after_end(text: str, match: re.Match[str]) -> int:
    """A fence with a language opens the next block; anything else belongs to this one."""
    if match.lastgroup in ("unthink", "stop", "turn"):
        return match.start()
    if match.lastgroup == "fence":
        line = text[match.end() : match.end() + 40].split("\n", 1)[0]
        if _label(line)[0]:
            return match.start()
    return match.end()


def _plain_end(text: str, start: int, run: str, *, inline: bool) -> tuple[int, int, bool]:
    if inline:
        end = text.find(run, start)
        return end, end + len(run), True
    closer = re.compile(rf"^[ \t]*{re.escape(run)}[`~]*[ \t]*$", re.M).search(text, start)
    if closer is None:
        return len(text), len(text), False
    return closer.start(), closer.end(), True


def _opens_inside(text: str, start: int) -> bool:
    """Say whether nothing but space lies between this mark and the next opening one."""
    body = text[start : start + 200].lstrip()
    match = marks.MARK.match(body)
    if match is None or match.lastgroup not in ("fence", "tag", "call"):
        return False
    if match.lastgroup != "fence":
        return True
    return bool(_label(body[match.end() :].split("\n", 1)[0])[0])


def _label(info: str) -> tuple[str, str]:
    """Split a fence's first line into a known language and the rest."""
    match = re.match(r"[ \t]*\{?[ \t]?\.?([A-Za-z][\w+#.-]{0,30})\}?,?", info)
    if match is None or match[1].lower() not in marks.LANGUAGES:
        return "", info
    if info[match.end() : match.end() + 1] not in ("", " ", "\t", "{", ":", "\n"):
        return "", info
    return match[1], info[match.end() :]


def _is_attributes(rest: str) -> bool:
    return not rest.strip() or bool(
        re.match(
            r"[ \t]*(?:\{|:|(?:title|file|filename|name|linenums|hl_lines|start\w*|id)\b)", rest
        )
    )


def _kind(label: str) -> BlockKind:
    label = label.lower()
    if label in marks.PYTHON:
        return "python"
    if label in marks.CALL:
        return "call"
    if label in marks.FOREIGN:
        return "foreign"
    return "data" if label in marks.DATA else "plain"
