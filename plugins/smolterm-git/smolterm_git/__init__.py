"""Git repositories in the granted folder: what a model can call."""

from __future__ import annotations

from smolterm.pack import ToolError, tool

from smolterm_git import changing, reading
from smolterm_git.repository import Repository, inside

MOST = 1_000
LONGEST_DIFF = 500_000


@tool(effect="read")
def git_status(folder: str = ".", limit: int = 200) -> dict[str, object]:
    """Tell the branch and which files changed since the last commit.

    Args:
        folder: the repository, relative to the granted folder.
        limit: the most files, at most 1,000.

    Returns:
        {"branch": "main", "commit": "4f2a...", "upstream": "origin/main", "ahead": 1, "behind": 0,
        "under_way": None, "changes": [{"path": "a.py", "staged": "", "unstaged": "modified"}],
        "cut": False}. What is no branch, or before the first commit, is None.
    """
    return reading.status(Repository(folder), _most(limit))


@tool(effect="read")
def git_log(
    folder: str = ".", path: str = "", start: str = "HEAD", since: str = "", author: str = "",
    text: str = "", limit: int = 20,
) -> list[dict[str, object]]:  # fmt: skip
    """List commits, newest first.

    Args:
        path: only commits that changed this file or folder.
        start: a branch, tag or commit to go back from.
        since: only later ones, such as "2026-01-31" or "2 weeks ago".
        author: a part of the author's name or address.
        text: a part of the message.

    Returns:
        One dict per commit: {"commit": "4f2a...", "author": "Ann", "email": "ann@example.org",
        "date": "2026-01-31T12:00:00+01:00", "parents": ["..."], "subject": "Fix it", "body": ""}.
    """
    repository = Repository(folder)
    if start == "HEAD" and repository.head() is None and repository.branch() is not None:
        return []
    chosen = [f"--max-count={_most(limit)}", "--fixed-strings", "--regexp-ignore-case"]
    wanted = {"since": since, "author": author, "grep": text}
    chosen += [f"--{name}={value}" for name, value in wanted.items() if value]
    return reading.commits(repository, [*chosen, repository.commit(start)], path)


@tool(effect="read")
def git_diff(
    folder: str = ".", path: str = "", base: str = "", head: str = "", staged: bool = False,
    longest: int = 50_000,
) -> dict[str, object]:  # fmt: skip
    """Show what changed: uncommitted changes, or what lies between two commits.

    Args:
        base: a branch or commit to compare with; without it, what is staged or committed.
        head: a branch or commit; without it, the files as they are now.
        staged: only what is staged for the next commit.
        longest: the most bytes of `diff`, at most 500,000.

    Returns:
        {"files": [{"path": "a.py", "added": 2, "removed": 1}], "diff": "diff --git ...",
        "cut": False}; the numbers of a binary file are None. Untracked files: see git_status().

    Example:
        print(git_diff(base="main", head="feature")["diff"])
    """
    if head and (staged or not base):
        raise ToolError("`head` goes with `base`, and not with `staged`.")
    repository = Repository(folder)
    command = ["diff", *(["--cached"] if staged else [])]
    command += [repository.commit(each) for each in (base, head) if each]
    return reading.difference(repository, command, path, _longest(longest))


@tool(effect="read")
def git_show(
    commit: str = "HEAD", folder: str = ".", path: str = "", longest: int = 50_000
) -> dict[str, object]:
    """Show one commit: who, when, why, and what it changed.

    Args:
        path: only what it changed in this file or folder.
        longest: the most bytes of `diff`, at most 500,000.

    Returns:
        What git_log() tells of it, and "files", "diff" and "cut" as in git_diff(). Of a merge, what
        it changed in its first parent.
    """
    repository = Repository(folder)
    number = repository.commit(commit)
    about = reading.commits(repository, ["--max-count=1", number], "")[0]
    # What is before the first commit compares as nothing at all.
    command = ["diff-tree", "-r", "--root", "--no-commit-id", number]
    if about["parents"]:
        command = ["diff-tree", "-r", f"{number}^1", number]
    return about | reading.difference(repository, command, path, _longest(longest))


@tool(effect="read")
def git_blame(
    path: str, folder: str = ".", start: int = 1, lines: int = 200, commit: str = "HEAD"
) -> list[dict[str, object]]:
    """Tell for each line of a file which commit last changed it.

    Args:
        path: of a file in the repository; changes that are not committed are left out.
        start: the first line.
        lines: the most lines, at most 1,000.

    Returns:
        One dict per line: {"line": 1, "commit": "4f2a...", "author": "Ann", "subject": "Fix it",
        "text": "import os"}.
    """
    if start < 1:
        raise ToolError("`start` is a line number from 1.")
    repository = Repository(folder)
    number = repository.commit(commit)
    repository.blob(number, path)
    said = repository.run(
        "blame", "--line-porcelain", "--no-textconv", "--encoding=UTF-8",
        f"-L{start},{start + _most(lines) - 1}", number, "--", inside(path),
    )  # fmt: skip
    return reading.blamed(said.text)


@tool(effect="read")
def read_git_file(
    path: str, commit: str = "HEAD", folder: str = ".", longest: int = 200_000
) -> str:
    """Read a text file as it was in a commit.

    Args:
        longest: the most bytes; a longer file is an error.
    """
    repository = Repository(folder)
    blob = repository.blob(repository.commit(commit), path)
    said = repository.run("cat-file", "blob", blob, most=_longest(longest))
    if said.cut:
        raise ToolError(f"{path!r} has more than {longest} bytes.", next="Give a larger `longest`.")
    try:
        return said.out.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path!r} is no text.") from None


@tool(effect="read")
def search_git(
    pattern: str, folder: str = ".", path: str = "", commit: str = "", regex: bool = False,
    ignore_case: bool = False, limit: int = 200,
) -> list[dict[str, object]]:  # fmt: skip
    """Find lines in the tracked files, or in those of a commit.

    Args:
        pattern: text; with regex=True an extended regular expression.
        path: only in this file or folder.
        commit: a branch or commit; without it, the files as they are now.
        limit: the most lines, at most 1,000.

    Returns:
        One dict per line: {"path": "a.py", "line": 3, "text": "import os"}.
    """
    if not pattern or "\0" in pattern or "\n" in pattern:
        raise ToolError("`pattern` is one line of text.")
    repository = Repository(folder)
    number = repository.commit(commit) if commit else ""
    said = repository.run(
        "grep", "-n", "-z", "-I", "--full-name", "--no-color", "--no-textconv",
        "--no-recurse-submodules", "--no-column", "--threads=1",
        "--extended-regexp" if regex else "--fixed-strings",
        *(["--ignore-case"] if ignore_case else []), "-e", pattern,
        *([number] if number else []), "--", *([inside(path)] if inside(path) else []),
        fine=(0, 1),
    )  # fmt: skip
    return list(reading.matches(said.text, number))[: _most(limit)]


@tool(effect="read")
def list_git_branches(
    folder: str = ".", remote: bool = False, limit: int = 100
) -> list[dict[str, object]]:
    """List branches, the newest commit first.

    Args:
        remote: those of other repositories too, as they were last fetched.

    Returns:
        One dict per branch: {"branch": "main", "commit": "4f2a...", "current": True, "upstream":
        "origin/main", "date": "2026-01-31T12:00:00+01:00", "subject": "Fix it"}.
    """
    return reading.branches(Repository(folder), _most(limit), remote)


@tool(effect="write")
def git_commit(message: str, paths: list[str], folder: str = ".") -> dict[str, object]:
    """Stage the changes in paths and commit them, with what was staged before.

    Args:
        message: a short line, then more after an empty one.
        paths: files or folders in the repository; ["."] for all, [] for what is staged already.

    Returns:
        {"commit": "4f2a...", "branch": "main", "staged": 2}

    Example:
        git_commit("Fix the total", ["shop/total.py"])
    """
    return changing.committed(Repository(folder), message, paths)


@tool(effect="write")
def create_git_branch(name: str, start: str = "HEAD", folder: str = ".") -> dict[str, object]:
    """Make a branch without switching to it.

    Args:
        start: the branch or commit that it starts from.

    Returns:
        {"branch": "feature", "commit": "4f2a..."}
    """
    return changing.branched(Repository(folder), name, start)


@tool(effect="write")
def switch_git_branch(name: str, folder: str = ".") -> dict[str, object]:
    """Check out a branch; fails where that would overwrite changes.

    Returns:
        {"branch": "feature", "commit": "4f2a..."}
    """
    return changing.switched(Repository(folder), name)


def _most(limit: int) -> int:
    if not 0 < limit <= MOST:
        raise ToolError(f"The most that can be asked for is a number from 1 to {MOST}.")
    return limit


def _longest(longest: int) -> int:
    if not 0 < longest <= LONGEST_DIFF:
        raise ToolError(f"`longest` is a number from 1 to {LONGEST_DIFF}.")
    return longest
