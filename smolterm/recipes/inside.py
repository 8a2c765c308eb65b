"""Runs under the Python that has pyodide-build: `inside.py META...` tells what recipes say.

One JSON line a recipe: what pyodide-build's own model made of the file, or why it refuses it. It
needs nothing of smolterm.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def told(path: Path) -> dict[str, object]:
    """Return what a recipe says, as plain data."""
    from pyodide_build.recipe.spec import MetaConfig

    try:
        meta = MetaConfig.from_yaml(path)
    except Exception as error:  # noqa: BLE001 - the model raises whatever its parts raise
        return {"path": str(path), "error": " ".join(f"{type(error).__name__}: {error}".split())}
    from ruamel.yaml import YAML

    # The model reads `extra` and keeps only the names of those who care for the recipe.
    extra = (YAML(typ="safe").load(path) or {}).get("extra") or {}
    return {
        "path": str(path),
        "name": meta.package.name,
        "version": meta.package.version,
        "imports": list(meta.package.top_level),
        "url": meta.source.url or "",
        "source": str(meta.source.path or ""),
        "sha256": meta.source.sha256 or "",
        "patches": list(meta.source.patches),
        "kind": meta.build.package_type,
        "script": bool(meta.build.script or meta.build.cross_script or meta.build.post),
        "rust": meta.is_rust_package(),
        "run": list(meta.requirements.run),
        "host": list(meta.requirements.host),
        "license": meta.about.license or "",
        "summary": meta.about.summary or "",
        "smolterm": extra.get("smolterm") or {},
    }


def main() -> None:
    """Print one line for each path."""
    for name in sys.argv[1:]:
        sys.stdout.write(json.dumps(told(Path(name)), default=str) + "\n")


if __name__ == "__main__":
    main()
