"""Says random sentences of a GBNF grammar: what a model of random weights could say under it."""

from __future__ import annotations

import random
from collections.abc import Mapping

from smolterm.gbnf import Choice, Class, Literal, Node, Repeat, Rule, Sequence, read_grammar

MORE = "aZ_09 .,:()[]{}'\"#\\`<>/~=+-*é☃\t"


class Speaker:
    """Random sentences of one grammar.

    Args:
        fuel: about how many choices are free; behind them it says what is shortest.
    """

    def __init__(self, grammar: str, fuel: int = 600) -> None:
        self.rules = read_grammar(grammar)
        self.fuel = fuel
        self._least = _least_lengths(self.rules)
        self._shortest: dict[int, Node] = {}

    def say(self, seed: int) -> str:
        """Return the sentence of a seed."""
        chance = random.Random(seed)
        left = chance.randint(min(20, self.fuel), self.fuel)
        said: list[str] = []
        # What is still to be said, the next last: no recursion, however deep the grammar.
        todo: list[Node] = [Rule("root")]
        while todo:
            node = todo.pop()
            left -= 1
            match node:
                case Literal():
                    said.append(node.text)
                case Class():
                    said.append(_one_of(node, chance))
                case Rule():
                    todo.append(self.rules[node.name])
                case Sequence():
                    todo.extend(reversed(node.nodes))
                case Choice():
                    todo.append(chance.choice(node.options) if left > 0 else self._short(node))
                case Repeat():
                    most = node.least + (12 if node.most is None else node.most - node.least)
                    usual = min(most, node.least + chance.choice((0, 1, 1, 2, 3, 12)))
                    todo.extend([node.node] * (usual if left > 0 else node.least))
        return "".join(said)

    def _short(self, node: Choice) -> Node:
        if id(node) not in self._shortest:
            shortest = min(node.options, key=lambda one: _least(one, self._least))
            self._shortest[id(node)] = shortest
        return self._shortest[id(node)]


def _one_of(node: Class, chance: random.Random) -> str:
    """Return a character, one that means something to a parser more often than chance would."""
    while True:
        if node.negated:
            char = chance.choice(MORE) if chance.random() < 0.5 else chr(chance.randint(32, 0x2FF))
        else:
            char = chr(chance.randint(*chance.choice(node.ranges)))
        if any(low <= ord(char) <= high for low, high in node.ranges) != node.negated:
            return char


def _least_lengths(rules: Mapping[str, Node]) -> dict[str, float]:
    """Return the characters of each rule's shortest sentence."""
    known = dict.fromkeys(rules, float("inf"))
    while True:
        more = {name: _least(node, known) for name, node in rules.items()}
        if more == known:
            return known
        known = more


def _least(node: Node, known: Mapping[str, float]) -> float:
    match node:
        case Literal():
            return len(node.text)
        case Class():
            return 1
        case Rule():
            # A little more than what it says, so that the shortest way is never a circle.
            return known[node.name] + 0.001
        case Repeat():
            return node.least * _least(node.node, known) if node.least else 0
        case Sequence():
            return sum(_least(part, known) for part in node.nodes)
        case Choice():
            return min(_least(part, known) for part in node.options)
