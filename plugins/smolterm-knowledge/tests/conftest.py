"""The fixtures of these tests."""

from knowledge_site import bind, site

__all__ = ["bind", "site"]
