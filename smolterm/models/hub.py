"""What a repository's file is: asked of the hub through `huggingface_hub`, before bytes flow.

The catalogue's entries need none of this: their revision, size and hash are pinned.
"""

from __future__ import annotations

import difflib
import os
import re
from typing import Any

from smolterm.errors import DownloadFailed, MissingExtra
from smolterm.models.catalogue import catalogue
from smolterm.models.fetch import Wanted, checked, hub_address
from smolterm.printable import printable
from smolterm.threads import in_daemon_thread

KNOWN = (
    "bartowski", "deepseek-ai", "ggml-org", "google", "HuggingFaceTB", "ibm-granite", "LiquidAI",
    "lmstudio-community", "meta-llama", "microsoft", "mistralai", "nvidia", "openai", "Qwen",
    "unsloth",
)  # fmt: skip
"""Organisations whose names are worth imitating."""
ALIKE = 0.72
"""From 0 to 1: how much of two names must agree to be worth a warning."""


async def look_up(repository: str, file: str, revision: str = "main") -> tuple[Wanted, str]:
    """Return a file pinned to today's commit, and the token that may read it ("" for none).

    Raises:
        UsageError: a name that is none.
        MissingExtra: huggingface_hub is not installed.
        DownloadFailed: the hub could not be reached, refuses, or has no such file.
    """
    checked(repository, file, revision)
    return await in_daemon_thread(_look_up, repository, file, revision, hub_address())


def looks_like(repository: str) -> str:
    """Return the known organisation that a repository's owner imitates, or ""."""
    owner, _, name = repository.partition("/")
    if owner in KNOWN:
        return ""
    for entry in catalogue().values():
        theirs, _, other = entry.repository.partition("/")
        if name.casefold() == other.casefold() and owner not in KNOWN:
            return theirs
    plain = re.sub(r"[^a-z0-9]", "", owner.casefold().translate(str.maketrans("01", "ol")))
    for known in KNOWN:
        other = re.sub(r"[^a-z0-9]", "", known.casefold())
        if difflib.SequenceMatcher(None, plain, other).ratio() >= ALIKE:
            return known
    return ""


def _look_up(repository: str, file: str, revision: str, endpoint: str) -> tuple[Wanted, str]:
    # Otherwise it asks the hub for a list of coding agents, to report which of them runs it.
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_url
        from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    except ImportError:
        raise MissingExtra(
            "A file that the catalogue does not pin is looked up with huggingface_hub, which is "
            "not installed.",
            next="pip install 'smolterm[local]', or name revision, size and hash yourself: "
            "--revision, --bytes and --sha256.",
        ) from None
    import httpx

    url = hf_hub_url(repository, file, revision=revision, endpoint=endpoint)
    token = get_token() or ""
    try:
        found = get_hf_file_metadata(url, token=token or False, timeout=15, endpoint=endpoint)
    except HfHubHTTPError as error:
        raise _failed(repository, file, _why(error)) from None
    except OfflineModeIsEnabled:
        raise _failed(repository, file, "HF_HUB_OFFLINE is set") from None
    except (httpx.HTTPError, OSError, ValueError) as error:
        raise _failed(repository, file, f"{type(error).__name__}: {error}") from None
    if not found.size or found.size < 0:
        raise _failed(repository, file, "the hub does not say how large it is")
    # The etag of a large file is its SHA-256; of a small one it is something else.
    etag = found.etag or ""
    sha256 = etag if re.fullmatch(r"[0-9a-f]{64}", etag) else ""
    commit = found.commit_hash or revision
    if not re.fullmatch(r"[0-9a-f]{40}", commit):
        commit = revision
    wanted = Wanted(
        repository=repository, revision=commit, file=file, bytes=found.size, sha256=sha256
    )
    return wanted, token


def _why(error: Any) -> str:
    status = getattr(error.response, "status_code", 0)
    code = error.response.headers.get("x-error-code", "") if error.response is not None else ""
    if code == "GatedRepo":
        return "its terms must be accepted on the hub, and HF_TOKEN set"
    if status in (401, 403):
        return f"the hub has no such repository, or it wants a token (status {status})"
    if status == 404:
        return {"EntryNotFound": "the repository has no such file",
                "RevisionNotFound": "the repository has no such revision"}.get(
                    code, "the hub has no such repository or file")  # fmt: skip
    return f"the hub answered with status {status}"


def _failed(repository: str, file: str, why: str) -> DownloadFailed:
    said = " ".join(printable(why).split())[:300].rstrip(".")
    return DownloadFailed(
        f"{repository} could not be asked for {file}: {said}.",
        kept="Nothing was fetched.",
        next="On a machine without network, copy the file here: smolterm models get PATH.",
    )
