"""The knowledge pack against a server that speaks as the services' documentation says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from inside import inside
from playing import Answer, Asked, Site, grant_for, granted_by, manifest_of, servers
from rigging import Tools
from smolterm.pack import Denied, ToolError
from smolterm.packs.testing import TestDoors

from smolterm_knowledge.plain import line, plain

MANIFEST = manifest_of("smolterm_knowledge")
knowledge = Tools("smolterm_knowledge", {})

ARTICLE = """Alan Turing was a mathematician.

== Early life ==
He was born in Maida Vale.

=== School ===
Sherborne.

== Career ==
Bletchley Park."""


# MediaWiki: mediawiki.org/wiki/API:Search, API:Query, Extension:TextExtracts, formatversion 2; an
# error is 200 with {"error": {"code", "info"}} (API:Errors_and_warnings).
def mediawiki(asked: Asked) -> Answer:
    query = asked.query
    assert (query["action"], query["format"], query["formatversion"]) == ("query", "json", "2")
    if not query.get("srsearch", query.get("titles")):
        return Answer({"error": {"code": "missingparam", "info": "The parameter must be set."}})
    if query.get("list") == "search":
        found = {
            "ns": 0,
            "title": "Alan Turing",
            "pageid": 1208,
            "wordcount": 15123,
            "snippet": 'the <span class="searchmatch">Turing</span> machine &amp; more',
        }
        return Answer({"batchcomplete": True, "query": {"search": [found]}})
    if query["titles"] == "Nobody":
        return Answer({"query": {"pages": [{"ns": 0, "title": "Nobody", "missing": True}]}})
    page = {
        "pageid": 1208,
        "title": "Alan Turing",
        "fullurl": "https://en.wikipedia.org/wiki/Alan_Turing",
        "extract": ARTICLE,
    }
    if query["titles"] == "Turing":
        page["pageprops"] = {"disambiguation": ""}  # type: ignore[assignment]
    return Answer({"query": {"pages": [page]}})


ENTRY = """<entry>
  <id>http://arxiv.org/abs/1706.03762v7</id>
  <updated>2023-08-02T00:41:18Z</updated>
  <published>2017-06-12T17:57:34Z</published>
  <title>Attention Is All
  You Need</title>
  <summary>  The dominant models
  are based on networks. </summary>
  <author><name>Ashish Vaswani</name></author>
  <author><name>Noam Shazeer</name></author>
  <arxiv:doi>10.48550/arXiv.1706.03762</arxiv:doi>
  <link href="http://arxiv.org/abs/1706.03762v7" rel="alternate" type="text/html"/>
  <link title="pdf" href="http://arxiv.org/pdf/1706.03762v7" rel="related" type="application/pdf"/>
  <arxiv:primary_category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>
  <category term="cs.CL" scheme="http://arxiv.org/schemas/atom"/>
</entry>"""
ERROR = """<entry>
  <id>http://arxiv.org/api/errors#malformed_query</id>
  <title>Error</title>
  <summary>malformed query</summary>
</entry>"""


# arXiv: info.arxiv.org/help/api/user-manual.html, 3.3 "Outline of an Atom feed" and 3.4 "Errors".
def arxiv(asked: Asked) -> Answer:
    entry = ENTRY
    if asked.query.get("search_query", "").endswith("AND"):
        entry = ERROR
    if asked.query.get("id_list") == "9999.99999":
        entry = ""
    feed = (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:arxiv="http://arxiv.org/schemas/atom">'
        f"<title>ArXiv Query</title>{entry}</feed>"
    )
    status = 400 if entry is ERROR and "au:" in asked.query["search_query"] else 200
    return Answer(feed, status, kind="application/atom+xml; charset=UTF-8")


QUESTION = {
    "question_id": 11227809,
    "title": "Why is a &quot;sorted&quot; array faster?",
    "score": 27000,
    "answer_count": 25,
    "accepted_answer_id": 11227902,
    "is_answered": True,
    "tags": ["java", "c++"],
    "creation_date": 1340805096,
    "link": "https://stackoverflow.com/questions/11227809/why",
}


# Stack Exchange: api.stackexchange.com/docs (wrapper, throttle, advanced-search, questions).
def stackexchange(asked: Asked) -> Answer:
    items: list[dict[str, object]] = [QUESTION]
    if asked.query["site"] != "stackoverflow":
        error = {"error_id": 400, "error_name": "bad_parameter", "error_message": "site is invalid"}
        return Answer(error, 400)
    if asked.query.get("q") == "too much":
        message = "too many requests from this IP, more requests available in 82216 seconds"
        error = {"error_id": 502, "error_name": "throttle_violation", "error_message": message}
        return Answer(error, 400)
    wrapper: dict[str, object] = {"has_more": False, "quota_max": 300, "quota_remaining": 299}
    if asked.query.get("q") == "slow":
        wrapper["backoff"] = 10
    if asked.path.endswith("/answers"):
        assert asked.query["filter"] == "withbody"
        body = "<p>Use <code>sort</code>:</p><pre><code>a = 1\nb &lt; 2\n</code></pre>"
        items = [{"answer_id": 5, "score": 9, "is_accepted": True, "body": body}]
        items[0]["owner"] = {"display_name": "M&#246;ller"}
    elif "/questions/" in asked.path:
        items = [{**QUESTION, "body": "<p>Why?</p>"}] if "11227809" in asked.path else []
    return Answer({**wrapper, "items": items})


STORIES = [
    {
        "objectID": "8863",
        "title": "My YC app: Dropbox",
        "url": "http://www.getdropbox.com/u/2/screencast.html",
        "author": "dhouston",
        "points": 111,
        "num_comments": 71,
        "created_at": "2007-04-04T19:16:40Z",
        "created_at_i": 1175714200,
    },
    {"objectID": "9", "title": "Ask HN: why?", "url": None, "author": "a", "points": 300},
]


# Hacker News: hn.algolia.com/api ("Search", "Items").
def hackernews(asked: Asked) -> Answer:
    if "/items/" in asked.path:
        if not asked.path.endswith("/8863"):
            return Answer({"status": 404, "error": "Not Found"}, 404)
        reply = {"id": 3, "author": "c", "text": "No.", "children": []}
        gone = {"id": 2, "author": None, "text": None, "children": [reply]}
        first = {"id": 1, "author": "b", "text": "<p>Nice &amp; <i>good</i>", "children": [gone]}
        return Answer({"id": 8863, "title": "Dropbox", "points": 111, "children": [first]})
    hits = STORIES
    if "numericFilters" in asked.query:
        assert asked.query["numericFilters"] == "points>=200"
        hits = STORIES[1:]
    return Answer({"hits": hits, "nbHits": len(hits), "page": 0, "hitsPerPage": 20})


CITED = "@article{LeCun_2015, title={Deep learning} }"


# Crossref: api.crossref.org/swagger-ui and CrossRef/rest-api-doc (README, api_format.md).
def crossref(asked: Asked) -> Answer:
    if "/transform/" in asked.path:
        if "10.1038/nature14539" not in asked.path:
            return Answer("Resource not found.", 404, kind="text/plain")
        return Answer(
            " @article{LeCun_2015, title={Deep learning} }\n", kind="application/x-bibtex"
        )
    if asked.query.get("filter", "from-pub-date:2000") < "from-pub-date:1":
        return Answer({"status": "failed", "message-type": "validation-failure"}, 400)
    item = {
        "DOI": "10.1038/nature14539",
        "title": ["Deep learning"],
        "author": [{"given": "Yann", "family": "LeCun"}, {"name": "A group"}],
        "issued": {"date-parts": [[2015, 5, 27]]},
        "container-title": ["Nature"],
        "type": "journal-article",
        "is-referenced-by-count": 50000,
        "abstract": "<jats:p>Deep learning allows.</jats:p>",
        "URL": "https://doi.org/10.1038/nature14539",
    }
    other = {"DOI": "10.1/x", "issued": {"date-parts": [[None]]}}
    message = {"total-results": 2, "items": [item, other][: int(asked.query["rows"])]}
    return Answer({"status": "ok", "message-type": "work-list", "message": message})


# Open Library: openlibrary.org/dev/docs/api/search.
def openlibrary(asked: Asked) -> Answer:
    assert "author_name" in asked.query["fields"]
    book = {
        "key": "/works/OL893415W",
        "title": "Dune",
        "author_name": ["Frank Herbert"],
        "first_publish_year": 1965,
        "edition_count": 120,
        "isbn": [str(number) for number in range(300)],
    }
    return Answer({"start": 0, "num_found": 1, "docs": [book]})


def play(site: Site) -> None:
    site.on("/w/api.php", mediawiki)
    site.on("/api/query", arxiv)
    site.on(r"/2\.3/.*", stackexchange)
    site.on("/api/v1/.*", hackernews)
    site.on("/works.*", crossref)
    site.on("/search.json", openlibrary)


@pytest.fixture
def doors(site: Site) -> Iterator[TestDoors]:
    play(site)
    with granted_by(MANIFEST, servers(MANIFEST, site.url)) as doors:
        yield doors
    assert doors.denied == []


def test_every_tool_of_the_manifest_is_there() -> None:
    assert set(MANIFEST.tools) == set(knowledge.specs)
    for spec in knowledge.specs.values():
        assert spec.doc


# Wikipedia


def test_wikipedia_is_searched(doors: TestDoors, site: Site) -> None:
    found = knowledge.search_wikipedia("turing", limit=3)
    assert found[0]["title"] == "Alan Turing"
    assert found[0]["excerpt"] == "the Turing machine & more"
    assert found[0]["url"] == f"{site.url}/wiki/Alan_Turing"
    assert site.asked[0].query["srlimit"] == "3"


def test_an_article_is_read_whole_and_by_section(doors: TestDoors) -> None:
    article = knowledge.read_wikipedia("Alan Turing")
    assert article["sections"] == ["Early life", "School", "Career"]
    assert (article["text"], article["is_list_of_meanings"]) == (ARTICLE, False)
    early = knowledge.read_wikipedia("Alan Turing", section="early life")
    assert str(early["text"]).endswith("Sherborne.")
    assert knowledge.read_wikipedia("Alan Turing", limit=11)["text"] == "Alan Turing"
    assert knowledge.read_wikipedia("Turing")["is_list_of_meanings"] is True
    with pytest.raises(ToolError, match=r"no section 'Death'.*Early life"):
        knowledge.read_wikipedia("Alan Turing", section="Death")
    with pytest.raises(ToolError, match=r"no article 'Nobody'.*search_wikipedia"):
        knowledge.read_wikipedia("Nobody")
    with pytest.raises(ToolError, match="The parameter must be set"):
        knowledge.search_wikipedia("")


def test_the_language_is_part_of_the_host_and_nothing_else() -> None:
    with granted_by(MANIFEST) as doors:
        for language in ("en.evil.example/", "e", "en@evil", "EN"):
            with pytest.raises(ToolError, match="is no language"):
                knowledge.search_wikipedia("x", language=language)
        assert doors.counts.requests == 0


# arXiv


def test_papers_are_found_and_read(doors: TestDoors, site: Site) -> None:
    paper = knowledge.search_arxiv("attention need", limit=2, sort="newest")[0]
    assert paper == {
        "id": "1706.03762v7",
        "title": "Attention Is All You Need",
        "authors": ["Ashish Vaswani", "Noam Shazeer"],
        "published": "2017-06-12",
        "updated": "2023-08-02",
        "summary": "The dominant models are based on networks.",
        "categories": ["cs.CL"],
        "doi": "10.48550/arXiv.1706.03762",
        "url": "https://arxiv.org/abs/1706.03762v7",
        "pdf": "https://arxiv.org/pdf/1706.03762v7",
    }
    asked = site.asked[0].query
    assert asked["search_query"] == "all:attention AND all:need"
    assert asked["sortBy"] == "submittedDate"
    assert knowledge.read_arxiv("https://arxiv.org/abs/1706.03762")["id"] == "1706.03762v7"
    assert site.asked[1].query["id_list"] == "1706.03762"


def test_what_arxiv_refuses_is_said(doors: TestDoors, site: Site) -> None:
    with pytest.raises(ToolError, match=r"malformed query.*AND au:name"):
        knowledge.search_arxiv("ti:a AND")
    with pytest.raises(ToolError, match=r"did not accept the request \(400\).*malformed query"):
        knowledge.search_arxiv("au:a AND")
    with pytest.raises(ToolError, match="no paper"):
        knowledge.read_arxiv("9999.99999")
    with pytest.raises(ToolError, match="no arXiv id"):
        knowledge.read_arxiv("attention")
    for body in ("<!DOCTYPE x [<!ENTITY a 'b'>]><feed>&a;</feed>", "<feed>"):
        site.on("/api/query", Answer(body, kind="application/atom+xml"))
        with pytest.raises(ToolError, match="not a feed"):
            knowledge.search_arxiv(f"ti:{len(body)}")


# Stack Exchange


def test_questions_and_answers(doors: TestDoors, site: Site) -> None:
    found = knowledge.search_stackexchange("sorted array", tags=["java", "c++"])[0]
    assert found["title"] == 'Why is a "sorted" array faster?'
    assert (found["id"], found["asked"], found["has_accepted"]) == (11227809, "2012-06-27", True)
    assert site.asked[0].query["tagged"] == "java;c++"
    url = "https://stackoverflow.com/questions/11227809/why"
    for question in (11227809, "11227809", url):
        read = knowledge.read_stackexchange_answers(question)
        assert read["text"] == "Why?"
        assert read["answers"] == [
            {
                "id": 5,
                "score": 9,
                "accepted": True,
                "author": "Möller",
                "text": "Use `sort`:\n\n```\na = 1\nb < 2\n\n```",
            }
        ]


def test_what_stack_exchange_refuses_is_said(doors: TestDoors) -> None:
    with pytest.raises(ToolError, match="available in 82216 seconds"):
        knowledge.search_stackexchange("too much")
    with pytest.raises(ToolError, match="site is invalid"):
        knowledge.search_stackexchange("x", site="nowhere")
    with pytest.raises(ToolError, match="has no question 1"):
        knowledge.read_stackexchange_answers(1)
    with pytest.raises(ToolError, match="is no question"):
        knowledge.read_stackexchange_answers("why")


def test_a_pause_that_it_asks_for_is_kept(doors: TestDoors, site: Site) -> None:
    knowledge.search_stackexchange("slow")
    with pytest.raises(ToolError, match=r"Wait \d+ seconds"):
        knowledge.search_stackexchange("more")
    assert len(knowledge.search_stackexchange("slow")) == 1
    assert len(site.asked) == 1
    # Another method was not meant.
    assert knowledge.read_stackexchange_answers(11227809)["id"] == 11227809


def test_a_key_goes_to_stack_exchange_alone(site: Site) -> None:
    site.on(r"/2\.3/.*", stackexchange)
    with granted_by(MANIFEST, servers(MANIFEST, site.url), {"STACKEXCHANGE_KEY": "k3y"}):
        knowledge.search_stackexchange("x")
    assert site.asked[0].query["key"] == "k3y"


# Hacker News


def test_the_front_page(doors: TestDoors) -> None:
    stories = knowledge.hacker_news_top(2)
    assert [story["points"] for story in stories] == [300, 111]
    assert stories[1] == {
        "id": 8863,
        "title": "My YC app: Dropbox",
        "link": "http://www.getdropbox.com/u/2/screencast.html",
        "points": 111,
        "comments": 71,
        "author": "dhouston",
        "time": "2007-04-04T19:16:40Z",
        "url": "https://news.ycombinator.com/item?id=8863",
    }


def test_stories_are_searched_and_read(doors: TestDoors, site: Site) -> None:
    assert len(knowledge.search_hacker_news("why", points=200)) == 1
    knowledge.search_hacker_news("why", sort="newest")
    assert site.asked[-1].path == "/api/v1/search_by_date"
    story = knowledge.read_hacker_news(8863)
    assert story["comments"] == [
        {"author": "b", "text": "Nice & good", "depth": 0},
        {"author": "c", "text": "No.", "depth": 2},
    ]
    assert knowledge.read_hacker_news(8863, comments=0)["comments"] == []
    with pytest.raises(ToolError, match="no story 1"):
        knowledge.read_hacker_news(1)


# Crossref and Open Library


def test_works_and_their_citation(doors: TestDoors, site: Site) -> None:
    work, other = knowledge.search_crossref("deep learning", since=2015)
    assert (work["doi"], work["year"], work["in"]) == ("10.1038/nature14539", 2015, "Nature")
    assert (work["authors"], work["abstract"]) == (
        ["Yann LeCun", "A group"],
        "Deep learning allows.",
    )
    assert (other["title"], other["year"]) == ("", None)
    assert site.asked[0].query["filter"] == "from-pub-date:2015"
    cited = knowledge.cite_doi("https://doi.org/10.1038/nature14539")
    assert cited == CITED
    assert site.asked[-1].path.endswith("/transform/application/x-bibtex")
    with pytest.raises(ToolError, match="no work"):
        knowledge.cite_doi("10.1234/none")
    with pytest.raises(ToolError, match="is no DOI"):
        knowledge.cite_doi("nature14539")


def test_books(doors: TestDoors) -> None:
    book = knowledge.search_books("dune")[0]
    assert (book["title"], book["authors"], book["year"]) == ("Dune", ["Frank Herbert"], 1965)
    assert len(book["isbns"]) == 5  # type: ignore[arg-type]
    assert book["url"] == "https://openlibrary.org/works/OL893415W"


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer("", 429, (("Retry-After", "7"),)), r"takes no more requests now.*Wait 7 seconds"),
        (Answer("<html>", 502, kind="text/html"), r"failed \(502\).*Try again later"),
        (Answer("", 403), r"refused the request.*contact="),
        (Answer("<html>", kind="text/html"), "no JSON"),
    ],
)
def test_a_service_that_fails_says_what_to_do(
    doors: TestDoors, site: Site, answer: Answer, message: str
) -> None:
    site.on(".*", answer)
    with pytest.raises(ToolError, match=message):
        knowledge.search_books("dune")


def test_answers_that_are_shaped_otherwise_break_nothing(doors: TestDoors, site: Site) -> None:
    for body in ([], {}, {"query": 1}, {"items": [1]}, {"hits": {}}, {"message": []}, None):
        site.on(".*", Answer(body))
        assert knowledge.search_wikipedia(f"a{body}") == []
        assert knowledge.search_stackexchange(f"a{body}") == []
        assert knowledge.search_hacker_news(f"a{body}") == []
        assert knowledge.search_crossref(f"a{body}") == []
        assert knowledge.search_books(f"a{body}") == []


def test_only_the_services_that_are_set_are_reached(site: Site) -> None:
    from smolterm.pack import http

    with granted_by(MANIFEST, servers(MANIFEST, site.url)) as doors:
        with pytest.raises(Denied):
            http.get("https://example.org/")
        assert "example.org" in doors.denied[0]


def test_html_becomes_text() -> None:
    assert plain("a<br>b<ul><li>one<li>two</ul>") == "a\nb\n\n- one\n- two"
    links = '<a href="https://x.org">x</a> <a href="javascript:1">y</a>'
    assert plain(links) == "x (https://x.org) y"
    assert plain("<b>" * 3 + "x" * 100, limit=10).endswith("[cut after 10 characters]")
    assert plain("a<style>b</style><script>c</script>d") == "ad"
    assert line("a\n <b>b</b>") == "a b"
    assert plain(None) == ""


# In WebAssembly


def test_every_tool_runs_in_webassembly(site: Site) -> None:
    play(site)
    grant = grant_for(MANIFEST, servers(MANIFEST, site.url), {"STACKEXCHANGE_KEY": "k3y"})
    with inside("smolterm_knowledge", grant) as there:
        assert there.search_wikipedia("turing")[0]["words"] == 15123
        assert there.read_wikipedia("Alan Turing", "Career")["text"].endswith("Bletchley Park.")
        assert there.search_arxiv("ti:attention")[0]["authors"][0] == "Ashish Vaswani"
        assert there.read_arxiv("1706.03762")["published"] == "2017-06-12"
        assert there.search_stackexchange("sorted")[0]["asked"] == "2012-06-27"
        assert there.read_stackexchange_answers(11227809)["answers"][0]["author"] == "Möller"
        assert there.hacker_news_top(1)[0]["points"] == 300
        assert there.search_hacker_news("why")[0]["id"] == 8863
        assert len(there.read_hacker_news(8863)["comments"]) == 2
        assert there.search_crossref("deep learning")[0]["year"] == 2015
        assert there.cite_doi("10.1038/nature14539") == CITED
        assert there.search_books("dune")[0]["title"] == "Dune"
        with pytest.raises(ToolError, match="no article 'Nobody'"):
            there.read_wikipedia("Nobody")
        assert there.called == there.names
        assert there.denied == []
    keys = {asked.query.get("key") for asked in site.asked if asked.path.startswith("/2.3")}
    assert keys == {"k3y"}
