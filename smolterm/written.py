"""Names and literals in code: what a name stands for, what a path spells, what surely happens.

Pure, bounded in time whatever the code: every answer may be that it cannot be known.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

GAP = "…"
"""Stands in a text for what is not known of it."""
MOST_LOOKS = 50_000
"""Expressions looked at for one piece of code."""
DEEPEST = 40
LONGEST = 4_000

_PATHS = frozenset({"pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath"})
_PATH_STARTS = (*(f"{name}()" for name in _PATHS), "pathlib.Path.cwd()", "pathlib.Path.home()")
_USUAL = {
    "np": "numpy", "pd": "pandas", "pl": "polars", "plt": "matplotlib.pyplot",
    "Path": "pathlib.Path", "Image": "PIL.Image",
}  # fmt: skip
"""What names of an earlier step most likely stand for."""
_SAME_TEXT = frozenset({"str", "os.fspath", "os.path.abspath", "os.path.normpath", "os.path.join"})


class Text(NamedTuple):
    """As much of a text as the code tells."""

    text: str
    whole: bool


NOTHING = Text("", False)


class Scope:
    """What the names of one piece of code stand for, as far as each is bound once."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self._bound: Counter[str] = Counter()
        self._imports: dict[str, str] = {}
        self._values: dict[str, ast.expr] = {}
        self._looks = 0
        self.modules: list[tuple[str, int]] = []
        """What is imported, in full, and the line."""
        for node in nodes:
            self._bind(node)
        self.imported = frozenset(name.split(".")[0] for name, _ in self.modules if name)

    def binds(self, name: str) -> bool:
        """Whether the code gives the name another meaning."""
        return name in self._bound

    def dotted(self, node: ast.expr, depth: int = DEEPEST) -> str:
        """Return what is called or read, in full: `os.path.join`, `requests.Session().get`."""
        if not self._may_look(depth):
            return ""
        match node:
            case ast.Name(id=name):
                if name in self._imports and self._bound[name] == 1:
                    return self._imports[name]
                if self._bound[name] == 1 and name in self._values:
                    return self.dotted(self._values[name], depth - 1)
                return "" if name in self._bound else _USUAL.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                of = self.dotted(value, depth - 1)
                return f"{of}.{attr}"[:LONGEST] if of else ""
            case ast.Call(func=func):
                called = self.dotted(func, depth - 1)
                return f"{called}()"[:LONGEST] if called else ""
            case ast.Await(value=value):
                return self.dotted(value, depth - 1)
            case ast.BinOp(left=left, op=ast.Div()):
                return self.dotted(left, depth - 1)
            case _:
                return ""

    def is_path(self, node: ast.expr) -> bool:
        """Whether it surely is a `pathlib.Path`, or comes from one."""
        return self.dotted(node).startswith(_PATH_STARTS)

    def text(self, node: ast.expr | None, depth: int = DEEPEST) -> Text:
        """Return the text that an expression spells, with gaps where it is not known."""
        if node is None or not self._may_look(depth):
            return NOTHING
        match node:
            case ast.Constant(value=str(value)):
                return Text(value[:LONGEST], len(value) <= LONGEST)
            case ast.Constant(value=bytes(value)):
                return Text(value[:LONGEST].decode("utf-8", "replace"), len(value) <= LONGEST)
            case ast.JoinedStr(values=values):
                return _joined((self.text(value, depth - 1) for value in values), "")
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self.text(value, depth - 1)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return _joined((self.text(part, depth - 1) for part in (left, right)), "")
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return _joined((self.text(part, depth - 1) for part in (left, right)), "/")
            case ast.Name(id=name) if self._bound[name] == 1 and name in self._values:
                return self.text(self._values[name], depth - 1)
            case ast.Call(func=func, args=args, keywords=[]) if args:
                name = self.dotted(func)
                if name in _PATHS or name in _SAME_TEXT:
                    return _joined((self.text(part, depth - 1) for part in args), "/")
                return NOTHING
            case _:
                return NOTHING

    def _may_look(self, depth: int) -> bool:
        self._looks += 1
        return depth > 0 and self._looks < MOST_LOOKS

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                self._bound[name] += 1
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                self._bound[name] += 1
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                self._bound[name] += 1
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                self._bound[name] += 1
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self._values[name] = value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                self._values[name] = value
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=name)):
                self._values[name] = value
            case ast.Import(names=names):
                for alias in names:
                    self._import(alias.asname or alias.name.split(".")[0],
                                 alias.name if alias.asname else alias.name.split(".")[0],
                                 alias.name, node.lineno)  # fmt: skip
            case ast.ImportFrom(module=str(module), names=names, level=0):
                for alias in names:
                    full = f"{module}.{alias.name}"
                    self._import(alias.asname or alias.name, full, full, node.lineno)
            case ast.ImportFrom(names=names):
                for alias in names:
                    self._bound[alias.asname or alias.name] += 1
            case _:
                pass

    def _import(self, name: str, stands_for: str, module: str, line: int) -> None:
        # The same import twice, and `import a.b` beside `import a.c`, say nothing new.
        if self._imports.get(name) != stands_for:
            self._bound[name] += 1
        self._imports[name] = stands_for
        self.modules.append((module, line))


def certain_children(node: ast.AST, certain: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield the parts of a node, and whether each surely is executed where the node is."""
    doubtful = _doubtful(node) if certain else frozenset()
    for name, value in ast.iter_fields(node):
        sure = certain and name not in doubtful
        if isinstance(value, ast.AST):
            yield value, sure
        elif isinstance(value, list):
            for place, part in enumerate(value):
                if isinstance(part, ast.AST):
                    yield part, sure and not (isinstance(node, ast.BoolOp) and place)


def _doubtful(node: ast.AST) -> frozenset[str]:
    """Return the fields of a node that may be left out."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            return frozenset({"body"})
        case ast.If(test=test) | ast.While(test=test):
            return frozenset({"orelse"}) if _is_true(test) else frozenset({"body", "orelse"})
        case ast.IfExp():
            return frozenset({"body", "orelse"})
        case ast.For(iter=over) | ast.AsyncFor(iter=over):
            return frozenset({"orelse"}) if _has_some(over) else frozenset({"body", "orelse"})
        case ast.Try() | ast.TryStar():
            return frozenset({"handlers", "orelse"})
        case ast.Match():
            return frozenset({"cases"})
        case ast.Assert():
            return frozenset({"msg"})
        case ast.ListComp(generators=[first]) | ast.SetComp(generators=[first]):
            some = _has_some(first.iter) and not first.ifs
            return frozenset() if some else frozenset({"elt"})
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return frozenset({"elt"})
        case ast.DictComp():
            return frozenset({"key", "value"})
        case _:
            return frozenset()


def _is_true(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()],
                         comparators=[ast.Constant(value="__main__")]):  # fmt: skip
            return True
        case _:
            return False


def _has_some(over: ast.expr) -> bool:
    """Whether a loop surely goes round once."""
    match over:
        case ast.List(elts=[_, *_]) | ast.Tuple(elts=[_, *_]) | ast.Set(elts=[_, *_]):
            return not any(isinstance(part, ast.Starred) for part in over.elts)
        case ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(count))]):
            return count > 0
        case _:
            return False


def _joined(parts: Iterable[Text], joint: str) -> Text:
    """Return the parts put together; nothing where none of them is known."""
    found = list(parts)
    if not any(part.text for part in found):
        return Text("", bool(found) and all(part.whole for part in found))
    texts = [part.text if part.whole or part.text else GAP for part in found]
    if joint:
        texts = [text.rstrip("/") or "/" for text in texts[:-1]] + texts[-1:]
        for place in range(len(texts) - 1, 0, -1):
            if texts[place].startswith("/") and found[place].whole:
                return Text(joint.join(texts[place:]), all(part.whole for part in found[place:]))
        text = joint.join(texts).replace("//", "/")
    else:
        text = "".join(texts)
    return Text(text[:LONGEST], all(part.whole for part in found) and len(text) <= LONGEST)
