"""The connection to the server of the pack's settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis
from smolterm.pack import ToolError, secrets, settings

SECONDS = 20.0


@contextmanager
def opened() -> Iterator[redis.Redis]:
    """Connect, and say in words what goes wrong meanwhile."""
    password = secrets["REDIS_PASSWORD"] if secrets.has("REDIS_PASSWORD") else None
    try:
        server = redis.Redis.from_url(
            settings["url"],
            password=password,
            socket_connect_timeout=SECONDS,
            socket_timeout=SECONDS,
            client_name="smolterm",
        )
    except ValueError as error:
        raise ToolError(
            f"The address in the settings is none of a Redis server: {error}.",
            next="The person can change it: smolterm packs set redis url=redis://HOST:6379/0",
        ) from None
    try:
        with server:
            yield server
    except redis.AuthenticationError:
        raise ToolError(
            "Redis refused the password.",
            next="The person can store another: smolterm packs secret redis REDIS_PASSWORD",
        ) from None
    except redis.TimeoutError:
        raise ToolError(f"Redis did not answer within {SECONDS:g} s.") from None
    except redis.ConnectionError as error:
        raise ToolError(
            f"Redis cannot be reached: {error}.",
            next="Is it running? The person can change its address: smolterm packs set redis url=",
        ) from None
    except redis.RedisError as error:
        raise ToolError(f"Redis says: {error}.") from None
