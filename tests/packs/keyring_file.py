"""A keyring as another package would bring it: named by the environment, kept in a file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend


class FileKeyring(KeyringBackend):  # type: ignore[misc]
    priority = 1

    def _path(self) -> Path:
        return Path(os.environ["TEST_KEYRING"])

    def _all(self) -> dict[str, str]:
        found: dict[str, str] = (
            json.loads(self._path().read_text()) if self._path().exists() else {}
        )
        return found

    def get_password(self, service: str, username: str) -> str | None:
        if service.endswith("locked"):
            raise RuntimeError("the password is hunter2")
        return self._all().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        kept = self._all() | {f"{service} {username}": password}
        self._path().write_text(json.dumps(kept))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._all()
        del kept[f"{service} {username}"]
        self._path().write_text(json.dumps(kept))
