"""The Jira pack, against a server that speaks the documented API."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jira_server import TOKEN, USER, Jira
from loopback import Asked, Reply
from rigging import Rig, rigged

from smolterm_jira import document


@pytest.fixture
def server() -> Jira:
    return Jira()


@pytest.fixture
def jira(server: Jira, world: str) -> Iterator[Rig]:
    secrets = {"JIRA_TOKEN": TOKEN}
    with rigged("smolterm_jira", server.answer, secrets=secrets, user=USER) as rig:
        yield rig


def test_issues_are_found_over_pages(jira: Rig) -> None:
    found = jira.tools.search_jira("project = PROJ", limit=120)
    assert [each["key"] for each in found] == [f"PROJ-{n}" for n in range(1, 121)]
    assert [each.query.get("nextPageToken") for each in jira.server.asked] == [None, "t50", "t100"]
    assert found[0] == {
        "key": "PROJ-1",
        "title": "Issue 1",
        "status": "To Do",
        "kind": "Bug",
        "priority": "High",
        "assignee": "",
        "reporter": "Ada",
        "labels": ["web"],
        "created": "2026-01-31T12:00:00.000+0000",
        "updated": "2026-02-01T12:00:00.000+0000",
        "due": None,
    }
    assert len(jira.tools.search_jira("project = PROJ", limit=300)) == 130


def test_a_list_without_an_end_ends(jira: Rig) -> None:
    page = {"issues": [], "nextPageToken": "x", "isLast": False}
    with jira.answering(lambda asked: Reply(200, page)):
        assert jira.tools.search_jira("project = PROJ") == []


def test_what_is_wrong_with_a_query_is_told(jira: Rig) -> None:
    unbounded = jira.refused(lambda: jira.tools.search_jira("ORDER BY created"))
    assert "Unbounded" in unbounded.what
    assert "JQL" in jira.refused(lambda: jira.tools.search_jira("nonsense")).what


def test_an_issue_is_read_as_plain_text(jira: Rig) -> None:
    found = jira.tools.read_jira_issue("PROJ-7", limit=2)
    body = "## Steps\n\nSee [here](https://x.org)\n@Ada\n\n- one\n- two\n\n```python\nprint(1)\n```"
    assert found["body"] == body
    assert [each["author"] for each in found["discussion"]] == ["Ada", "Ada"]
    assert len(jira.tools.read_jira_issue("PROJ-7")["discussion"]) == 5
    assert jira.server.last.query["startAt"] == "4"
    missing = jira.refused(lambda: jira.tools.read_jira_issue("PROJ-999"))
    assert "does not exist" in missing.what
    assert "PROJ-12" in jira.refused(lambda: jira.tools.read_jira_issue("../myself")).next


def test_projects_are_listed_over_pages(jira: Rig) -> None:
    found = jira.tools.list_jira_projects(limit=60)
    assert len(found) == 60
    assert found[59] == {"key": "P59", "name": "Project 59", "kind": "software"}


def test_an_issue_is_created(jira: Rig) -> None:
    made = jira.tools.create_jira_issue("PROJ", "New", "One\ntwo\n\nThree", "Bug", labels=["a"])
    assert made == {"key": "PROJ-131", "url": "https://name.atlassian.net/browse/PROJ-131"}
    fields = jira.server.last.json()["fields"]
    assert (fields["project"], fields["labels"]) == ({"key": "PROJ"}, ["a"])
    assert [each["type"] for each in fields["description"]["content"]] == ["paragraph"] * 2


def test_refused_fields_are_named(jira: Rig) -> None:
    error = jira.refused(lambda: jira.tools.create_jira_issue("PROJ", "", kind="Epos"))
    assert "summary: You must specify" in error.what
    assert "issuetype: Specify" in error.what


def test_an_issue_is_commented(jira: Rig) -> None:
    assert jira.tools.comment_jira_issue("PROJ-1", "Hello")["id"] == "10000"
    sent = jira.server.last.json()["body"]
    assert document.plain(sent) == "Hello"
    assert "empty" in jira.refused(lambda: jira.tools.comment_jira_issue("PROJ-1", " \n")).what


def test_an_issue_moves_along_its_workflow(jira: Rig, server: Jira) -> None:
    assert jira.tools.move_jira_issue("PROJ-1", "done") == {"key": "PROJ-1", "status": "Done"}
    assert jira.tools.move_jira_issue("PROJ-1", "Start")["status"] == "In Progress"
    assert server.moved == ["31", "11"]
    error = jira.refused(lambda: jira.tools.move_jira_issue("PROJ-1", "Nowhere"))
    assert "Done, In Progress" in error.next


def test_a_wrong_token_says_how_to_set_one(jira: Rig) -> None:
    with jira.again(secrets={"JIRA_TOKEN": "ATATTother"}) as other:
        error = other.refused(lambda: other.tools.search_jira("project = PROJ"))
    assert "smolterm packs secret jira JIRA_TOKEN" in error.next


def test_an_anonymous_answer_is_no_answer(jira: Rig) -> None:
    headers = {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
    nothing = {"issues": [], "isLast": True}
    with jira.answering(lambda asked: Reply(200, nothing, headers)):
        error = jira.refused(lambda: jira.tools.search_jira("project = PROJ"))
    assert "did not take" in error.what


def test_what_is_not_set_is_asked_for(jira: Rig) -> None:
    with jira.again(user="") as other:
        error = other.refused(lambda: other.tools.search_jira("project = PROJ"))
        assert "user" in error.what
    with jira.again(secrets={}) as other:
        assert "JIRA_TOKEN" in other.refused(lambda: other.tools.search_jira("a = b")).what


def test_a_rate_limit_says_how_long_to_wait(jira: Rig) -> None:
    with jira.answering(lambda asked: Reply(429, "", {"Retry-After": "7"})):
        error = jira.refused(lambda: jira.tools.search_jira("project = PROJ"))
    assert "7 seconds" in error.next


def test_a_server_that_gives_the_token_back_gives_nothing_away(jira: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(400, {"errorMessages": [asked.headers["authorization"], TOKEN]})

    with jira.answering(echo):
        error = jira.refused(lambda: jira.tools.search_jira("project = PROJ"))
    assert "400" in error.what
    assert asked_basic(jira) not in error.what


def asked_basic(jira: Rig) -> str:
    return jira.server.last.headers["authorization"].removeprefix("Basic ")


def test_limits_are_limited(jira: Rig) -> None:
    for limit in (0, 301):
        error = jira.refused(lambda n=limit: jira.tools.search_jira("a = b", limit=n))
        assert "1 to 300" in error.next


_JSON = st.recursive(
    st.none() | st.text() | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "content", "attrs", "text", "marks"]), inner)
    ),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.text())
def test_what_is_written_reads_the_same(text: str) -> None:
    written = document.rich(text)
    # Jira refuses an empty text.
    assert '"text": ""' not in json.dumps(written)
    words = document.plain(written).split()
    assert words == text.split()


@settings(deadline=None)
@given(_JSON)
def test_any_document_is_read(value: object) -> None:
    assert isinstance(document.plain(value), str)
