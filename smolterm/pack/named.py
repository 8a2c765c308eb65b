"""Secrets and settings by name, as the person stored them for this pack."""

from __future__ import annotations

import base64
from typing import overload

from smolterm.errors import ToolError
from smolterm.pack.bridge import _call


class Secrets:
    """The pack's secrets: `secrets["NAME"]`.

    In a wasm pack that is a placeholder. The host puts the secret in its place in a request to a
    host that the manifest names for it, and refuses it anywhere else. In a native pack it is the
    secret itself.
    """

    def __getitem__(self, name: str) -> str:
        """Return what stands for a secret.

        Raises:
            Denied: the manifest names no such secret.
            ToolError: the person stored none of that name.
        """
        return str(_call("secrets.get", {"name": name})["value"])

    def has(self, name: str) -> bool:
        """Tell whether the person stored a secret of that name."""
        return bool(_call("secrets.has", {"name": name})["has"])

    def bearer(self, name: str) -> str:
        """Return the value of an Authorization header, `Bearer ...`."""
        return f"Bearer {self[name]}"

    def hmac(self, name: str, message: bytes, prefix: bytes = b"") -> bytes:
        """Return the HMAC-SHA256 of a message with the key `prefix` + secret, 32 bytes.

        The host computes it, so that requests can be signed by who never sees the key.
        """
        answer = _call(
            "secrets.hmac",
            {
                "name": name,
                "message": base64.b64encode(message).decode(),
                "prefix": base64.b64encode(prefix).decode(),
            },
        )
        return base64.b64decode(answer["digest"])


class Settings:
    """What the person configured for this pack, or the manifest's default: `settings["site"]`."""

    def __getitem__(self, name: str) -> str:
        """Return a setting.

        Raises:
            ToolError: the manifest names no such setting, or it is empty.
        """
        value = self.get(name)
        if not value:
            raise ToolError(
                f"The setting {name!r} is empty.",
                next=f"Set it with `smolterm packs set PACK {name}=VALUE`.",
            )
        return value

    @overload
    def get(self, name: str) -> str | None: ...
    @overload
    def get(self, name: str, default: str) -> str: ...
    def get(self, name: str, default: str | None = None) -> str | None:
        """Return a setting, or `default` where it is empty or unknown."""
        value = _call("settings.get", {"name": name})["value"]
        return str(value) if value else default
