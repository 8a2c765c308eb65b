"""What holds for all tests."""

from __future__ import annotations

import importlib.util
from fnmatch import fnmatch

import pytest

NEED_LLAMA = ("test_llama*.py", "test_local*.py")
"""Files of tests that run llama.cpp, which not everybody can compile."""
LONGEST_NAME = 200
"""Characters of one value in a test's name; the processes that run tests tell each other names."""


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        return f"{argname} of {len(val)}"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if importlib.util.find_spec("llama_cpp") is not None:
        return
    skip = pytest.mark.skip(reason="llama-cpp-python is not installed: make local")
    for item in items:
        if any(fnmatch(item.path.name, pattern) for pattern in NEED_LLAMA):
            item.add_marker(skip)
