"""GitHub's issues, pull requests and files: what a model can call."""

from __future__ import annotations

import base64
from typing import Any, Literal

from smolterm.pack import ToolError, tool

from smolterm_github import api, shape


@tool(effect="network")
def list_github_issues(
    repo: str,
    state: Literal["open", "closed", "all"] = "open",
    labels: str = "",
    assignee: str = "",
    limit: int = 30,
) -> list[dict[str, object]]:
    """List the issues of a GitHub repository, newest first, without pull requests.

    Args:
        repo: "owner/name".
        labels: names with commas between; an issue must have all of them.
        assignee: a login, or "none".

    Returns:
        One dict per issue: {"number": 7, "title": "...", "state": "open", "author": "octocat",
        "labels": ["bug"], "assignees": [], "comments": 2, "created": "2026-01-31T12:00:00Z",
        "updated": "...", "url": "https://github.com/..."}.

    Example:
        for issue in list_github_issues("python/cpython", labels="type-bug", limit=5):
            print(issue["number"], issue["title"])
    """
    params = {"state": state, "labels": labels, "assignee": assignee}
    asked = {name: value for name, value in params.items() if value}
    found = api.rows(f"{api.repository(repo)}/issues", limit, asked, size=100)
    return api.first((shape.issue(row) for row in found if "pull_request" not in row), limit)


@tool(effect="network")
def read_github_issue(repo: str, number: int, limit: int = 30) -> dict[str, object]:
    """Read one issue or pull request of GitHub with its text and its comments.

    Args:
        repo: "owner/name".
        limit: the most comments to return, oldest first.

    Returns:
        What list_github_issues gives, and {"body": "...", "discussion": [{"author": "octocat",
        "created": "...", "body": "..."}]}.
    """
    path = f"{api.repository(repo)}/issues/{number}"
    api.bounded(limit)
    row = api.ask("GET", path).json()
    comments = api.rows(f"{path}/comments", limit) if row.get("comments") else iter(())
    discussion = api.first((shape.comment(each) for each in comments), limit)
    return shape.issue(row) | {"body": api.cut(row.get("body")), "discussion": discussion}


@tool(effect="network")
def list_github_pulls(
    repo: str, state: Literal["open", "closed", "all"] = "open", limit: int = 30
) -> list[dict[str, object]]:
    """List the pull requests of a GitHub repository, newest first.

    Args:
        repo: "owner/name".

    Returns:
        One dict each: {"number": 8, "title": "...", "state": "open", "draft": False,
        "author": "octocat", "from": "octocat:fix", "into": "main", "created": "...",
        "merged": None, "url": "..."}.
    """
    found = api.rows(f"{api.repository(repo)}/pulls", limit, {"state": state})
    return api.first((shape.pull(row) for row in found), limit)


@tool(effect="network")
def read_github_pull(repo: str, number: int, limit: int = 50) -> dict[str, object]:
    """Read one pull request of GitHub with its text and the files that it changes.

    The discussion is in read_github_issue, which takes the same number.

    Args:
        repo: "owner/name".
        limit: the most files to return.

    Returns:
        What list_github_pulls gives, and {"body": "...", "additions": 3, "deletions": 1,
        "files": [{"path": "a.py", "status": "modified", "additions": 3, "deletions": 1,
        "patch": "@@ ..."}]}.
    """
    path = f"{api.repository(repo)}/pulls/{number}"
    api.bounded(limit)
    row = api.ask("GET", path).json()
    files = api.first((shape.changed(each) for each in api.rows(f"{path}/files", limit)), limit)
    return shape.pull(row) | {
        "body": api.cut(row.get("body")),
        "additions": row.get("additions"),
        "deletions": row.get("deletions"),
        "files": files,
    }


@tool(effect="network")
def search_github(
    query: str, kind: Literal["issues", "repositories", "code"] = "issues", limit: int = 20
) -> list[dict[str, object]]:
    """Search GitHub for issues and pull requests, repositories, or code.

    Args:
        query: words and GitHub's qualifiers, such as "memory leak repo:owner/name is:issue".
        kind: "code" needs a token.

    Returns:
        Issues as list_github_issues gives them with {"repo": "owner/name"}; repositories as
        {"repo": "owner/name", "description": "...", "stars": 5, "language": "Python",
        "url": "..."}; code as {"repo": "owner/name", "path": "src/a.py", "url": "..."}.

    Example:
        search_github("wasm runtime language:python stars:>500", kind="repositories", limit=5)
    """
    if not query.strip():
        raise ToolError("The query is empty.", next="Give words to look for.")
    shaped = {"issues": shape.found_issue, "repositories": shape.repository, "code": shape.code}
    found = api.rows(f"/search/{kind}", limit, {"q": query})
    return api.first((shaped[kind](row) for row in found), limit)


@tool(effect="network")
def list_github_files(repo: str, path: str = "", ref: str = "") -> list[dict[str, object]]:
    """List one folder of a GitHub repository.

    Args:
        repo: "owner/name".
        path: the folder, such as "src"; empty for the root.
        ref: a branch, tag or commit; empty for the default branch.

    Returns:
        One dict each: {"path": "src/a.py", "kind": "file", "size": 120}; size in bytes.
    """
    found = _contents(repo, path, ref)
    if not isinstance(found, list):
        raise ToolError(f"{path!r} is a file.", next=f"Use read_github_file({repo!r}, {path!r}).")
    return [{"path": each["path"], "kind": each["type"], "size": each["size"]} for each in found]


@tool(effect="network")
def read_github_file(repo: str, path: str, ref: str = "") -> str:
    """Read a text file from a GitHub repository.

    Args:
        repo: "owner/name".
        path: as list_github_files gives it, such as "src/a.py".
        ref: a branch, tag or commit; empty for the default branch.

    Example:
        readme = read_github_file("python/cpython", "README.rst")
    """
    found = _contents(repo, path, ref)
    if isinstance(found, list):
        raise ToolError(
            f"{path!r} is a folder.", next=f"Use list_github_files({repo!r}, {path!r})."
        )
    if found.get("encoding") == "base64":
        content = base64.b64decode(found["content"])
    else:
        # What has more than a megabyte comes only raw.
        where = f"{api.repository(repo)}/contents/{api.inside(path)}"
        asked = {"ref": ref} if ref else None
        content = api.ask(
            "GET", where, params=asked, kind="application/vnd.github.raw+json"
        ).content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path!r} is not text: it has {len(content)} bytes.") from None


@tool(effect="write")
def create_github_issue(
    repo: str, title: str, body: str = "", labels: list[str] | None = None
) -> dict[str, object]:
    """Create an issue in a GitHub repository; others see it at once.

    Args:
        repo: "owner/name".
        body: Markdown.

    Returns:
        {"number": 9, "url": "https://github.com/owner/name/issues/9"}.
    """
    content = {"title": title, "body": body, "labels": labels or []}
    made = api.ask("POST", f"{api.repository(repo)}/issues", json=content).json()
    return {"number": made["number"], "url": made["html_url"]}


@tool(effect="write")
def comment_github_issue(repo: str, number: int, body: str) -> dict[str, object]:
    """Comment on an issue or pull request of GitHub; others see it at once.

    Args:
        repo: "owner/name".
        body: Markdown.

    Returns:
        {"url": "https://github.com/owner/name/issues/9#issuecomment-1"}.
    """
    path = f"{api.repository(repo)}/issues/{number}/comments"
    made = api.ask("POST", path, json={"body": body}).json()
    return {"url": made["html_url"]}


def _contents(repo: str, path: str, ref: str) -> Any:
    where = f"{api.repository(repo)}/contents/{api.inside(path)}".rstrip("/")
    return api.ask("GET", where, params={"ref": ref} if ref else None).json()
