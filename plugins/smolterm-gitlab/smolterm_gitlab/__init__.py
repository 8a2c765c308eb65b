"""GitLab's projects, issues, merge requests and files: what a model can call."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import quote

from smolterm.pack import ToolError, tool

from smolterm_gitlab import api


@tool(effect="network")
def list_gitlab_projects(search: str = "", limit: int = 20) -> list[dict[str, object]]:
    """List GitLab projects by name; without a search, those that the token's owner is in.

    Returns:
        One dict each: {"project": "group/name", "description": "...", "stars": 3,
        "active": "2026-01-31T12:00:00Z", "url": "https://gitlab.com/group/name"}.
    """
    params = {"search": search} if search else {"membership": "true"}
    found = api.rows("/projects", limit, params | {"order_by": "last_activity_at"})
    return [
        {
            "project": row["path_with_namespace"],
            "description": api.cut(row.get("description")),
            "stars": row.get("star_count", 0),
            "active": row.get("last_activity_at"),
            "url": row["web_url"],
        }
        for row in found
    ]


@tool(effect="network")
def list_gitlab_issues(
    project: str,
    state: Literal["opened", "closed", "all"] = "opened",
    labels: str = "",
    search: str = "",
    limit: int = 30,
) -> list[dict[str, object]]:
    """List the issues of a GitLab project, newest first.

    Args:
        project: "group/name" or the project's number.
        labels: names with commas between; an issue must have all of them.
        search: words in the title or the text.

    Returns:
        One dict per issue: {"number": 7, "title": "...", "state": "opened", "author": "ada",
        "labels": ["bug"], "assignees": [], "comments": 2, "created": "2026-01-31T12:00:00Z",
        "updated": "...", "due": None, "url": "https://gitlab.com/..."}.

    Example:
        for issue in list_gitlab_issues("gitlab-org/gitlab", labels="type::bug", limit=5):
            print(issue["number"], issue["title"])
    """
    params = {"state": state, "labels": labels, "search": search}
    return [_issue(row) for row in api.rows(f"{api.project(project)}/issues", limit, params)]


@tool(effect="network")
def read_gitlab_issue(project: str, number: int, limit: int = 30) -> dict[str, object]:
    """Read one issue of GitLab with its text and its comments.

    Args:
        project: "group/name" or the project's number.
        number: as list_gitlab_issues gives it.
        limit: the most comments to return, oldest first.

    Returns:
        What list_gitlab_issues gives, and {"body": "...", "discussion": [{"author": "ada",
        "created": "...", "body": "..."}]}.
    """
    path = f"{api.project(project)}/issues/{number}"
    row = api.ask("GET", path).json()
    # The list also holds what GitLab itself noted: labels, states, mentions.
    notes = api.rows(f"{path}/notes", limit, {"sort": "asc"}, lambda note: not note.get("system"))
    discussion = [
        {
            "author": note["author"]["username"],
            "created": note["created_at"],
            "body": api.cut(note["body"]),
        }
        for note in notes
    ]
    return _issue(row) | {"body": api.cut(row.get("description")), "discussion": discussion}


@tool(effect="network")
def list_gitlab_merge_requests(
    project: str,
    state: Literal["opened", "closed", "merged", "all"] = "opened",
    limit: int = 30,
) -> list[dict[str, object]]:
    """List the merge requests of a GitLab project, newest first.

    Args:
        project: "group/name" or the project's number.

    Returns:
        One dict each: {"number": 8, "title": "...", "state": "opened", "draft": False,
        "author": "ada", "from": "fix", "into": "main", "created": "...", "merged": None,
        "url": "..."}.
    """
    found = api.rows(f"{api.project(project)}/merge_requests", limit, {"state": state})
    return [
        {
            "number": row["iid"],
            "title": row["title"],
            "state": row["state"],
            "draft": bool(row.get("draft")),
            "author": row["author"]["username"],
            "from": row["source_branch"],
            "into": row["target_branch"],
            "created": row["created_at"],
            "merged": row.get("merged_at"),
            "url": row["web_url"],
        }
        for row in found
    ]


@tool(effect="network")
def list_gitlab_pipelines(project: str, ref: str = "", limit: int = 20) -> list[dict[str, object]]:
    """List the newest CI pipelines of a GitLab project and how they ended.

    Args:
        project: "group/name" or the project's number.
        ref: only those of this branch or tag.

    Returns:
        One dict each: {"id": 51, "status": "success", "ref": "main", "commit": "a91957a8...",
        "source": "push", "created": "...", "url": "..."}.
    """
    found = api.rows(f"{api.project(project)}/pipelines", limit, {"ref": ref})
    return [
        {
            "id": row["id"],
            "status": row["status"],
            "ref": row["ref"],
            "commit": row["sha"],
            "source": row.get("source", ""),
            "created": row["created_at"],
            "url": row["web_url"],
        }
        for row in found
    ]


@tool(effect="network")
def read_gitlab_file(project: str, path: str, ref: str = "HEAD") -> str:
    """Read a text file from a GitLab project.

    Args:
        project: "group/name" or the project's number.
        path: from the repository's root, such as "src/a.py".
        ref: a branch, tag or commit; "HEAD" is the default branch.
    """
    where = f"{api.project(project)}/repository/files/{quote(path, safe='')}/raw"
    content = api.ask("GET", where, params={"ref": ref}).content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ToolError(f"{path!r} is not text: it has {len(content)} bytes.") from None


@tool(effect="write")
def create_gitlab_issue(
    project: str, title: str, body: str = "", labels: list[str] | None = None
) -> dict[str, object]:
    """Create an issue in a GitLab project; others see it at once.

    Args:
        project: "group/name" or the project's number.
        body: Markdown.

    Returns:
        {"number": 9, "url": "https://gitlab.com/group/name/-/issues/9"}.
    """
    content = {"title": title, "description": body, "labels": ",".join(labels or [])}
    made = api.ask("POST", f"{api.project(project)}/issues", json=content).json()
    return {"number": made["iid"], "url": made["web_url"]}


@tool(effect="write")
def comment_gitlab_issue(project: str, number: int, body: str) -> dict[str, object]:
    """Comment on an issue of GitLab; others see it at once.

    Args:
        project: "group/name" or the project's number.
        body: Markdown.

    Returns:
        {"id": 302, "created": "2026-01-31T12:00:00Z"}.
    """
    path = f"{api.project(project)}/issues/{number}/notes"
    made = api.ask("POST", path, json={"body": body}).json()
    return {"id": made["id"], "created": made["created_at"]}


def _issue(row: dict[str, Any]) -> dict[str, object]:
    return {
        "number": row["iid"],
        "title": row["title"],
        "state": row["state"],
        "author": row["author"]["username"],
        "labels": row.get("labels", []),
        "assignees": [each["username"] for each in row.get("assignees") or []],
        "comments": row.get("user_notes_count", 0),
        "created": row["created_at"],
        "updated": row["updated_at"],
        "due": row.get("due_date"),
        "url": row["web_url"],
    }
