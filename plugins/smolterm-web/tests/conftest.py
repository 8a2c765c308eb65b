"""The fixtures of these tests."""

from web_site import bind, site

__all__ = ["bind", "site"]
