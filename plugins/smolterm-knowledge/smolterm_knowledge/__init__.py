"""What is known and written down: encyclopedia, papers, questions and answers, news, books."""

from __future__ import annotations

from smolterm_knowledge.arxiv import read_arxiv, search_arxiv
from smolterm_knowledge.books import cite_doi, search_books, search_crossref
from smolterm_knowledge.hackernews import hacker_news_top, read_hacker_news, search_hacker_news
from smolterm_knowledge.stackexchange import read_stackexchange_answers, search_stackexchange
from smolterm_knowledge.wikipedia import read_wikipedia, search_wikipedia

__all__ = [
    "cite_doi",
    "hacker_news_top",
    "read_arxiv",
    "read_hacker_news",
    "read_stackexchange_answers",
    "read_wikipedia",
    "search_arxiv",
    "search_books",
    "search_crossref",
    "search_hacker_news",
    "search_stackexchange",
    "search_wikipedia",
]
