"""A subset of Python as GBNF rules: every sentence of it parses. Pure.

All that nests is bounded, in brackets as in blocks, because Python's own parser has a depth too;
and every rule that could say a keyword where a name belongs is spelled out letter by letter.
"""

from __future__ import annotations

import ast
import keyword
import string
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from smolterm.tools import ToolSpec


class Size(msgspec.Struct, frozen=True, kw_only=True):
    """How large code may become; small sizes make a random model come to an end."""

    blocks: int = 4
    """Blocks inside blocks."""
    brackets: int = 5
    """Brackets inside brackets; 1 at least."""
    lines: int = 40
    """Statements of one block, besides the first."""
    items: int = 60
    """Items of a list, or arguments."""
    chain: int = 6
    """Operators in a row."""
    trailers: int = 6
    """Calls, attributes and subscripts in a row."""
    names: int = 40
    """Characters of a name."""


DEFAULT_SIZE = Size()

_START = string.ascii_letters + "_"
_WORD = _START + string.digits
# What no Python source may hold: a null character, and what ends a line where none should end.
_CONTROL = r"\x00-\x1F\x7F"

_FIXED = rf"""
name-rest ::= [a-zA-Z0-9_]{{0,NAMES}}
number ::= integer ( "." [0-9]{{0,12}} )? ( "e" "-"? [0-9]{{1,2}} )? | "0x" [0-9a-fA-F]{{1,16}}
integer ::= "0" | [1-9] ( "_"? [0-9] ){{0,15}}
string ::= "\"" in-double{{0,LONG}} "\"" | "'" in-single{{0,LONG}} "'" | raw | bytes | long-string
in-double ::= [^"\\{_CONTROL}] | escape
in-single ::= [^'\\{_CONTROL}] | escape
escape ::= "\\" ( [nrt0abfv"'\\] | "x" hex hex | "u" hex hex hex hex )
hex ::= [0-9a-fA-F]
raw ::= "r\"" ( [^"\\{_CONTROL}] | "\\" [^{_CONTROL}] ){{0,LONG}} "\""
bytes ::= "b\"" ( [ !#-\[\]-~] | "\\" [nrt0"'\\] ){{0,LONG}} "\""
long-string ::= "\"\"\"" in-long{{0,LONG}} "\"\"\""
in-long ::= [^"\\`\x00-\x09\x0B-\x1F\x7F] | "\"" [^"\\`\x00-\x09\x0B-\x1F\x7F] | escape
f-string ::= "f\"" in-f-double{{0,LONG}} "\"" | "f'" in-f-single{{0,LONG}} "'"
in-f-double ::= [^"\\{{}}{_CONTROL}] | f-escape | "{{" f-value f-spec? "}}"
in-f-single ::= [^'\\{{}}{_CONTROL}] | f-escape | "{{" s-value f-spec? "}}"
f-escape ::= "\\" [nt"'\\] | "{{{{" | "}}}}"
f-spec ::= "!r" | ":" [0-9,.<>^+dfgesx%]{{1,8}}
f-value ::= f-term ( sp [-+*/] sp f-term ){{0,3}}
f-term ::= number | name f-trailer{{0,4}}
f-trailer ::= "." name | "[" f-key "]" | "(" ( f-given ( ", " f-given ){{0,3}} )? ")"
f-given ::= number | name
f-key ::= "-"? integer | name | "'" [^'"\\{{}}{_CONTROL}]{{0,40}} "'"
s-value ::= s-term ( sp [-+*/] sp s-term ){{0,3}}
s-term ::= number | name s-trailer{{0,4}}
s-trailer ::= "." name | "[" s-key "]" | "(" ( f-given ( ", " f-given ){{0,3}} )? ")"
s-key ::= "-"? integer | name | "\"" [^'"\\{{}}{_CONTROL}]{{0,40}} "\""
sp ::= " "?
fold ::= ( "\n" " "{{0,PAD}} )?
sep ::= "," ( " "? | "\n" " "{{0,PAD}} )
plain-target ::= name ( ", " name ){{0,4}} | "(" name ( ", " name ){{1,4}} ")"
dotted ::= name ( "." name ){{0,5}}
comment ::= "#" [^`<{_CONTROL}]{{0,LINE}}
end ::= ( "  " comment )? "\n"
compare ::= sp ( "==" | "!=" | "<=" | ">=" | "<" | ">" ) sp | " not"? " in " | " is " "not "?
arithmetic ::= sp ( "+" | "-" | "*" | "/" | "//" | "%" | "**" | "@" | "&" | "|" | "^" ) sp
change ::= " " ( "+" | "-" | "*" | "/" | "//" | "%" | "**" | "&" | "|" | "^" ) "= "
"""


def python_rules(
    tools: Sequence[ToolSpec] = (), *, line: int = 200, size: Size = DEFAULT_SIZE
) -> str:
    """Return rules whose `statement` is one statement of Python with its line end, at any depth.

    A function of `tools` can only be called, and only with arguments that it has.

    Args:
        line: characters of a text, and of a comment, at most.
    """
    fixed = _FIXED.replace("LONG", str(2 * line)).replace("LINE", str(line))
    fixed = fixed.replace("NAMES", str(size.names)).replace("PAD", str(size.names))
    rules = [*_names([spec.name for spec in tools]), fixed.strip()]
    for depth in range(size.brackets + 1):
        rules += _expressions(depth, tools, size)
    rules += _simple_statements(size)
    for depth in range(size.blocks + 1):
        for inside in ("", "l", "d", "dl"):
            rules += _statements(depth, inside, size)
    rules.append("statement ::= st-0")
    return "\n".join(rules) + "\n"


# Names


def _names(tools: Iterable[str]) -> Iterator[str]:
    """Yield rules for every name that is neither a keyword nor a tool's, one rule a prefix."""
    reserved = {*keyword.kwlist, "__debug__", *(name for name in tools if name.isascii())}
    prefixes = sorted({word[:size] for word in reserved for size in range(len(word) + 1)})
    number = {prefix: f"n{at}" for at, prefix in enumerate(prefixes)}
    yield "name ::= n0"
    for prefix in prefixes:
        following = sorted(
            {word[len(prefix)] for word in reserved if word.startswith(prefix) and word != prefix}
        )
        options = [f'"{char}" {number[prefix + char]}' for char in following]
        free = "".join(c for c in (_WORD if prefix else _START) if c not in following)
        options.append(f"[{free}] name-rest")
        body = " | ".join(options)
        yield f"{number[prefix]} ::= {body if not prefix or prefix in reserved else f'( {body} )?'}"


# Expressions


def _expressions(depth: int, tools: Sequence[ToolSpec], size: Size) -> Iterator[str]:
    """Yield the rules for expressions inside so many brackets; the deepest hold none.

    What begins alike is written once: llama.cpp follows all readings of a text side by side, and
    two readings inside each of five brackets are thirty-two.
    """
    d, i, few, many = depth, depth + 1, size.chain, size.items
    trailers = size.trailers
    yield f'any-{d} ::= value-{d} | "lambda" ( " " name ( ", " name )? )? ": " value-{d}'
    yield f'value-{d} ::= either-{d} ( " if " either-{d} " else " either-{d} )?'
    yield f'either-{d} ::= maybe-{d} ( ( " and " | " or " ) maybe-{d} ){{0,{few}}}'
    yield f'maybe-{d} ::= "not "? sum-{d} ( compare sum-{d} ){{0,{min(2, few)}}}'
    yield f"sum-{d} ::= term-{d} ( arithmetic term-{d} ){{0,{few}}}"
    yield f'term-{d} ::= "-"? ( number | place-{d} )'
    atoms = ["name", "string", "f-string", '"True"', '"False"', '"None"']
    if depth == size.brackets:
        atoms += ['"[]"', '"{}"', '"()"']
        yield f'place-{d} ::= ( {" | ".join(atoms)} ) ( "." name | "()" ){{0,{trailers}}}'
        return
    atoms += [f"list-{d}", f"braces-{d}", f"parens-{d}"]
    if tools:
        atoms.append(f"tool-{d}")
        calls = (f'"{spec.name}(" fold t{at}-p0-{i} fold ")"' for at, spec in enumerate(tools))
        yield f"tool-{d} ::= " + " | ".join(calls)
        for at, spec in enumerate(tools):
            yield from _arguments(f"t{at}", spec, i)
    yield f"place-{d} ::= ( {' | '.join(atoms)} ) ( part-{d} | call-{d} ){{0,{trailers}}}"
    yield f'part-{d} ::= "." name | "[" fold index-{i} fold "]"'
    yield f'call-{d} ::= "(" fold ( arguments-{i} fold )? ")"'
    yield f'list-{d} ::= "[" fold ( items-{i} fold )? "]"'
    yield f'parens-{d} ::= "(" fold ( any-{i} ( each-{i} | more-{i} ) fold )? ")"'
    yield f'braces-{d} ::= "{{" fold ( braced-{i} fold )? "}}"'
    yield f'braced-{i} ::= any-{i} ( ":" sp value-{i} ( each-{i} | pairs-{i} ) | each-{i} | ' + (
        f'more-{i} ) | "*" place-{i} more-{i}'
    )
    yield f'pairs-{i} ::= ( sep value-{i} ":" sp value-{i} ){{0,{many}}} ","?'
    yield f'items-{i} ::= any-{i} ( each-{i} | more-{i} ) | "*" place-{i} more-{i}'
    yield f'more-{i} ::= ( sep ( any-{i} | "*" place-{i} ) ){{0,{many}}} ","?'
    yield f'each-{i} ::= fold " for " plain-target " in " either-{i} ( fold " if " either-{i} )?'
    yield f'index-{i} ::= value-{i} ( ( ", " value-{i} ){{1,3}} | slice-{i} )? | slice-{i}'
    yield f'slice-{i} ::= ":" value-{i}? ( ":" value-{i}? )?'
    yield f"arguments-{i} ::= any-{i} ( each-{i} | given-{i} ) | " + (
        f'"*" place-{i} given-{i} | named-{i} names-{i}'
    )
    yield f'given-{i} ::= ( sep ( any-{i} | "*" place-{i} ) ){{0,{many}}} names-{i}'
    yield f'names-{i} ::= ( sep named-{i} ){{0,{many}}} ","?'
    yield f'named-{i} ::= name "=" any-{i}'


def _arguments(tool: str, spec: ToolSpec, depth: int) -> Iterator[str]:
    """Yield rules for arguments in the signature's order: some by place, then some by name.

    In the rules' names `p2` and `k2` say what may follow two arguments, `f2` that none was given.
    """
    named, needed, places = parameters_of(spec)
    count = len(named)
    for at in range(places + 1):
        options = [f"{tool}-{'k' if at else 'f'}{at}-{depth}"]
        if at < places:
            options.append(f"{'sep ' if at else ''}any-{depth} {tool}-p{at + 1}-{depth}")
        yield f"{tool}-p{at}-{depth} ::= {' | '.join(options)}"
    for mark, sep in (("f", ""), ("k", "sep ")):
        for at, name in enumerate(named):
            options = [f'{sep}"{name}=" any-{depth} {tool}-k{at + 1}-{depth}']
            if name not in needed:
                options.append(f"{tool}-{mark}{at + 1}-{depth}")
            yield f"{tool}-{mark}{at}-{depth} ::= {' | '.join(options)}"
        yield f'{tool}-{mark}{count}-{depth} ::= ""'


def parameters_of(spec: ToolSpec) -> tuple[tuple[str, ...], frozenset[str], int]:
    """Return a tool's parameters, those without a default, and how many can be given by place."""
    try:
        tree = ast.parse(f"def f{spec.signature}: ...")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return spec.parameters, frozenset(spec.parameters), len(spec.parameters)
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    plain = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    needed = set(plain[: len(plain) - len(arguments.defaults)])
    for each, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        needed |= {each.arg} if default is None else set()
    return spec.parameters, frozenset(needed), min(len(plain), len(spec.parameters))


# Statements


def _simple_statements(size: Size) -> Iterator[str]:
    few = size.chain
    yield f'values ::= any-0 ( ", " any-0 ){{0,{few}}}'
    yield f'target ::= name ( "." name | "[" fold index-1 fold "]" ){{0,{size.trailers}}}'
    yield (
        'assignment ::= target ( ( ", " target ){0,4} ( " = " | "=" ) values | change any-0 '
        '| ": " either-0 " = " any-0 )'
    )
    yield 'import ::= "import " dotted ( " as " name )? | "from " dotted " import " taken'
    yield 'taken ::= name ( " as " name )? ( ", " name ( " as " name )? ){0,8}'
    yield 'other ::= "pass" | "assert " value-0 ( ", " value-0 )? | "del " name | "raise " value-0'
    yield "simple ::= assignment | import | other | any-0"


def _statements(depth: int, inside: str, size: Size) -> Iterator[str]:
    """Yield the rules for one statement inside so many blocks.

    Args:
        inside: `l` for a loop and `d` for a function around it: what may stand there.
    """
    here = f"{inside}-{depth}"
    simple = ["simple"]
    if "l" in inside:
        simple += ['"break"', '"continue"']
    if "d" in inside:
        simple += ['"return" ( " " values )?', '"yield " value-0']
    options = [f"( {' | '.join(simple)} ) end"]
    if depth < size.blocks:
        options += [f"{kind}{here}" for kind in ("if", "for", "while", "with", "try", "def")]
        if not inside:
            options.append(f"class{here}")
        yield from _compounds(depth, inside, size)
    yield f"st{here} ::= {' | '.join(options)}"


def _compounds(depth: int, inside: str, size: Size) -> Iterator[str]:
    here, pad = f"{inside}-{depth}", _literal("    " * depth)
    body = f"body{inside}-{depth + 1}"
    loop = f"body{'d' if 'd' in inside else ''}l-{depth + 1}"
    function = f"bodyd-{depth + 1}"
    again = f"{pad} " if depth else ""
    yield f"{body} ::= " + _body(depth + 1, inside, size)
    yield (
        f'if{here} ::= "if " value-0 ":" end {body} '
        f'( {again}"elif " value-0 ":" end {body} ){{0,4}} ( {again}"else:" end {body} )?'
    )
    yield f'for{here} ::= "for " plain-target " in " values ":" end {loop}'
    yield f'while{here} ::= "while " value-0 ":" end {loop}'
    yield f'with{here} ::= "with " place-0 ( " as " name )? ":" end {body}'
    yield (
        f'try{here} ::= "try:" end {body} ( ( {again}"except " caught ":" end {body} ){{1,3}} '
        f'( {again}"finally:" end {body} )? | {again}"finally:" end {body} )'
    )
    yield f'def{here} ::= "def " name "(" parameters? ")" ( " -> " either-0 )? ":" end {function}'
    if not inside:
        yield f'class{here} ::= "class " name ( "(" dotted ")" )? ":" end {body}'
    if not inside and depth == 0:
        yield 'caught ::= ( dotted | "(" dotted ( ", " dotted ){1,3} ")" ) ( " as " name )?'
        yield "parameters ::= needed ( sep needed )* ( sep given )* | given ( sep given )*"
        yield 'needed ::= name ( ": " either-1 )?'
        yield 'given ::= name ( ": " either-1 " = " | "=" ) either-1'


def _body(depth: int, inside: str, size: Size) -> str:
    pad = _literal("    " * depth)
    line = f'{pad} st{inside}-{depth} | {pad} comment "\\n" | "\\n"'
    return f'( {pad} comment "\\n" )? {pad} st{inside}-{depth} ( {line} ){{0,{size.lines}}}'


def _literal(text: str) -> str:
    return f'"{text}"'
