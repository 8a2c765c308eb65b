"""Grammars of replies: every sentence is read, strict ones are Python, bad ones are refused."""

from __future__ import annotations

import ast
import keyword
from pathlib import Path
from typing import Any

import pytest

from smolterm.errors import GrammarError
from smolterm.gbnf import MOST_REPEATS, read_grammar
from smolterm.grammar import Bounds, check_grammar, envelope, opened, tool_calls
from smolterm.grammar_python import Size, python_rules
from smolterm.parse import parse_reply
from smolterm.schemas import schemas_of
from smolterm.tools import tool
from tests.sentences import Speaker

SMALL = Bounds(lines=12, line=60, answer=60, thinking=30)


@tool
def web_search(query: str, most: int = 5, *, fresh: bool = False) -> list[str]:
    """Search the web."""
    return [query] * most


@tool
def now() -> str:
    """Say what time it is."""
    return ""


SPECS = [web_search.spec, now.spec]
OPENERS = {"fence": "```python\n", "tags": "<code>\n"}
CLOSERS = {"fence": "```", "tags": "</code>"}


def code_in(text: str, dialect: str) -> str | None:
    """Return the code of a sentence, by what the grammar says and not by what we read."""
    if OPENERS[dialect] not in text:
        return None
    return text[text.index(OPENERS[dialect]) + len(OPENERS[dialect]) : -len(CLOSERS[dialect])]


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
@pytest.mark.parametrize("dialect", ["fence", "tags"])
def test_every_sentence_is_one_action_or_an_answer(dialect: Any, strict: bool) -> None:
    grammar = envelope(dialect, strict=strict, tools=SPECS)
    check_grammar(grammar)
    speaker = Speaker(grammar)
    actions = 0
    for seed in range(150):
        text = speaker.say(seed)
        reply = parse_reply(text)
        code = code_in(text, dialect)
        assert reply.kind == ("prose" if code is None else "code"), (seed, text)
        actions += code is not None
        if strict and code is not None:
            ast.parse(code)
            assert (reply.code or "").strip() == code.strip(), (seed, text)
    assert 40 < actions < 110


def test_strict_code_holds_much_of_python() -> None:
    rules = "root ::= statement{2}\n" + python_rules(SPECS, line=30)
    # Once with bare names for expressions, so that a sentence has room for blocks.
    bare = rules + "any-0 ::= name\nvalue-0 ::= name\nplace-0 ::= name\neither-0 ::= name\n"
    braces = bare.replace("statement{2}", "braces-0", 1)
    braces += 'any-1 ::= "1"\nvalue-1 ::= "2"\neither-1 ::= "3"\n'
    kinds: set[str] = set()
    for speaker in (Speaker(rules, 3000), Speaker(bare, 3000), Speaker(braces, 3000)):
        for seed in range(400):
            tree = ast.parse(speaker.say(seed))
            kinds |= {type(node).__name__ for node in ast.walk(tree)}
    wanted = {
        "Assign", "AugAssign", "AnnAssign", "If", "For", "While", "With", "Try", "FunctionDef",
        "ClassDef", "Import", "ImportFrom", "Return", "Break", "Raise", "Assert", "Lambda",
        "ListComp", "DictComp", "GeneratorExp", "JoinedStr", "Dict", "Set", "Tuple", "Slice",
        "Starred", "IfExp", "BoolOp", "Compare", "Subscript", "Attribute", "Call", "Yield",
    }  # fmt: skip
    assert wanted <= kinds, wanted - kinds


def test_strict_calls_of_tools_have_their_arguments() -> None:
    # The last rule of a name counts: arguments are not what this is about.
    rules = "root ::= tool-0\n" + python_rules(SPECS, line=10) + 'any-1 ::= "1"\n'
    speaker = Speaker(rules, 300)
    seen: set[tuple[int, ...]] = set()
    for seed in range(200):
        call = ast.parse(speaker.say(seed), mode="eval").body
        assert isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        names = [each.arg for each in call.keywords]
        if call.func.id == "now":
            assert not call.args and not names
            continue
        assert call.func.id == "web_search"
        assert len(call.args) <= 2 and len(set(names)) == len(names)
        given = {*("query", "most")[: len(call.args)], *names}
        assert "query" in given <= {"query", "most", "fresh"}
        seen.add((len(call.args), len(names)))
    assert len(seen) > 3


def test_a_name_is_never_a_keyword_or_a_tool() -> None:
    speaker = Speaker("root ::= name\n" + python_rules(SPECS, line=10), 5)
    said = {speaker.say(seed) for seed in range(3000)}
    assert not said & {*keyword.kwlist, "web_search", "now"}
    assert all(name.isidentifier() for name in said)
    # What only begins like one, or is a piece of one, is a name.
    assert {name for name in said if name.startswith(("i", "n", "web"))}


@pytest.mark.parametrize("thinking", [False, True])
def test_every_sentence_of_tool_calls_is_a_call(thinking: bool) -> None:
    # Code inside JSON may be no Python, which is a mistake that the model is told about.
    callable_ = [each for each in schemas_of(SPECS) if each["function"]["name"] != "run_python"]
    grammar = tool_calls(callable_, thinking=thinking, bounds=SMALL)
    check_grammar(grammar)
    speaker = Speaker(grammar)
    for seed in range(150):
        text = speaker.say(seed)
        reply = parse_reply(text)
        if "<tool_call>" in text:
            assert reply.kind == "code", (seed, text)
        else:
            assert reply.kind in ("prose", "code"), (seed, text)


def test_a_think_block_comes_first_and_may_stand_open() -> None:
    grammar = envelope(thinking=True, bounds=SMALL)
    said = [Speaker(grammar).say(seed) for seed in range(60)]
    assert any(text.startswith("<think>") for text in said)
    assert any("</think>" not in text for text in said)
    for each in (grammar, envelope(bounds=SMALL)):
        check_grammar(opened(each))
        speaker = Speaker(opened(each))
        for seed in range(60):
            text = speaker.say(seed)
            assert "</think>" in text
            assert parse_reply("<think>" + text).kind in ("code", "prose"), text
    assert opened('root ::= "yes"') == 'root ::= "yes"'


def test_lengths_are_bounded() -> None:
    for grammar in (envelope(), envelope(strict=True), tool_calls(schemas_of(SPECS))):
        check_grammar(grammar)
        assert len(grammar) < 60_000


GOOD = {
    "comment": 'root ::= "a" # here\n# there\n',
    "lines": 'root ::= ("a" |\n "b")\n\nrest ::= [a-z]* .\n',
    "classes": r'root ::= [^"\\\x00-\x1F\]é-]+ "\u00e9\U0001F600"',
    "counts": 'root ::= "a"{2} "b"{2,} "c"{0,3} "d"{ 1 , 2 }',
    "empty": 'root ::= "" | x\nx ::= "y"',
    "right recursion": 'root ::= "a" root?',
}
BAD = {
    "empty": ("", "no rule named root"),
    "no root": ('start ::= "a"', "no rule named root"),
    "unknown rule": ("root ::= other", "other"),
    "open text": ('root ::= "a', "not closed"),
    "open class": ("root ::= [a", "not closed"),
    "open group": ('root ::= ("a"', ") is missing"),
    "closed group": ('root ::= "a")', "does not belong"),
    "no rule mark": ('root "a"', "::= is missing"),
    "one equals sign": ('root = "a"', "::= is missing"),
    "repeat of nothing": ("root ::= *", "does not belong"),
    "backwards": ('root ::= "a"{3,2}', "above the most"),
    "too many": (f'root ::= "a"{{{MOST_REPEATS + 1}}}', "repeats"),
    "group too often": ('root ::= ( "a" | ( "b" | "c" ) ){0,1500}', "rule of its own"),
    "no number": ('root ::= "a"{x}', "number"),
    "range backwards": ("root ::= [z-a]", "backwards"),
    "escape": (r'root ::= "\q"', "no escape"),
    "short escape": (r'root ::= "\x4"', "hexadecimal"),
    "surrogate": (r'root ::= "\uD800"', "no character"),
    "left recursion": ('root ::= root "a" | "b"', "begins with itself"),
    "hidden left recursion": ('root ::= x\nx ::= "a"? y\ny ::= x "b"', "begins with itself"),
    "endless nothing": ('root ::= ("a"?)*', "repeats nothing"),
    "repeat twice": ('root ::= "a"**', "repeated"),
    "underscore": ('root ::= a_b\na_b ::= "c"', "does not belong"),
    "null": ('root ::= "\x00"', "null character"),
    "token": ("root ::= <think>", "does not belong"),
    "deep": ("root ::= " + "(" * 5000 + '"a"' + ")" * 5000, "groups"),
    "long": ("#" * 3_000_000, "characters"),
    "unfolded": ("".join(f'r{n} ::= "a"{{1900}}\n' for n in range(60)) + "root ::= r0", "unfolds"),
    "chain": ("\n".join(f"r{n} ::= r{n + 1}" for n in range(4000)) + "\nroot ::= r0", "r4000"),
}


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_a_grammar_is_accepted(text: str) -> None:
    check_grammar(text)


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_a_bad_grammar_is_a_clear_error(text: str, said: str) -> None:
    with pytest.raises(GrammarError) as caught:
        check_grammar(text)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


def test_an_error_names_its_line() -> None:
    with pytest.raises(GrammarError, match="Line 3"):
        read_grammar('root ::= "a"\n\nx ::= )\n')


TINY = Bounds(
    lines=2,
    line=8,
    answer=40,
    size=Size(blocks=1, brackets=1, lines=0, items=1, chain=0, trailers=1, names=5),
)


@pytest.mark.parametrize("strict", [False, True], ids=["loose", "strict"])
def test_random_weights_under_the_grammar_write_actions(strict: bool, tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp")
    from tests.models.engines import Talk
    from tests.models.gguf_files import random_model

    grammar = envelope(strict=strict, tools=SPECS, reasoning=40, bounds=TINY)
    path = random_model(tmp_path / "random.gguf")
    actions = 0
    with Talk(path, "") as talk:
        for _ in range(20):
            talk.messages = []
            said, ended = talk.say("Hi", grammar=grammar, temperature=1.0, max_tokens=3500)
            assert ended.stop == "stop", said
            reply = parse_reply(said)
            assert reply.kind in ("code", "prose"), said
            code = code_in(said, "fence")
            actions += code is not None
            if strict and code is not None:
                ast.parse(code)
    assert actions > 5


def test_llama_cpp_takes_every_form_of_grammar(tmp_path: Path) -> None:
    library = pytest.importorskip("llama_cpp")
    from tests.models.engines import Talk
    from tests.models.gguf_files import random_model

    grammars = [envelope("tags", thinking=True), opened(envelope()), envelope(strict=True)]
    grammars += [tool_calls(schemas_of(SPECS), thinking=True), envelope(strict=True, tools=SPECS)]
    with Talk(random_model(tmp_path / "random.gguf"), "") as talk:
        vocabulary = talk.engine._loaded.vocabulary
        for grammar in grammars:
            sampler = library.llama_sampler_init_grammar(vocabulary, grammar.encode(), b"root")
            assert sampler, grammar
            library.llama_sampler_free(sampler)
