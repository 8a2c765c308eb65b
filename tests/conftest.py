"""What holds for all tests."""

from __future__ import annotations

import importlib.util
from fnmatch import fnmatch

import pytest

NEED_LLAMA = ("test_llama*.py", "test_local*.py")
"""Files of tests that run llama.cpp, which not everybody can compile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("llama_cpp") is not None:
        return
    skip = pytest.mark.skip(reason="llama-cpp-python is not installed: make local")
    for item in items:
        if any(fnmatch(item.path.name, pattern) for pattern in NEED_LLAMA):
            item.add_marker(skip)
