"""Make Python of what was meant as Python. Pure; `ast.parse` is the judge.

Nothing is changed that parses as it stands: a typographic quote inside a string is the model's
wish, the same quote around a string is a slip of its tokenizer.
"""

from __future__ import annotations

import ast
import html
import re
import textwrap
import warnings
from collections.abc import Callable
from typing import TypeGuard

LONGEST = 200_000
"""Characters; longer code is not judged, so that no reply can hold the engine up."""

_INVISIBLE = dict.fromkeys([0x00AD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF])
_SPACES = dict.fromkeys([0x00A0, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000], " ")
_BREAKS = {0x2028: "\n", 0x2029: "\n", 0x0085: "\n"}
_QUOTES = dict.fromkeys(map(ord, "“”„‟«»″"), '"') | dict.fromkeys(map(ord, "‘’‚‛′"), "'")
_SIGNS = {ord(c): s for c, s in zip("–—−…×÷≤≥≠、。→", ["-", "-", "-", "...", "*", "/", "<=", ">=",
          "!=", ",", ".", "->"], strict=True)}  # fmt: skip
_WIDE = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
_PROMPT = re.compile(r"[ \t]*(?:>>>|\.\.\.|In \[\d*\]:|\.\.\.:)(?: |$)", re.M)
_FIRST_PROMPT = re.compile(r"[ \t]*(?:>>>|In \[\d*\]:)(?: |$)")
_CODE_LINE = re.compile(
    r"\s*(?:import \w|from [\w.]+ import |(?:async )?def \w+\(|class \w+[:(]|(?:for|while|if|with"
    r"|elif) .*:\s*$|(?:try|else|finally):|except\b.*:\s*$|return\b|print\(|final_answer\(|@\w"
    r"|[\w.]{1,60}(?:\[[^\]]{0,40}\])?(?:, ?[\w.]{1,40}){0,8} ?[-+*/|]?= ?[^=\s]"
    r"|[\w.]{1,80}\(|[)\]}])"
)
_PROGRAM_LINE = re.compile(
    r"^[ \t]*(?:import \w|from [\w.]{1,60} import |def \w|print\(|final_answer\()", re.M
)


class Judge:
    """Says whether text is Python, a bounded number of times.

    Attributes:
        calls: how many texts may still be parsed.
        characters: how long they may be together.
    """

    def __init__(self, calls: int = 64, characters: int = 600_000) -> None:
        self.calls = calls
        self.characters = characters
        self._known: dict[str, ast.Module | None] = {}

    def tree(self, code: str) -> ast.Module | None:
        """Return the syntax tree, or None for what is not Python or was too much to ask."""
        if code in self._known:
            return self._known[code]
        if self.calls <= 0 or len(code) > min(self.characters, LONGEST):
            return None
        self.calls -= 1
        self.characters -= len(code)
        self._known[code] = made = _tree(code)
        return made

    def parses(self, code: str) -> bool:
        return self.tree(code) is not None


def is_blank(text: str) -> bool:
    """Say whether a person would see nothing."""
    return not text.translate(_INVISIBLE).strip()


def tidy(code: str) -> str:
    """Drop empty lines around the code and the indentation that all of it shares."""
    lines = code.split("\n")
    while lines and not lines[0].strip():
        lines.pop(0)
    text = "\n".join(lines).rstrip()
    return textwrap.dedent(text) if text[:1] in (" ", "\t") else text


def repaired(code: str, judge: Judge) -> str | None:
    """Return the code with the fewest repairs that make it parse, or None."""
    code = tidy(code)
    # `In [1]: x = 1` is Python too: an annotation.
    typed = _without_prompts(code)
    if judge.parses(typed):
        return typed
    changed = code
    for repair in _REPAIRS:
        once = repair(code)
        if once != code and judge.parses(once):
            return once
    for repair in _REPAIRS:
        changed = repair(changed)
    return changed if changed != code and judge.parses(changed) else None


def without_prose(code: str, judge: Judge) -> str | None:
    """Return the code above a closing paragraph of prose, where that is all that is wrong."""
    # Newest first: the code is everything above the prose, not its first paragraph.
    cuts = [m.start() for m in re.finditer(r"\n[ \t]*\n", code)][-4:]
    for cut in reversed(cuts):
        if looks_typed(code[cut:]):
            return None
        head = tidy(code[:cut])
        if judge.parses(head):
            return head
    return None


def without_language(code: str) -> str:
    """Drop the language of a fence whose backticks were lost."""
    return re.sub(r"\A\s*(?:python3?|py)[ \t]*\n", "", code, flags=re.I)


def looks_typed(text: str) -> bool:
    """Say whether at least half of the lines look like Python, whether or not they parse."""
    lines = [line for line in text[:20_000].split("\n") if line.strip()]
    return 2 * sum(_CODE_LINE.match(line) is not None for line in lines) >= max(1, len(lines))


def asks_to_run(text: str) -> bool:
    """Say whether the text starts as code or holds a line that only a program has."""
    first = text.lstrip().split("\n", 1)[0]
    return is_code_line(first) or _PROGRAM_LINE.search(text) is not None


def is_code_line(line: str) -> bool:
    """Say whether one line looks like Python and not like a sentence."""
    return _CODE_LINE.match(line) is not None


def does_something(tree: ast.Module, source: str) -> bool:
    """Say whether a text that parses is an action; `Foo`, `Answer: 42` and `1/2` are not."""
    return any(_acts(node, source) for node in tree.body)


def is_data(tree: ast.Module) -> bool:
    """Say whether the text is nothing but literals, or nothing but comments."""
    return all(
        isinstance(node, ast.Expr) and not any(map(_is_live, ast.walk(node.value)))
        for node in tree.body
    )


def calls_something(tree: ast.Module) -> bool:
    """Say whether a statement at the top calls or imports."""
    return any(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        for node in tree.body
    )


def rename_answer(code: str, judge: Judge) -> str:
    """Rename a variable that hides the function `final_answer` which the same code calls."""
    if "final_answer" not in code or (tree := judge.tree(code)) is None:
        return code
    nodes = list(ast.walk(tree))
    functions = {
        id(node.func) for node in nodes if isinstance(node, ast.Call) and _is_answer(node.func)
    }
    names = [node for node in nodes if _is_answer(node) and id(node) not in functions]
    if not functions or not any(isinstance(node.ctx, ast.Store) for node in names):
        return code
    lines = [line.encode() for line in code.split("\n")]
    word, end = b"final_answer", len(b"final_answer")
    for node in sorted(names, key=lambda n: (n.lineno, n.col_offset), reverse=True):
        line, at = lines[node.lineno - 1], node.col_offset
        if line[at : at + end] != word:
            # Python 3.11 misplaces names inside f-strings.
            return _renamed_in_text(code, judge)
        lines[node.lineno - 1] = line[:at] + b"final_answer_variable" + line[at + end :]
    return b"\n".join(lines).decode()


def _renamed_in_text(code: str, judge: Judge) -> str:
    renamed = re.sub(r"\bfinal_answer\b(?!\s*\()", "final_answer_variable", code)
    return renamed if judge.parses(renamed) else code


def _is_answer(node: ast.AST) -> TypeGuard[ast.Name]:
    return isinstance(node, ast.Name) and node.id == "final_answer"


def _tree(code: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            # An odd escape in the model's string is no business of the person's terminal.
            warnings.simplefilter("ignore")
            return ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _acts(node: ast.stmt, source: str) -> bool:
    if isinstance(node, ast.AnnAssign | ast.Pass | ast.Break | ast.Continue):
        return False
    if not isinstance(node, ast.Expr):
        return True
    value = node.value
    if isinstance(value, ast.Call):
        # "Done (at last)" parses as a call; nobody types a call with that space.
        function = value.func
        line = source.split("\n")[(function.end_lineno or 1) - 1].encode()
        return line[function.end_col_offset or 0 :][:1] == b"("
    return isinstance(value, ast.Await | ast.ListComp | ast.SetComp | ast.DictComp | ast.NamedExpr)


def _is_live(node: ast.AST) -> bool:
    return isinstance(
        node,
        ast.Name | ast.Call | ast.Attribute | ast.Subscript | ast.comprehension | ast.JoinedStr
        | ast.Await | ast.NamedExpr,
    )  # fmt: skip


def _plain_spaces(code: str) -> str:
    return code.translate(_INVISIBLE | _SPACES | _BREAKS)


def _without_prompts(code: str) -> str:
    """Keep what a person typed at the prompt, not what the interpreter answered."""
    if not _FIRST_PROMPT.match(code):
        return code
    kept = [(line, _PROMPT.match(line)) for line in code.split("\n")]
    return tidy("\n".join(line[match.end() :] for line, match in kept if match))


def _unescaped(code: str) -> str:
    if "\n" in code or "\\n" not in code:
        return code
    return code.replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')


def _without_last_closer(code: str) -> str:
    """Drop a closing tag or fence that the model began and did not finish."""
    line = code.rstrip().rsplit("\n", 1)
    cut = re.sub(r"(?:</?[A-Za-z_]{0,20}|`{1,2})\Z", "", line[-1])
    return "\n".join([*line[:-1], cut]).rstrip()


_REPAIRS: tuple[Callable[[str], str], ...] = (
    _without_prompts,
    _without_last_closer,
    without_language,
    _plain_spaces,
    lambda code: code.translate(_QUOTES),
    lambda code: code.translate(_WIDE | _SIGNS),
    html.unescape,
    _unescaped,
)
