# ruff: noqa: E501
"""What goes on after a cell has ended, and must not be taken for a part of the next one."""

from __future__ import annotations

from tests.attacks.host import Attack

_LOOP = "import asyncio\nloop = asyncio.get_event_loop()\n"

# Between two cells: called or printed when no cell runs.
LATE = [
    Attack("late", "print by a timer", _LOOP + "loop.call_later(.02, print, 'LATE')"),
    Attack("late", "error output by a timer",
           _LOOP + "import sys; loop.call_later(.02, sys.stderr.write, 'LATE\\n')"),
    Attack("late", "bytes to the descriptor by a timer",
           _LOOP + "import os; loop.call_later(.02, os.write, 1, b'LATE')"),
    Attack("late", "call by a task",
           _LOOP + "async def f():\n    await asyncio.sleep(.02)\n    note('LATE')\nt = asyncio.ensure_future(f())"),
    Attack("late", "print by a task that repeats",
           _LOOP + "async def f():\n    for _ in range(4):\n        await asyncio.sleep(.01)\n        print('LATE')\nt = asyncio.ensure_future(f())"),
    Attack("late", "print by an asynchronous generator's end",
           _LOOP + "async def g():\n    try: yield 1\n    finally: print('LATE')\nasync def f():\n    a = g(); await anext(a); del a\nloop.call_later(.02, lambda: asyncio.ensure_future(f()))"),
    Attack("late", "finaliser in a timer",
           _LOOP + "class A:\n    def __del__(self): note('LATE')\nloop.call_later(.02, lambda: A() and None)"),
    Attack("late", "unhandled error in a timer", _LOOP + "loop.call_later(.02, lambda: 1 / 0)"),
]  # fmt: skip

# The same; where they are let through the next cell waits for ever, so each needs a sandbox of its own.
LATE_TOO = [
    Attack("late", "call by a timer", _LOOP + "loop.call_later(.02, note, 'LATE')"),
    Attack("late", "exception of a task that nobody awaits",
           _LOOP + "import gc\nasync def f(): raise ValueError('LATE')\nt = asyncio.ensure_future(f()); del t\nloop.call_later(.02, gc.collect)"),
    Attack("late", "callback of a future",
           _LOOP + "f = loop.create_future(); f.add_done_callback(lambda f: note('LATE')); loop.call_later(.02, f.set_result, 1)"),
    Attack("late", "question for input by a timer", _LOOP + "loop.call_later(.02, lambda: note(input()))"),
]  # fmt: skip

# Ways to ignore that time is up. The cell must end anyway, and the next one must run.
ENDLESS = [
    Attack("endless", "loop that catches everything", "while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    Attack("endless", "signal ignored", "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"),
    Attack("endless", "handler that returns", "import signal\nsignal.signal(signal.SIGINT, lambda *a: None)\nwhile True: pass"),
    Attack("endless", "sum in C", "sum(range(10**13))"),
    Attack("endless", "regular expression", "import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')"),
    Attack("endless", "power of big numbers", "x = 7 ** (10 ** 8)"),
    Attack("endless", "sort with a slow comparison", "class A:\n    def __lt__(s, o):\n        while 1:\n            try:\n                while 1: pass\n            except KeyboardInterrupt: pass\nsorted([A(), A()])"),
    Attack("endless", "finaliser", "class A:\n    def __del__(s):\n        while 1:\n            try:\n                while 1: pass\n            except KeyboardInterrupt: pass\ndel_me = A(); del del_me"),
    Attack("endless", "task that will not be cancelled", "import asyncio\nasync def f():\n    while 1:\n        try: await asyncio.sleep(1)\n        except BaseException: pass\nawait f()"),
    Attack("endless", "sleep that is slept again", "import time\nwhile 1:\n    try: time.sleep(100)\n    except BaseException: pass"),
    Attack("endless", "event that is never set", "import asyncio\nawait asyncio.Event().wait()"),
    Attack("endless", "iteration without end in C", "import itertools, collections\ncollections.deque(itertools.count(), 0)"),
    Attack("endless", "repr that does not end", "class A:\n    def __repr__(s):\n        while 1:\n            try:\n                while 1: pass\n            except BaseException: pass\nA()"),
    Attack("endless", "name of an exception's class", "class E(Exception):\n    def __str__(s):\n        while 1:\n            try:\n                while 1: pass\n            except BaseException: pass\nraise E"),
    Attack("endless", "decompression", "import zlib\nd = zlib.compress(bytes(10**7))\nwhile 1:\n    try: zlib.decompress(d)\n    except BaseException: pass"),
]  # fmt: skip

# Work that goes on between cells and keeps the next one from its turn.
BUSY = [
    Attack("busy", "timer that does not return", _LOOP + "loop.call_later(.02, lambda: [None for _ in iter(int, 1)])"),
    Attack("busy", "task that does not await", _LOOP + "async def f():\n    await asyncio.sleep(.02)\n    while 1: pass\nt = asyncio.ensure_future(f())"),
    Attack("busy", "driver's own work", "import asyncio\nasyncio.all_tasks = lambda *a: [None for _ in iter(int, 1)]"),
]  # fmt: skip
