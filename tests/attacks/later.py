# ruff: noqa: E501
"""What a cell can leave behind to make later cells lie. A rewind must bring back an honest state.

In one interpreter this cannot be prevented: the code and the driver share it. What is shown is that
each of these lies, and that after `rewind` none of them does.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Tamper(NamedTuple):
    name: str
    code: str
    then: str = "6 * 7"
    honest: Any = 42


TAMPERS = [
    Tamper("print replaced", "import builtins; builtins.print = lambda *a: 666", "print.__name__", "print"),
    Tamper("len replaced", "import builtins; builtins.len = lambda x: 666", "len('abc')", 3),
    Tamper("import replaced", "import builtins; builtins.__import__ = lambda *a: 666",
           "import math; math.floor(1.5)", 1),
    Tamper("JSON writer patched", "import json\n_d = json.dumps\njson.dumps = lambda v, **k: _d({**v, 'value': 'LIE'})"),
    Tamper("JSON encoder patched", "import json.encoder\n_e = json.JSONEncoder.encode\n"
           "json.JSONEncoder.encode = lambda s, v: _e(s, {**v, 'answered': True, 'answer': 'LIE'})"),
    Tamper("parser patched", "import ast\n_p = ast.parse\nast.parse = lambda c, *a, **k: _p('666', *a, **k)"),
    Tamper("compiler replaced", "import builtins\n_c = compile\nbuiltins.compile = lambda s, f, m, *a, **k: _c('666', f, m)"),
    Tamper("eval replaced", "import builtins\nbuiltins.eval = lambda *a: 666"),
    Tamper("repr replaced", "import builtins\nbuiltins.repr = lambda v: 'LIE'"),
    Tamper("standard output replaced", "import sys, io\nsys.stdout = io.StringIO()", "import sys; type(sys.stdout).__name__", "TextIOWrapper"),
    Tamper("monitoring callback", "import sys\nm = sys.monitoring\nm.use_tool_id(3, 'x')\n"
           "m.register_callback(3, m.events.PY_START, lambda c, o: globals().update(z=666))\nm.set_events(3, m.events.PY_START)",
           "def f(): return z\nz = 1\nf()", 1),
    Tamper("import hook", "import sys, types\nclass F:\n    def find_spec(s, n, p=None, t=None):\n        if n == 'colorsys': raise ImportError('LIE')\nsys.meta_path.insert(0, F())",
           "import colorsys; colorsys.rgb_to_hsv(0, 0, 0)[0]", 0.0),
    Tamper("path hook", "import sys\nsys.path[:] = []; sys.path_importer_cache.clear()", "import wave; wave.__name__", "wave"),
    Tamper("module on the path", "open('/home/colorsys.py', 'w').write('rgb_to_hsv = 666')\nimport sys; sys.path.insert(0, '/home')",
           "import colorsys; type(colorsys.rgb_to_hsv).__name__", "function"),
    Tamper("module in sys.modules", "import sys\nsys.modules['math'] = type('M', (), {'pi': 3})", "import math; math.floor(math.pi * 100)", 314),
    Tamper("function's code swapped", "import textwrap\ndef f(text, *a, **k): return 'LIE'\ntextwrap.dedent.__code__ = f.__code__; textwrap.dedent.__defaults__ = None",
           "import textwrap; textwrap.dedent(' a')", "a"),
    Tamper("driver's closure", "import gc\nfor f in gc.get_objects():\n    if getattr(f, '__qualname__', '') == '_prelude.<locals>.run_cell':\n"
           "        for n, c in zip(f.__code__.co_freevars, f.__closure__):\n            if n == 'short_repr': c.cell_contents = lambda *a: 'LIE'\n"
           "import sys\nfor f in gc.get_objects():\n    if getattr(f, '__name__', '') == 'short_repr': f.__code__ = (lambda value, limit=0: 'LIE').__code__"),
    Tamper("final answer replaced", "import builtins\nbuiltins.final_answer = builtins.__final_answer__ = lambda a: None",
           "final_answer.__doc__[:3]", "End"),
    Tamper("tool replaced", "import builtins\nbuiltins.note = lambda text: 'LIE'", "note.__module__", "tools"),
    Tamper("tool shadowed", "def note(text): return 'LIE'", "note.__module__", "tools"),
    Tamper("ToolError replaced", "import builtins\nbuiltins.ToolError = ValueError", "ToolError.__name__", "ToolError"),
    Tamper("integer in memory", "import ctypes\nctypes.c_uint32.from_address(id(42) + 12).value = 41", "str(6 * 7)", "42"),
    Tamper("slot of a type", "import gc\ngc.get_referents(str.__dict__)[0]['upper'] = lambda s: 'LIE'\nimport ctypes; ctypes.pythonapi.PyType_Modified(ctypes.py_object(str))",
           "'a'.upper()", "A"),
    Tamper("clock replaced", "import time\ntime.time = lambda: 0", "import time; time.time() > 1e9", True),
    Tamper("sleep replaced", "import time\ntime.sleep = 666", "import time; callable(time.sleep)", True),
    Tamper("random fixed", "import random\nrandom.random = lambda: 5", "import random; random.random() < 1", True),
    Tamper("recursion limit", "import sys\nsys.setrecursionlimit(60)", "def f(n): return n and f(n - 1)\nf(200)", 0),
    Tamper("warnings as errors", "import warnings\nwarnings.simplefilter('error')", "import warnings; warnings.filters[0][0] != 'error'", True),
    Tamper("display of errors", "import traceback\ntraceback.TracebackException.format = lambda s, **k: ['LIE']",
           "import traceback\ntry: 1 / 0\nexcept Exception as e: s = traceback.format_exception(e)\ns[-1][:4]", "Zero"),
    Tamper("lines of the traceback", "import linecache\nlinecache.getline = linecache.getlines = lambda *a, **k: 'LIE'",
           "import linecache; linecache.getline.__module__", "linecache"),
    Tamper("environment", "import os\nos.environ['HOME'] = '/LIE'", "import os; os.environ['HOME']", "/home"),
    Tamper("working folder", "import os\nos.makedirs('/tmp/x'); os.chdir('/tmp/x')", "import os; os.getcwd()", "/home"),
    Tamper("folder's mode", "import os\nos.chmod('/home', 0)", "import os; os.stat('/home').st_mode & 0o777", 0o777),
    Tamper("standard library removed", "import os\nos.remove('/lib/python314.zip')", "import os; os.path.exists('/lib/python314.zip')", True),
    Tamper("output sent to a file", "import os\nos.dup2(os.open('/tmp/o', os.O_CREAT | os.O_WRONLY), 1)", "import os; os.isatty(1) or os.fstat(1).st_mode >> 12", 2),
    Tamper("standard library's file", "import os\np = '/lib/python314.zip'\nopen(p, 'r+b').write(b'LIE')", "open('/lib/python314.zip', 'rb').read(2)", b"PK"),
    Tamper("module beside the packages", "open('/lib/python3.14/site-packages/numpy.py', 'w').write('LIE = 1')",
           "import os; os.listdir('/lib/python3.14/site-packages')", []),
    Tamper("module in the library's folder", "open('/lib/python3.14/lib-dynload/numpy.py', 'w').write('LIE = 1')",
           "import os; os.listdir('/lib/python3.14/lib-dynload')", []),
    Tamper("file in shared memory", "open('/dev/shm/x', 'w').write('LIE')", "import os; os.listdir('/dev/shm')", ["tmp"]),
    Tamper("device moved away", "import os; os.rename('/dev/null', '/dev/nu')", "open('/dev/null').read()", ""),
    Tamper("device that is a file", "import os; os.remove('/dev/urandom'); open('/dev/urandom', 'w').write('LIE')",
           "open('/dev/urandom', 'rb').read(3) != b'LIE'", True),
    Tamper("folder of processes", "import os; os.mkdir('/proc/1')", "import os; os.listdir('/proc')", ["self"]),
    Tamper("root closed", "import os; os.chmod('/', 0)", "import os; os.listdir('/home')[:0]", []),
    Tamper("file appended to by its descriptor", "import fcntl, os; fcntl.fcntl(1, fcntl.F_SETFL, os.O_APPEND | os.O_NONBLOCK)",
           "import fcntl, os; fcntl.fcntl(1, fcntl.F_GETFL) & (os.O_APPEND | os.O_NONBLOCK)", 0),
    Tamper("descriptor 1 closed", "import os\nos.close(1)", "import os; os.fstat(1).st_mode > 0", True),
    Tamper("event loop replaced", "import asyncio\nasyncio.ensure_future = lambda *a: 666", "import asyncio\nasync def f(): return 42\nawait asyncio.ensure_future(f())"),
    Tamper("collector off", "import gc\ngc.disable(); gc.set_threshold(0)", "import gc; gc.isenabled()", True),
    Tamper("codec that lies", "import codecs\ncodecs.register_error('strict', lambda e: ('LIE', e.end))",
           "try: s = b'\\xff'.decode()\nexcept UnicodeError: s = 'honest'\ns", "honest"),
    Tamper("variable of another's", "x = 1\nimport sys; sys.modules['__main__'].__dict__['int'] = lambda v: 666", "int('5')", 5),
    Tamper("signal handler", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
           "import signal; signal.getsignal(signal.SIGINT) is signal.default_int_handler", True),
]  # fmt: skip
