"""The fixtures of these tests."""

from world_site import bind, site

__all__ = ["bind", "site"]
