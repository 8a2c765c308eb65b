"""Which library's llama.cpp runs a model on this machine: the one compiled here, or a wheel's."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from typing import Any

from smolterm.errors import ConfigError, MissingExtra
from smolterm.models import xllama
from smolterm.models.failures import clean

CHOICE = "SMOLTERM_LLAMA"
"""Names one of LIBRARIES when it is not to be the first that is there."""
LIBRARIES = ("llama_cpp", xllama.NAME)
INSTALL = (
    "pip install 'smolterm[local]', which compiles llama.cpp and takes minutes, or "
    "pip install 'smolterm[local-wheels]', which takes what others compiled."
)


def load_functions(environ: Mapping[str, str] = os.environ) -> Any:
    """Return llama.cpp's functions as a module's names, of the first library that can be used.

    The one compiled here comes first, for it uses all that this processor can do.

    Raises:
        ConfigError: SMOLTERM_LLAMA names none of them.
        MissingExtra: none is installed, or none works.
    """
    wanted = environ.get(CHOICE, "")
    if wanted and wanted not in LIBRARIES:
        raise ConfigError(
            f"{CHOICE} is {clean(wanted)}; it can be {' or '.join(LIBRARIES)}.", next="Unset it."
        )
    if wanted == xllama.NAME:
        return xllama.functions()
    why = "neither llama-cpp-python nor xllamacpp is installed"
    try:
        import llama_cpp
    except (ImportError, OSError, RuntimeError) as error:
        if not isinstance(error, ModuleNotFoundError) or error.name != "llama_cpp" or wanted:
            why = clean(str(error))
    else:
        return llama_cpp
    if not wanted and importlib.util.find_spec(xllama.NAME) is not None:
        return xllama.functions()
    raise MissingExtra(
        f"A model on this machine needs llama.cpp, which cannot be imported ({why}).",
        next=INSTALL,
    )
