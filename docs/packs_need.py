"""Prints what packs need besides smolterm, for the lock: `packs_need.py FOLDER...`.

They are installed without isolation, so what builds them is needed too.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def needs(folder: Path) -> set[str]:
    """Return the requirements of one pack, those of its tests too."""
    read = tomllib.loads((folder / "pyproject.toml").read_text())
    project, build = read["project"], read["build-system"]
    extras = project.get("optional-dependencies", {}).values()
    every = [*project.get("dependencies", []), *(one for extra in extras for one in extra),
             *build["requires"], "editables>=0.5"]  # fmt: skip
    return {one for one in every if not one.startswith("smolterm")}


if __name__ == "__main__":
    found = set().union(*(needs(Path(name)) for name in sys.argv[1:]))
    sys.stdout.write("".join(f"{one}\n" for one in sorted(found)))
