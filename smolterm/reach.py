"""What library calls reach: which of their arguments is a path or an address. Tables, no logic.

Names are written in full, as after `import a.b`: an alias is resolved before it is looked up here.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["read", "write", "delete"]
Place: TypeAlias = tuple[Kind, int, str]
"""What happens to the argument at a place, or under a keyword."""

OPENERS: dict[str, int] = dict.fromkeys(
    ("open", "io.open", "codecs.open", "gzip.open", "bz2.open", "lzma.open", "tarfile.open",
     "gzip.GzipFile", "bz2.BZ2File", "lzma.LZMAFile", "zipfile.ZipFile", "wave.open"), 1,
)  # fmt: skip
"""Functions that open the file in their first argument, and the place of the mode."""


def _on_first(kind: Kind, keyword: str, *names: str) -> dict[str, tuple[Place, ...]]:
    return dict.fromkeys(names, ((kind, 0, keyword),))


FUNCTIONS: dict[str, tuple[Place, ...]] = {
    **_on_first("delete", "path", "os.remove", "os.unlink", "os.rmdir", "os.removedirs",
                "shutil.rmtree"),
    **_on_first("write", "path", "os.truncate", "os.utime", "os.chmod", "os.mknod", "os.mkfifo",
                "os.mkdir"),
    **_on_first("write", "name", "os.makedirs"),
    **_on_first("read", "path", "os.listdir", "os.scandir", "os.readlink", "os.stat"),
    **_on_first("read", "top", "os.walk", "os.fwalk"),
    **_on_first("read", "pathname", "glob.glob", "glob.iglob"),
    **_on_first("read", "filename", "linecache.getlines", "fileinput.input", "tokenize.open"),
    **_on_first("read", "file", "numpy.load", "numpy.fromfile", "numpy.memmap"),
    **_on_first("read", "fname", "numpy.loadtxt", "numpy.genfromtxt", "matplotlib.pyplot.imread"),
    **_on_first("write", "file", "numpy.save", "numpy.savez", "numpy.savez_compressed"),
    **_on_first("write", "fname", "numpy.savetxt", "matplotlib.pyplot.savefig"),
    **_on_first("read", "fp", "PIL.Image.open"),
    **_on_first("write", "filename", "shelve.open", "logging.FileHandler"),
    **_on_first("write", "file", "dbm.open"),
    **_on_first("write", "database", "sqlite3.connect"),
    "os.rename": (("delete", 0, "src"), ("write", 1, "dst")),
    "os.renames": (("delete", 0, "old"), ("write", 1, "new")),
    "os.replace": (("delete", 0, "src"), ("write", 1, "dst")),
    "os.link": (("write", 1, "dst"),),
    "os.symlink": (("write", 1, "dst"),),
    "os.open": (("read", 0, "path"), ("write", 0, "path")),
    "shutil.move": (("delete", 0, "src"), ("write", 1, "dst")),
    "shutil.copy": (("read", 0, "src"), ("write", 1, "dst")),
    "shutil.copy2": (("read", 0, "src"), ("write", 1, "dst")),
    "shutil.copyfile": (("read", 0, "src"), ("write", 1, "dst")),
    "shutil.copytree": (("read", 0, "src"), ("write", 1, "dst")),
    "shutil.make_archive": (("write", 0, "base_name"),),
    "shutil.unpack_archive": (("read", 0, "filename"), ("write", 1, "extract_dir")),
    "urllib.request.urlretrieve": (("write", 1, "filename"),),
    "tempfile.NamedTemporaryFile": (("write", 99, ""),),
    "tempfile.TemporaryFile": (("write", 99, ""),),
    "tempfile.TemporaryDirectory": (("write", 99, ""),),
    "tempfile.mkstemp": (("write", 99, ""),),
    "tempfile.mkdtemp": (("write", 99, ""),),
}  # fmt: skip

UNSURE = frozenset({"os.open", "sqlite3.connect", "dbm.open", "shelve.open"})
"""They may do less than the table says."""

READERS = ("pandas.read_", "polars.read_", "polars.scan_")
"""Functions that read what their first argument names, a path or an address."""

PATH_METHODS: dict[str, Kind] = {
    "read_text": "read", "read_bytes": "read", "iterdir": "read", "glob": "read", "rglob": "read",
    "write_text": "write", "write_bytes": "write", "touch": "write", "mkdir": "write",
    "chmod": "write", "symlink_to": "write", "hardlink_to": "write", "unlink": "delete",
    "rmdir": "delete", "copy": "read", "copy_into": "read", "move": "delete",
    "move_into": "delete", "rename": "delete", "replace": "delete",
}  # fmt: skip
"""What happens to the path itself."""
TO_ANOTHER = frozenset({"copy", "copy_into", "move", "move_into", "rename", "replace"})
"""The first argument is written."""
PATHS_OWN = frozenset({
    "read_text", "read_bytes", "iterdir", "write_text", "write_bytes", "unlink", "rmdir", "mkdir",
})  # fmt: skip
"""Methods that hardly anything but a path has, whatever they are called on."""

WRITERS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("to_csv", "to_json", "to_hdf", "to_stata"), ("path_or_buf",)),
    **dict.fromkeys(("to_parquet", "to_pickle", "to_feather", "to_orc"), ("path",)),
    **dict.fromkeys(("to_html", "to_latex", "to_markdown", "to_xml"), ("buf",)),
    **dict.fromkeys(("write_csv", "write_parquet", "write_json", "write_excel"), ("file",)),
    **dict.fromkeys(("write_html", "write_image"), ("file",)),
    "to_excel": ("excel_writer",), "savefig": ("fname",), "save": ("fp",),
    "extractall": ("path",),
}  # fmt: skip
"""Methods of tables, figures and archives that write the file in their first argument, if any."""

NETWORK = (
    "urllib.request", "urllib3", "socket", "http.client", "http.server", "requests", "httpx",
    "aiohttp", "websockets", "websocket", "ftplib", "smtplib", "poplib", "imaplib", "telnetlib",
    "nntplib", "xmlrpc.client", "paramiko", "asyncssh", "socketserver", "pyodide.http", "js.fetch",
    "js.XMLHttpRequest", "js.WebSocket", "asyncio.open_connection", "asyncio.start_server",
    "multiprocessing.connection", "openai", "boto3", "pycurl",
)  # fmt: skip
"""Modules and functions whose calls may reach the network."""
HOST_FIRST = (
    "HTTPConnection", "HTTPSConnection", "FTP", "FTP_TLS", "SMTP", "SMTP_SSL", "POP3", "IMAP4",
    "create_connection", "connect", "open_connection", "gethostbyname", "getaddrinfo",
)  # fmt: skip
"""Their first argument is a host, or a pair that begins with one."""
ONLY_PREPARES = frozenset({"Session", "Client", "AsyncClient", "ClientSession", "PoolManager"})

OPAQUE_NAMES = frozenset({
    "exec", "eval", "compile", "globals", "locals", "vars", "__import__", "__builtins__",
    "__loader__", "breakpoint",
})  # fmt: skip
"""With these code may reach what it does not name."""
OPAQUE_ATTRIBUTES = frozenset({
    "__globals__", "__dict__", "__builtins__", "__getattribute__", "__subclasses__", "f_globals",
    "f_locals", "f_back", "f_builtins", "gi_frame", "cr_frame", "tb_frame", "_getframe",
    "__closure__",
})  # fmt: skip
OPAQUE_MODULES = frozenset({
    "__main__", "builtins", "importlib", "runpy", "code", "codeop", "inspect", "gc", "ctypes",
    "js", "pyodide", "pyodide_js", "_pyodide",
})  # fmt: skip
OPAQUE_CALLS = frozenset({
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.loads", "sys.modules",
    "operator.attrgetter", "operator.methodcaller",
})  # fmt: skip
OF_THE_SANDBOX = frozenset({"js", "pyodide", "pyodide_js", "_pyodide", "_pyodide_core", "__main__"})
"""Modules that no package brings."""
