"""What code would touch, as its text tells."""

from __future__ import annotations

import string

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smolterm.events import Touch
from smolterm.tools import ToolSpec
from smolterm.touches import LONGEST_CODE, MOST_TOUCHES, UNKNOWN, read, touches

TOOLS = tuple(
    ToolSpec(name=name, signature="(x: str) -> str", doc="d", effect=effect)
    for name, effect in (("double", "pure"), ("save", "write"), ("launch", "danger"))
)


def told(code: str) -> list[str]:
    """Write each touch as `[may ]KIND WHAT:LINE`."""
    return [
        f"{'may ' * touch.may}{touch.kind} {touch.what}:{touch.line}"
        for touch in touches(code, TOOLS)
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        # Tools, called in a way that the code shows.
        ("save('x')", ["tool save:1"]),
        ("x = 1\ny = double(launch())", ["tool double:2", "tool launch:2"]),
        ("save(1)\nsave(2)", ["tool save:1"]),
        ("ｓave('x')", ["tool save:1"]),
        ("for x in [1, 2]:\n    save(x)", ["tool save:2"]),
        ("[save(x) for x in (1, 2)]", ["tool save:1"]),
        ("try:\n    save(1)\nfinally:\n    launch()", ["tool save:2", "tool launch:4"]),
        ("if __name__ == '__main__':\n    save(1)", ["tool save:2"]),
        ("while True:\n    save(1)", ["tool save:2"]),
        # It stands there, but whether it happens depends.
        ("if x:\n    save(1)", ["may tool save:2"]),
        ("for x in xs:\n    save(x)", ["may tool save:2"]),
        ("[save(x) for x in xs]", ["may tool save:1"]),
        ("def f():\n    save(1)", ["may tool save:2"]),
        ("f = lambda: save(1)", ["may tool save:1"]),
        ("x and save(1)", ["may tool save:1"]),
        ("save(1) and launch()", ["may tool launch:1", "tool save:1"]),
        ("save(1) if x else 2", ["may tool save:1"]),
        ("try:\n    pass\nexcept E:\n    save(1)", ["may tool save:4"]),
        ("match x:\n    case 1:\n        save(1)", ["may tool save:3"]),
        ("if x:\n    save(1)\nsave(2)", ["tool save:3"]),
        # A tool as a value.
        ("f = save\nf('x')", ["may tool save:1"]),
        ("list(map(save, xs))", ["may tool save:1"]),
        ("@save\ndef f(): pass", ["may tool save:1"]),
        ("save = print\nsave('x')", ["may tool save:2"]),
        ("def save(x): pass\nsave('x')", ["may tool save:2"]),
        # Ways to reach what is not named.
        ("globals()['save']('x')", ["may tool :1", "may tool save:1"]),
        ("exec(text)", ["may tool :1"]),
        ("eval('launch()')", ["may tool :1"]),
        ("getattr(thing, name)()", ["may tool :1"]),
        ("getattr(row, 'name')", []),
        ("getattr(f, '__globals__')", ["may tool :1"]),
        ("f.__globals__['launch']()", ["may tool :1", "may tool launch:1"]),
        ("import __main__\n__main__.save(1)", ["may tool :1", "may tool save:2"]),
        ("import pickle\npickle.loads(data)", ["may tool :2"]),
        ("import sys\nsys.modules['x']", ["may tool :2"]),
        ("import sys\nsys.stdout.write('x')", []),
        # Files.
        ("open('a.txt')", ["read a.txt:1"]),
        ("open('a.txt', 'w')", ["write a.txt:1"]),
        ("open('a.txt', mode='ab')", ["write a.txt:1"]),
        ("open('a.txt', 'r+')", ["read a.txt:1", "write a.txt:1"]),
        ("open('a.txt', mode)", ["may read a.txt:1", "may write a.txt:1"]),
        ("open(file='../a.txt')", ["read ../a.txt:1"]),
        ("open(name)", ["may read :1"]),
        ("open(f'out/{name}.csv', 'w')", ["may write out/….csv:1"]),
        ("name = 'a'\nopen(f'out/{name}.csv', 'w')", ["write out/a.csv:2"]),
        ("name = 'a'\nname = 'b'\nopen(name)", ["may read :3"]),
        ("open('a' + b)", ["may read a…:1"]),
        ("with open('a.csv', newline='') as f:\n    csv.reader(f)", ["read a.csv:1"]),
        ("open = print\nopen('a.txt')", []),
        ("import io as i\ni.open('a')", ["read a:2"]),
        ("from gzip import open as o\no('a.gz', 'wb')", ["write a.gz:2"]),
        ("from pathlib import Path\nPath('a').read_text()", ["read a:2"]),
        ("from pathlib import Path as P\n(P('a') / 'b').write_text('')", ["write a/b:2"]),
        ("p = Path('a')\np.unlink()", ["delete a:2"]),
        ("Path('a').with_suffix('.b').unlink()", ["may delete :1"]),
        ("Path('a', '/b').touch()", ["write /b:1"]),
        ("Path('a').open('w')", ["write a:1"]),
        ("Path('a').rename('b')", ["delete a:1", "write b:1"]),
        ("Path.home().rmdir()", ["may delete :1"]),
        ("where.write_text('x')", ["may write :1"]),
        ("'a'.replace('b', 'c')\nlist.copy()", []),
        ("import os\nos.remove('a')", ["delete a:2"]),
        ("os.rename('a', 'b')", ["delete a:1", "write b:1"]),
        ("from os import makedirs\nmakedirs('a/b', exist_ok=True)", ["write a/b:2"]),
        ("os.path.join('a', 'b')", []),
        ("open(os.path.join('a', b))", ["may read a/…:1"]),
        ("import shutil\nshutil.rmtree('a')", ["delete a:2"]),
        ("shutil.copy('a', dst='b')", ["read a:1", "write b:1"]),
        ("import sqlite3\nsqlite3.connect('a.db')", ["may write a.db:2"]),
        ("sqlite3.connect(':memory:')", []),
        ("pd.read_csv('a.csv')", ["read a.csv:1"]),
        ("df.to_csv('a.csv')\ndf.to_json()", ["write a.csv:1"]),
        ("plt.savefig(fname='a.png')", ["write a.png:1"]),
        ("tarfile.open('a.tgz', 'w:gz')", ["write a.tgz:1"]),
        ("tempfile.mkdtemp()", ["may write :1"]),
        # The network.
        ("import urllib.request as u\nu.urlopen('https://a.example/x')",
         ["may network a.example:2"]),
        ("import urllib.parse\nurllib.parse.quote('x')", []),
        ("import requests\nrequests.get(f'https://a.example/{x}')",
         ["package requests:1", "may network a.example:2"]),
        ("import requests\ns = requests.Session()\ns.get(url)",
         ["package requests:1", "may network :3"]),
        ("import requests", ["may network :1", "package requests:1"]),
        ("import socket\nsocket.create_connection(('a.example', 80))",
         ["may network a.example:2"]),
        ("import http.client\nhttp.client.HTTPSConnection('a.example')",
         ["may network a.example:2"]),
        ("urllib.request.urlopen('https://good@evil.example/')", ["may network evil.example:1"]),
        ("pd.read_csv('https://a.example/a.csv')", ["may network a.example:1"]),
        # Packages.
        ("import numpy as np\nfrom sklearn.svm import SVC",
         ["package numpy:1", "package scikit-learn:2"]),
        ("import json, os.path\nfrom . import x", []),
        ("try:\n    import yaml\nexcept ImportError:\n    import toml",
         ["package pyyaml:2", "may package toml:4"]),
        ("__import__('yaml')", ["package pyyaml:1", "may tool :1"]),
        ("__import__(name)", ["may package :1", "may tool :1"]),
        # Nothing, or nothing that can be told.
        ("", []),
        ("# save('x')\n'save(1)'", []),
        ("x = 1 + 1", []),
        ("not python (", ["may tool :0"]),
        ("\x00", ["may tool :0"]),
        ("\ud800", ["may tool :0"]),
        ("(" * 500 + ")" * 500, ["may tool :0"]),
        ("-" * 20_000 + "1", ["may tool :0"]),
        ("x = 1\n" * LONGEST_CODE, ["may tool :0"]),
        ("x = [" + "1," * 30_000 + "]", ["may tool :0"]),
    ],
)  # fmt: skip
def test_what_code_touches(code, expected):
    assert told(code) == expected


def test_a_tools_effect_is_told_with_it():
    assert touches("launch()", TOOLS) == (
        Touch(kind="tool", what="launch", effect="danger", line=1),
    )


def test_more_than_a_person_reads_is_cut_with_a_word_about_it_and_tools_stay():
    code = "".join(f"open('{n}')\n" for n in range(500)) + "save('x')"
    found = touches(code, TOOLS)
    assert len(found) == MOST_TOUCHES
    assert found[-1] == UNKNOWN
    assert any(touch.what == "save" for touch in found)


def test_a_long_path_is_cut():
    (touch,) = touches(f"open('{'a' * 5000}')")
    assert len(touch.what) == 200
    assert touch.may


@pytest.mark.parametrize(
    ("code", "named"),
    [
        ("x = 1", set()),
        ("save(1)\nif x: double(2)", {"save", "double"}),
        ("f = save", {"save"}),
        ("eval(x)", None),
        ("no python (", None),
    ],
)
def test_tools_that_the_code_names(code, named):
    assert read(code, TOOLS).tools == named


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("save('x')", {"save"}),
        ("y = [save(x) for x in load()]", {"save", "load"}),
        ("f = save\nf('x')", {"f"}),
        ("pack.save('x')", set()),
        ("getattr(pack, 'save')('x')", {"getattr"}),
        ("not python (", set()),
    ],
)
def test_an_approval_covers_the_names_that_the_code_calls(code, names):
    assert read(code).calls == names


def test_imports():
    assert read("import a.b as c, d\nfrom e.f import g\nfrom . import h").imports == {"a", "d", "e"}
    assert read("import (").imports == frozenset()


WORDS = ["save", "double", "launch", "open", "(", ")", "'a.txt'", "'w'", "=", "\n", "    ", "if x:",
         "import ", "os.", "remove", "Path", "/", "+", "f'{x}'", "for x in", "[", "]", "lambda:",
         "globals()", ".", ",", "requests", "x", "exec", "def f():", "return ", ":=", "await ",
         "*", "**", "with ", " as ", "match x:", "case ", "\x0c", "\r", "\ufeff", "é"]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
    st.lists(st.sampled_from(string.printable), max_size=60).map("".join),
))  # fmt: skip
@example("a=" + "+".join(["a"] * 900) + "\nopen(a)")
@example("".join(f"a{n}=a{n + 1}+a{n + 1}\n" for n in range(200)) + "open(a0)")
@example("".join(f"a{n}=a{n + 1}.b\n" for n in range(500)) + "a0.c()")
@example("a=a\na.b()\nopen(a)")
def test_any_text_is_read(code):
    reading = read(code, TOOLS)
    assert len(reading.touches) <= MOST_TOUCHES
    assert all(len(touch.what) <= 200 for touch in reading.touches)
    assert list(reading.touches) == list(read(code, TOOLS).touches)


@given(st.lists(st.sampled_from(["save(1)", "x = save", "double(2)", "x = 1", "if x: launch()"])))
def test_no_tool_that_the_code_names_is_passed_over(lines):
    code = "\n".join(lines)
    named = {spec.name for spec in TOOLS if spec.name in code}
    assert {touch.what for touch in touches(code, TOOLS)} == named
    assert read(code, TOOLS).tools == named
