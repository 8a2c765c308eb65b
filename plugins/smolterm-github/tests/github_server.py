"""GitHub's REST API as its documentation has it, as far as the pack asks.

Source: docs.github.com/en/rest (version 2022-11-28): issues, pulls, search, repository contents,
"Using pagination in the REST API", "Rate limits for the REST API", "Troubleshooting the REST API".
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import urlencode

from loopback import Asked, Reply

TOKEN = "github_pat_11ABCDE"
README = "# Hello\n\nGrüße.\n"
BIG = "x" * 1_200_000


def user(login: str) -> dict[str, Any]:
    return {"login": login, "id": 1, "type": "User"}


def issue(number: int, *, pull: bool = False, label: str = "bug") -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": number,
        "number": number,
        "title": f"Issue {number}",
        "state": "open",
        "user": user("octocat"),
        "labels": [{"id": 1, "name": label, "color": "f29513"}],
        "assignees": [user("hubot")],
        "comments": 3 if number == 1 else 0,
        "body": f"Text of {number}",
        "created_at": "2026-01-31T12:00:00Z",
        "updated_at": "2026-02-01T12:00:00Z",
        "repository_url": "https://api.github.com/repos/octo/hello",
        "html_url": f"https://github.com/octo/hello/issues/{number}",
    }
    return found | ({"pull_request": {"url": "..."}} if pull else {})


class GitHub:
    def __init__(self) -> None:
        self.issues = [issue(n, pull=n % 5 == 0) for n in range(250, 0, -1)]
        self.issues[-2]["user"] = None
        self.comments = [
            {"user": user(who), "created_at": "2026-02-02T00:00:00Z", "body": f"From {who}"}
            for who in ("ada", "bob", "eve")
        ]

    def answer(self, asked: Asked) -> Reply:
        if "smolterm" not in asked.headers.get("user-agent", ""):
            return Reply(403, "Request forbidden by administrative rules.")
        if asked.headers.get("x-github-api-version") != "2022-11-28":
            return _error(400, "Invalid API version")
        if not asked.headers.get("accept", "").startswith("application/vnd.github"):
            return _error(415, "Unsupported 'Accept' header")
        given = asked.headers.get("authorization")
        if given not in (None, f"Bearer {TOKEN}"):
            return _error(401, "Bad credentials")
        if asked.path.startswith("/repos/octo/secret") and given is None:
            return _error(404, "Not Found")
        for pattern, method, function in _ROUTES:
            found = re.fullmatch(pattern, asked.path)
            if found and asked.method == method:
                return function(self, asked, *found.groups())
        return _error(404, "Not Found")

    def list_issues(self, asked: Asked) -> Reply:
        rows = self.issues
        if label := asked.query.get("labels"):
            rows = [each for each in rows if each["labels"][0]["name"] in label.split(",")]
        return _page(asked, rows)

    def read_issue(self, asked: Asked, number: str) -> Reply:
        rows = [each for each in self.issues if each["number"] == int(number)]
        return Reply(200, rows[0]) if rows else _error(404, "Not Found")

    def list_comments(self, asked: Asked, number: str) -> Reply:
        return _page(asked, self.comments)

    def create_issue(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") is None:
            return _error(401, "Requires authentication")
        body = asked.json()
        if not body["title"]:
            return _error(
                422,
                "Validation Failed",
                errors=[{"resource": "Issue", "field": "title", "code": "missing_field"}],
            )
        made = issue(251) | {"title": body["title"], "body": body["body"]}
        self.issues.insert(0, made)
        return Reply(201, made)

    def create_comment(self, asked: Asked, number: str) -> Reply:
        if number == "99":
            return _error(403, "Resource not accessible by personal access token")
        self.comments.append({"user": user("me"), "created_at": "...", **asked.json()})
        where = f"https://github.com/octo/hello/issues/{number}#issuecomment-1"
        return Reply(201, {"id": 1, "html_url": where})

    def list_pulls(self, asked: Asked) -> Reply:
        return _page(asked, [_pull(each) for each in self.issues if "pull_request" in each])

    def read_pull(self, asked: Asked, number: str) -> Reply:
        found = next(each for each in self.issues if each["number"] == int(number))
        return Reply(200, _pull(found) | {"additions": 4, "deletions": 1, "changed_files": 2})

    def list_files(self, asked: Asked, number: str) -> Reply:
        text = {"filename": "a.py", "status": "modified", "additions": 3, "deletions": 1}
        image = {"filename": "a.png", "status": "added", "additions": 0, "deletions": 0}
        return _page(asked, [text | {"patch": "@@ -1 +1 @@"}, image])

    def contents(self, asked: Asked, path: str | None = None) -> Reply:
        if asked.query.get("ref") == "nowhere":
            return _error(404, "No commit found for the ref nowhere")
        files = {"README.md": README.encode(), "big.txt": BIG.encode(), "a b#.bin": b"\xff\xfe\0"}
        if path in (None, "docs"):
            entry = {"type": "file", "sha": "1", "download_url": "..."}
            prefix = f"{path}/" if path else ""
            return Reply(200, [{"path": f"{prefix}README.md", "size": 17, **entry}])
        if path not in files:
            return _error(404, "Not Found")
        content = files[path]
        if asked.headers["accept"] == "application/vnd.github.raw+json":
            return Reply(200, content)
        row = {"type": "file", "path": path, "size": len(content)}
        if len(content) > 1_000_000:
            return Reply(200, row | {"encoding": "none", "content": ""})
        encoded = base64.encodebytes(content).decode()
        return Reply(200, row | {"encoding": "base64", "content": encoded})

    def search(self, asked: Asked, kind: str) -> Reply:
        if kind == "code" and asked.headers.get("authorization") is None:
            return _error(401, "Requires authentication")
        repo = {
            "full_name": "octo/hello",
            "description": None,
            "stargazers_count": 80,
            "language": None,
            "html_url": "https://github.com/octo/hello",
        }
        items: dict[str, list[dict[str, Any]]] = {
            "issues": self.issues,
            "repositories": [repo],
            "code": [{"path": "src/a.py", "repository": repo, "html_url": "https://x"}],
        }
        return _page(asked, items[kind], wrapped=True)


_REPO = r"/repos/octo/(?:hello|secret)"
_ROUTES = (
    (rf"{_REPO}/issues", "GET", GitHub.list_issues),
    (rf"{_REPO}/issues", "POST", GitHub.create_issue),
    (rf"{_REPO}/issues/(\d+)", "GET", GitHub.read_issue),
    (rf"{_REPO}/issues/(\d+)/comments", "GET", GitHub.list_comments),
    (rf"{_REPO}/issues/(\d+)/comments", "POST", GitHub.create_comment),
    (rf"{_REPO}/pulls", "GET", GitHub.list_pulls),
    (rf"{_REPO}/pulls/(\d+)", "GET", GitHub.read_pull),
    (rf"{_REPO}/pulls/(\d+)/files", "GET", GitHub.list_files),
    (rf"{_REPO}/contents", "GET", GitHub.contents),
    (rf"{_REPO}/contents/(.+)", "GET", GitHub.contents),
    (r"/search/(issues|repositories|code)", "GET", GitHub.search),
)


def _pull(row: dict[str, Any]) -> dict[str, Any]:
    ends = {"head": {"label": "octocat:fix", "ref": "fix"}, "base": {"ref": "main"}}
    return row | ends | {"draft": False, "merged_at": None}


def _error(status: int, message: str, **more: Any) -> Reply:
    where = {"documentation_url": "https://docs.github.com/rest", "status": str(status)}
    return Reply(status, {"message": message, **where, **more})


def _page(asked: Asked, rows: list[Any], *, wrapped: bool = False) -> Reply:
    size = min(int(asked.query.get("per_page", "30")), 100)
    page = int(asked.query.get("page", "1"))
    shown = rows[(page - 1) * size : page * size]
    headers = {"X-RateLimit-Remaining": "4999"}
    if page * size < len(rows):
        query = {name: value for name, value in asked.query.items() if name != "page"}
        base = f"http://{asked.headers['host']}{asked.raw_path}?{urlencode(query)}&page="
        last = -(-len(rows) // size)
        headers["Link"] = f'<{base}{page + 1}>; rel="next", <{base}{last}>; rel="last"'
    body = {"total_count": len(rows), "incomplete_results": False, "items": shown}
    return Reply(200, body if wrapped else shown, headers)
