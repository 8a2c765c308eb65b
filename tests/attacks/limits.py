# ruff: noqa: E501
"""Ways around the caps on memory, files, output and calls. Each prints HELD when it holds too much."""

from __future__ import annotations

from tests.attacks.host import Attack

MEMORY_MB = 64
DISK_MB = 8

# Past MEMORY_MB: another 48 MB.
MEMORY = [
    Attack("memory", name, f"MB = 1 << 20\n{code}\nprint('HELD')")
    for name, code in {
        "bytearray": "x = bytearray(48 * MB)",
        "many small ones": "x = [bytearray(MB) for _ in range(48)]",
        "string": "x = 'a' * (48 * MB)",
        "wide string": "x = '\\U0001f600' * (12 * MB)",
        "list that doubles": "x = [0]\nwhile len(x) < 12 * MB: x += x",
        "dictionary": "x = {i: None for i in range(MB)}",
        "tuple of tuples": "x = tuple((i,) for i in range(MB))",
        "number": "x = 1 << (8 * 48 * MB)",
        "array": "import array\nx = array.array('d', bytes(48 * MB))",
        "anonymous map": "import mmap\nx = mmap.mmap(-1, 48 * MB); x[:] = bytes(48 * MB)",
        "malloc by ctypes": "import ctypes\nm = ctypes.CDLL(None).malloc; m.restype = ctypes.c_void_p\np = m(48 * MB)\nif not p: raise MemoryError\nctypes.memset(p, 1, 48 * MB)",
        "buffer of ctypes": "import ctypes\nx = ctypes.create_string_buffer(48 * MB)",
        "BytesIO": "import io\nx = io.BytesIO(); x.seek(48 * MB); x.write(b'x')",
        "decompression": "import zlib\nx = zlib.decompress(zlib.compress(bytes(24 * MB))) * 2",
        "deque": "import collections\nx = collections.deque(range(2 * MB))",
        "generators": "x = [(i for i in ()) for i in range(MB // 2)]",
        "frames": "import sys\nsys.setrecursionlimit(10**7)\ndef f(n):\n    x = bytearray(MB)\n    return n and f(n - 1)\nf(48)",
        "SQLite in memory": "import sqlite3\nd = sqlite3.connect(':memory:'); d.execute('create table t(x)')\nfor _ in range(48): d.execute('insert into t values (zeroblob(1048576))')",
        "decimal": "import decimal\nx = [decimal.Decimal('1' * MB) for _ in range(112)]",
        "finaliser that makes two": "class A:\n    def __del__(s): keep.append(bytearray(2 * MB))\nkeep = []\nfor _ in range(24): A()\nassert len(keep) == 24",
        "pickle's memo": "import pickle\nx = [pickle.dumps(bytes(MB)) for _ in range(48)]",
    }.items()
]  # fmt: skip

# Past DISK_MB: 24 MB of files, or of what looks like files; names count twice their length.
DISK = [
    Attack("disk", name, f"import os\nMB = 1 << 20\n{code}\nprint('HELD')")
    for name, code in {
        "writes": "f = open('/tmp/a', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "sparse file": "f = open('/tmp/a', 'wb'); f.seek(24 * MB); f.write(b'x'); f.flush()",
        "truncate": "f = open('/tmp/a', 'wb'); f.truncate(24 * MB)",
        "truncate by path": "open('/tmp/a', 'w').close(); os.truncate('/tmp/a', 24 * MB)",
        "pwrite": "fd = os.open('/tmp/a', os.O_CREAT | os.O_RDWR); os.pwrite(fd, b'x', 24 * MB)",
        "writev": "fd = os.open('/tmp/a', os.O_CREAT | os.O_RDWR); assert os.writev(fd, [bytes(MB)] * 24) == 24 * MB",
        "many files": "for i in range(24): open(f'/tmp/a{i}', 'wb').write(bytes(MB))",
        "files unlinked but open": "k = []\nfor i in range(24):\n    k.append(open('/tmp/a', 'wb')); k[-1].write(bytes(MB)); k[-1].flush(); os.unlink('/tmp/a')",
        "shared memory": "f = open('/dev/shm/a', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "home": "f = open('/home/a', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "new folder at the root": "os.mkdir('/new'); f = open('/new/a', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "library's folder": "f = open('/lib/a', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "growth of the library's zip": "f = open('/lib/python314.zip', 'r+b'); f.seek(0, 2)\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "copy again and again": "import shutil\nopen('/tmp/a', 'wb').write(bytes(3 * MB))\nfor i in range(8): shutil.copyfile('/tmp/a', f'/tmp/b{i}')",
        "sendfile": "open('/tmp/a', 'wb').write(bytes(3 * MB))\na = os.open('/tmp/a', os.O_RDONLY); b = os.open('/tmp/b', os.O_CREAT | os.O_RDWR)\nfor i in range(8):\n    os.lseek(a, 0, 0); os.write(b, os.read(a, 3 * MB))",
        "map of a file": "import mmap\nf = open('/tmp/a', 'w+b'); f.truncate(6 * MB)\nfor i in range(4):\n    g = open(f'/tmp/b{i}', 'w+b'); g.truncate(6 * MB); m = mmap.mmap(g.fileno(), 6 * MB); m[:] = bytes(6 * MB); m.flush()",
        "SQLite": "import sqlite3\nd = sqlite3.connect('/tmp/d')\nd.execute('create table t(x)')\nfor _ in range(24): d.execute('insert into t values (zeroblob(1048576))'); d.commit()",
        "zip that unpacks": "import zipfile\nz = zipfile.ZipFile('/tmp/z', 'w', zipfile.ZIP_DEFLATED); z.writestr('a', bytes(24 * MB)); z.close(); zipfile.ZipFile('/tmp/z').extractall('/tmp/out')",
        "temporary files": "import tempfile\nk = [tempfile.TemporaryFile() for _ in range(24)]\nfor f in k: f.write(bytes(MB)); f.flush()",
        "file renamed over another": "for i in range(24):\n    open('/tmp/a', 'wb').write(bytes(MB)); os.rename('/tmp/a', f'/tmp/b{i}')",
        "through a link": "os.symlink('/home/x', '/tmp/l'); f = open('/tmp/l', 'wb')\nfor _ in range(24): f.write(bytes(MB))\nf.flush()",
        "append": "for _ in range(24):\n    with open('/tmp/a', 'ab') as f: f.write(bytes(MB))",
        "second descriptor": "a = os.open('/tmp/a', os.O_CREAT | os.O_RDWR); b = os.dup(a)\nfor _ in range(24): os.write(b, bytes(MB))",
        "targets of links": "for i in range(7000): os.symlink('x' * 4000, f'/tmp/l{i}')",
        "long names": "os.mkdir('/tmp/d')\nfor i in range(20_000): open('/tmp/d/' + str(i) + 'n' * 245, 'w').close()",
        "pipe that nobody reads": "r, w = os.pipe()\nfor _ in range(24): os.write(w, bytes(MB))",
        "names changed for longer ones": "os.mkdir('/tmp/d')\nfor i in range(20_000):\n    open('/tmp/d/a', 'w').close(); os.rename('/tmp/d/a', '/tmp/d/' + str(i) + 'n' * 245)",
        "folders with long names": "os.mkdir('/tmp/d')\nfor i in range(20_000): os.mkdir('/tmp/d/' + str(i) + 'n' * 245)",
        "pipes": "for _ in range(24):\n    r, w = os.pipe(); os.write(w, bytes(MB))",
    }.items()
]  # fmt: skip

FILES = [
    Attack("files", "empty files", "import os\nos.mkdir('/tmp/d')\nfor i in range(2_500): os.close(os.open(f'/tmp/d/{i}', os.O_CREAT))\nprint('HELD')"),
    Attack("files", "folders", "import os\nos.mkdir('/tmp/d')\nfor i in range(2_500): os.mkdir(f'/tmp/d/{i}')\nprint('HELD')"),
    Attack("files", "links", "import os\nos.mkdir('/tmp/d')\nfor i in range(2_500): os.symlink('x', f'/tmp/d/{i}')\nprint('HELD')"),
]  # fmt: skip

# More files than may be there, but never at once.
FILES_IN_TURN = """import os
for i in range(5_000): os.close(os.open('/tmp/a', os.O_CREAT)); os.unlink('/tmp/a')"""

# What grows without being a file.
REST = [
    Attack("rest", name, f"{code}\nprint('HELD')")
    for name, code in {
        "line of a terminal that does not end": "f = open('/dev/tty', 'wb', 0)\nfor _ in range(9): f.write(bytes([65]) * (1 << 20))",
        "line of the other terminal": "f = open('/dev/tty1', 'wb', 0)\nfor _ in range(9): f.write(bytes([65]) * (1 << 20))",
        "names of hosts": "import socket\nassert len({socket.gethostbyname(f'h{i}') for i in range(250)}) > 201",
    }.items()
]  # fmt: skip

OUTPUT_BYTES = 100_000

# Past OUTPUT_BYTES of output.
OUTPUT = [
    Attack("output", name, code)
    for name, code in {
        "print": "for _ in range(300): print('x' * 1000)",
        "one line": "print('x' * 1_000_000)",
        "standard error": "import sys\nfor _ in range(300): sys.stderr.write('x' * 1000)",
        "both": "import sys\nfor _ in range(300): print('x' * 500); print('y' * 500, file=sys.stderr)",
        "descriptor": "import os\nfor _ in range(300): os.write(1, b'x' * 1000)",
        "copied descriptor": "import os\nfd = os.dup(1)\nfor _ in range(300): os.write(fd, b'x' * 1000)",
        "bytes that are no text": "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe' * 200_000); sys.stdout.flush()",
        "half characters": "import sys\nfor _ in range(60_000): sys.stdout.buffer.write(b'\\xf0\\x9f\\x98'); sys.stdout.flush()",
        "nulls": "print('\\0' * 400_000)",
        "C": "import ctypes\nc = ctypes.CDLL(None)\nfor _ in range(300): c.puts(b'x' * 1000)\nc.fflush(None)",
        "device": "f = open('/dev/stdout', 'w')\nfor _ in range(300): f.write('x' * 1000)\nf.flush()",
        "prompts": "for _ in range(300):\n    try: input('x' * 1000)\n    except EOFError: pass",
        "warnings": "import warnings\nfor i in range(300): warnings.warn('x' * 1000 + str(i))",
        "logging": "import logging\nfor _ in range(300): logging.warning('x' * 1000)",
        "timer": "import asyncio\nfor _ in range(300): asyncio.get_event_loop().call_soon(print, 'x' * 1000)\nawait asyncio.sleep(.05)",
        "finalisers": "class A:\n    def __del__(s): print('x' * 1000)\nfor _ in range(300): A()",
    }.items()
]  # fmt: skip
