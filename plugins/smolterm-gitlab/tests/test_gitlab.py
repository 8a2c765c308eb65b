"""The GitLab pack, against a server that speaks the documented API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gitlab_server import TOKEN, GitLab
from loopback import Asked, Reply
from rigging import Rig, rigged

PROJECT = "group/sub/name"


@pytest.fixture
def gitlab(world: str) -> Iterator[Rig]:
    secrets = {"GITLAB_TOKEN": TOKEN}
    with rigged("smolterm_gitlab", GitLab().answer, secrets=secrets) as rig:
        yield rig


def test_issues_are_listed_over_pages(gitlab: Rig) -> None:
    found = gitlab.tools.list_gitlab_issues(PROJECT, limit=210, search="x")
    assert [each["number"] for each in found] == list(range(230, 20, -1))
    assert [each.query["page"] for each in gitlab.server.asked] == ["1", "2", "3"]
    assert gitlab.server.last.headers["private-token"] == TOKEN
    assert gitlab.server.last.query["search"] == "x"
    assert "labels" not in gitlab.server.last.query
    assert found[0] == {
        "number": 230,
        "title": "Issue 230",
        "state": "opened",
        "author": "ada",
        "labels": ["bug"],
        "assignees": ["ada"],
        "comments": 2,
        "created": "2026-01-31T12:00:00.000Z",
        "updated": "2026-02-01T12:00:00.000Z",
        "due": None,
        "url": "https://gitlab.com/group/sub/name/-/issues/230",
    }
    assert gitlab.tools.list_gitlab_issues("42", limit=1)


def test_a_list_without_an_end_ends(gitlab: Rig) -> None:
    with gitlab.answering(lambda asked: Reply(200, [], {"X-Next-Page": "2"})):
        assert gitlab.tools.list_gitlab_issues(PROJECT) == []


def test_an_issue_is_read_with_what_people_said(gitlab: Rig) -> None:
    found = gitlab.tools.read_gitlab_issue(PROJECT, 7, limit=2)
    assert found["body"] == "Text of 7"
    assert [each["body"] for each in found["discussion"]] == ["First", "Second"]
    assert "404" in gitlab.refused(lambda: gitlab.tools.read_gitlab_issue(PROJECT, 999)).what


def test_merge_requests_and_pipelines_are_listed(gitlab: Rig) -> None:
    request = gitlab.tools.list_gitlab_merge_requests(PROJECT, state="all")[0]
    assert (request["from"], request["into"], request["draft"]) == ("fix", "main", True)
    pipeline = gitlab.tools.list_gitlab_pipelines(PROJECT, ref="dev")[0]
    assert (pipeline["id"], pipeline["status"], pipeline["ref"]) == (51, "failed", "dev")


def test_projects_are_found(gitlab: Rig) -> None:
    assert gitlab.tools.list_gitlab_projects("name")[0]["project"] == PROJECT
    assert gitlab.tools.list_gitlab_projects("other") == []
    gitlab.tools.list_gitlab_projects()
    assert gitlab.server.last.query["membership"] == "true"


def test_files_are_read(gitlab: Rig) -> None:
    tools = gitlab.tools
    assert tools.read_gitlab_file(PROJECT, "docs/a b.md") == "Grüße\n"
    assert "not text" in gitlab.refused(lambda: tools.read_gitlab_file(PROJECT, "a.png")).what
    missing = gitlab.refused(lambda: tools.read_gitlab_file(PROJECT, "a.png", ref="nowhere"))
    assert "404 Commit Not Found" in missing.what


def test_an_issue_is_created_and_commented(gitlab: Rig) -> None:
    made = gitlab.tools.create_gitlab_issue(PROJECT, "New", "Text", labels=["a", "b"])
    assert made["number"] == 231
    assert gitlab.server.last.json() == {"title": "New", "description": "Text", "labels": "a,b"}
    assert gitlab.tools.comment_gitlab_issue(PROJECT, 231, "Hi")["id"] == 302
    assert gitlab.server.last.json() == {"body": "Hi"}


def test_a_refused_field_is_named(gitlab: Rig) -> None:
    error = gitlab.refused(lambda: gitlab.tools.create_gitlab_issue(PROJECT, ""))
    assert "title: can't be blank, is too short" in error.what


def test_a_missing_scope_is_told(gitlab: Rig) -> None:
    error = gitlab.refused(lambda: gitlab.tools.comment_gitlab_issue(PROJECT, 99, "x"))
    assert "api" in error.next


def test_without_a_token_public_things_can_be_read(gitlab: Rig) -> None:
    with gitlab.again(secrets={}) as anonymous:
        assert anonymous.tools.list_gitlab_issues(PROJECT, limit=1)
        for call in (
            lambda: anonymous.tools.list_gitlab_issues("private/p"),
            lambda: anonymous.tools.comment_gitlab_issue(PROJECT, 1, "x"),
        ):
            error = anonymous.refused(call)
            assert "smolterm packs secret gitlab GITLAB_TOKEN" in error.next


def test_a_wrong_token_says_how_to_set_one(gitlab: Rig) -> None:
    with gitlab.again(secrets={"GITLAB_TOKEN": "glpat-other"}) as other:
        error = other.refused(lambda: other.tools.list_gitlab_issues(PROJECT))
    assert "401 Unauthorized" in error.what
    assert "smolterm packs secret gitlab GITLAB_TOKEN" in error.next


def test_a_rate_limit_says_how_long_to_wait(gitlab: Rig) -> None:
    with gitlab.answering(lambda asked: Reply(429, "Retry later\n", {"Retry-After": "42"})):
        error = gitlab.refused(lambda: gitlab.tools.list_gitlab_issues(PROJECT))
    assert "Retry later" in error.what
    assert "42 seconds" in error.next


def test_a_server_that_gives_the_token_back_gives_nothing_away(gitlab: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(400, {"message": {asked.headers["private-token"]: ["is it"]}})

    with gitlab.answering(echo):
        error = gitlab.refused(lambda: gitlab.tools.list_gitlab_issues(PROJECT))
    assert "is it" in error.what


def test_an_own_server_below_a_path_is_asked_there(gitlab: Rig) -> None:
    with gitlab.again(url="{}/git/") as own:
        own.refused(lambda: own.tools.list_gitlab_issues(PROJECT))
    assert gitlab.server.last.raw_path == "/git/api/v4/projects/group%2Fsub%2Fname/issues"


def test_limits_are_limited(gitlab: Rig) -> None:
    for limit in (0, 301):
        error = gitlab.refused(lambda n=limit: gitlab.tools.list_gitlab_issues("42", limit=n))
        assert "1 to 300" in error.next
