"""The GitHub pack, against a server that speaks the documented API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from github_server import BIG, README, TOKEN, GitHub
from loopback import Asked, Reply
from rigging import Rig, rigged

REPO = "octo/hello"


@pytest.fixture
def github(world: str) -> Iterator[Rig]:
    secrets = {"GITHUB_TOKEN": TOKEN}
    with rigged("smolterm_github", GitHub().answer, secrets=secrets) as rig:
        yield rig


def test_issues_are_listed_over_pages_and_without_pull_requests(github: Rig) -> None:
    found = github.tools.list_github_issues(REPO, limit=150)
    assert len(found) == 150
    assert found[0]["number"] == 249
    assert not [each for each in found if each["number"] % 5 == 0]
    assert len(github.server.asked) == 2
    assert github.server.last.query["page"] == "2"
    assert github.server.last.query["per_page"] == "100"
    assert found[0] == {
        "number": 249,
        "title": "Issue 249",
        "state": "open",
        "author": "octocat",
        "labels": ["bug"],
        "assignees": ["hubot"],
        "comments": 0,
        "created": "2026-01-31T12:00:00Z",
        "updated": "2026-02-01T12:00:00Z",
        "url": "https://github.com/octo/hello/issues/249",
    }


def test_the_token_goes_out_and_filters_are_sent(github: Rig) -> None:
    github.tools.list_github_issues(REPO, labels="bug", state="all", assignee="none", limit=5)
    last = github.server.last
    assert last.headers["authorization"] == f"Bearer {TOKEN}"
    query = {"state": "all", "labels": "bug", "assignee": "none", "per_page": "100"}
    assert last.query == query


def test_an_issue_is_read_with_its_comments(github: Rig) -> None:
    found = github.tools.read_github_issue(REPO, 1, limit=2)
    assert found["body"] == "Text of 1"
    assert [each["author"] for each in found["discussion"]] == ["ada", "bob"]
    assert github.tools.read_github_issue(REPO, 2)["author"] == "ghost"
    assert github.tools.read_github_issue(REPO, 2)["discussion"] == []


def test_a_pull_request_is_read_with_its_files(github: Rig) -> None:
    assert len(github.tools.list_github_pulls(REPO, limit=7)) == 7
    found = github.tools.read_github_pull(REPO, 5)
    assert (found["from"], found["into"], found["additions"]) == ("octocat:fix", "main", 4)
    assert [each["patch"] for each in found["files"]] == ["@@ -1 +1 @@", ""]


def test_search_finds_issues_repositories_and_code(github: Rig) -> None:
    issues = github.tools.search_github("leak is:issue", limit=3)
    assert (len(issues), issues[0]["repo"]) == (3, REPO)
    assert github.server.last.query["q"] == "leak is:issue"
    repos = github.tools.search_github("hello", kind="repositories")
    assert repos[0] == {
        "repo": REPO,
        "description": "",
        "stars": 80,
        "language": "",
        "url": "https://github.com/octo/hello",
    }
    assert github.tools.search_github("a", kind="code")[0]["path"] == "src/a.py"


def test_files_are_listed_and_read(github: Rig) -> None:
    assert github.tools.list_github_files(REPO) == [
        {"path": "README.md", "kind": "file", "size": 17}
    ]
    assert github.tools.read_github_file(REPO, "README.md", ref="v1") == README
    assert github.server.last.query == {"ref": "v1"}
    assert github.tools.read_github_file(REPO, "big.txt") == BIG


def test_what_is_no_text_or_no_file_is_said(github: Rig) -> None:
    tools = github.tools
    assert "not text" in github.refused(lambda: tools.read_github_file(REPO, "a b#.bin")).what
    folder = github.refused(lambda: tools.read_github_file(REPO, "docs"))
    assert "list_github_files" in folder.next
    assert "file" in github.refused(lambda: tools.list_github_files(REPO, "README.md")).what
    assert "nowhere" in github.refused(lambda: tools.list_github_files(REPO, ref="nowhere")).what
    assert "climbs" in github.refused(lambda: tools.read_github_file(REPO, "../x")).what


def test_an_issue_is_created_and_commented(github: Rig) -> None:
    made = github.tools.create_github_issue(REPO, "New", "Text", labels=["bug"])
    assert made == {"number": 251, "url": "https://github.com/octo/hello/issues/251"}
    assert github.server.last.json() == {"title": "New", "body": "Text", "labels": ["bug"]}
    assert "#issuecomment-1" in github.tools.comment_github_issue(REPO, 251, "Hi")["url"]


def test_a_refused_field_is_named(github: Rig) -> None:
    error = github.refused(lambda: github.tools.create_github_issue(REPO, ""))
    assert "422" in error.what
    assert "title: missing_field" in error.what


def test_without_a_token_public_things_can_be_read(github: Rig) -> None:
    with github.again(secrets={}) as anonymous:
        assert anonymous.tools.list_github_issues(REPO, limit=1)
        assert "authorization" not in github.server.last.headers
        hidden = anonymous.refused(lambda: anonymous.tools.list_github_issues("octo/secret"))
        assert "smolterm packs secret github GITHUB_TOKEN" in hidden.next
        code = anonymous.refused(lambda: anonymous.tools.search_github("a", kind="code"))
        assert "401" in code.what


def test_a_wrong_token_says_how_to_set_one(github: Rig) -> None:
    with github.again(secrets={"GITHUB_TOKEN": "ghp_other"}) as other:
        error = other.refused(lambda: other.tools.list_github_issues(REPO))
    assert "Bad credentials" in error.what
    assert "smolterm packs secret github GITHUB_TOKEN" in error.next


def test_a_missing_permission_is_no_rate_limit(github: Rig) -> None:
    error = github.refused(lambda: github.tools.comment_github_issue(REPO, 99, "x"))
    assert "Resource not accessible" in error.what
    assert "permission" in error.next


@pytest.mark.parametrize(
    ("status", "headers", "said", "advice"),
    [
        (403, {"X-RateLimit-Remaining": "0"}, "Forbidden", "some minutes"),
        (429, {"Retry-After": "60"}, "Slow down", "60 seconds"),
        (403, {}, "You have exceeded a secondary rate limit.", "some minutes"),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    github: Rig, status: int, headers: dict[str, str], said: str, advice: str
) -> None:
    with github.answering(lambda asked: Reply(status, {"message": said}, headers)):
        error = github.refused(lambda: github.tools.list_github_issues(REPO))
    assert "rate limit" in error.what
    assert advice in error.next


def test_a_server_that_gives_the_token_back_gives_nothing_away(github: Rig) -> None:
    def echo(status: int) -> Reply:
        return Reply(status, {"message": github.server.last.headers["authorization"]})

    with github.answering(lambda asked: echo(422)):
        error = github.refused(lambda: github.tools.list_github_issues(REPO))
    assert "Bearer" in error.what

    def echoed(asked: object) -> Reply:
        return Reply(200, [{"path": github.server.last.headers["authorization"],
                            "type": "file", "size": 1}])  # fmt: skip

    with github.answering(echoed):
        assert "Bearer" in github.tools.list_github_files(REPO)[0]["path"]


def test_a_list_without_an_end_ends(github: Rig) -> None:
    def more(asked: Asked) -> Reply:
        where = f"http://{asked.headers['host']}{asked.raw_path}"
        return Reply(200, [], {"Link": f'<{where}>; rel="next"'})

    with github.answering(more):
        assert github.tools.list_github_issues(REPO) == []
    assert len(github.server.asked) == 20


def test_a_page_on_another_host_is_not_asked(github: Rig) -> None:
    away = {"Link": '<http://127.0.0.1:9/issues?page=2>; rel="next"'}
    with github.answering(lambda asked: Reply(200, [], away)):
        error = github.refused(lambda: github.tools.list_github_issues(REPO))
    assert "127.0.0.1:9" in error.what
    assert github.doors.denied == [error.what]
    github.doors.denied.clear()


@pytest.mark.parametrize("repo", ["hello", "octo/../user", "octo/hello/issues", "octo/..", ""])
def test_what_names_no_repository_is_not_asked(github: Rig, repo: str) -> None:
    assert "repository" in github.refused(lambda: github.tools.list_github_issues(repo)).what
    assert github.server.asked == []


def test_limits_are_limited(github: Rig) -> None:
    for limit in (0, 301):
        error = github.refused(lambda n=limit: github.tools.list_github_issues(REPO, limit=n))
        assert "1 to 300" in error.next
