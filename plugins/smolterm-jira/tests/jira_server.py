"""Jira Cloud's REST API, version 3, as its documentation has it, as far as the pack asks.

Source: developer.atlassian.com/cloud/jira/platform/rest/v3: issue search (search/jql with
nextPageToken), issues, issue comments, projects, transitions; "Basic auth for REST APIs";
"Atlassian Document Format".
"""

from __future__ import annotations

import base64
import re
from typing import Any

from loopback import Asked, Reply

USER, TOKEN = "ada@example.org", "ATATT3xFfGF0abc"
ADA = {"accountId": "5b10", "displayName": "Ada", "active": True}


def paragraph(*content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(content)}


def text(value: str, **mark: Any) -> dict[str, Any]:
    return {"type": "text", "text": value} | ({"marks": [mark]} if mark else {})


DOCUMENT = {
    "type": "doc",
    "version": 1,
    "content": [
        {"type": "heading", "attrs": {"level": 2}, "content": [text("Steps")]},
        paragraph(
            text("See "),
            text("here", type="link", attrs={"href": "https://x.org"}),
            {"type": "hardBreak"},
            {"type": "mention", "attrs": {"id": "5b10", "text": "@Ada"}},
        ),
        {
            "type": "bulletList",
            "content": [
                {"type": "listItem", "content": [paragraph(text("one"))]},
                {"type": "listItem", "content": [paragraph(text("two"))]},
            ],
        },
        {"type": "codeBlock", "attrs": {"language": "python"}, "content": [text("print(1)")]},
    ],
}


def issue(number: int) -> dict[str, Any]:
    fields = {
        "summary": f"Issue {number}",
        "status": {"id": "1", "name": "To Do"},
        "issuetype": {"name": "Bug"},
        "priority": {"name": "High"},
        "assignee": None,
        "reporter": ADA,
        "labels": ["web"],
        "created": "2026-01-31T12:00:00.000+0000",
        "updated": "2026-02-01T12:00:00.000+0000",
        "duedate": None,
        "description": DOCUMENT,
    }
    return {"id": str(10_000 + number), "key": f"PROJ-{number}", "fields": fields}


class Jira:
    def __init__(self) -> None:
        self.issues = [issue(n) for n in range(1, 131)]
        self.moved: list[str] = []

    def answer(self, asked: Asked) -> Reply:
        expected = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if asked.headers.get("authorization") != f"Basic {expected}":
            headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
            return Reply(401, "Client must be authenticated to access this resource.", headers)
        path = asked.path.removeprefix("/rest/api/3")
        for pattern, method, function in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and asked.method == method:
                return function(self, asked, *found.groups())
        return _error(404, "Issue does not exist or you do not have permission to see it.")

    def search(self, asked: Asked) -> Reply:
        jql = asked.query["jql"]
        if jql.lower().startswith("order by"):
            return _error(400, "Unbounded JQL queries are not allowed here.")
        if "=" not in jql:
            return _error(400, f"Error in the JQL Query: Expecting operator but got '{jql}'.")
        at = int(asked.query.get("nextPageToken", "t0").removeprefix("t"))
        end = at + min(int(asked.query["maxResults"]), 50)
        wanted = asked.query["fields"].split(",")
        rows = [
            each | {"fields": {name: each["fields"][name] for name in wanted}}
            for each in self.issues[at:end]
        ]
        if end >= len(self.issues):
            return Reply(200, {"issues": rows, "isLast": True})
        return Reply(200, {"issues": rows, "nextPageToken": f"t{end}", "isLast": False})

    def read(self, asked: Asked, number: str) -> Reply:
        return Reply(200, self.issues[int(number) - 1])

    def create(self, asked: Asked) -> Reply:
        fields = asked.json()["fields"]
        errors = {}
        if not fields["summary"]:
            errors["summary"] = "You must specify a summary of the issue."
        if fields["issuetype"]["name"] not in ("Task", "Bug"):
            errors["issuetype"] = "Specify a valid issue type"
        if errors:
            return Reply(400, {"errorMessages": [], "errors": errors})
        where = "https://name.atlassian.net/rest/api/3/issue/10131"
        return Reply(201, {"id": "10131", "key": "PROJ-131", "self": where})

    def comments(self, asked: Asked, number: str) -> Reply:
        assert asked.query["orderBy"] == "created"
        row = {"author": ADA, "created": "2026-02-02T12:00:00.000+0000", "body": DOCUMENT}
        at, size = int(asked.query["startAt"]), min(int(asked.query["maxResults"]), 2)
        rows = [row | {"id": str(n)} for n in range(5)][at : at + size]
        return Reply(200, {"startAt": at, "maxResults": size, "total": 5, "comments": rows})

    def comment(self, asked: Asked, number: str) -> Reply:
        body = asked.json()["body"]
        assert (body["type"], body["version"]) == ("doc", 1)
        return Reply(201, {"id": "10000", "created": "2026-02-03T12:00:00.000+0000"})

    def projects(self, asked: Asked) -> Reply:
        rows = [
            {"key": f"P{n}", "name": f"Project {n}", "projectTypeKey": "software"}
            for n in range(70)
        ]
        at, size = int(asked.query["startAt"]), int(asked.query["maxResults"])
        last = at + size >= len(rows)
        return Reply(200, {"values": rows[at : at + size], "isLast": last, "total": len(rows)})

    def transitions(self, asked: Asked, number: str) -> Reply:
        ways = [
            {"id": "11", "name": "Start", "to": {"name": "In Progress"}},
            {"id": "31", "name": "Close", "to": {"name": "Done"}},
        ]
        return Reply(200, {"transitions": ways})

    def move(self, asked: Asked, number: str) -> Reply:
        self.moved.append(asked.json()["transition"]["id"])
        return Reply(204)


_ROUTES = (
    (r"/search/jql", "GET", Jira.search),
    (r"/issue", "POST", Jira.create),
    (r"/issue/PROJ-([1-9]\d{0,1})", "GET", Jira.read),
    (r"/issue/PROJ-(\d+)/comment", "GET", Jira.comments),
    (r"/issue/PROJ-(\d+)/comment", "POST", Jira.comment),
    (r"/issue/PROJ-(\d+)/transitions", "GET", Jira.transitions),
    (r"/issue/PROJ-(\d+)/transitions", "POST", Jira.move),
    (r"/project/search", "GET", Jira.projects),
)


def _error(status: int, message: str) -> Reply:
    return Reply(status, {"errorMessages": [message], "errors": {}})
