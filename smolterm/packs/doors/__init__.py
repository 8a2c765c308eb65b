"""The doors of a pack's host: everything that a pack can reach, checked against its grant.

The same doors serve the process of the wasm packs, where they are the only way out, and the process
of a native pack, where they are a convenience.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from smolterm.errors import Denied, ToolError
from smolterm.packs.doors.cache import Cache
from smolterm.packs.doors.files import Files
from smolterm.packs.doors.grant import Grant
from smolterm.packs.doors.http import Asked, Http
from smolterm.packs.doors.secrets import Secrets
from smolterm.packs.doors.wire import Counts
from smolterm.packs.notice import PackNotice
from smolterm.store import cache_folder

if TYPE_CHECKING:
    from smolterm.packs.doors.connect import Resolve

__all__ = ["Counts", "Doors", "Grant"]

LONGEST_SAID = 2_000
"""Characters of a log line, a progress or an error."""

T = TypeVar("T")


class Doors:
    """One pack's doors.

    Args:
        grant: what the pack may use.
        on_denied: told each refusal in one sentence, secrets masked.
        on_notice: told each log line and progress.
        native: `secrets.get` answers with the secret itself.
        cache_folder: where the pack's cache lies; None takes the person's cache folder.
        resolve: who looks hosts up; None asks the system.
        trust: makes the TLS context; None trusts what the system and certifi trust.
    """

    def __init__(
        self,
        grant: Grant,
        *,
        on_denied: Callable[[str], None] | None = None,
        on_notice: Callable[[PackNotice], None] | None = None,
        native: bool = False,
        cache_folder: Path | None = None,
        resolve: Resolve | None = None,
        trust: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._grant = grant
        self._on_denied = on_denied
        self._on_notice = on_notice
        self._native = native
        self._secrets = Secrets(grant)
        self._files = Files(grant)
        self._http = Http(grant, self._secrets, resolve=resolve, trust=trust)
        self._cache = Cache(cache_folder or _cache_folder(grant.pack))
        self._doors: dict[str, Callable[[dict[str, Any]], Any]] = {
            "http": lambda payload: self._http.request(_read(payload, Asked)),
            "files.list": self._files_list,
            "files.info": self._files_info,
            "files.read": self._files_read,
            "files.write": self._files_write,
            "files.place": self._files_place,
            "cache.get": self._cache_get,
            "cache.put": self._cache_put,
            "log": self._log,
            "progress": self._progress,
            "settings.get": self._settings_get,
            "secrets.get": self._secrets_get,
            "secrets.has": self._secrets_has,
            "secrets.hmac": self._secrets_hmac,
        }

    @property
    def counts(self) -> Counts:
        """The requests and bytes so far."""
        return self._http.counts

    def call(self, op: str, payload: object) -> Any:
        """Do what a pack asks for; never raises, whatever comes.

        Args:
            op: such as "http".
            payload: JSON values, bytes as base64.

        Returns:
            A JSON value; `{"error": text, "next": text, "denied": bool}` where it was refused or
            failed. No other answer has a key `error` at its top.
        """
        try:
            door = self._doors.get(op)
            if door is None:
                raise Denied(f"{self._grant.pack} asked for {op[:40]!r}, which no pack can have.")
            if not isinstance(payload, dict):
                raise ToolError(f"{op}: the payload is no object.")
            return door(payload)
        except ToolError as error:
            denied = isinstance(error, Denied)
            what = self._said(error.what)
            if denied and self._on_denied is not None:
                self._on_denied(what)
            return {"error": what, "next": self._said(error.next), "denied": denied}
        except Exception as error:  # noqa: BLE001 - a pack must not be able to end its host
            what = f"{op[:40]} failed: {type(error).__name__}."
            return {"error": what, "next": "", "denied": False}

    def mask(self, value: Any) -> Any:
        """Return a value with `[secret NAME]` in each secret's place, at any depth."""
        return self._secrets.mask(value)

    def close(self) -> None:
        """Close what is still connected; from any thread, while a call is on its way too."""
        self._http.close()

    def _said(self, text: str) -> str:
        # Lone surrogates have no place in JSON.
        masked = str(self._secrets.mask(text)).encode(errors="backslashreplace").decode()
        return masked[:LONGEST_SAID]

    def _files_list(self, payload: dict[str, Any]) -> Any:
        return {"files": self._files.list(_read(payload.get("pattern", "**/*"), str))}

    def _files_info(self, payload: dict[str, Any]) -> Any:
        return {"file": self._files.info(_read(payload.get("path"), str))}

    def _files_read(self, payload: dict[str, Any]) -> Any:
        limit = _read(payload.get("limit"), int | None)
        if limit is not None and limit < 0:
            raise ToolError("`limit` cannot be negative.")
        raw = self._files.read(_read(payload.get("path"), str), limit)
        return {"content": base64.b64encode(raw).decode()}

    def _files_write(self, payload: dict[str, Any]) -> Any:
        path = _read(payload.get("path"), str)
        return {"size": self._files.write(path, _bytes(payload.get("content")))}

    def _files_place(self, payload: dict[str, Any]) -> Any:
        if not self._native:
            raise Denied(f"{self._grant.pack} asked for a real path, which only native packs get.")
        path, write = _read(payload.get("path"), str), _read(payload.get("write"), bool)
        return {"place": str(self._files.place(path, write))}

    def _cache_get(self, payload: dict[str, Any]) -> Any:
        return {"value": self._cache.get(_read(payload.get("key"), str))}

    def _cache_put(self, payload: dict[str, Any]) -> Any:
        key, seconds = _read(payload.get("key"), str), _read(payload.get("seconds"), float)
        self._cache.put(key, payload.get("value"), seconds)
        return {}

    def _log(self, payload: dict[str, Any]) -> Any:
        self._tell("log", _read(payload.get("text"), str))
        return {}

    def _progress(self, payload: dict[str, Any]) -> Any:
        done = _read(payload.get("done"), float | None)
        total = _read(payload.get("total"), float | None)
        self._tell("progress", _read(payload.get("text"), str), done, total)
        return {}

    def _tell(
        self, kind: Any, text: str, done: float | None = None, total: float | None = None
    ) -> None:
        if self._on_notice is not None:
            said = self._said(text)
            self._on_notice(
                PackNotice(pack=self._grant.pack, kind=kind, text=said, done=done, total=total)
            )

    def _settings_get(self, payload: dict[str, Any]) -> Any:
        return {"value": self._grant.settings.get(_read(payload.get("name"), str))}

    def _secrets_get(self, payload: dict[str, Any]) -> Any:
        name = _read(payload.get("name"), str)
        give = self._secrets.value if self._native else self._secrets.placeholder
        return {"value": give(name)}

    def _secrets_has(self, payload: dict[str, Any]) -> Any:
        return {"has": self._secrets.has(_read(payload.get("name"), str))}

    def _secrets_hmac(self, payload: dict[str, Any]) -> Any:
        digest = self._secrets.hmac(
            _read(payload.get("name"), str),
            _bytes(payload.get("message")),
            _bytes(payload.get("prefix", "")),
        )
        return {"digest": base64.b64encode(digest).decode()}


def _read(value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ToolError(f"That is no such call: {error}.") from None


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(_read(value, str), validate=True)
    except ValueError:
        raise ToolError("That is no base64.") from None


def _cache_folder(pack: str) -> Path:
    safe = re.sub(r"[^A-Za-z0-9_-]", "_", pack)[:100] or "_"
    return cache_folder() / "packs" / safe
