"""Secrets: placeholders on the pack's side, values only in what is sent to their own hosts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import secrets
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors.grant import Grant
from smolterm.packs.doors.hosts import naming, read_rules
from smolterm.packs.doors.urls import Url

SHORTEST_MASKED = 4
"""Characters. Masking a shorter secret would tear words apart and hide nothing."""
SHORTEST_CLEAR = 8
"""Characters. A shorter secret may stand in a request to another host by chance."""
SHORTEST_CORE = 6
"""Characters of base64 that stand for the secret alone: any secret of five bytes has as many."""
DEEPEST = 100

Text = TypeVar("Text", str, bytes)


class Secrets:
    """One pack's secrets in one process.

    Args:
        grant: names, hosts and values.
    """

    def __init__(self, grant: Grant) -> None:
        self._pack = grant.pack
        self._values = {
            name: value for name, value in grant.secret_values.items() if name in grant.secrets
        }
        self._hosts = grant.secrets
        self._rules = {name: read_rules(hosts) for name, hosts in grant.secrets.items()}
        # Nobody can guess one, so nothing that a server writes turns into a secret on its way out.
        nonce = secrets.token_hex(16)
        names = sorted(self._values)
        self._placeholders = {name: f"secret_{nonce}_{at:03d}_" for at, name in enumerate(names)}
        self._named = {value: name for name, value in self._placeholders.items()}
        self._pattern = re.compile(f"secret_{nonce}_[0-9]{{3}}_")
        self._written = [
            (name, written) for name in names for written in writings(self._values[name])
        ]
        # The longer one may hold the shorter one.
        self._written.sort(key=lambda each: -len(each[1]))

    def has(self, name: str) -> bool:
        """Tell whether there is a secret of that name."""
        return name in self._values

    def placeholder(self, name: str) -> str:
        """Return what stands for a secret."""
        self._require(name)
        return self._placeholders[name]

    def value(self, name: str) -> str:
        """Return a secret itself; for packs that open sockets of their own."""
        self._require(name)
        return self._values[name]

    def hmac(self, name: str, message: bytes, prefix: bytes) -> bytes:
        """Return the HMAC-SHA256 of a message with the key `prefix` + secret."""
        return hmac.digest(prefix + self.value(name).encode(), message, hashlib.sha256)

    def within(self, text: str) -> set[str]:
        """Return the names of the secrets that a text holds, as placeholder or in the clear."""
        found = {self._named[each] for each in self._pattern.findall(text) if each in self._named}
        return found | {name for name, written in self._written if written in text}

    def fill(self, text: str, url: Url, write: Callable[[str], str]) -> str:
        """Put the secrets in the place of their placeholders.

        One that stands there in the clear, whoever told it, is held to the same hosts.

        Args:
            text: what is going to be sent.
            url: where to.
            write: how a secret is written there, such as percent-encoded.

        Raises:
            Denied: one of them is not for that host.
        """

        def filled(match: re.Match[str]) -> str:
            name = self._named.get(match[0])
            if name is None:
                return match[0]
            self._check(name, url)
            return write(self._values[name])

        for name, written in self._written:
            if len(written) >= SHORTEST_CLEAR and written in text:
                self._check(name, url)
        return self._pattern.sub(filled, text)

    def _check(self, name: str, url: Url) -> None:
        if not naming(self._rules[name], url):
            hosts = ", ".join(self._hosts[name]) or "none"
            raise Denied(
                f"{self._pack} tried to send the secret {name} to {url.authority}, "
                f"which is not among that secret's hosts ({hosts})."
            )

    def hide(self, text: Text) -> Text:
        """Put placeholders in the place of secrets that a server sent back."""
        return self._replaced(text, self._placeholders.__getitem__)

    def mask(self, value: Any, depth: int = 0) -> Any:
        """Return text, bytes or a structure of them with `[secret NAME]` in each secret's place."""
        if isinstance(value, str):
            shown = self._replaced(value, _shown)
            return self._pattern.sub(lambda match: _shown(self._named.get(match[0], "?")), shown)
        if isinstance(value, bytes):
            masked = self._replaced(value, _shown)
            for name, placeholder in self._placeholders.items():
                masked = masked.replace(placeholder.encode(), _shown(name).encode())
            return masked
        if depth > DEEPEST:
            return None
        if isinstance(value, dict):
            return {self.mask(k, depth + 1): self.mask(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return type(value)(self.mask(each, depth + 1) for each in value)
        return value

    def _replaced(self, text: Text, shown: Callable[[str], str]) -> Text:
        for name, written in self._written:
            if isinstance(text, str):
                if written in text:
                    text = text.replace(written, shown(name))
            else:
                for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
                    raw = written.encode(encoding, "surrogatepass")
                    if raw in text:
                        text = text.replace(raw, shown(name).encode(encoding))
        return text

    def _require(self, name: str) -> None:
        if name in self._values:
            return
        if name not in self._hosts:
            raise Denied(
                f"{self._pack} tried to use the secret {name[:100]!r}, which is not among its own."
            )
        raise ToolError(
            f"The secret {name} is not set.",
            next=f"Store it with `smolterm packs secret {self._pack} {name}`.",
        )


def writings(secret: str) -> list[str]:
    """Return the ways in which a server could write a secret back, the longest first."""
    if len(secret) < SHORTEST_MASKED:
        return []
    raw = secret.encode("utf-8", "surrogatepass")
    found = {secret, raw.hex(), raw.hex().upper(), html.escape(secret)}
    found |= {html.escape(secret).replace("&#x27;", "&#39;"), html.escape(secret, quote=False)}
    for written in (json.dumps(secret), json.dumps(secret, ensure_ascii=False)):
        found |= {written[1:-1], written[1:-1].replace("/", "\\/")}
        # Some writers of JSON keep what HTML would read out of it.
        found.add(re.sub("[&<>']", lambda match: f"\\u{ord(match[0]):04x}", written[1:-1]))
    for written in (quote(raw, safe=""), quote(raw), quote_plus(raw)):
        found |= {written, re.sub("%..", lambda match: match[0].lower(), written), quote(written)}
    found |= _cores(raw)
    return sorted((each for each in found if len(each) >= SHORTEST_MASKED), key=len, reverse=True)


def _cores(raw: bytes) -> set[str]:
    """Return the part of base64 that is the same whatever stands before and behind the secret."""
    found: set[str] = set()
    for before in range(3):
        written = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        start = (0, 2, 3)[before]
        # The last sign holds bits of what comes next, unless the bytes fill it.
        end = (before + len(raw)) * 8 // 6
        core = written[start:end]
        if len(core) >= SHORTEST_CORE:
            found |= {core, core.replace("+", "-").replace("/", "_")}
    return found


def _shown(name: str) -> str:
    return f"[secret {name}]"
