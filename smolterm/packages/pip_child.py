"""pip in a process of its own, told to judge requirements as the sandbox's Python would.

pip's --python-version and --platform choose among files, but it evaluates the markers of
requirements (`; sys_platform == "emscripten"`, `; python_version >= "3.14"`) for the interpreter
that runs it. Run as: `python -P pip_child.py MARKERS-AS-JSON PIP-ARGUMENT ...`
"""

from __future__ import annotations

import json
import sys
from typing import Any

UNUSABLE = 97


def main(argv: list[str]) -> int:
    """Run pip and return its exit code; `UNUSABLE` when this pip cannot be told."""
    environment = json.loads(argv[0])
    import pip
    from pip._vendor.packaging import markers

    # Older ones download whole wheels for --dry-run, before anybody was asked.
    recent = tuple(int(part) for part in pip.__version__.split(".")[:2]) >= (25, 3)
    if not recent or not callable(getattr(markers, "default_environment", None)):
        return UNUSABLE
    module: Any = markers
    module.default_environment = lambda: dict(environment)
    from pip._internal.cli.main import main as run

    return int(run(argv[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
