"""The fixtures of these tests."""

from translate_site import bind, site

__all__ = ["bind", "site"]
