"""Jira's issues: what a model can call."""

from __future__ import annotations

from typing import Any

from smolterm.pack import ToolError, tool

from smolterm_jira import api, document

_FIELDS = "summary,status,issuetype,priority,assignee,reporter,labels,created,updated,duedate"


@tool(effect="network")
def search_jira(jql: str, limit: int = 30) -> list[dict[str, object]]:
    """Find Jira issues by a JQL query.

    Args:
        jql: it must restrict the search, such as
            "project = PROJ AND status != Done ORDER BY created DESC".

    Returns:
        One dict per issue: {"key": "PROJ-12", "title": "...", "status": "In Progress",
        "kind": "Bug", "priority": "High", "assignee": "Ada", "reporter": "Bob", "labels": [],
        "created": "2026-01-31T12:00:00.000+0000", "updated": "...", "due": None}.

    Example:
        for issue in search_jira("assignee = currentUser() AND resolution is EMPTY"):
            print(issue["key"], issue["title"])
    """
    found: list[dict[str, object]] = []
    token = None
    api.bounded(limit)
    while len(found) < limit:
        params = {
            "jql": jql,
            "fields": _FIELDS,
            "maxResults": min(limit - len(found), 100),
            "nextPageToken": token,
        }
        page = api.ask("GET", "/search/jql", params=params)
        found += [_issue(row) for row in page["issues"]]
        token = page.get("nextPageToken")
        if not token or not page["issues"] or page.get("isLast"):
            break
    return found[:limit]


@tool(effect="network")
def read_jira_issue(key: str, limit: int = 30) -> dict[str, object]:
    """Read one Jira issue with its text and its comments.

    Args:
        key: such as "PROJ-12".
        limit: the most comments to return, oldest first.

    Returns:
        What search_jira gives, and {"body": "...", "discussion": [{"author": "Ada",
        "created": "...", "body": "..."}]}.
    """
    path = api.issue_path(key)
    api.bounded(limit)
    row = api.ask("GET", path, params={"fields": f"{_FIELDS},description"})
    discussion: list[dict[str, object]] = []
    while len(discussion) < limit:
        params = {
            "startAt": len(discussion),
            "maxResults": min(limit - len(discussion), 100),
            "orderBy": "created",
        }
        page = api.ask("GET", f"{path}/comment", params=params)
        discussion += map(_comment, page["comments"])
        if not page["comments"] or len(discussion) >= page.get("total", 0):
            break
    body = document.plain(row["fields"].get("description"))
    return _issue(row) | {"body": body, "discussion": discussion[:limit]}


@tool(effect="network")
def list_jira_projects(search: str = "", limit: int = 50) -> list[dict[str, object]]:
    """List the projects of the Jira site.

    Args:
        search: part of a name or key.

    Returns:
        One dict each: {"key": "PROJ", "name": "Project", "kind": "software"}.
    """
    found: list[dict[str, object]] = []
    api.bounded(limit)
    while len(found) < limit:
        params = {
            "query": search or None,
            "startAt": len(found),
            "maxResults": min(limit - len(found), 50),
        }
        page = api.ask("GET", "/project/search", params=params)
        found += [
            {"key": row["key"], "name": row["name"], "kind": row.get("projectTypeKey", "")}
            for row in page["values"]
        ]
        if page.get("isLast", True) or not page["values"]:
            break
    return found[:limit]


@tool(effect="write")
def create_jira_issue(
    project: str,
    title: str,
    body: str = "",
    kind: str = "Task",
    labels: list[str] | None = None,
) -> dict[str, object]:
    """Create an issue in a Jira project; others see it at once.

    Args:
        project: its key, such as "PROJ".
        body: plain text; blank lines separate paragraphs.
        kind: "Task", "Bug", "Story" or what the project has.

    Returns:
        {"key": "PROJ-13", "url": "https://name.atlassian.net/browse/PROJ-13"}.
    """
    fields: dict[str, object] = {
        "project": {"key": project},
        "summary": title,
        "issuetype": {"name": kind},
    }
    if body.strip():
        fields["description"] = document.rich(body)
    if labels:
        fields["labels"] = labels
    made = api.ask("POST", "/issue", json={"fields": fields})
    site = str(made["self"]).partition("/rest/api/")[0]
    return {"key": made["key"], "url": f"{site}/browse/{made['key']}"}


@tool(effect="write")
def comment_jira_issue(key: str, body: str) -> dict[str, object]:
    """Comment on a Jira issue; others see it at once.

    Args:
        key: such as "PROJ-12".
        body: plain text; blank lines separate paragraphs.

    Returns:
        {"id": "10000", "created": "2026-01-31T12:00:00.000+0000"}.
    """
    if not body.strip():
        raise ToolError("The comment is empty.")
    made = api.ask("POST", f"{api.issue_path(key)}/comment", json={"body": document.rich(body)})
    return {"id": made["id"], "created": made["created"]}


@tool(effect="write")
def move_jira_issue(key: str, status: str) -> dict[str, object]:
    """Move a Jira issue to another status, along the transitions that its workflow has.

    Args:
        key: such as "PROJ-12".
        status: the status to reach, or the transition's name, such as "Done".

    Returns:
        {"key": "PROJ-12", "status": "Done"}.
    """
    path = f"{api.issue_path(key)}/transitions"
    ways = api.ask("GET", path)["transitions"]
    wanted = status.strip().lower()
    for way in ways:
        if wanted in (way["to"]["name"].lower(), way["name"].lower()):
            api.ask("POST", path, json={"transition": {"id": way["id"]}})
            return {"key": key, "status": way["to"]["name"]}
    names = ", ".join(sorted({way["to"]["name"] for way in ways})) or "nothing"
    raise ToolError(f"{key} cannot be moved to {status!r}.", next=f"It can go to: {names}.")


def _comment(row: dict[str, Any]) -> dict[str, object]:
    return {
        "author": _name(row.get("author")),
        "created": row["created"],
        "body": document.plain(row.get("body")),
    }


def _issue(row: dict[str, Any]) -> dict[str, object]:
    fields = row["fields"]
    return {
        "key": row["key"],
        "title": fields.get("summary") or "",
        "status": _name(fields.get("status")),
        "kind": _name(fields.get("issuetype")),
        "priority": _name(fields.get("priority")),
        "assignee": _name(fields.get("assignee")),
        "reporter": _name(fields.get("reporter")),
        "labels": fields.get("labels") or [],
        "created": fields.get("created"),
        "updated": fields.get("updated"),
        "due": fields.get("duedate"),
    }


def _name(value: dict[str, Any] | None) -> str:
    """Return how a person, status or type is called; empty where there is none."""
    return str(value.get("displayName") or value.get("name") or "") if value else ""
