"""What Git says, taken apart; names end with NUL, so that no name can pass for two."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smolterm_git.repository import Repository, inside

KINDS = {
    "M": "modified", "A": "added", "D": "deleted", "R": "renamed", "C": "copied",
    "T": "type changed", "U": "unmerged", ".": "",
}  # fmt: skip
COMMIT = "%H%x00%an%x00%ae%x00%aI%x00%P%x00%B%x00"
DIFF = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "--submodule=short",
    "--find-renames", "--src-prefix=a/", "--dst-prefix=b/", "--no-relative",
)  # fmt: skip
LONGEST_LINE = 500


def status(repository: Repository, limit: int) -> dict[str, object]:
    """Return what `git_status` returns."""
    said = repository.run(
        "status", "--porcelain=v2", "-z", "--branch", "--untracked-files=normal",
        "--ignore-submodules=all", "--ahead-behind",
    )  # fmt: skip
    about: dict[str, str] = {}
    changes: list[dict[str, object]] = []
    entries = iter(said.text.split("\0"))
    for entry in entries:
        if entry.startswith("# branch."):
            name, _, value = entry.removeprefix("# branch.").partition(" ")
            about[name] = value
        elif change := _change(entry, entries):
            changes.append(change)
    ahead, behind = re.findall(r"\d+", about.get("ab", "")) or (None, None)
    commit = about.get("oid", "")
    branch = about.get("head", "")
    return {
        "branch": None if branch == "(detached)" else branch,
        "commit": None if commit == "(initial)" else commit,
        "upstream": about.get("upstream"),
        "ahead": None if ahead is None else int(ahead),
        "behind": None if behind is None else int(behind),
        "under_way": repository.under_way() or None,
        "changes": changes[:limit],
        "cut": said.cut or len(changes) > limit,
    }


def _change(entry: str, rest: Iterator[str]) -> dict[str, object] | None:
    kind, _, told = entry.partition(" ")
    if kind == "?":
        return {"path": told, "staged": "", "unstaged": "untracked"}
    if kind not in ("1", "2", "u"):
        return None
    fields = told.split(" ", {"1": 7, "2": 8, "u": 9}[kind])
    staged, unstaged = (KINDS.get(each, each) for each in fields[0])
    change: dict[str, object] = {"path": fields[-1], "staged": staged, "unstaged": unstaged}
    if kind == "2":
        change["was"] = next(rest, "")
    return change


def commits(repository: Repository, chosen: list[str], path: str) -> list[dict[str, object]]:
    """Return what `git_log` returns."""
    said = repository.run(
        "log", "--no-color", "--no-notes", "--no-show-signature", "--no-patch", "--encoding=UTF-8",
        f"--format=tformat:{COMMIT}", *chosen, "--", *([inside(path)] if inside(path) else []),
    )  # fmt: skip
    fields = said.text.split("\0")
    return [_commit(fields[at : at + 6]) for at in range(0, len(fields) - 6, 6)]


def _commit(fields: list[str]) -> dict[str, object]:
    number, author, email, date, parents, message = fields
    subject, _, body = message.strip().partition("\n")
    return {
        "commit": number.strip(),
        "author": author,
        "email": email,
        "date": date,
        "parents": parents.split(),
        "subject": subject[:LONGEST_LINE],
        "body": body.strip()[:4_000],
    }


def difference(
    repository: Repository, command: list[str], path: str, longest: int
) -> dict[str, object]:
    """Return the files that differ, and the difference itself, as far as it is not too long."""
    where = ["--", *([inside(path)] if inside(path) else [])]
    counted = repository.run(*command, *DIFF, "--numstat", "-z", *where)
    patch = repository.run(*command, *DIFF, "--patch", *where, most=longest)
    found = _counted(counted.text)
    return {
        "files": found[:1_000],
        "diff": patch.text.lstrip("\n"),
        "cut": patch.cut or counted.cut or len(found) > 1_000,
    }


def _counted(text: str) -> list[dict[str, object]]:
    """Take `--numstat -z` apart: "1\t2\tpath", or "1\t2\t" and two paths of a renamed one."""
    found: list[dict[str, object]] = []
    entries = iter(text.split("\0"))
    for entry in entries:
        parts = entry.lstrip("\n").split("\t", 2)
        if len(parts) != 3:
            continue
        added, removed, path = parts
        file: dict[str, object] = {
            "path": path, "added": _number(added), "removed": _number(removed),
        }  # fmt: skip
        if not path:
            file["was"] = next(entries, "")
            file["path"] = next(entries, "")
        found.append(file)
    return found


def _number(text: str) -> int | None:
    return int(text) if text.isdigit() else None


def blamed(text: str) -> list[dict[str, object]]:
    """Take `git blame --line-porcelain` apart."""
    found: list[dict[str, object]] = []
    about: dict[str, str] = {}
    for line in text.split("\n"):
        if line.startswith("\t"):
            found.append(
                {
                    "line": int(about["line"]),
                    "commit": about["commit"],
                    "author": about.get("author", ""),
                    "subject": about.get("summary", "")[:LONGEST_LINE],
                    "text": line[1 : LONGEST_LINE + 1],
                }
            )
            about = {}
        elif head := re.fullmatch(r"([0-9a-f]{40,64}) \d+ (\d+)(?: \d+)?", line):
            about |= {"commit": head[1], "line": head[2]}
        else:
            name, _, value = line.partition(" ")
            about.setdefault(name, value)
    return found


def matches(text: str, commit: str) -> Iterator[dict[str, object]]:
    """Take `git grep -n -z` apart: "path\0line\0text" on each line."""
    for line in text.split("\n"):
        parts = line.split("\0", 2)
        if len(parts) == 3 and parts[1].isdigit():
            path = parts[0].removeprefix(f"{commit}:") if commit else parts[0]
            yield {"path": path, "line": int(parts[1]), "text": parts[2][:LONGEST_LINE]}


def branches(repository: Repository, limit: int, remote: bool) -> list[dict[str, object]]:
    """Return what `list_git_branches` returns."""
    fields = ("%(refname)", "%(objectname)", "%(HEAD)", "%(upstream:short)",
              "%(committerdate:iso-strict)", "%(subject)")  # fmt: skip
    said = repository.run(
        "for-each-ref", f"--count={limit}", "--sort=-committerdate",
        "--format=" + "%00".join(fields), "refs/heads", *(["refs/remotes"] if remote else []),
    )  # fmt: skip
    found = []
    for line in said.text.split("\n"):
        parts = line.split("\0")
        if len(parts) == len(fields):
            name = parts[0].removeprefix("refs/heads/").removeprefix("refs/remotes/")
            found.append(
                {
                    "branch": name,
                    "commit": parts[1],
                    "current": parts[2] == "*",
                    "upstream": parts[3] or None,
                    "date": parts[4],
                    "subject": parts[5][:LONGEST_LINE],
                }
            )
    return found
