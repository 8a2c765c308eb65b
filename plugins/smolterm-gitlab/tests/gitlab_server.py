"""GitLab's REST API (v4) as its documentation has it, as far as the pack asks.

Source: docs.gitlab.com/api/rest (authentication, pagination, status codes, encoding of paths),
/api/issues, /api/notes, /api/merge_requests, /api/pipelines, /api/repository_files, /api/projects.
"""

from __future__ import annotations

import re
from typing import Any

from loopback import Asked, Reply

TOKEN = "glpat-abcDEF123456"
ADA = {"id": 1, "username": "ada", "name": "Ada Lovelace"}


def issue(number: int) -> dict[str, Any]:
    return {
        "id": 9000 + number,
        "iid": number,
        "title": f"Issue {number}",
        "description": f"Text of {number}",
        "state": "opened",
        "author": ADA,
        "labels": ["bug"],
        "assignees": [ADA],
        "user_notes_count": 2,
        "created_at": "2026-01-31T12:00:00.000Z",
        "updated_at": "2026-02-01T12:00:00.000Z",
        "due_date": None,
        "web_url": f"https://gitlab.com/group/sub/name/-/issues/{number}",
    }


class GitLab:
    def __init__(self) -> None:
        self.issues = [issue(n) for n in range(230, 0, -1)]

    def answer(self, asked: Asked) -> Reply:
        given = asked.headers.get("private-token")
        if given not in (None, TOKEN):
            return Reply(401, {"message": "401 Unauthorized"})
        path = asked.raw_path.removeprefix("/api/v4")
        if path == "/projects":
            return self.projects(asked)
        # The project's path is one part, its slashes escaped; a number names it too.
        found = re.fullmatch(r"/projects/(group%2Fsub%2Fname|42|private%2Fp)(/.*)", path)
        if not found or (found[1] == "private%2Fp" and given is None):
            return Reply(404, {"message": "404 Project Not Found"})
        if asked.method == "POST" and given is None:
            return Reply(401, {"message": "401 Unauthorized"})
        for pattern, method, function in _ROUTES:
            if asked.method == method and (inner := re.fullmatch(pattern, found[2])):
                return function(self, asked, *inner.groups())
        return Reply(404, {"error": "404 Not Found"})

    def projects(self, asked: Asked) -> Reply:
        rows = [
            {
                "id": 42,
                "path_with_namespace": "group/sub/name",
                "description": None,
                "star_count": 3,
                "last_activity_at": "2026-01-31T12:00:00.000Z",
                "web_url": "https://gitlab.com/group/sub/name",
            }
        ]
        search = asked.query.get("search", "")
        return _page(asked, [each for each in rows if search in each["path_with_namespace"]])

    def list_issues(self, asked: Asked) -> Reply:
        return _page(asked, self.issues)

    def read_issue(self, asked: Asked, number: str) -> Reply:
        rows = [each for each in self.issues if each["iid"] == int(number)]
        return Reply(200, rows[0]) if rows else Reply(404, {"message": "404 Not found"})

    def create_issue(self, asked: Asked) -> Reply:
        body = asked.json()
        if not body["title"]:
            return Reply(400, {"message": {"title": ["can't be blank", "is too short"]}})
        return Reply(201, issue(231) | {"title": body["title"]})

    def list_notes(self, asked: Asked, number: str) -> Reply:
        assert asked.query["sort"] == "asc"
        note = {"author": ADA, "created_at": "2026-02-01T12:00:00.000Z"}
        texts = ("First", "Second", "Third")
        rows = [note | {"body": text, "system": False} for text in texts]
        return _page(asked, [note | {"body": "added ~bug label", "system": True}, *rows])

    def create_note(self, asked: Asked, number: str) -> Reply:
        if number == "99":
            return Reply(403, {"message": "403 Forbidden"})
        moment = "2026-02-03T12:00:00.000Z"
        return Reply(201, {"id": 302, "created_at": moment, **asked.json()})

    def merge_requests(self, asked: Asked) -> Reply:
        row = issue(8) | {
            "source_branch": "fix",
            "target_branch": "main",
            "draft": True,
            "merged_at": None,
        }
        return _page(asked, [row])

    def pipelines(self, asked: Asked) -> Reply:
        row = {
            "id": 51,
            "status": "failed",
            "ref": asked.query.get("ref", "main"),
            "sha": "a91957a858320c0e17f3a0eca7cfacbff50ea29a",
            "source": "push",
            "created_at": "2026-01-31T12:00:00.000Z",
            "web_url": "https://gitlab.com/group/sub/name/-/pipelines/51",
        }
        return _page(asked, [row])

    def read_file(self, asked: Asked, path: str) -> Reply:
        if "ref" not in asked.query:
            return Reply(400, {"error": "ref is missing, ref is empty"})
        if asked.query["ref"] == "nowhere":
            return Reply(404, {"message": "404 Commit Not Found"})
        files = {"docs%2Fa%20b.md": "Grüße\n".encode(), "a.png": b"\x89PNG\xff"}
        if path not in files:
            return Reply(404, {"message": "404 File Not Found"})
        return Reply(200, files[path])


_ROUTES = (
    (r"/issues", "GET", GitLab.list_issues),
    (r"/issues", "POST", GitLab.create_issue),
    (r"/issues/(\d+)", "GET", GitLab.read_issue),
    (r"/issues/(\d+)/notes", "GET", GitLab.list_notes),
    (r"/issues/(\d+)/notes", "POST", GitLab.create_note),
    (r"/merge_requests", "GET", GitLab.merge_requests),
    (r"/pipelines", "GET", GitLab.pipelines),
    (r"/repository/files/([^/]+)/raw", "GET", GitLab.read_file),
)


def _page(asked: Asked, rows: list[Any]) -> Reply:
    size = min(int(asked.query.get("per_page", "20")), 100)
    page = int(asked.query.get("page", "1"))
    more = page * size < len(rows)
    headers = {"X-Page": str(page), "X-Next-Page": str(page + 1) if more else ""}
    return Reply(200, rows[(page - 1) * size : page * size], headers)
