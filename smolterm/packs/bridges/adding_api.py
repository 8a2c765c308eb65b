"""`smolterm packs add --openapi`: a document becomes a pack in the user's data folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from smolterm.errors import ExitCode, PackError, UsageError
from smolterm.packs.adding import Narrowing, agreed, keep, say
from smolterm.packs.bridges.generate import manifest_of, source_of
from smolterm.packs.bridges.openapi import LARGEST, parse, read
from smolterm.packs.bridges.schema import python_name, shown
from smolterm.packs.examine import examine
from smolterm.packs.find import find_packs, made_folder, module_of, read_pack_in
from smolterm.packs.listing import asking_lines
from smolterm.packs.trust import read_trust
from smolterm.packs.using import settings_of

SECONDS = 30.0
MOST_SHOWN = 10


def add_api(
    source: str,
    name: str,
    url: str,
    narrowing: Narrowing,
    *,
    only: Sequence[str] = (),
    yes: bool = False,
) -> int:
    """Make a pack of an OpenAPI document and, after a yes, use it.

    Args:
        source: a file, or an address.
        name: the pack's; that of the document when empty.
        url: where the API is, if not where the document says.
        only: patterns of operations' ids or paths.

    Raises:
        UsageError: there is no such document, or nothing in it can be used.
        PackError: what it says makes no pack.
    """
    api = read(parse(_document(source)), source, tuple(only))
    if url:
        api = api._replace(url=url.rstrip("/"))
    if not api.url:
        raise UsageError(
            "The document does not say where the API is.", next="Say it: --url ADDRESS."
        )
    name = name or python_name(api.title, "api").lower()[:50]
    if not name.isidentifier() or not name.isascii():
        raise UsageError(f"{name!a} is no name for it.", next="Letters, digits and _.")
    if name in read_trust().packs or any(found.name == name for found in find_packs()):
        raise UsageError(
            f"There is a pack named {name} already.", next="Give it another name: --name NAME."
        )
    target = made_folder() / name
    made_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=made_folder(), prefix=".") as own:
        folder = Path(own) / name
        folder.mkdir()
        (folder / "__init__.py").write_text(source_of(api))
        (folder / "pack.toml").write_text(manifest_of(name, api))
        examined = examine(read_pack_in(name, module_of(name), folder))
        granted = narrowing.applied(examined, None)
        say("\n".join(asking_lines(examined, granted, settings_of(examined.manifest, {}))))
        for each in api.left_out[:MOST_SHOWN]:
            say(f"  Not used: {shown(each, 200)}")
        if len(api.left_out) > MOST_SHOWN:
            say(f"  Not used: {len(api.left_out) - MOST_SHOWN} more; see --operation.")
        if not (yes or agreed()):
            return ExitCode.STOPPED
        shutil.move(folder, target)
    now = examine(read_pack_in(name, module_of(name), target))
    if now.hash != examined.hash:
        raise PackError("What was written is not what was shown.", kept="It is not in use.")
    keep(msgspec.structs.replace(examined, found=now.found, folder=target), granted)
    say(f"{name} is in use from the next session on. Its source: {target}")
    for key in granted.secrets:
        say(f"It can use a secret: smolterm packs secret {name} {key}")
    return ExitCode.OK


def _document(source: str) -> bytes:
    if source.startswith(("http://", "https://")):
        return _fetched(source)
    try:
        with Path(source).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}.") from None


def _fetched(url: str) -> bytes:
    import httpx

    found = bytearray()
    try:
        with httpx.stream("GET", url, timeout=SECONDS, trust_env=False) as answer:
            answer.raise_for_status()
            for chunk in answer.iter_bytes():
                found += chunk
                if len(found) > LARGEST:
                    break
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UsageError(f"{url} cannot be fetched: {error}.") from None
    return bytes(found)
