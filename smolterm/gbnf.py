"""GBNF, the grammars of llama.cpp: read, checked, and refused before the library sees them. Pure.

llama.cpp ends its process on many grammars that are none, so whatever reaches it was read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

import msgspec

from smolterm.errors import GrammarError

LONGEST = 2_000_000
"""Characters of a grammar."""
MOST_REPEATS = 2_000
"""What llama.cpp unfolds at most of one `{m,n}`."""
MOST_UNFOLDED = 200_000
"""Elements after all repeats are unfolded, which is what llama.cpp keeps."""
MOST_RULES = 5_000
DEEPEST = 100
"""Groups inside groups."""
LAST = 0x10FFFF


class Literal(msgspec.Struct, frozen=True):
    text: str


class Class(msgspec.Struct, frozen=True):
    """One character out of ranges, or one out of all others."""

    ranges: tuple[tuple[int, int], ...]
    """Code points, both ends included."""
    negated: bool = False


class Rule(msgspec.Struct, frozen=True):
    """What another rule says."""

    name: str


class Repeat(msgspec.Struct, frozen=True):
    node: Node
    least: int
    most: int | None
    """None: any number."""


class Sequence(msgspec.Struct, frozen=True):
    nodes: tuple[Node, ...]


class Choice(msgspec.Struct, frozen=True):
    options: tuple[Node, ...]


Node: TypeAlias = Literal | Class | Rule | Repeat | Sequence | Choice


def check_grammar(text: str) -> None:
    """Make sure that llama.cpp can use a grammar.

    Raises:
        GrammarError: it cannot; says where and why.
    """
    rules = read_grammar(text)
    if "root" not in rules:
        raise GrammarError("The grammar has no rule named root.")
    for name, node in rules.items():
        for used in _used(node):
            if used not in rules:
                raise GrammarError(f"The grammar's rule {name} uses {used}, which is no rule.")
    _check_recursion(rules)
    size = sum(_size(node) for node in rules.values())
    if size > MOST_UNFOLDED:
        raise GrammarError(f"The grammar unfolds to {size} elements; {MOST_UNFOLDED} are allowed.")


def read_grammar(text: str) -> dict[str, Node]:
    """Return the rules of a grammar by name; a rule that is given twice counts the second time.

    Raises:
        GrammarError: the text is no GBNF; names the line.
    """
    if len(text) > LONGEST:
        raise GrammarError(f"The grammar has more than {LONGEST} characters.")
    if "\x00" in text:
        raise GrammarError("The grammar holds a null character.")
    return _Reader(text).rules()


class _Reader:
    """Reads one grammar from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def rules(self) -> dict[str, Node]:
        found: dict[str, Node] = {}
        self._space(lines=True)
        while self._at < len(self._text):
            name = self._name()
            self._space(lines=False)
            if not self._takes("::="):
                raise self._wrong(f"::= is missing behind {name}")
            self._space(lines=True)
            found[name] = self._choice(inside=False)
            if len(found) > MOST_RULES:
                raise self._wrong(f"more than {MOST_RULES} rules")
            self._end_of_line()
            self._space(lines=True)
        return found

    def _choice(self, *, inside: bool) -> Node:
        options = [self._sequence(inside=inside)]
        while self._takes("|"):
            self._space(lines=True)
            options.append(self._sequence(inside=inside))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self, *, inside: bool) -> Node:
        nodes: list[Node] = []
        while (char := self._char()) and (char in '"[(.' or _is_word(char)):
            nodes.append(self._item())
            self._space(lines=inside)
            if (char := self._char()) and char in "*+?{":
                nodes[-1] = self._repeat(nodes[-1])
                self._space(lines=inside)
                if (char := self._char()) and char in "*+?{":
                    raise self._wrong("a repeat is repeated")
        return nodes[0] if len(nodes) == 1 else Sequence(tuple(nodes))

    def _item(self) -> Node:
        char = self._char()
        if char == '"':
            return self._literal()
        if char == "[":
            return self._class()
        if char == "(":
            return self._group()
        if char == ".":
            self._at += 1
            return Class(((0, LAST),))
        return Rule(self._name())

    def _group(self) -> Node:
        self._at += 1
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"more than {DEEPEST} groups are open")
        self._space(lines=True)
        node = self._choice(inside=True)
        if not self._takes(")"):
            raise self._wrong(") is missing")
        self._depth -= 1
        return node

    def _literal(self) -> Node:
        self._at += 1
        chars: list[str] = []
        while not self._takes('"'):
            if self._char() in ("", "\n"):
                raise self._wrong("a text is not closed")
            chars.append(chr(self._point()))
        return Literal("".join(chars))

    def _class(self) -> Node:
        self._at += 1
        negated = self._takes("^")
        ranges: list[tuple[int, int]] = []
        while not self._takes("]"):
            if self._char() in ("", "\n"):
                raise self._wrong("[ is not closed")
            first = last = self._point()
            if self._char() == "-" and self._text[self._at + 1 : self._at + 2] != "]":
                self._at += 1
                if self._char() in ("", "\n"):
                    raise self._wrong("[ is not closed")
                last = self._point()
            if last < first:
                raise self._wrong("a range of characters runs backwards")
            ranges.append((first, last))
        if not ranges:
            raise self._wrong("[] holds no character")
        return Class(tuple(ranges), negated)

    def _point(self) -> int:
        """Read one character of a text or a class as its code point."""
        char = self._char()
        self._at += 1
        if char != "\\":
            return ord(char)
        escape = self._char()
        self._at += 1
        if escape in ("x", "u", "U"):
            size = {"x": 2, "u": 4, "U": 8}[escape]
            digits = self._text[self._at : self._at + size]
            if len(digits) < size or not all(d in "0123456789abcdefABCDEF" for d in digits):
                raise self._wrong(f"\\{escape} needs {size} hexadecimal digits")
            self._at += size
            point = int(digits, 16)
            if point > LAST or 0xD800 <= point <= 0xDFFF:
                raise self._wrong(f"\\{escape}{digits} is no character")
            return point
        plain = {"t": "\t", "r": "\r", "n": "\n", "\\": "\\", '"': '"', "[": "[", "]": "]"}
        if escape not in plain or not escape:
            raise self._wrong(f"\\{escape} is no escape")
        return ord(plain[escape])

    def _repeat(self, node: Node) -> Node:
        char = self._char()
        self._at += 1
        if char != "{":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
            return Repeat(node, least, most)
        self._space(lines=True)
        least = self._number()
        most = least
        self._space(lines=True)
        if self._takes(","):
            self._space(lines=True)
            most = None if self._char() == "}" else self._number()
            self._space(lines=True)
        if not self._takes("}"):
            raise self._wrong("} is missing")
        if max(least, most or 0) > MOST_REPEATS:
            raise self._wrong(f"more than {MOST_REPEATS} repeats")
        # llama.cpp counts what a group holds once for each time.
        if max(least, most or 0) * _groups(node) > MOST_REPEATS:
            raise self._wrong("too many repeats of a group; give the group a rule of its own")
        if most is not None and most < least:
            raise self._wrong("the least number of repeats is above the most")
        return Repeat(node, least, most)

    def _number(self) -> int:
        start = self._at
        while self._char() and self._char() in "0123456789":
            self._at += 1
        if start == self._at or self._at - start > 9:
            raise self._wrong("a number is missing or too long")
        return int(self._text[start : self._at])

    def _name(self) -> str:
        start = self._at
        while self._char() and _is_word(self._char()):
            self._at += 1
        if start == self._at:
            raise self._wrong("a name is missing")
        return self._text[start : self._at]

    def _end_of_line(self) -> None:
        if self._char() not in ("", "\n", "\r"):
            raise self._wrong(f"{self._char()!r} does not belong there")

    def _char(self) -> str:
        return self._text[self._at : self._at + 1]

    def _takes(self, text: str) -> bool:
        if self._text.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _space(self, *, lines: bool) -> None:
        """Pass spaces and comments, and the ends of lines where the grammar may go on."""
        while char := self._char():
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif char in " \t" or (lines and char in "\r\n"):
                self._at += 1
            else:
                return

    def _wrong(self, why: str) -> GrammarError:
        line = self._text.count("\n", 0, self._at) + 1
        return GrammarError(f"Line {line} of the grammar is no GBNF: {why}.")


def _groups(node: Node) -> int:
    """Return how many rules llama.cpp makes of a group."""
    here = isinstance(node, Choice | Repeat)
    return here + sum(_groups(part) for part in _parts(node))


def _is_word(char: str) -> bool:
    return char == "-" or (char.isascii() and char.isalnum())


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Repeat():
            return (node.node,)
        case Sequence():
            return node.nodes
        case Choice():
            return node.options
        case _:
            return ()


def _used(node: Node) -> Iterator[str]:
    if isinstance(node, Rule):
        yield node.name
    for part in _parts(node):
        yield from _used(part)


def _size(node: Node) -> int:
    inner = sum(_size(part) for part in _parts(node))
    match node:
        case Repeat():
            return max(node.least, node.most or 0, 1) * (inner + 2)
        case Literal():
            return len(node.text) + 1
        case Class():
            return 2 * len(node.ranges)
        case _:
            return inner + 1


def _check_recursion(rules: Mapping[str, Node]) -> None:
    """Refuse a rule that begins with itself, which llama.cpp would follow for ever."""
    empty = _nullable(rules)
    for name, node in rules.items():
        if _repeats_nothing(node, empty):
            raise GrammarError(f"The grammar's rule {name} repeats nothing for ever.")
    begins = {name: tuple(_first(node, empty)) for name, node in rules.items()}
    done: set[str] = set()
    for start in rules:
        if start in done:
            continue
        # Depth first, without Python's own stack: a hostile grammar may be one long chain.
        trail = {start: iter(begins[start])}
        while trail:
            name, following = next(reversed(trail.items()))
            for other in following:
                if other in trail:
                    raise GrammarError(f"The grammar's rule {other} begins with itself.")
                if other not in done:
                    trail[other] = iter(begins[other])
                    break
            else:
                done.add(name)
                del trail[name]


def _repeats_nothing(node: Node, empty: frozenset[str]) -> bool:
    endless = isinstance(node, Repeat) and node.most is None and _may_be_empty(node.node, empty)
    return endless or any(_repeats_nothing(part, empty) for part in _parts(node))


def _nullable(rules: Mapping[str, Node]) -> frozenset[str]:
    """Return the rules that may say nothing."""
    found: frozenset[str] = frozenset()
    while True:
        more = frozenset(name for name, node in rules.items() if _may_be_empty(node, found))
        if more == found:
            return found
        found = more


def _may_be_empty(node: Node, empty: frozenset[str]) -> bool:
    match node:
        case Literal():
            return not node.text
        case Class():
            return False
        case Rule():
            return node.name in empty
        case Repeat():
            return node.least == 0 or _may_be_empty(node.node, empty)
        case Sequence():
            return all(_may_be_empty(part, empty) for part in node.nodes)
        case Choice():
            return any(_may_be_empty(part, empty) for part in node.options)


def _first(node: Node, empty: frozenset[str]) -> Iterator[str]:
    """Yield the rules that a node may begin with."""
    match node:
        case Rule():
            yield node.name
        case Sequence():
            for part in node.nodes:
                yield from _first(part, empty)
                if not _may_be_empty(part, empty):
                    return
        case _:
            for part in _parts(node):
                yield from _first(part, empty)
