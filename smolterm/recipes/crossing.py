"""What pyodide-build compiles against: Pyodide's cross-build environment, or a stand-in for it.

The environment and the Emscripten compiler come from where Pyodide publishes them, 1.5 GB in all.
What compiles nothing needs neither: the stand-in says which Pyodide it is and has no compiler.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from smolterm.errors import RecipeError
from smolterm.packages.collection import LOCK, Info
from smolterm.recipes.toolchain import run
from smolterm.sandbox.assets import Progress, pinned
from smolterm.store import cache_folder

INSTALL_SECONDS = 3600
MAKEFILE = """\
{exports}
.output_vars:
\t@env
"""
_SYSCONFIG = "_sysconfigdata__emscripten_wasm32-emscripten"


def stand_in(folder: Path, info: Info) -> dict[str, str]:
    """Write an environment in which nothing can be compiled; returns the variables that name it."""
    root = folder / "pyodide-root"
    major, minor, micro = info.python.split(".")[:3]
    include = f"$(PYODIDE_ROOT)/cpython/include/python{major}.{minor}"
    values = {
        "PYODIDE_VERSION": pinned().version,
        "PYODIDE_ABI_VERSION": info.abi_version,
        "PYODIDE_EMSCRIPTEN_VERSION": info.platform.removeprefix("emscripten_").replace("_", "."),
        "PYVERSION": info.python, "PYMAJOR": major, "PYMINOR": minor, "PYMICRO": micro,
        "PLATFORM_TRIPLET": "wasm32-emscripten",
        "CPYTHONINSTALL": "$(PYODIDE_ROOT)/cpython", "PYTHONINCLUDE": include,
        "TARGETINSTALLDIR": "$(PYODIDE_ROOT)/cpython",
        "SYSCONFIGDATA_DIR": "$(PYODIDE_ROOT)/cpython/sysconfigdata", "SYSCONFIG_NAME": _SYSCONFIG,
        "CFLAGS_BASE": "", "CXXFLAGS_BASE": "", "LDFLAGS_BASE": "",
    }  # fmt: skip
    (root / "dist").mkdir(parents=True)
    (root / "cpython" / "sysconfigdata").mkdir(parents=True)
    exports = "\n".join(f"export {name}={value}" for name, value in values.items())
    (root / "Makefile.envs").write_text(MAKEFILE.format(exports=exports))
    lock = {"info": info, "packages": {}}
    (root / "dist" / LOCK).write_bytes(msgspec.json.encode(lock))
    (root / "cpython" / "sysconfigdata" / f"{_SYSCONFIG}.py").write_text("build_time_vars = {}\n")
    (folder / "requirements.txt").write_text("")
    return {"PYODIDE_ROOT": str(root), "SKIP_EMSCRIPTEN_VERSION_CHECK": "1",
            "PYODIDE_SKIP_EMSCRIPTEN_INSTALL": "1"}  # fmt: skip


async def cross_build(pyodide: Path, tell: Progress) -> Mapping[str, str]:
    """Have Pyodide's cross-build environment installed; returns the variables that name it.

    Args:
        pyodide: pyodide-build's command.

    Raises:
        RecipeError: it cannot be had from here.
    """
    folder = Path(os.environ.get("PYODIDE_XBUILDENV_PATH") or cache_folder() / "cross-build")
    named = {"PYODIDE_XBUILDENV_PATH": str(folder)}
    version = pinned().version
    if not (folder / version).is_dir():
        tell(f"fetching the cross-build environment of Pyodide {version} and its compiler", None)
        install = [str(pyodide), "xbuildenv", "install", version, "--path", str(folder)]
        try:
            await run(install, INSTALL_SECONDS)
        except RecipeError as error:
            raise RecipeError(
                f"The cross-build environment of Pyodide {version} cannot be had: {error.what}",
                kept="Nothing was built.",
                next="It is published on GitHub: connect, or name one that is installed with "
                "PYODIDE_XBUILDENV_PATH. `smolterm recipes check` needs neither.",
            ) from None
    return named
