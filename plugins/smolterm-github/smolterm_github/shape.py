"""GitHub's objects, cut down to what a model needs."""

from __future__ import annotations

from typing import Any

from smolterm_github import api


def issue(row: dict[str, Any]) -> dict[str, object]:
    """Return an issue without its text."""
    return {
        "number": row["number"],
        "title": row["title"],
        "state": row["state"],
        "author": _login(row.get("user")),
        "labels": [each["name"] for each in row.get("labels") or []],
        "assignees": [_login(each) for each in row.get("assignees") or []],
        "comments": row.get("comments", 0),
        "created": row["created_at"],
        "updated": row["updated_at"],
        "url": row["html_url"],
    }


def found_issue(row: dict[str, Any]) -> dict[str, object]:
    """Return an issue of a search, which spans repositories."""
    return issue(row) | {"repo": row["repository_url"].partition("/repos/")[2]}


def comment(row: dict[str, Any]) -> dict[str, object]:
    """Return one comment."""
    return {
        "author": _login(row.get("user")),
        "created": row["created_at"],
        "body": api.cut(row.get("body")),
    }


def pull(row: dict[str, Any]) -> dict[str, object]:
    """Return a pull request without its text."""
    return {
        "number": row["number"],
        "title": row["title"],
        "state": row["state"],
        "draft": bool(row.get("draft")),
        "author": _login(row.get("user")),
        "from": row["head"]["label"],
        "into": row["base"]["ref"],
        "created": row["created_at"],
        "merged": row.get("merged_at"),
        "url": row["html_url"],
    }


def changed(row: dict[str, Any]) -> dict[str, object]:
    """Return one file of a pull request; a binary file has no patch."""
    return {
        "path": row["filename"],
        "status": row["status"],
        "additions": row["additions"],
        "deletions": row["deletions"],
        "patch": api.cut(row.get("patch")),
    }


def repository(row: dict[str, Any]) -> dict[str, object]:
    """Return one repository of a search."""
    return {
        "repo": row["full_name"],
        "description": row.get("description") or "",
        "stars": row["stargazers_count"],
        "language": row.get("language") or "",
        "url": row["html_url"],
    }


def code(row: dict[str, Any]) -> dict[str, object]:
    """Return one file of a search."""
    return {"repo": row["repository"]["full_name"], "path": row["path"], "url": row["html_url"]}


def _login(user: dict[str, Any] | None) -> str:
    # An account that was deleted is null.
    return user["login"] if user else "ghost"
