"""The web: searching it, reading its pages and feeds, and plain HTTP."""

from __future__ import annotations

from smolterm_web.feeds import read_feed
from smolterm_web.pages import page_links, page_metadata, page_tables, read_page
from smolterm_web.requests import http_get, http_post
from smolterm_web.search import search_web

__all__ = [
    "http_get",
    "http_post",
    "page_links",
    "page_metadata",
    "page_tables",
    "read_feed",
    "read_page",
    "search_web",
]
