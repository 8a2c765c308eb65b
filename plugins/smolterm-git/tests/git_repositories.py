"""Real repositories for the tests, honest and hostile ones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

WHEN = "2026-01-31T12:00:00+01:00"


def git(folder: Path, *arguments: str, date: str = WHEN) -> str:
    """Run Git with none of the machine's own configuration."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Ann Grün", "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Ann Grün", "GIT_COMMITTER_EMAIL": "ann@example.org",
        "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date,
    }  # fmt: skip
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shop(folder: Path) -> Path:
    """Make a repository of two commits and a branch."""
    folder.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "total.py").write_text("def total(prices):\n    return sum(prices)\n")
    (folder / "grüße €.txt").write_text("hello\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "Add the total\n\nIt adds all up.")
    git(folder, "branch", "older")
    (folder / "total.py").write_text("def total(prices):\n    return round(sum(prices), 2)\n")
    git(folder, "mv", "grüße €.txt", "greeting.txt")
    git(folder, "commit", "-q", "-a", "-m", "Round it", date="2026-02-01T12:00:00+01:00")
    return folder


def trapped(folder: Path, proof: Path) -> Path:
    """Make a repository whose configuration and folder name a program wherever Git takes one.

    Args:
        proof: the program makes this file.
    """
    shop(folder)
    trap = folder.parent / "trap"
    trap.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{proof}'\ncat\n")
    trap.chmod(0o755)
    run = str(trap)
    own = folder / ".git"
    (own / "hooks").mkdir(exist_ok=True)
    for hook in ("pre-commit", "post-commit", "commit-msg", "prepare-commit-msg", "post-checkout",
                 "reference-transaction", "post-index-change", "pre-auto-gc"):  # fmt: skip
        (own / "hooks" / hook).symlink_to(trap)
    settings = {
        "core.fsmonitor": run, "core.hooksPath": str(own / "hooks"), "core.pager": run,
        "core.editor": run, "core.sshCommand": run, "core.askPass": run, "pager.log": run,
        "pager.diff": run, "diff.external": run, "diff.evil.command": run,
        "diff.evil.textconv": run, "filter.evil.clean": run, "filter.evil.smudge": run,
        "filter.evil.required": "true", "filter.a=b.clean": run, "filter.a=b.smudge": run,
        "filter.long.process": run, "filter.long.required": "true", "merge.evil.driver": run,
        "gpg.program": run, "commit.gpgSign": "true", "log.showSignature": "true",
        "credential.helper": run, "alias.status": f"!{run}", "core.worktree": str(folder.parent),
        "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{run}", "remote.origin.uploadpack": run,
        "protocol.ext.allow": "always", "grep.fallbackToNoIndex": "true",
        "status.submoduleSummary": "true", "diff.submodule": "diff", "submodule.recurse": "true",
        "diff.ignoreSubmodules": "none", "interactive.diffFilter": run, "sequence.editor": run,
    }  # fmt: skip
    (folder / ".gitattributes").write_text(
        "*.py diff=evil filter=evil merge=evil\n*.txt filter=a=b diff=evil\n*.dat filter=long\n"
    )
    for key, value in settings.items():
        section, _, name = key.rpartition(".")
        section, _, below = section.partition(".")
        head = f'[{section} "{below}"]' if below else f"[{section}]"
        with (own / "config").open("a") as file:
            file.write(f'{head}\n\t{name} = "{value}"\n')
    return folder
