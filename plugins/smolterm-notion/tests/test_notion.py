"""The Notion pack, against a server that speaks the documented API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loopback import Asked, Reply
from notion_server import DATABASE, MOMENT, PAGE, SOURCE, TOKEN, TWO, Notion, block
from rigging import Rig, rigged

from smolterm_notion import blocks


@pytest.fixture
def server() -> Notion:
    return Notion()


@pytest.fixture
def notion(server: Notion, world: str) -> Iterator[Rig]:
    with rigged("smolterm_notion", server.answer, secrets={"NOTION_TOKEN": TOKEN}) as rig:
        yield rig


def test_pages_and_databases_are_found(notion: Rig) -> None:
    found = notion.tools.search_notion("Plan")
    assert found == [
        {
            "id": PAGE,
            "kind": "page",
            "title": "Plan",
            "edited": MOMENT,
            "url": f"https://www.notion.so/{PAGE.replace('-', '')}",
        }
    ]
    bases = notion.tools.search_notion(kind="database")
    assert [(each["title"], each["kind"]) for each in bases] == [("Tasks", "database")]
    assert len(notion.tools.search_notion()) == 2


def test_a_page_is_read_as_markdown_over_pages(notion: Rig) -> None:
    address = f"https://www.notion.so/team/Plan-{PAGE.replace('-', '')}?pvs=4"
    found = notion.tools.read_notion_page(address)
    start = (
        "# Plan\nSee [this](https://x.org)\n- outer\n  - inner\n- [x] buy\n"
        "```python\nprint(1)\n```\n---\n"
    )
    assert found["content"].startswith(start)
    assert "\n| a | b |\n[page: Below]\n" in found["content"]
    assert found["content"].endswith("p98\np99")
    assert found["title"] == "Plan"


def test_rows_are_read_as_plain_values_over_pages(notion: Rig) -> None:
    found = notion.tools.query_notion_database(DATABASE, limit=120)
    assert [each["Name"] for each in found] == [f"Row {n}" for n in range(1, 121)]
    assert {name: found[0][name] for name in found[0] if name not in ("id", "url")} == {
        "Name": "Row 1",
        "Status": "Done",
        "Tags": ["a", "b"],
        "Due": "2026-01-31/2026-02-02",
        "Cost": 1.5,
        "Done": True,
        "Sum": 3,
        "Who": ["Ada"],
        "Key": "T-1",
        "Total": [2],
    }


def test_rows_are_filtered_and_sorted_by_the_server(notion: Rig) -> None:
    wanted = {"property": "Status", "status": {"equals": "Done"}}
    found = notion.tools.query_notion_database(SOURCE, wanted, sort="-Name", limit=1)
    assert found[0]["Name"] == "Row 130"
    sent = notion.server.last.json()
    assert sent["filter"] == wanted
    assert sent["sorts"] == [{"property": "Name", "direction": "descending"}]
    error = notion.refused(
        lambda: notion.tools.query_notion_database(SOURCE, {"property": "Nope", "number": {}})
    )
    assert "Nope" in error.what


def test_of_two_tables_one_must_be_named(notion: Rig) -> None:
    error = notion.refused(lambda: notion.tools.query_notion_database(TWO))
    assert "2 tables" in error.what
    assert f"Tasks: {SOURCE}" in error.next


def test_a_page_is_created_below_another(notion: Rig, server: Notion) -> None:
    made = notion.tools.create_notion_page(PAGE, "New", "# Head\n\nText\nmore\n\n- [ ] do\n1. one")
    sent = server.made[0]["sent"]
    assert made["id"] == server.made[0]["id"]
    assert sent["parent"] == {"type": "page_id", "page_id": PAGE}
    kinds = [each["type"] for each in sent["children"]]
    assert kinds == ["heading_1", "paragraph", "to_do", "numbered_list_item"]
    assert sent["children"][1]["paragraph"]["rich_text"][0]["text"]["content"] == "Text\nmore"


def test_a_row_is_created_with_its_columns(notion: Rig, server: Notion) -> None:
    columns = {"Status": "Done", "Tags": ["a"], "Due": "2026-01-31", "Cost": 2, "Done": False}
    notion.tools.create_notion_page(DATABASE, "New", properties=columns)
    assert server.made[0]["sent"]["properties"] == {
        "Name": {"title": [{"type": "text", "text": {"content": "New"}}]},
        "Status": {"status": {"name": "Done"}},
        "Tags": {"multi_select": [{"name": "a"}]},
        "Due": {"date": {"start": "2026-01-31"}},
        "Cost": {"number": 2},
        "Done": {"checkbox": False},
    }


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"Nope": 1}, "The columns are: Name"),
        ({"Cost": "much"}, "takes a number"),
        ({"Sum": 1}, "cannot be written"),
    ],
)
def test_a_column_that_cannot_be_written_says_why(
    notion: Rig, server: Notion, properties: dict[str, object], says: str
) -> None:
    tools = notion.tools
    error = notion.refused(lambda: tools.create_notion_page(SOURCE, "x", properties=properties))
    assert says in f"{error.what} {error.next}"
    assert server.made == []


def test_a_page_has_no_columns(notion: Rig) -> None:
    tools = notion.tools
    error = notion.refused(lambda: tools.create_notion_page(PAGE, "x", properties={"a": 1}))
    assert "Only a row" in error.what


def test_much_content_goes_out_in_parts(notion: Rig, server: Notion) -> None:
    content = "\n\n".join([f"p{n}" for n in range(249)] + ["x" * 5_000])
    assert notion.tools.append_notion_page(PAGE, content) == {"id": PAGE, "blocks": 250}
    assert len(server.appended) == 250
    long = server.appended[-1]["paragraph"]["rich_text"]
    assert "".join(each["text"]["content"] for each in long) == "x" * 5_000
    notion.tools.create_notion_page(PAGE, "New", content)
    assert len(server.made[0]["sent"]["children"]) == 100
    assert len(server.appended) == 400
    assert "empty" in notion.refused(lambda: notion.tools.append_notion_page(PAGE, " \n")).what


def test_blocks_in_blocks_without_an_end_end(notion: Rig, server: Notion) -> None:
    inside = block("toggle", "more", children=True)
    server.children[PAGE] = server.children[inside["id"]] = [inside]
    assert notion.tools.read_notion_page(PAGE)["content"].count("more") == 21


def test_what_is_not_shared_says_how_to_share_it(notion: Rig) -> None:
    error = notion.refused(lambda: notion.tools.read_notion_page("f" * 32))
    assert "404" in error.what
    assert "Connections" in error.next
    assert "search_notion" in notion.refused(lambda: notion.tools.read_notion_page("Plan")).next


def test_a_wrong_token_says_how_to_set_one(notion: Rig) -> None:
    with notion.again(secrets={"NOTION_TOKEN": "ntn_other"}) as other:
        error = other.refused(other.tools.search_notion)
    assert "API token is invalid" in error.what
    assert "smolterm packs secret notion NOTION_TOKEN" in error.next


def test_a_rate_limit_says_how_long_to_wait(notion: Rig) -> None:
    body = {"object": "error", "code": "rate_limited", "message": "Slow down"}
    with notion.answering(lambda asked: Reply(429, body, {"Retry-After": "3"})):
        assert "3 seconds" in notion.refused(notion.tools.search_notion).next


def test_a_server_that_gives_the_token_back_gives_nothing_away(notion: Rig) -> None:
    def echo(asked: Asked) -> Reply:
        return Reply(400, {"code": "x", "message": asked.headers["authorization"]})

    with notion.answering(echo):
        assert "Bearer" in notion.refused(notion.tools.search_notion).what


def test_limits_are_limited(notion: Rig) -> None:
    for limit in (0, 501):
        assert (
            "1 to 500" in notion.refused(lambda n=limit: notion.tools.search_notion(limit=n)).next
        )


@settings(deadline=None)
@given(st.text())
def test_any_text_becomes_blocks_that_notion_takes(text: str) -> None:
    for each in blocks.written(text):
        for piece in each[each["type"]].get("rich_text", []):
            assert 0 < len(piece["text"]["content"]) <= 2_000
