# ruff: noqa: E501
"""Ways from Python to JavaScript: each says REACHED when it holds an object that it could use.

Having any object of JavaScript's own is the beginning of all else: its constructor, its prototype,
a setter on it. To say REACHED by itself an attack need only print; they don't.
"""

from __future__ import annotations

from tests.attacks.host import Attack

# `has` is true for a proxy through which attributes of JavaScript's objects can be read.
_TOOLS = r"""
import sys, gc
def has(proxy):
    return str(proxy.constructor.name) != ""
def say(found):
    print("REACHED" if found else "not")
"""

# Reached by reading an attribute of whatever object of JavaScript's is at hand.
_OBJECTS = [
    ("module that Pyodide left",
     "say(has(sys.modules['pyodide_js._api'].public_api))"),
    ("files of Emscripten by that module",
     "say(has(sys.modules['pyodide_js._api'].public_api.FS.filesystems.MEMFS))"),
    ("loader of a module's spec",
     "for module in list(sys.modules.values()):\n"
     "    loader = getattr(getattr(module, '__spec__', None), 'loader', None)\n"
     "    if hasattr(loader, 'jsproxy'): say(has(loader.jsproxy))"),
    ("globals of the package loader",
     "import pyodide._package_loader as m\nsay([v for v in vars(m).values() if type(v).__name__ == 'JsProxy' and has(v)])"),
    ("scheduler of the event loop",
     "import pyodide.webloop as w\nsay(has(w.scheduleCallback))"),
    ("constructor's constructor of the scheduler",
     "import pyodide.webloop as w\nsay(str(w.scheduleCallback.constructor.name) == 'Function')"),
    ("every proxy that the collector knows",
     "say([r for o in gc.get_objects() for r in gc.get_referents(o) if type(r).__name__ == 'JsProxy' and has(r)])"),
    ("bridge in the driver's closure",
     "for o in gc.get_objects():\n"
     "    if getattr(o, '__name__', '') == 'call' and getattr(o, '__closure__', None):\n"
     "        say([c for c in o.__closure__ if type(c.cell_contents).__name__ == 'JsProxy' and has(c.cell_contents)])"),
    ("bridge in the frames below",
     "frame = sys._getframe()\n"
     "while frame:\n"
     "    for value in list(frame.f_locals.values()):\n"
     "        if type(value).__name__ == 'JsProxy': say(has(value))\n"
     "    frame = frame.f_back"),
    ("array made by to_js", "from pyodide.ffi import to_js\nsay(has(to_js([1])))"),
    ("buffer made by to_js", "from pyodide.ffi import to_js\nsay(has(to_js(b'1').buffer))"),
    ("set made by to_js", "from pyodide.ffi import to_js\nsay(has(to_js({1}).values))"),
    ("proxy of a Python function",
     "from pyodide.ffi import create_proxy\nsay(has(create_proxy(print).apply))"),
    ("converter of to_js",
     "from pyodide.ffi import to_js\nclass A: pass\n"
     "to_js(A(), default_converter=lambda v, convert, keep: say(has(convert)) or 1)"),
    ("pairs for the converter of dictionaries",
     "from pyodide.ffi import to_js\nto_js({'a': 1}, dict_converter=lambda pairs: say(has(pairs)) or 1)"),
    ("promise of a task",
     "import asyncio\nfrom pyodide.ffi import to_js\nasync def f(): return 1\n"
     "say(has(to_js(asyncio.ensure_future(f()))))"),
    ("entries of an object",
     "for m in gc.get_referents(*[o for o in gc.get_objects() if type(o).__name__ == 'JsLoader']):\n"
     "    if type(m).__name__ == 'JsProxy': say(len(list(m.object_keys())) > 3)"),
    ("names by dir", "import pyodide.webloop as w\nsay('constructor' in dir(w.scheduleCallback))"),
    ("attribute set on a function",
     "import pyodide.webloop as w\nw.scheduleCallback.mark = 'set'\nsay(w.scheduleCallback.mark == 'set')"),
    ("property put on all objects",
     "from pyodide.ffi import to_js\n"
     "a = to_js([1]); a.constructor.prototype.mark = 7\nsay(to_js([2]).mark == 7)"),
    ("global object by a missing name",
     "api = sys.modules['pyodide_js._api']\nfrom pyodide.ffi import create_proxy\n"
     "O = api.config.constructor\nd = O.new(); d.configurable = True\n"
     "d.get = create_proxy(lambda this: say('GlobalScope' in str(this)), capture_this=True)\n"
     "O.defineProperty(O.prototype, 'indexedDB', d)\n"
     "api.public_api._module.IDBFS.indexedDB()"),
    ("stack's frames by prepareStackTrace",
     "api = sys.modules['pyodide_js._api']\nfrom pyodide.ffi import create_proxy\n"
     "E = api.config.constructor.getPrototypeOf(api.PythonError)\n"
     "E.prepareStackTrace = create_proxy(lambda e, sites: say([s for s in sites if 'Instance' in str(s.getThis())]))\n"
     "E.new('x').stack"),
    ("memory of WebAssembly",
     "M = sys.modules['pyodide_js._api'].public_api._module\nsay(M.HEAPU8.buffer.byteLength > 1000)"),
    ("second interpreter", "say(has(sys.modules['pyodide_js._api'].config.createPyodideModule))"),
]  # fmt: skip

# Modules of WebAssembly made by hand, that a loader of the system's own takes for a library.
_SIDE = r"""
def leb(n):
    out = b""
    while True:
        b, n = n & 127, n >> 7
        out += bytes([b | (128 if n else 0)])
        if not n:
            return out
def vec(items): return leb(len(items)) + b"".join(items)
def name(s): return leb(len(s)) + s.encode()
def section(n, body): return bytes([n]) + leb(len(body)) + body
EXT, I32 = 0x6F, 0x7F
def typ(ps, rs): return b"\x60" + vec([bytes([p]) for p in ps]) + vec([bytes([r]) for r in rs])
HEAD = b"\0asm\1\0\0\0" + section(0, name("dylink.0") + b"\1" + leb(4) + leb(256) + b"\0\0\0")
def load(types, imports, funcs, exports, codes, extra=b"", data=b""):
    import ctypes
    wasm = (HEAD + section(1, vec(types)) + section(2, vec([name("env") + name(n) + d for n, d in imports]))
        + section(3, vec([leb(f) for f in funcs])) + extra
        + section(7, vec([name(n) + d for n, d in exports]))
        + section(10, vec([leb(len(c)) + c for c in codes])) + data)
    open("/tmp/side.so", "wb").write(wasm)
    return ctypes.CDLL("/tmp/side.so")
"""

# With a signature of its own choosing, what takes a number as an index takes any name.
_BY_INDEX = (
    _SIDE
    + r"""
import ctypes
f = load([typ([EXT, EXT], [EXT]), typ([I32], [EXT]), typ([], [EXT]), typ([EXT], [I32]), typ([I32] * 3, [I32])],
    [("JsvArray_Get", b"\0\0"), ("JsvUTF8ToString", b"\0\1"), ("JsvArray_New", b"\0\2"), ("JsvNum_toInt", b"\0\3")],
    [4], [("attack", b"\0\4")],
    [b"\0" + b"\x10\2" + b"".join(b"\x20" + bytes([i]) + b"\x10\1\x10\0" for i in range(3)) + b"\x10\3\x0b"]).attack
f.argtypes = [ctypes.c_char_p] * 3
say(f(b"constructor", b"name", b"length") == len("Array"))
"""
)

# The loader makes functions of the strings that such a module exports.
_EM_JS = (
    _SIDE
    + r"""
text = b"(int x)<::>{ return globalThis.BigInt ? 4242 : x }\0"
say(load([typ([I32], [I32]), typ([], [])],
    [("memory", b"\2\0\1"), ("__memory_base", b"\3\x7f\0"), ("f", b"\0\0")],
    [0], [("call_f", b"\0\1"), ("__em_js__f", b"\3\1")], [b"\0\x20\0\x10\0\x0b"],
    extra=section(6, vec([bytes([0x7F, 0]) + b"\x41" + b"\0" + b"\x0b"])),
    data=section(11, vec([b"\0\x23\0\x0b" + leb(len(text)) + text]))).call_f(1) == 4242)
"""
)

# Reached by having JavaScript made of a string.
_STRINGS = [
    ("Function by an array",
     "from pyodide.ffi import to_js\nsay(to_js([1]).constructor.constructor('return 42')() == 42)"),
    ("Function by a bound function",
     "import pyodide.webloop as w\nsay(w.scheduleCallback.bind(None).constructor('return 42')() == 42)"),
    ("AsyncFunction",
     "p = sys.modules['pyodide_js._api'].public_api\nsay(await p.runPythonAsync.constructor('return 42')() == 42)"),
    ("GeneratorFunction",
     "p = sys.modules['pyodide_js._api']\nE = p.config.constructor\n"
     "f = p.public_api.runPython.constructor('return function*(){}')()\n"
     "say(next(iter(f.constructor('yield 42')())) == 42)"),
    ("C: run_script_int",
     "import ctypes\nsay(ctypes.CDLL(None).emscripten_run_script_int(b'40+2') == 42)"),
    ("C: run_script_string",
     "import ctypes\nf = ctypes.CDLL(None).emscripten_run_script_string\nf.restype = ctypes.c_char_p\n"
     "say(f(b'6*7') == b'42')"),
    ("C: run_script",
     "import ctypes\nctypes.CDLL(None).emscripten_run_script(b'globalThis.x = 42')\n"
     "say(ctypes.CDLL(None).emscripten_run_script_int(b'x') == 42)"),
]  # fmt: skip

_OBJECTS += [("side module that names any property", _BY_INDEX)]
_STRINGS += [("side module with functions as strings", _EM_JS)]

OBJECTS = [Attack("javascript", name, _TOOLS + code) for name, code in _OBJECTS]
STRINGS = [Attack("javascript", name, _TOOLS + code) for name, code in _STRINGS]

# Reached by importing a module.
MODULES = [
    Attack("javascript", "import of js", _TOOLS + "import js\nsay(has(js.globalThis))"),
    Attack(
        "javascript", "import of pyodide_js", _TOOLS + "import pyodide_js\nsay(has(pyodide_js.FS))"
    ),
    Attack(
        "javascript", "run_js", _TOOLS + "from pyodide.code import run_js\nsay(run_js('42') == 42)"
    ),
    Attack(
        "javascript",
        "request by pyodide.http",
        _TOOLS + "from pyodide.http import pyfetch\nimport js\nsay(has(js.fetch))",
    ),
    Attack(
        "javascript",
        "timer by pyodide.ffi.wrappers",
        _TOOLS + "from pyodide.ffi.wrappers import set_timeout\nset_timeout(print, 1)\nsay(True)",
    ),
]
