"""Commits and branches, by the parts of Git that run no hook, editor or signing program."""

from __future__ import annotations

import subprocess
from pathlib import Path

from smolterm.pack import ToolError, settings

from smolterm_git.repository import Repository, branch_name, inside

LONGEST_MESSAGE = 20_000
MOST_PATHS = 10_000
NONE = "0" * 40


def committed(repository: Repository, message: str, paths: list[str]) -> dict[str, object]:
    """Stage what changed in `paths` and commit all that is staged."""
    if not message.strip() or len(message) > LONGEST_MESSAGE or "\0" in message:
        raise ToolError(f"`message` is text of 1 to {LONGEST_MESSAGE} characters.")
    repository.for_writing()
    author = _author()
    count = _staged(repository, paths)
    before = repository.head()
    tree = repository.run("write-tree").text.strip()
    if before and repository.run("rev-parse", f"{before}^{{tree}}").text.strip() == tree:
        raise ToolError(
            "There is nothing to commit.", next='Give `paths`, such as ["."]; see git_status().'
        )
    number = repository.run(
        "commit-tree", *(["-p", before] if before else []), tree,
        stdin=(message.strip() + "\n").encode(errors="replace"), more=author,
    ).text.strip()  # fmt: skip
    subject = " ".join(message.split())[:100]
    repository.run("update-ref", "-m", f"commit: {subject}", "HEAD", number, before or NONE,
                   more=author)  # fmt: skip
    return {"commit": number, "branch": repository.branch(), "staged": count}


def branched(repository: Repository, name: str, start: str) -> dict[str, object]:
    """Make a branch where none of that name is."""
    branch_name(name)
    repository.for_writing()
    repository.run("check-ref-format", f"refs/heads/{name}")
    commit = repository.commit(start)
    if _is_branch(repository, name):
        raise ToolError(f"There is a branch {name!r} already.")
    repository.run("update-ref", f"refs/heads/{name}", commit, NONE)
    return {"branch": name, "commit": commit}


def switched(repository: Repository, name: str) -> dict[str, object]:
    """Check out a branch; changes that it would overwrite stop it."""
    branch_name(name)
    repository.for_writing()
    if not _is_branch(repository, name):
        raise ToolError(f"There is no branch {name!r}.", next="create_git_branch() makes one.")
    repository.run(
        "switch", "--quiet", "--no-guess", "--no-progress", "--no-recurse-submodules",
        "--no-overwrite-ignore", name,
    )  # fmt: skip
    return {"branch": name, "commit": repository.head()}


def _is_branch(repository: Repository, name: str) -> bool:
    said = repository.run("show-ref", "--verify", "--quiet", f"refs/heads/{name}", fine=(0, 1))
    return said.code == 0


def _staged(repository: Repository, paths: list[str]) -> int:
    if not paths:
        return 0
    where = [inside(path) or "." for path in paths]
    said = repository.run(
        "ls-files", "-z", "--others", "--modified", "--deleted", "--exclude-standard", "--", *where
    )
    # A folder among them is a repository of its own.
    found = {name for name in said.out.split(b"\0") if name and not name.endswith(b"/")}
    if said.cut or len(found) > MOST_PATHS:
        raise ToolError(f"More than {MOST_PATHS} files changed.", next="Give narrower `paths`.")
    listed = b"".join(name + b"\0" for name in sorted(found))
    repository.run("update-index", "--add", "--remove", "-z", "--stdin", stdin=listed)
    return len(found)


def _author() -> dict[str, str]:
    """Return who commits: the settings say it, or the person's own configuration of Git."""
    found = {key: settings.get(key, "") or _own(f"user.{key}") for key in ("name", "email")}
    if not all(found.values()):
        raise ToolError(
            "Git does not know who commits.",
            next="The person can say it: smolterm packs set git name=ANN email=ann@example.org",
        )
    parts = {f"GIT_{who}_{key.upper()}": value for who in ("AUTHOR", "COMMITTER")
             for key, value in found.items()}  # fmt: skip
    return parts


def _own(key: str) -> str:
    # Not in the repository, whose own configuration has no say in it.
    said = subprocess.run(
        ["git", "config", "--global", "--get", key], cwd=Path("/"), capture_output=True,
        stdin=subprocess.DEVNULL, timeout=10, check=False,
    )  # fmt: skip
    return said.stdout.decode(errors="replace").strip()[:200]
